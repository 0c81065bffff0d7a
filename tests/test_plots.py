"""What a learner reads off the figures is what the data say."""

from types import SimpleNamespace

import IPython.display
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from helpers import plots, stats
from helpers.dataset import splits
from helpers.network import blocks
from helpers.plots import basic, deployment, diagrams, evaluation

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("figures")


@pytest.fixture
def split(tmp_path):
    """Four photos: classes a, a, b, b, each of one grey."""
    for i, grey in enumerate((40, 80, 120, 160)):
        folder = tmp_path / "photos" / "aabb"[i]
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (80, 80), (grey,) * 3).save(folder / f"{i}.png")
    return splits.whole_folder(tmp_path / "photos", ("a", "b"))


def titles():
    return [ax.get_title() for ax in plt.gcf().axes if ax.get_title()]


def numbers():
    return [label.get_text() for label in plt.gca().texts]


def test_mistakes_are_shown_in_descending_confidence(split):
    p = np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2], [0.1, 0.9]])
    basic.mistakes(split, p)
    assert titles() == ["b, predicted\na 80%", "a, predicted\nb 60%"]
    pixels = plt.gcf().axes[0].images[0].get_array()
    assert (pixels == 120).all()


def test_mistakes_are_twelve_at_most(split):
    many = split.take([0, 1, 2, 3] * 4)
    basic.mistakes(many, np.eye(2)[1 - many.labels])
    assert len(titles()) == 12


def test_without_mistakes_a_line_and_no_figure_says_so(split, capsys):
    basic.mistakes(split, np.array([[0.9, 0.1]] * 2 + [[0.1, 0.9]] * 2))
    assert "No mistakes" in capsys.readouterr().out
    assert not plt.get_fignums()


def test_a_sample_larger_than_the_split_shows_all(split):
    basic.sample(split, 12, 0)
    assert sorted(titles()) == ["a", "a", "b", "b"]


def test_a_dark_sample_is_shown_once_more_lightened(split):
    basic.sample(split, 4, 0, lighten=1.5)
    assert titles()[4:] == ["lightened"] * 4
    greys = [ax.images[0].get_array()[0, 0, 0] for ax in plt.gcf().axes]
    assert greys[4:] == [1.5 * grey for grey in greys[:4]]


def test_the_confusion_matrix_counts_photos():
    basic.confusion([0, 0, 0, 1], [0, 1, 1, 1], ("a", "b"))
    assert numbers() == ["1", "2", "0", "1"]
    assert plt.gca().get_xlabel() == "predicted class"
    assert plt.gca().get_ylabel() == "true class"


@pytest.mark.parametrize(("n", "count"), [(25, 625), (26, 0)])
def test_a_large_confusion_matrix_has_no_numbers(n, count):
    classes = np.arange(n)
    basic.confusion(classes, classes, [f"class {i}" for i in classes])
    assert len(numbers()) == count


def test_counts_of_a_split_are_written_on_the_bars(split):
    basic.class_counts([split])
    assert numbers() == ["2", "2"]


def test_accuracies_have_their_intervals():
    correct = [True] * 8 + [False] * 2
    basic.accuracies({"one": correct, "two": stats.accuracy(correct)}, "x")
    assert numbers() == ["80.0%", "80.0%"]
    known = stats.accuracy(correct)
    for segment in plt.gca().collections[0].get_segments():
        low, high = segment[:, 0]
        assert low == pytest.approx(100 * known.low)
        assert high == pytest.approx(100 * known.high)


def test_validation_of_every_second_epoch_is_drawn_at_that_epoch():
    losses = {"loss": [4, 3, 2, 1], "val_loss": [3, 2]}
    basic.curves({"head": losses}, "Four epochs")
    training, validation = plt.gcf().axes[0].lines[:2]
    assert [*training.get_xdata()] == [1, 2, 3, 4]
    assert [*validation.get_xdata()] == [2, 4]
    assert training.get_label() == "head, training"
    assert validation.get_label() == "head, validation"


def test_feature_maps_have_a_row_for_each_block_on_one_scale():
    tops = {"mixed0": 0, "mixed5": 7, "mixed10": 3}
    maps = {name: np.full((1, 6, 3, 3), top) for name, top in tops.items()}
    channels = {name: np.array([[5, 1, 9, 2, 7, 3]]) for name in maps}
    photo = np.zeros((1, 8, 8, 3), "uint8")
    basic.feature_maps(blocks.FeatureMaps(photo, ("dent",), maps, channels))
    assert titles() == [f"channel {i}" for i in (5, 1, 9, 2, 7, 3)] * 3
    images = [ax.images[0] for ax in plt.gcf().axes if ax.get_title()]
    assert {image.get_clim() for image in images} == {(0, 7)}
    assert "dent" in plt.gcf().get_suptitle()
    labels = [ax.get_ylabel() for ax in plt.gcf().axes]
    assert {*maps, "activation"} <= set(labels)


def test_histograms_are_in_percent_of_each_set():
    basic.histograms(plt.gca(), {"few": np.zeros(2), "many": np.ones(50)})
    for bars in plt.gca().containers:
        assert sum(bar.get_height() for bar in bars) == pytest.approx(100)
    assert plt.gca().get_legend_handles_labels()[1] == ["few", "many"]


def test_precision_and_recall_are_not_confused():
    labels, predicted = np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1])
    evaluation.by_class(labels, predicted, ("a", "b", "c"))
    dots, texts = plt.gca().get_legend_handles_labels()
    shown = {
        text.partition(":")[0]: dot.lines[0].get_xdata()
        for text, dot in zip(texts, dots, strict=True)
    }
    assert shown.keys() == {"recall", "precision"}
    assert shown["recall"] == pytest.approx([100 / 3, 100])
    # Class c is never predicted.
    assert shown["precision"] == pytest.approx([100, 100 / 3])


def test_the_reliability_figure_shows_both_errors_and_the_bins():
    p, labels = np.random.default_rng(0).dirichlet([1, 1], 50), np.zeros(50)
    evaluation.reliability({"mine": p}, labels)
    error = stats.calibration_error(p, labels)
    chance = stats.calibration_error_by_chance(p)
    ax = plt.gcf().axes[0]
    assert f"ECE {100 * error:.1f}%" in ax.get_title()
    assert f"({100 * chance:.1f}% if" in ax.get_title()
    confidence, accuracy = ax.containers[0].lines[0].get_data()
    bins = stats.reliability_bins(p, labels)
    assert confidence == pytest.approx([100 * b.confidence for b in bins])
    assert accuracy == pytest.approx(
        [100 * b.accuracy.proportion for b in bins]
    )


def test_rejected_images_are_counted(capsys):
    test, ood_scores = np.array([0.1, 0.2, 0.3, 0.9]), np.array([0.2, 0.8, 9])
    correct = np.array([True, True, False, True])
    scores = {"uncertainty": (test, test, ood_scores)}
    evaluation.rejection(scores, {"uncertainty": 0.5}, correct)
    lines = capsys.readouterr().out.splitlines()
    for line, count in zip(lines, ("3 of 4", "2 of 3", "2 of 3"), strict=True):
        assert count in line


def test_scores_of_photos_and_of_ood_images_are_not_confused():
    scores = {"uncertainty": (np.zeros(2), np.zeros(2), np.ones(2))}
    evaluation.rejection(scores, {"uncertainty": 0.5}, np.ones(2, bool))
    drawn = {
        bars[0].get_label(): [b.get_x() for b in bars if b.get_height()]
        for bars in plt.gca().containers
    }
    assert max(drawn["photos"]) < 0.5 < min(drawn["OOD images"])


def test_the_maximum_of_the_heat_is_marked():
    image = np.zeros((299, 299, 3), "uint8")
    mask = np.zeros((299, 299), bool)
    mask[5:9, 5:9] = True
    heat = np.zeros((8, 8))
    heat[1, 5] = 1
    evaluation.heatmaps([image] * 2, [heat] * 2, [None, mask], "ab")
    *panels, scale = plt.gcf().axes
    assert "maximum" in scale.get_ylabel()
    for ax in panels:
        (column,), (row,) = ax.lines[0].get_data()
        assert abs(row - 1.5 * 299 / 8) < 20
        assert abs(column - 5.5 * 299 / 8) < 20


def test_sizes_and_times_stand_beside_their_formats():
    deployment.size_and_speed(
        {"keras": 97.0, "int8": 24.0}, {"keras": 60.0, "int8": 19.0}
    )
    widths = [[b.get_width() for b in ax.patches] for ax in plt.gcf().axes]
    assert widths == [[97, 24], [60, 19]]
    names = [t.get_text() for t in plt.gcf().axes[0].get_yticklabels()]
    assert names == ["keras", "int8"]


def test_the_likeliest_classes_are_drawn_first(split):
    deployment.prediction(split.paths[0], np.array([0.2, 0.8]), "ab")
    bars = plt.gcf().axes[1]
    assert [t.get_text() for t in bars.get_yticklabels()] == ["b", "a"]
    assert [b.get_width() for b in bars.patches] == [80, 20]


def test_a_photo_is_drawn_in_the_shape_of_the_model(tmp_path):
    path = str(tmp_path / "long.png")
    Image.new("RGB", (400, 100), "white").save(path)
    probabilities = np.array([0.2, 0.8])
    deployment.prediction(path, probabilities, "ab", "pad")
    pixels = plt.gcf().axes[0].get_images()[0].get_array()
    assert not pixels[:100].any() and (pixels[149] == 255).all()


def test_each_measure_of_two_cameras_has_its_panel():
    sets = {"before": np.zeros(4), "after": np.ones(9)}
    deployment.drift({"one": sets, "other": sets})
    assert [ax.get_xlabel() for ax in plt.gcf().axes] == ["one", "other"]
    for ax in plt.gcf().axes:
        assert ax.get_legend_handles_labels()[1] == [*sets]


def test_alerts_are_drawn_in_percent():
    deployment.alerts([2, 5], {"far": [0.5, 1]}, {"far": [0, 0.01]}, 0.01)
    drawn = {ax.get_title(): ax.get_lines() for ax in plt.gcf().axes}
    assert list(drawn["Alerts"][0].get_ydata()) == [50, 100]
    false, allowed = drawn["False alerts"]
    assert list(false.get_ydata()) == [0, 1]
    assert set(allowed.get_ydata()) == {1}
    assert drawn["Alerts"][0].get_color() == false.get_color()


def test_a_high_rate_of_false_alerts_stays_in_the_figure():
    deployment.alerts([2, 5], {"far": [0.5, 1]}, {"far": [0, 0.3]}, 0.01)
    assert plt.gcf().axes[1].get_ylim()[1] > 30


def test_each_block_has_a_box_in_the_colour_of_its_training(base):
    end = base.layers.index(base.get_layer("mixed8"))
    for i, layer in enumerate(base.layers):
        layer.trainable = i > end
    diagrams.block_diagram(base, boundary="mixed8")
    base.trainable = True
    colours = [box.get_facecolor() for box in plt.gca().patches]
    assert len(colours) == 12
    assert len(set(colours[:10])) == len(set(colours[10:])) == 1
    assert colours[0] != colours[-1]
    assert "cut past mixed8" in numbers()
    with pytest.raises(ValueError, match="mixed11"):
        diagrams.block_diagram(base, boundary="mixed11")


@pytest.mark.parametrize(
    ("name", "filters", "pools"),
    [
        ("mixed0", [32, 48, 64, 64, 64, 96, 96], 1),
        ("mixed3", [64, 96, 96, 384], 1),
        ("mixed10", [192, 320, 384, 384, 384, 384, 384, 384, 448], 1),
    ],
)
def test_the_branches_of_a_module_are_drawn(base, name, filters, pools):
    diagrams.inception_module(base, name)
    lines = [text.split("\n") for text in numbers() if text]
    assert filters == sorted(
        int(line[1].split()[0]) for line in lines if "filters" in line[-1]
    )
    assert pools == sum("pooling" in line[-1] for line in lines)


# --- What a screen reader reads -------------------------------------------

GREY = np.zeros((299, 299, 3), "uint8")
ONES = np.ones(4)
SCORES = {"uncertainty": (ONES, ONES, 2 * ONES)}
HISTORY = {"loss": [2, 1], "val_accuracy": [0.5, 0.75]}
RUN = SimpleNamespace(arm="frozen", correct={"validation": ONES})
MAPS = blocks.FeatureMaps(
    GREY[None],
    ("dent",),
    {name: np.ones((1, 6, 3, 3)) for name in ("mixed0", "mixed5", "mixed10")},
    {name: np.ones((1, 6)) for name in ("mixed0", "mixed5", "mixed10")},
)
# {function: its arguments, and words of the alt text}
SHOWN = {
    "accuracies": (({"one": ONES > 0}, "T"), "one: 100.0 (51.0 to 100.0)"),
    "alerts": (([2, 5], {"far": [0.5, 1]}, {"far": [0, 0]}, 0.01), "50% to"),
    "block_diagram": (("base",), "mixed10"),
    "by_class": ((ONES.astype(int), ONES.astype(int), "ab"), "of b: 100%"),
    "class_counts": (("split",), "a: 2; b: 2"),
    "confusion": (([0, 1], [0, 0], "ab"), "1 of 2 photos are correct"),
    "curves": (({"head": HISTORY}, "T"), "head, validation: 0.750"),
    "drift": (({m: {"new": ONES} for m in "ab"},), "a, new: 1"),
    "feature_maps": ((MAPS,), "dent"),
    "heatmaps": (([GREY], [np.eye(8)], [None], ["a\nb"]), "heatmaps: a b"),
    "inception_module": (("base", "mixed0"), "1×1, 64 filters"),
    "learning_curve": (({10: [0.5, 0.7]},), "10: 60.0%"),
    "learning_rates": (([0.1, 1], [2, 1], 0.1), "1, at 1.0e+00; 1.0e-01 is"),
    "mistakes": (("split", np.eye(2)[[1, 0, 1, 1]]), "a, predicted b 100%"),
    "model_parts": ((), "lower, mixed8, upper"),
    "photos": (([GREY] * 2, ["a", "b\nc"], "T"), "T. 2 photos: a; b c."),
    "pixel_values": (({"raw": [0, 255]},), "raw: 0 to 255"),
    "prediction": (("photo", np.array([0.2, 0.8]), "ab"), "b: 80%; a: 20%"),
    "rejection": ((SCORES, {"uncertainty": 1.5}, ONES > 0), "threshold 1.5"),
    "relative_change": (({"stem": 0, "mixed0": 0.1}, "T"), "mixed0: 10%"),
    "reliability": (({"head": np.eye(2)}, np.zeros(2)), "head: 50.0%"),
    "sample": (("split", 9, 0), "4 photos: "),
    "seconds": (({"fit": 2.0}, "T"), "fit: 2.0 s"),
    "seeds": (([RUN],), "frozen: 100.0%"),
    "size_and_speed": (({"int8": 24}, {"int8": 19}), "24 million bytes, 19"),
}


# Figures of numbers, which name all axes.
WITH_AXES = (
    *("accuracies", "by_class", "class_counts", "curves", "learning_rates"),
    *("pixel_values", "rejection", "relative_change", "reliability"),
    "seconds",
)


@pytest.fixture
def shown(monkeypatch):
    """Call a function as in a notebook; return its figure and alt text.

    It has to show one figure, close it, and describe it.
    """
    displayed = []
    monkeypatch.setattr(matplotlib, "get_backend", lambda: "inline")
    monkeypatch.setattr(
        IPython.display,
        "display",
        lambda figure, metadata: displayed.append((figure, metadata)),
    )

    def call(function, *args):
        function(*args)
        ((figure, metadata),) = displayed
        assert not plt.get_fignums()
        assert len(metadata["image/png"]["alt"]) >= 20
        return figure, metadata["image/png"]["alt"]

    return call


def test_every_function_has_an_example():
    assert [*SHOWN] == dir(plots)


@pytest.mark.parametrize("name", SHOWN)
def test_a_figure_is_shown_once_with_its_data_in_words(
    shown, base, split, name
):
    args, words = SHOWN[name]
    known = {"base": base, "split": split, "photo": split.paths[0]}
    args = [known.get(a, a) if isinstance(a, str) else a for a in args]
    if name == "class_counts":
        args = [args]
    figure, alt = shown(getattr(plots, name), *args)
    assert words in alt
    if name in WITH_AXES:
        assert all(ax.get_xlabel() and ax.get_ylabel() for ax in figure.axes)


def test_an_alt_text_lists_the_first_of_many_on_one_line(shown):
    names = {f"class\n{i}": 1.0 for i in range(10)}
    _, alt = shown(basic.seconds, names, "T")
    assert alt.endswith(r"; class\n7: 1.0 s; and 2 more.")
