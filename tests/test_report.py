"""The report says what was measured, whatever the classes are called."""

import html.parser
import json
import re

import browser
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hard_names import HARD
from report_cases import case, many_classes

from helpers import report, text
from helpers.dataset import scan
from helpers.plots import basic
from helpers.report import sentences

HEAT = np.zeros((2, 8, 8))
HEAT[:, 2, 5] = 1


class Page(html.parser.HTMLParser):
    """A page of HTML: its text, alternative texts, links and headings."""

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.tags, self.addresses, self.alts, self.words = [], [], [], []
        self.feed(self.source)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.addresses += [attrs[k] for k in ("src", "href") if k in attrs]
        if tag == "img":
            self.alts.append(attrs.get("alt", ""))

    def handle_data(self, data):
        if self.tags[-1:] != ["style"]:
            self.words.append(data)


@pytest.fixture(scope="module", autouse=True)
def work(tmp_path_factory):
    """The folder of lists and of the dtype, which is measured only once."""
    folder = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBOOK_WORK", str(folder))
        yield folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run, with its page as `page`, and its folder as `out`."""
    tmp_path = tmp_path_factory.mktemp("run")
    run = case(tmp_path)
    places = [list(run.splits[2].labels).index(c) for c in (0, 1)]
    run.out = tmp_path / "results"
    report.write(run.out, run.outcomes, run.splits, (places, HEAT))
    run.page = Page(run.out / "report.html")
    return run


@pytest.fixture
def made(run):
    """Makes the outcomes of a run in which arguments are others."""
    return lambda **changes: report.outcomes(**run.given | changes)


# --- The numbers ----------------------------------------------------------


def test_the_file_of_results_is_what_was_measured(run):
    content = (run.out / "results.json").read_text(encoding="utf-8")
    assert json.loads(content) == run.outcomes


def types(value):
    """The types of all values in JSON, as a set."""
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        return {type(value)}.union(*map(types, inner))
    return {type(value)}


def test_the_results_hold_no_numbers_of_numpy(run):
    plain = {dict, list, str, int, float, bool, type(None)}
    assert types(run.outcomes) <= plain


def test_photos_of_each_split_are_counted(run):
    assert run.outcomes["photos"] == {
        "training": 6,
        "validation": 4,
        "test": 10,
        "excluded": 1,
    }
    counts = [
        (row["class"], row["training"], row["validation"], row["test"])
        for row in run.outcomes["by_class"]
    ]
    assert counts == [("bent", 2, 2, 4), ("good", 4, 2, 6)]


def test_accuracies_have_wilson_intervals(run):
    test = run.outcomes["models"]["fine-tuned"]["test"]
    assert (test["correct"], test["n"]) == (9, 10)
    # Computed by hand from Wilson's formula.
    assert (test["low"], test["high"]) == pytest.approx(
        (0.5958, 0.9821), abs=1e-4
    )
    assert test["balanced_accuracy"] == (3 / 4 + 1) / 2
    assert run.outcomes["models"]["linear head"]["test"]["accuracy"] == 0.6
    assert run.outcomes["models"]["frozen"]["validation"]["correct"] == 4
    majority = run.outcomes["majority_class"]
    assert (majority["class"], majority["correct"]) == ("good", 6)
    assert majority["balanced_accuracy"] == 0.5


def test_recall_and_precision_are_not_confused(run):
    bent, good = run.outcomes["by_class"]
    assert bent["recall"]["accuracy"] == 3 / 4
    assert bent["precision"]["accuracy"] == 1
    assert good["recall"]["accuracy"] == 1
    assert good["precision"]["accuracy"] == 6 / 7


def test_rows_of_the_confusion_are_true_classes(run):
    assert run.outcomes["confusion"] == [[3, 1], [0, 6]]


def test_the_chosen_model_is_compared_photo_by_photo(run):
    linear, frozen = run.outcomes["comparisons"]
    assert linear["model"] == "linear head"
    assert (linear["better"], linear["worse"]) == (4, 1)
    assert linear["difference"] == pytest.approx(0.3)
    # McNemar's exact test: 0 or 1 of 5, or 4 or 5.
    assert linear["p"] == pytest.approx(2 * (1 + 5) / 2**5)
    assert linear["p_holm"] == pytest.approx(2 * linear["p"])
    assert (frozen["better"], frozen["worse"], frozen["p"]) == (1, 0, 1)
    assert run.outcomes["reference"]["model"] == "linear head"
    assert run.outcomes["reference"]["difference"] == pytest.approx(0.3)


def test_confidences_are_temperature_scaled(run):
    # The square roots of 0.9 and 0.1 are 3 to 1, those of 0.8 and 0.2 2 to 1.
    (mistake,) = run.outcomes["mistakes"]["photos"]
    assert mistake["confidence"] == pytest.approx(2 / 3)
    assert (mistake["label"], mistake["predicted"]) == ("bent", "good")
    assert mistake["file"].startswith("test/bent/")
    calibration = run.outcomes["calibration"]
    before, after = calibration["before"], calibration["after"]
    assert before["ece"] == pytest.approx((9 * 0.1 + 0.8) / 10)
    assert after["ece"] == pytest.approx((9 * 0.25 + 2 / 3) / 10)
    assert 0 < after["ece_by_chance"] < 1


def test_the_threshold_rejects_the_mistake(run):
    threshold = run.outcomes["threshold"]
    assert threshold["confidence"] == 0.7
    assert threshold["accepted"]["correct"] == 9
    assert threshold["accuracy"]["correct"] == 9
    assert threshold["accuracy"]["n"] == 9


def test_a_threshold_may_reject_every_photo(made):
    outcomes = made(threshold=0.99)
    assert outcomes["threshold"]["accepted"]["correct"] == 0
    assert outcomes["threshold"]["accuracy"] is None
    assert "0 of 10" in sentences.rejection(outcomes["threshold"])


def test_label_issues_begin_with_the_lowest_self_confidence(run):
    issues = run.outcomes["label_issues"]
    assert issues["count"] == 2
    listed = [
        (p["label"], p["predicted"], p["self_confidence"])
        for p in issues["photos"]
    ]
    assert listed == [
        ("good", "bent", pytest.approx(0.1)),
        ("bent", "good", pytest.approx(0.2)),
    ]


def test_the_problems_of_the_folder_are_grouped(run):
    check = run.outcomes["folder_check"]
    broken = check["problems"][0]
    assert broken["files"] == ["train/good/broken.jpg"]
    assert (broken["problem"], broken["excluded"]) == (
        *("the file is empty", True),
    )
    assert check["ignored"] == {".DS_Store": 1}
    grouped = scan.group_problems(
        [scan.Problem(n, "odd", "Do.") for n in "ab"]
        + [scan.Problem("c", "odd", "Do.", excluded=True)]
    )
    assert grouped == {
        ("odd", False, "Do."): ["a", "b"],
        ("odd", True, "Do."): ["c"],
    }


def test_near_duplicates_in_two_splits_are_counted(made, run):
    photos = run.given["checked"].photos
    train, _, test = run.splits
    by_key = {photo.sha256: photo for photo in photos}
    first, second = (
        next(k for k, i in zip(s.keys, s.labels, strict=True) if i == 0)
        for s in (train, test)
    )
    pair = by_key[first], by_key[second]
    checked = scan.Folder(
        run.given["checked"].path, ("bent", "good"), photos, (), (pair,)
    )
    outcomes = made(checked=checked)
    near = outcomes["folder_check"]["near_duplicates"]
    assert near == {"pairs": 1, "in_two_splits": 1}
    assert "1 pair in two splits" in sentences.folder(outcomes)


def test_formats_times_and_seed_are_kept(run):
    keras = run.outcomes["formats"]["model.keras"]
    assert (keras["megabytes"], keras["milliseconds"]) == (95.5, 62.5)
    assert keras["agreement"]["correct"] == 4
    assert run.outcomes["seconds"] == {"the head": 1.25}
    assert run.outcomes["seed"] == 7


# --- The sentences --------------------------------------------------------


def test_without_enough_photos_nothing_is_better(run):
    verdict = run.outcomes["verdict"]
    assert "do not show whether the fine-tuned model is better" in verdict
    assert "+30.0 percentage points" in verdict and "zero" in verdict


@pytest.mark.parametrize(
    ("difference", "word"), [(0.2, "better"), (-0.2, "worse")]
)
def test_the_verdict_says_which_model_is_better(run, difference, word):
    pair = {
        "model": "linear head",
        "difference": difference,
        "low": difference - 0.1,
        "high": difference + 0.1,
        "verdict": word,
    }
    verdict = sentences.verdict(run.outcomes | {"reference": pair})
    assert f"fine-tuned model is {word} than the linear head" in verdict
    number = f"{100 * difference:+.1f}".replace("-", "\u2212")
    assert f"{number} percentage points" in verdict


def test_a_linear_head_is_compared_with_the_majority_class(made):
    outcomes = made(chosen="linear head")
    assert outcomes["reference"]["model"] == "majority class"
    # bent: 1 more of 4; good: 1 less of 6.
    assert outcomes["reference"]["difference"] == 0
    assert "majority-class baseline" in outcomes["verdict"]


def test_the_next_steps_name_classes_and_files(run):
    steps = " ".join(run.outcomes["next"])
    assert "bent (3 of 4 correct)" in steps and "good (" not in steps
    assert "fewer than 20 test photos: bent, good" in steps
    assert "1 file" in steps


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (0.25, "still rose, from 25.0% with 3"),
        (0.5, "does not show whether more training photos would help"),
        (0.75, "did not rise, from 75.0% with 3"),
    ],
)
def test_a_learning_curve_rises_or_not(made, before, words):
    # Of 4 validation photos, 2 more are a rise, 1 more is none.
    outcomes = made(learning_curve={6: [0.75], 3: [before]})
    assert words in sentences.learning(outcomes)


def test_starter_weights_on_own_photos_are_advised_against(run):
    assert "--weights imagenet" in run.outcomes["weights_advice"]
    at_top = run.page.text.index("ImageNet's weights")
    assert at_top < run.page.text.index("Inception v3, starting")


def test_imagenet_weights_need_no_advice(made):
    assert made(weights="imagenet")["weights_advice"] is None


def test_synthetic_photos_need_no_advice_and_no_folder(made, run, tmp_path):
    folder = tmp_path / "surfaces" / "photos"
    folder.mkdir(parents=True)
    (folder.parent / "edition.txt").write_text("2")
    checked = scan.Folder(folder, ("bent", "good"), (), (), ())
    outcomes = made(checked=checked)
    assert outcomes["weights_advice"] is None
    assert outcomes["folder"] == "surfaces"
    assert outcomes["command"] == "python3 start.py retrain"


def test_the_command_has_the_options_and_no_private_path(made, run):
    options = "elsewhere/my labels.csv", r"^(.+)_\d", None, "pad"
    outcomes = made(options=options)
    assert outcomes["command"] == (
        "python3 start.py retrain parts --labels 'my labels.csv' --class "
        r"'^(.+)_\d' --shape pad"
    )
    assert str(run.out.parent) not in json.dumps(outcomes)


def test_an_unpacked_archive_keeps_its_name(made, work):
    folder = work / "unpacked" / "my-parts-0123456789abcdef"
    checked = scan.Folder(folder, ("bent", "good"), (), (), ())
    assert made(checked=checked)["folder"] == "my-parts.zip"


# --- The page -------------------------------------------------------------


def test_the_page_says_the_numbers_of_the_results(run):
    words = run.page.text
    for shown in (
        *("90.0% 95% interval 59.6% to 98.2%", "60.0% 95% interval"),
        *("87.5% mean of the recalls", "p = 0.75", "+30.0", "85.7%"),
        *("62 ms", "95.5 MB", "4 of 4", "broken.jpg : the file is empty"),
        *("17.0% without and 29.2% with the temperature 2.00", "66.7%"),
        *("9 of 10 (90.0%)", "the head 1.2", "random seed 7"),
        "20 photos used, 1 file left out; 1 file of the system",
        "frozen: Inception v3 stays as it was; a head with one hidden layer",
        run.outcomes["verdict"],
        run.outcomes["command"],
        *run.outcomes["next"],
    ):
        assert shown in words
    assert str(run.out.parent) not in run.page.source


def test_the_page_is_one_file_without_code(run):
    tags, addresses = run.page.tags, run.page.addresses
    assert not {"script", "link", "iframe", "object"} & set(tags)
    assert all(a.startswith(("data:image/", "#")) for a in addresses)
    assert "url(" not in run.page.source and "@import" not in run.page.source
    ids = set(re.findall(' id="([^"]+)"', run.page.source))
    assert {a[1:] for a in addresses if a.startswith("#")} <= ids


def test_each_figure_has_an_alternative_text(run):
    # 5 figures, 1 mistake, 2 label issues, 2 heat maps.
    assert len(run.page.alts) == 10 and all(run.page.alts)
    alts = " ".join(run.page.alts)
    assert "before temperature scaling. The calibration error is 17.0%" in alts
    assert "3 photos: 25.0%; 6 photos: 75.0%" in alts
    assert run.page.tags.count("h1") == 1


def test_a_model_without_mistakes_has_a_page(made, run, tmp_path):
    split = run.splits[2]
    perfect = np.eye(2)[split.labels]
    probs_of = run.given["probs_of"] | {"perfect": [perfect[:4], perfect]}
    probs_of["perfect"][0] = np.eye(2)[run.splits[1].labels]
    train = np.eye(2)[run.splits[0].labels]
    again = made(probs_of=probs_of, chosen="perfect", out_of_fold=train)
    path = report.write(tmp_path, again, run.splits, ([], []))
    words = Page(path).text
    assert "All test photos were classified correctly." in words
    assert "had not seen them predicted the label" in words


@pytest.fixture
def page_of(tmp_path):
    """Makes the page of a run on classes of these names."""

    def make(names):
        outcomes, splits = many_classes(names, tmp_path / "photos")
        n = len(names)
        heat = list(range(0, 2 * n, 2)), np.ones((n, 8, 8))
        return Page(report.write(tmp_path, outcomes, splits, heat))

    return make


def test_the_page_shows_hard_names_as_text(page_of):
    page = page_of(tuple(sorted(HARD)))
    assert {"b", "bdi"} <= set(page.tags)
    assert "<b>bold</b>" in page.text and "<b>bold" not in page.source
    for name in HARD:
        assert " ".join(text.one_line(name).split()) in page.text
    assert all(c.isprintable() or c == "\n" for c in page.source)


def test_a_page_of_ten_classes_is_small(page_of):
    page = page_of(tuple("abcdefghij"))
    assert len(page.source) < 4_000_000
    assert "The 40 of" not in page.text


def test_a_page_of_150_classes_lists_what_is_confused(page_of):
    page = page_of(tuple(f"class {i:03}" for i in range(150)))
    assert len(page.source) < 4_000_000
    assert page.text.count("heat map") <= 12
    assert all(f"class {i:03}" in page.text for i in range(150))
    assert "The most frequent errors" in page.text


def test_a_learning_curve_shows_draws_and_means():
    _, ax = plt.subplots()
    basic.draw_learning_curve(ax, {10: [0.5, 0.7], 20: [0.8]})
    *dots, line = ax.get_lines()
    assert [list(d.get_ydata()) for d in dots] == [
        pytest.approx([50, 70]),
        pytest.approx([80]),
    ]
    assert list(line.get_xdata()) == [10, 20]
    assert list(line.get_ydata()) == pytest.approx([60, 80])
    plt.close("all")


# --- The page in a browser, on a desktop and a phone, light and dark --------


@pytest.fixture(scope="module", params=["two classes", "hard names"])
def address(request, tmp_path_factory):
    """The address of a report, of two classes or of hard names."""
    tmp_path = tmp_path_factory.mktemp("report")
    if request.param == "two classes":
        made = case(tmp_path)
        outcomes, splits = made.outcomes, made.splits
    else:
        names = tuple(sorted(HARD))
        outcomes, splits = many_classes(names, tmp_path / "photos")
    heat = [0, 1], np.ones((2, 8, 8))
    return report.write(tmp_path / "out", outcomes, splits, heat).as_uri()


@pytest.fixture(params=[(390, "light"), (390, "dark"), (1280, "dark")])
def page(request, chromium, address):
    """The report at this width and in these colours."""
    width, scheme = request.param
    size = {"width": width, "height": 800}
    with browser.opened(
        chromium, address, viewport=size, color_scheme=scheme
    ) as page:
        page.goto(address)
        yield page


@pytest.mark.release
def test_nothing_is_wider_than_the_screen(page):
    assert page.evaluate(browser.TOO_WIDE) == []
    assert page.evaluate(browser.BROKEN) == []


@pytest.mark.release
def test_the_page_is_accessible(page):
    assert browser.serious(page) == set()
