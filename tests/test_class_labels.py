"""Every figure is readable, whatever its classes are called."""

import unicodedata
import warnings
from itertools import combinations, pairwise

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hard_names import ALIKE, DRAWN, HARD, LONG, two_each

from helpers.network import blocks
from helpers.plots import basic, class_labels, deployment, evaluation

matplotlib.use("Agg")

COUNTS = (6, 150)  # 40 of 150 are drawn


def hard_names(count):
    """Return hard names, all different."""
    more = [f"n{i:05d}_species_{'_' * (i % 40)}" for i in range(count)]
    return (*HARD, *more)[:count] if count > 6 else HARD[-6:]


@pytest.fixture(autouse=True)
def figures():
    family = plt.rcParams["font.family"]
    # "Glyph missing", and whatever else a page would show.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    plt.close("all")
    plt.rcParams["font.family"] = family


def predictions(split):
    """Return probabilities; every second prediction is the next class."""
    n = len(split.class_names)
    predicted = (split.labels + np.arange(len(split)) % 2) % n
    return 0.9 * np.eye(n)[predicted] + 0.1 / n


def figures_of(class_names, photo):
    """Return {name: a function that draws a figure with these classes}."""
    split = two_each(class_names, photo)
    p = predictions(split)
    results = split.labels, p.argmax(axis=-1), class_names
    grey = np.full((6, 299, 299, 3), 128, "uint8")[: len(class_names)]
    titles = [f"not {name}" for name in class_names[:6]]
    heat = np.random.default_rng(0).random((len(titles), 8, 8))
    maps = dict.fromkeys(blocks.NAMES, np.zeros((1, 6, 4, 4)))
    channels = dict.fromkeys(blocks.NAMES, np.arange(6)[None])
    features = blocks.FeatureMaps(grey[:1], class_names[-1:], maps, channels)
    no_masks = [None] * len(titles)
    return {
        "counts": lambda: basic.class_counts([split, split]),
        "sample": lambda: basic.sample(split, 12, 0),
        "photos": lambda: basic.photos(grey, titles, "x"),
        "mistakes": lambda: basic.mistakes(split, p),
        "confusion": lambda: basic.confusion(*results),
        "by class": lambda: evaluation.by_class(*results),
        "heat": lambda: evaluation.heatmaps(grey, heat, no_masks, titles),
        "prediction": lambda: deployment.prediction(photo, p[-1], class_names),
        "feature maps": lambda: basic.feature_maps(features),
    }


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
@pytest.mark.parametrize("name", figures_of(("a", "b"), ""))
def test_a_figure_is_readable_with_hard_names_and_many_classes(
    name, count, photo
):
    figures_of(hard_names(count), photo)[name]()
    figure = plt.gcf()
    assert not overlaps(figure)
    assert max(figure.get_size_inches()) <= 14
    for ax in figure.axes:
        for legend in figure.legends:
            below = ax.xaxis.label.get_window_extent().y0
            assert legend.get_window_extent().y1 <= below
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
    basic.sample(split.take([2]), 1, 0)
    assert capsys.readouterr().out == ""


def test_a_title_in_no_font_has_a_number_and_is_printed(capsys):
    basic.photos(np.zeros((2, 9, 9, 3)), ["not dent", "not 良品"], "x")
    titles = [ax.get_title() for ax in plt.gcf().axes[:2]]
    assert titles == ["not dent", "photo 1"]
    assert capsys.readouterr().out == "photo 1: not 良品\n"


def test_an_installed_font_that_has_the_characters_is_used(photo, capsys):
    # Of the fonts that come with Matplotlib, STIX has these characters.
    basic.class_counts([two_each(("のᶁ", "dent"), photo)])
    assert y_labels() == ["のᶁ", "dent"]
    label = plt.gca().get_yticklabels()[0]
    assert len(label.get_fontfamily()) == 2
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
