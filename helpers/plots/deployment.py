"""The figures of the lesson on shipping a model."""

import matplotlib.pyplot as plt
import numpy as np

from helpers.dataset import pipeline
from helpers.plots import basic, class_labels
from helpers.plots.basic import BLUE, GREY, ORANGE


def size_and_speed(megabytes, milliseconds):
    """Draw how large each format is, and how long one photo takes in it.

    Args:
        megabytes: {name of a format: millions of bytes}.
        milliseconds: {the same names: milliseconds a photo}.
    """
    figure, axes = plt.subplots(
        1, 2, figsize=(10, 0.5 * len(megabytes) + 1.5), sharey=True
    )
    panels = (
        (megabytes, "size (million bytes)", BLUE),
        (milliseconds, "one photo (milliseconds)", ORANGE),
    )
    for ax, (values, label, colour) in zip(axes, panels, strict=True):
        bars = ax.barh(list(values), list(values.values()), color=colour)
        ax.bar_label(bars, fmt="{:.0f}", padding=4)
        ax.margins(x=0.14)
        ax.set(xlabel=label)
    axes[0].set(ylabel="format")
    axes[0].invert_yaxis()
    figure.suptitle("The same classifier in four formats")
    plt.show()


def draw_prediction(axes, pixels, said, class_names):
    """Draw a photo and what was said of it into two axes.

    Args:
        axes: two matplotlib axes; what they held goes.
        pixels: uint8 (299, 299, 3).
        said: probabilities, (classes,).
        class_names: the classes.

    Returns:
        The places of the classes that are drawn, and their labels.
    """
    labels = class_labels.classes(class_names, 1.5)
    photo, bars = axes
    photo.clear()
    photo.imshow(pixels)
    photo.set_axis_off()
    bars.clear()
    best = np.asarray(said).argsort()[::-1][:6]
    rows = range(len(best))
    drawn = bars.barh(rows, [100 * said[i] for i in best])
    bars.set_yticks(rows, [labels[i] for i in best])
    for bar, colour in zip(drawn, [BLUE] + 5 * [GREY], strict=False):
        bar.set_color(colour)
    bars.bar_label(drawn, fmt="{:.0f} %", padding=4)
    bars.invert_yaxis()
    bars.set(xlim=(0, 115), xlabel="probability (%)", ylabel="class")
    return best, labels


def prediction(path, said, class_names):
    """Show a photo and what a classifier says of it.

    Args:
        path: of the photo.
        said: probabilities, (classes,).
        class_names: the classes.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2))
    pixels = pipeline.load_photo(path).numpy()
    best, labels = draw_prediction(axes, pixels, said, class_names)
    figure.suptitle("A photo, and what the classifier says")
    plt.show()
    class_labels.explain(class_names, labels, best)


def drift(measures):
    """Draw how two sets of photos spread over some measures.

    Args:
        measures: {what is measured: {name of a set: (n,) numbers}}, two
            sets each.
    """
    figure, axes = plt.subplots(1, len(measures), figsize=(11, 3.4))
    for ax, (name, sets) in zip(axes, measures.items(), strict=True):
        basic.spread(ax, sets)
        ax.set(xlabel=name)
    axes[0].legend(loc="upper right")
    figure.suptitle("Two measures that need no labels")
    plt.show()


def alerts(counts, rates, allowed):
    """Draw how often an alarm rings, by how many photos it looks at.

    Args:
        counts: numbers of photos, ascending, (n,).
        rates: {name: (n,) shares of draws with an alarm, 0-1}; a name is
            what is measured, a comma and "alarms" or "false alarms".
        allowed: the rate of false alarms that was asked for, 0-1.
    """
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.8))
    panels = {"alarms": axes[0], "false alarms": axes[1]}
    styles, most = {}, 400 * allowed
    for name, rate in rates.items():
        what, _, kind = name.partition(", ")
        colour, style = styles.setdefault(
            what, ((BLUE, "-o"), (ORANGE, "--s"))[len(styles) % 2]
        )
        percent = 100 * np.asarray(rate)
        panels[kind].plot(counts, percent, style, color=colour, label=what)
        if kind == "false alarms":
            most = max(most, percent.max())
    axes[1].axhline(100 * allowed, color="black", linewidth=1, label="allowed")
    for ax, title, top in zip(
        axes, ("Alarms", "False alarms"), (100, most), strict=True
    ):
        ax.set_xscale("log")
        ax.set_xticks(counts, [str(count) for count in counts])
        ax.minorticks_off()
        ax.set(title=title, xlabel="photos it looks at")
        ax.set_ylim(-0.04 * top, 1.04 * top)
        ax.legend(fontsize=9)
    axes[0].set_ylabel("draws with an alarm (%)")
    figure.suptitle("How often the alarm rings")
    plt.show()
