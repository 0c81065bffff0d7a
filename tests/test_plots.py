"""What a learner reads off the figures is what the data say."""

from itertools import pairwise

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from helpers import stats
from helpers.dataset import splits
from helpers.network import blocks
from helpers.plots import basic, evaluation

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


def test_without_mistakes_a_line_and_no_figure_says_so(split, capsys):
    basic.mistakes(split, np.array([[0.9, 0.1]] * 2 + [[0.1, 0.9]] * 2))
    assert "No mistakes" in capsys.readouterr().out
    assert not plt.get_fignums()


def test_a_sample_larger_than_the_split_shows_all(split):
    basic.sample(split, 12, 0)
    assert sorted(titles()) == ["a", "a", "b", "b"]


def test_the_confusion_matrix_counts_photos():
    basic.confusion([0, 0, 0, 1], [0, 1, 1, 1], ("a", "b"))
    assert numbers() == ["1", "2", "0", "1"]
    assert plt.gca().get_xlabel() == "predicted class"
    assert plt.gca().get_ylabel() == "true class"


@pytest.mark.parametrize("n", [25, 26, 120])
def test_the_confusion_matrix_of_many_classes_is_readable(n):
    classes = np.arange(n)
    basic.confusion(classes, classes, [f"class {i}" for i in classes])
    assert max(plt.gcf().get_size_inches()) <= 13
    assert len(numbers()) == (n * n if n <= 25 else 0)
    labels = plt.gca().get_yticklabels()
    assert [label.get_text() for label in labels] == [
        f"class {i}" for i in classes[:40]
    ]
    plt.gcf().canvas.draw()
    boxes = [label.get_window_extent() for label in labels]
    assert all(a.y0 >= b.y1 - 1 for a, b in pairwise(boxes))


def test_counts_of_a_split_are_written_on_the_bars(split):
    basic.class_counts([split])
    assert numbers() == ["2", "2"]


def test_accuracies_have_their_intervals():
    correct = [True] * 8 + [False] * 2
    basic.accuracies({"one": correct, "two": stats.accuracy(correct)}, "x")
    assert numbers() == ["80.0 %", "80.0 %"]
    known = stats.accuracy(correct)
    for segment in plt.gca().collections[0].get_segments():
        low, high = segment[:, 0]
        assert low == pytest.approx(100 * known.low)
        assert high == pytest.approx(100 * known.high)


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


def test_every_figure_of_numbers_names_its_axes(split):
    basic.class_counts([split])
    basic.pixel_values({"x": np.arange(9.0)})
    basic.curves({"x": {"loss": [1], "val_accuracy": [0]}}, "x")
    basic.accuracies({"x": [True]}, "x")
    basic.seconds({"x": 1.0}, "x")
    basic.learning_rates([1e-3, 1e-2], [1.0, 2.0], 1e-3)
    basic.relative_change({"stem": 0.0, "mixed0": 0.1}, "x")
    evaluation.by_class(np.zeros(3, int), np.zeros(3, int), ("a",))
    evaluation.reliability({"x": np.full((9, 2), 0.5)}, np.zeros(9, int))
    scores = np.arange(5.0)
    evaluation.rejection({"x": (scores,) * 3}, {"x": 9}, scores == 0)
    for figure in map(plt.figure, plt.get_fignums()):
        for ax in figure.axes:
            assert ax.get_xlabel() and ax.get_ylabel()


def test_histograms_are_in_percent_of_each_set():
    basic.histograms(plt.gca(), {"few": np.zeros(2), "many": np.ones(50)})
    for bars in plt.gca().containers:
        assert sum(bar.get_height() for bar in bars) == pytest.approx(100)
    assert plt.gca().get_legend_handles_labels()[1] == ["few", "many"]
