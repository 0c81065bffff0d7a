"""Figures, tables and reports hold for any name that a class may have."""

import csv
import unicodedata
import warnings
from itertools import combinations, pairwise

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from mistune import html as rendered
from PIL import Image

from helpers import text, widgets
from helpers.dataset import corrections, exclusions, scan, splits
from helpers.network import blocks, export, model_card, predict
from helpers.plots import basic, class_labels, deployment, evaluation
from scale import shards
from tools import _report

matplotlib.use("Agg")

DRAWN = (  # DejaVu Sans, which comes with Matplotlib, has all of these
    *("$1_$5", "$x^2$", "$5_$10", "_hidden", "a^b_c", r"\alpha", "100%"),
    *("{x}", "<b>bold</b>", "'single'", '"double"', "a|b`c`*d*", "=1+2"),
    *("Äpfel", "Жук", "Katze", "katze"),
)
NOT_DRAWN = ("良品", "불량", "กำแพง", "   ", "🦊")
RIGHT_TO_LEFT = ("خدش", "שריטה")
ALIKE = ("K\u00e4fer", "Ka\u0308fer", "Hund", "Hund ")
LONG = (
    "x" * 60,
    "y" * 120,
    "z" * 60 + "a" + "z" * 59,
    "z" * 60 + "b" + "z" * 59,
)
CONTROL = ("two\nlines", "tab\tstop", "\x1b[31mred", "abc\u202edef")
HARD = DRAWN + NOT_DRAWN + RIGHT_TO_LEFT + ALIKE + LONG + CONTROL
COUNTS = (2, 6, 150)  # 40 of 150 are drawn


def hard_names(count):
    """Return hard names, all different."""
    more = [f"n{i:05d}_species_{'_' * (i % 40)}" for i in range(count)]
    return (*HARD, *more)[:count] if count > 6 else HARD[-count:]


@pytest.fixture(autouse=True)
def figures():
    family = plt.rcParams["font.family"]
    # "Glyph missing", and whatever else a page would show.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    plt.close("all")
    plt.rcParams["font.family"] = family


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.new("RGB", (80, 80), "grey").save(path)
    return str(path)


def two_each(class_names, photo):
    """Return a split with two photos of each class."""
    labels = np.repeat(np.arange(len(class_names)), 2)
    keys = [str(i) for i in range(len(labels))]
    paths = [photo] * len(labels)
    return splits.Split("test", class_names, paths, labels, keys)


def predictions(split):
    """Return probabilities; every second prediction is the next class."""
    n = len(split.class_names)
    predicted = (split.labels + np.arange(len(split)) % 2) % n
    return 0.9 * np.eye(n)[predicted] + 0.1 / n


def draw(figure, class_names, photo):
    split = two_each(class_names, photo)
    p = predictions(split)
    predicted = p.argmax(axis=-1)
    grey = np.full((6, 299, 299, 3), 128, "uint8")
    titles = [f"not {name}" for name in class_names[:6]]
    heat = np.random.default_rng(0).random((len(titles), 8, 8))
    features = blocks.FeatureMaps(
        grey[:1],
        class_names[-1:],
        {"mixed0": np.zeros((1, 6, 4, 4))},
        {"mixed0": np.arange(6)[None]},
    )
    function, *arguments = {
        "counts": (basic.class_counts, [split, split]),
        "sample": (basic.sample, split, 12),
        "photos": (basic.photos, grey, titles, "x"),
        "mistakes": (basic.mistakes, split, p),
        "confusion": (basic.confusion, split.labels, predicted, class_names),
        "by class": (
            evaluation.by_class, split.labels, predicted, class_names,
        ),
        "heat": (
            evaluation.heatmaps,
            grey[: len(titles)], heat, [None] * len(titles), titles,
        ),
        "prediction": (deployment.prediction, photo, p[-1], class_names),
        "feature maps": (basic.feature_maps, features, ("mixed0",) * 2),
    }[figure]  # fmt: skip
    function(*arguments)


FIGURES = [
    *("counts", "sample", "photos", "mistakes", "confusion", "by class"),
    *("heat", "prediction", "feature maps"),
]


def tick_labels(axis):
    low, high = sorted(axis.get_view_interval())
    return [
        label
        for location, label in zip(
            axis.get_ticklocs(), axis.get_ticklabels(), strict=True
        )
        if label.get_text() and low <= location <= high
    ]


def overlap(first, second, figure):
    """Return whether two neighbouring tick labels overlap as drawn."""
    a, b = first.get_window_extent(), second.get_window_extent()
    if first.get_rotation():  # by 45 degrees: the height of the line counts
        apart = abs(b.x1 - a.x1) * np.sqrt(0.5) * 72 / figure.dpi
        return apart < first.get_fontsize()
    return a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 - 1 and b.y0 < a.y1 - 1


def overlaps(figure):
    """Return the texts of tick labels and titles that overlap."""
    figure.canvas.draw()
    pairs = [
        (a.get_text(), b.get_text())
        for ax in figure.axes
        for axis in (ax.xaxis, ax.yaxis)
        for a, b in pairwise(tick_labels(axis))
        if overlap(a, b, figure)
    ]
    titles = [ax.title for ax in figure.axes if ax.get_title()]
    return pairs + [
        (a.get_text(), b.get_text())
        for a, b in combinations(titles, 2)
        if a.get_window_extent().overlaps(b.get_window_extent())
    ]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_readable_with_hard_names_and_many_classes(
    name, count, photo
):
    draw(name, hard_names(count), photo)
    figure = plt.gcf()
    assert not overlaps(figure)
    assert max(figure.get_size_inches()) <= 14
    for ax in figure.axes:
        if ax.get_legend():
            box = ax.get_legend().get_window_extent()
            below = ax.xaxis.label.get_window_extent().y0
            assert -2 <= box.y0 and box.y1 < below
        if ax.yaxis.get_label_text() in ("class", "true class"):
            # The data keep most of the figure.
            box = ax.get_window_extent()
            columns = figure.axes[-1].get_subplotspec().get_gridspec().ncols
            assert box.width * columns > 0.4 * figure.bbox.width
            assert box.height > 0.4 * figure.bbox.height


def y_labels():
    plt.gcf().canvas.draw()
    return [label.get_text() for label in plt.gca().get_yticklabels()]


def test_a_name_in_the_default_font_is_drawn_unchanged(photo):
    before = plt.rcParams["font.family"]
    basic.class_counts([two_each(DRAWN, photo)])
    assert y_labels() == list(DRAWN)
    assert plt.rcParams["font.family"] == before


def test_dollars_are_never_mathematics():
    plt.text(0, 0, "$1_$5")
    plt.gca().set(title="$x_$", xlabel="a $ and a $^")
    plt.gcf().canvas.draw()


def test_a_learning_rate_is_still_a_power_of_ten():
    basic.learning_rates([1e-4, 1e-3, 1e-2], [3.0, 2.0, 1.0], 1e-3)
    plt.gcf().canvas.draw()
    shown = [t for t in plt.gca().get_xticklabels() if "10^" in t.get_text()]
    assert shown and all(label.get_parse_math() for label in shown)


def test_a_name_in_no_font_has_a_number_and_is_printed(photo, capsys):
    basic.class_counts([two_each(("Äpfel", "良品", "   ", "불량"), photo)])
    assert y_labels() == ["Äpfel", "class 1", "class 2", "class 3"]
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["class 1: 良品", 'class 2: "   "', "class 3: 불량"]


def test_only_names_in_the_figure_are_printed(photo, capsys):
    split = two_each(("良品", "a", "불량", "c"), photo)
    wrong = split.take([0, 1])
    basic.mistakes(wrong, predictions(wrong))
    assert capsys.readouterr().out == "class 0: 良品\n"
    basic.sample(split.take([2]), 1)
    assert capsys.readouterr().out == ""


def test_a_title_in_no_font_has_a_number_and_is_printed(capsys):
    basic.photos(np.zeros((2, 9, 9, 3)), ["not dent", "not 良品"], "x")
    titles = [ax.get_title() for ax in plt.gcf().axes[:2]]
    assert titles == ["not dent", "photo 1"]
    assert capsys.readouterr().out == "photo 1: not 良品\n"


def square(pen=None):
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 700), (700, 700), (700, 0)):
        pen.lineTo(corner)
    pen.closePath()
    return pen.glyph()


def install(path, family, label):
    """Install a font that has squares for the characters of a text."""
    glyphs = [".notdef", *(f"g{i}" for i in range(len(label)))]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap(
        dict(zip(map(ord, label), glyphs[1:], strict=True))
    )
    builder.setupGlyf({name: square() for name in glyphs})
    builder.setupHorizontalMetrics({name: (800, 0) for name in glyphs})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    font_manager.fontManager.addfont(path)


@pytest.fixture
def fonts(tmp_path, monkeypatch):
    """Installs fonts for one test."""
    known = font_manager.fontManager.ttflist
    monkeypatch.setattr(font_manager.fontManager, "ttflist", known[:])
    monkeypatch.setattr(class_labels, "_in_no_font", set())

    def add(family, label):
        install(tmp_path / f"{family}.ttf", family, label)

    return add


def test_an_installed_font_that_has_the_characters_is_used(
    fonts, photo, capsys
):
    fonts("Half of it", "良")
    fonts("All of it", "良品불량")
    basic.class_counts([two_each(("良品", "불량", "dent"), photo)])
    assert y_labels() == ["良品", "불량", "dent"]
    label = plt.gca().get_yticklabels()[0]
    assert label.get_fontfamily()[1:] == ["All of it"]
    assert capsys.readouterr().out == ""


def test_names_that_look_alike_have_different_labels(photo, capsys):
    class_names = (*ALIKE, "Katze", "katze", *LONG[2:])
    basic.class_counts([two_each(class_names, photo)])
    shown = y_labels()
    assert len({unicodedata.normalize("NFC", n).strip() for n in shown}) == 8
    assert shown[4:6] == ["Katze", "katze"]
    assert "Hund" in shown[2] and "class 2" in shown[2]
    assert len(plt.gca().containers[0]) == len(class_names)
    assert f"class 6: {LONG[2]}" in capsys.readouterr().out


def test_a_class_named_like_a_number_is_not_confused(photo):
    basic.class_counts([two_each(("class 1", "良品"), photo)])
    assert y_labels() == ["class 1 (class 0)", "class 1"]


def test_a_long_name_keeps_both_ends():
    (label,) = class_labels.classes(["begins" + "x" * 90 + "ends"], 2)
    assert label.startswith("begins") and label.endswith("ends")
    assert "…" in label


def test_of_many_classes_the_most_relevant_are_shown(photo):
    class_names = tuple(f"class_{i}" for i in range(60))
    labels = np.repeat(np.arange(60), 2)
    predicted = np.where(labels >= 30, (labels + 1) % 60, labels)
    errors = {f"class_{i}" for i in range(30, 60)}
    basic.confusion(labels, predicted, class_names)
    assert len(y_labels()) == basic.MOST
    assert set(y_labels()) >= errors
    assert "40 of 60 with the most errors" in plt.gca().get_title()
    evaluation.by_class(labels, predicted, class_names)
    assert set(y_labels()) >= errors
    split = two_each(class_names, photo).take(range(119))
    basic.class_counts([split])
    assert "class_59" in y_labels()
    assert "40 of 60 with the fewest photos" in plt.gca().get_title()


# --- Widgets --------------------------------------------------------------


def test_the_mistakes_widget_shows_hard_names(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    class_names = tuple(sorted(DRAWN + CONTROL + LONG[:1]))
    paths = []
    for name in class_names:
        path = tmp_path / "mine" / name.replace("/", "\u2215") / "a\nb.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (80, 80)).save(path)
        paths.append(str(path))
    n = len(paths)
    split = splits.Split("test", class_names, paths, np.arange(n), paths)
    panel = widgets.mistakes(split, np.eye(n)[::-1])
    pages = panel.line.value
    while not panel.controls["next"].disabled:
        panel.controls["next"].click()
        pages += panel.line.value
    assert "did not work" not in pages
    assert "&lt;b&gt;bold&lt;" in pages and "<b>" not in pages
    assert r"two\nlines" in pages and r"a\nb.png" in pages


# --- Texts on one line ----------------------------------------------------


@pytest.mark.parametrize("name", CONTROL)
def test_control_characters_are_shown_and_end_no_line(name):
    label = text.one_line(name)
    assert len(label.splitlines()) == 1
    assert label.isprintable() and "\\" in label


@pytest.mark.parametrize("name", [*DRAWN, *RIGHT_TO_LEFT, "🏳️‍🌈", "นำ"])
def test_other_characters_stay(name):
    assert text.one_line(name) == name


def write_folder(folder, class_names):
    rng = np.random.default_rng(0)
    for name in class_names:
        (folder / name).mkdir(parents=True)
        for i in range(3):
            pixels = rng.integers(0, 256, (80, 80, 3), "uint8")
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


def test_a_report_has_one_line_for_each_entry(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    folder = write_folder(tmp_path / "mine", CONTROL)
    scan.check(folder).report()
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith(r"  two\nlines  ") for line in lines)
    assert any("two\\nlines/" in li for li in lines if li.startswith("- "))
    assert all(line.isprintable() for line in lines)


# --- Tables ---------------------------------------------------------------

CELLS = (
    *("=1+2", "+1", "-1", "@a", "\tx", "\rx", "'=1", "''-", "'plain", "-"),
    *("", " x ", 'a, "b"', "two\nlines", "cr\rlf\r\n", "Äpfel", "'", "良品"),
)


def test_a_table_is_read_back_and_has_no_formula(tmp_path):
    content = text.csv_bytes([[cell] for cell in CELLS])
    (tmp_path / "x.csv").write_bytes(content)
    rows = text.read_csv(tmp_path / "x.csv")
    assert [row[0] for row in rows] == [*CELLS]
    assert content.startswith(b"\xef\xbb\xbf")  # Excel reads UTF-8 then
    raw = csv.reader(content.decode("utf-8-sig").splitlines(keepends=True))
    for (cell,) in (row for row in raw if row):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_table_without_a_mark_is_read_too(tmp_path):
    (tmp_path / "x.csv").write_text("Ä,=1\n", encoding="utf-8")
    assert text.read_csv(tmp_path / "x.csv") == [["Ä", "=1"]]


def test_predictions_open_in_a_spreadsheet(tmp_path, photo):
    class_names = ("=1+2", "Äpfel", "two\nlines", 'a, "b"')
    split = two_each(class_names, photo)
    predict.write_csv(tmp_path / "p.csv", split, predictions(split))
    raw = (tmp_path / "p.csv").read_bytes().decode("utf-8")
    assert raw.startswith("\ufefffile,label,class,probability")
    assert ",'=1+2," in raw and ",=1+2" not in raw
    head, *rows = text.read_csv(tmp_path / "p.csv")
    told = [row[head.index("label")] for row in rows]
    assert told == [class_names[i] for i in split.labels]
    assert {row[head.index("probability")] for row in rows} == {"0.925"}


@pytest.mark.parametrize("name", ["=1+2", "-x", "Hund ", "two\nlines", "'=x"])
def test_a_noted_label_of_a_hard_name_is_applied(name, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    folder = write_folder(tmp_path / "mine", ("plain", name))
    corrections.note(folder, f"{name}/0.png", "plain", name)
    corrections.note(folder, "plain/1.png", name, "plain")
    assert corrections.noted(folder) == {
        f"{name}/0.png": "plain",
        "plain/1.png": name,
    }
    corrections.apply(folder)
    assert scan.check(folder).counts() == {"plain": 3, name: 3}


@pytest.mark.parametrize("name", ["=1+2", "-x", " Hund", "two\nlines"])
def test_a_choice_about_a_hard_name_holds(name, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    folder = write_folder(tmp_path / "mine", ("plain", name))
    copy = folder / name / "z copy.png"
    copy.write_bytes((folder / name / "0.png").read_bytes())
    assert scan.check(folder).excluded() == 1
    path = exclusions.path(folder)
    label = path.read_bytes().decode("utf-8")
    assert label.startswith("\ufeff") and ",yes," in label
    # As an editor saves it that knows no mark.
    path.write_text(label[1:].replace(",yes,", ",no,"), "utf-8", newline="")
    assert scan.check(folder).excluded() == 0


def test_a_list_of_photos_for_shards_holds_hard_names(tmp_path, photo):
    class_names = tuple(sorted(("=1+2", "Äpfel", "two\nlines", "cr\rx")))
    split = two_each(class_names, photo)
    path = tmp_path / "photos.csv"
    shards.write_list(split, path)
    for content in (path.read_bytes(), b"\xef\xbb\xbf" + path.read_bytes()):
        path.write_bytes(content)
        read = shards.read_list(path)
        assert read.class_names == class_names
        assert (read.labels == split.labels).all()


# --- Card, labels.txt, report ---------------------------------------------


def test_a_card_shows_hard_names_in_one_row_each(tmp_path, photo, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    class_names = ("x|y", "<b>bold</b>", "two\nlines", "`c`", "*d*", "_e_")
    path = tmp_path / "m.keras"
    path.write_bytes(b"m")
    written = model_card.write_model_card(
        path, [two_each(class_names, photo)], "a`b", tmp_path / "my`s", {}, {}
    )
    label = written.read_text(encoding="utf-8")
    page = rendered(label)
    for name in class_names:
        shown = text.one_line(name).replace("<", "&lt;").replace(">", "&gt;")
        assert f"<td>{shown}</td>\n  <td>2</td>" in page
    assert page.count("<tr>") == 1 + len(class_names)
    assert "<code>a`b</code>" in page


def test_plain_names_stand_in_a_card_as_they_are():
    for name in ("clean", "n00001_species", "Äpfel", "06_ship_it.keras"):
        assert text.markdown(name) == name


def test_labels_txt_has_a_line_for_each_class(tmp_path, monkeypatch):
    class_names = ("Äpfel", "two\nlines", "a\u2028b", "cr\rx")
    monkeypatch.setattr(
        export.saving, "load", lambda path: (Exportable(), class_names)
    )
    for name in ("convert_to_float16", "convert_to_int8"):
        monkeypatch.setattr(export, name, lambda *given: None)
    export.export_litert(tmp_path / "m.keras", [])
    content = (tmp_path / "labels.txt").read_text(encoding="utf-8")
    assert content.splitlines() == [
        "Äpfel", r"two\nlines", r"a\u2028b", r"cr\rx",
    ]  # fmt: skip


class Exportable:
    def export(self, *given, **options):
        pass


def test_the_title_of_a_report_is_text():
    page = _report.html(nbformat.v4.new_notebook(), "Retrained: </title><b>")
    assert "<title>Retrained: &lt;/title&gt;&lt;b&gt;</title>" in page
