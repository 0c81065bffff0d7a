"""The figures of lesson 07 on shipping a model."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from helpers.dataset import pipeline
from helpers.plots import basic, class_labels
from helpers.plots.basic import BLUE, GREY, ORANGE

MOST_LIKELY = 6  # classes in a figure of one prediction


def size_and_speed(
    megabytes: Mapping[str, float], milliseconds: Mapping[str, float]
) -> None:
    """Draw the file size of each format and its time per photo.

    Args:
        megabytes: {name of a format: millions of bytes}.
        milliseconds: {the same names: milliseconds per photo}.
    """
    figure, axes = plt.subplots(
        1, 2, figsize=(10, 0.5 * len(megabytes) + 1.5), sharey=True
    )
    for ax, values, label, colour in (
        (axes[0], megabytes, "size (million bytes)", BLUE),
        (axes[1], milliseconds, "one photo (milliseconds)", ORANGE),
    ):
        bars = ax.barh(list(values), list(values.values()), color=colour)
        ax.bar_label(bars, fmt="{:.0f}", padding=4)
        ax.margins(x=0.14)
        ax.set(xlabel=label)
    axes[0].set(ylabel="format")
    axes[0].invert_yaxis()
    figure.suptitle("The same classifier in several formats")
    rows = {
        name: f"{megabytes[name]:.0f} million bytes, "
        f"{milliseconds[name]:.0f} ms"
        for name in megabytes
    }
    basic.show(
        figure,
        "Bars of the file size and of the time for one photo, by format. "
        f"{basic.listed(rows)}.",
    )


def draw_prediction(
    axes: Sequence[Axes],
    pixels: NDArray[np.uint8],
    probabilities: NDArray,
    class_names: Sequence[str],
) -> tuple[NDArray[np.intp], list[str]]:
    """Draw a photo and its most likely classes into two axes.

    Args:
        axes: two matplotlib axes, which are cleared first.
        pixels: uint8 (299, 299, 3).
        probabilities: of the classes, (classes,).

    Returns:
        The indices of the classes drawn, and the labels of all classes.
    """
    labels = class_labels.classes(class_names, 1.5)
    photo, bars = axes
    photo.clear()
    photo.imshow(pixels)
    photo.set_axis_off()
    bars.clear()
    best = np.asarray(probabilities).argsort()[::-1][:MOST_LIKELY]
    drawn = bars.barh(
        range(len(best)),
        [100 * probabilities[i] for i in best],
        color=[BLUE] + (len(best) - 1) * [GREY],
    )
    bars.set_yticks(range(len(best)), [labels[i] for i in best])
    bars.bar_label(drawn, fmt="{:.0f}%", padding=4)
    bars.invert_yaxis()
    bars.set(xlim=(0, 115), xlabel="probability (%)", ylabel="class")
    return best, labels


def prediction(
    path: str,
    probabilities: NDArray,
    class_names: Sequence[str],
    shape: str = "squeeze",
) -> None:
    """Show a photo and its most likely classes.

    Args:
        probabilities: of the classes, (classes,).
        shape: of the photos that the model was trained on.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2))
    pixels = pipeline.load_photo(path, shape).numpy()
    best, labels = draw_prediction(axes, pixels, probabilities, class_names)
    figure.suptitle("A photo and the predicted probabilities")
    bars = {class_names[i]: f"{probabilities[i]:.0%}" for i in best}
    basic.show(
        figure,
        "A photo, and bars of the predicted probabilities of its most likely "
        f"classes. {basic.listed(bars)}.",
    )
    class_labels.explain(class_names, labels, best)


def drift(measures: Mapping[str, Mapping[str, NDArray]]) -> None:
    """Draw histograms of drift measures for two sets of photos.

    Args:
        measures: {name of the measure: {name of a set: (n,) numbers}}, two
            sets each.
    """
    figure, axes = plt.subplots(1, len(measures), figsize=(11, 3.4))
    for ax, (name, sets) in zip(axes, measures.items(), strict=True):
        basic.histograms(ax, sets)
        ax.set(xlabel=name)
    axes[-1].legend(loc="upper right")
    figure.suptitle("Measures that need no labels")
    medians = {
        f"{measure}, {name}": f"{np.median(values):.3g}"
        for measure, sets in measures.items()
        for name, values in sets.items()
    }
    basic.show(
        figure,
        "Histograms of drift measures for two sets of photos. Medians: "
        f"{basic.listed(medians)}.",
    )


def alerts(
    counts: Sequence[int],
    alerts: Mapping[str, Sequence[float]],
    false_alerts: Mapping[str, Sequence[float]],
    allowed: float,
) -> None:
    """Draw the rates of drift alerts by the number of photos tested.

    Args:
        counts: numbers of photos, ascending, (n,).
        alerts: {measure: (n,) proportions of random draws from a shifted
            set with an alert, 0-1}.
        false_alerts: the same for draws from a set without a shift.
        allowed: the intended rate of false alerts, 0-1.
    """
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.8))
    for ax, title, rates in (
        (axes[0], "Alerts", alerts),
        (axes[1], "False alerts", false_alerts),
    ):
        for i, (measure, rate) in enumerate(rates.items()):
            style = ("-o", "--s", ":^")[i % 3]
            ax.plot(counts, 100 * np.asarray(rate), style, label=measure)
        ax.set_xscale("log")
        ax.set_xticks(counts, [str(count) for count in counts])
        ax.minorticks_off()
        ax.set(title=title, xlabel="photos tested")
    axes[1].axhline(100 * allowed, color="black", linewidth=1, label="allowed")
    highest = 100 * max(4 * allowed, *map(max, false_alerts.values()))
    for ax, top in zip(axes, (100, highest), strict=True):
        ax.set_ylim(-0.04 * top, 1.04 * top)
        ax.legend(fontsize=9)
    axes[0].set_ylabel("random draws with an alert (%)")
    figure.suptitle("Drift alerts by number of photos")
    ends = {
        measure: f"{rate[0]:.0%} to {rate[-1]:.0%}, false alerts "
        f"{false_alerts[measure][0]:.1%} to {false_alerts[measure][-1]:.1%}"
        for measure, rate in alerts.items()
    }
    basic.show(
        figure,
        f"Lines: drift alerts with {counts[0]} to {counts[-1]} photos tested. "
        f"{basic.listed(ends)}; {allowed:.1%} false alerts are allowed.",
    )
