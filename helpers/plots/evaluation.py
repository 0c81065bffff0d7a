"""The figures of lesson 05."""

import matplotlib.pyplot as plt
import numpy as np

from helpers import stats
from helpers.plots import basic, class_labels
from helpers.plots.basic import BLUE, COLOURS, GREY, ORANGE
from helpers.surfaces import ground_truth


def by_class(labels, predicted, class_names):
    """Draw precision and recall of each class, with 95 % intervals.

    Of more than `plots.MOST` classes, those with the most errors are shown.

    Args:
        labels, predicted: integers of shape (n,), places in `class_names`.
        class_names: the classes. One that was never named has no
            precision, and no dot for it.
    """
    names = class_labels.classes(class_names, 2)
    shown = basic.most_errors(labels, predicted, class_names)
    height = min(0.55 * len(shown) + 1.6, 13.6)
    _, ax = plt.subplots(figsize=(8, height))
    for name, colour, of, up in (
        ("recall: of these photos, called so", BLUE, labels, -0.13),
        ("precision: of those called so, true", ORANGE, predicted, 0.13),
    ):
        found = [
            (row, stats.accuracy((labels == predicted)[of == place]))
            for row, place in enumerate(shown)
            if (of == place).any()
        ]
        _dots(ax, found, up, colour, name)
    ax.set_yticks(range(len(shown)), [names[place] for place in shown])
    ax.set_ylim(len(shown) - 0.5, -0.5)
    worst = basic.of_all(shown, class_names, "most errors")
    ax.set(
        title=f"Precision and recall by class{worst}",
        xlabel="share of test photos (%), 95 % interval",
        ylabel="class",
    )
    below = max(-0.22 * 4.9 / height, -0.28)  # about the same in inches
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, below), ncols=2)
    plt.show()
    class_labels.explain(class_names, names, shown)


def _dots(ax, found, up, colour, name):
    """Draw (row, `stats.Accuracy`) as dots with intervals, in percent."""
    share = np.array([100 * one.share for _, one in found])
    ends = np.array([(100 * one.low, 100 * one.high) for _, one in found])
    ax.errorbar(
        share,
        [row + up for row, _ in found],
        xerr=np.abs(ends.T - share),
        fmt="o",
        color=colour,
        capsize=3,
        label=name,
    )


def reliability(answers, labels):
    """Draw how often a model was right against how sure it was.

    Args:
        answers: {name: probabilities (n, classes)}, a panel each.
        labels: whole numbers (n,), places of the true classes.
    """
    lowest = []
    figure, axes = plt.subplots(
        1,
        len(answers),
        figsize=(4.4 * len(answers), 4.2),
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    for ax, (name, said), colour in zip(
        axes.flat, answers.items(), COLOURS, strict=False
    ):
        found = stats.reliability_bins(said, labels)
        sure = [100 * one.sure for one in found]
        right = np.array([100 * one.right.share for one in found])
        ends = np.array([(one.right.low, one.right.high) for one in found])
        ax.plot([0, 100], [0, 100], color=GREY, label="as sure as right")
        ax.errorbar(
            sure,
            right,
            yerr=np.abs(100 * ends.T - right),
            fmt="o",
            color=colour,
            capsize=3,
            label="a tenth of the photos",
        )
        error = stats.calibration_error(said, labels)
        chance = stats.calibration_error_by_chance(said)
        ax.set_title(
            f"{name}: error {100 * error:.1f} points\n"
            f"({100 * chance:.1f} if it were calibrated)",
            fontsize=11,
        )
        lowest.append(min(*sure, *(100 * ends[:, 0])))
        ax.set(xlabel="how sure (%)", ylabel="how often right (%)")
        ax.label_outer()
        ax.legend(loc="lower right", fontsize=9)
    # One scale everywhere: the line of the calibrated has the same slope.
    scale = min(lowest) - 3, 102
    axes[0, 0].set(xlim=scale, ylim=scale)
    figure.suptitle(f"Reliability, {len(labels)} photos, 95 % intervals")
    plt.show()


def rejection(scores, limits, right):
    """Draw how scores tell pictures of no class from test photos.

    Below the figure stands what each limit does.

    Args:
        scores: {name: (of validation photos, of n test photos, of pictures
            of no class)}, larger numbers for stranger pictures; a panel for
            each name, of the last two.
        limits: {name: the number above which a picture is turned away}.
        right: booleans (n,), whether the test photos are named rightly.
    """
    figure, axes = plt.subplots(
        1, len(scores), figsize=(5.5 * len(scores), 3.4), squeeze=False
    )
    for ax, (name, sets) in zip(axes.flat, scores.items(), strict=True):
        basic.spread(ax, {"test photos": sets[1], "of no class": sets[2]})
        ax.axvline(limits[name], color="black", label="limit")
        ax.set(title=name, xlabel=f"{name} (0 to 1)")
        ax.legend(fontsize=9)
    figure.suptitle("Test photos, and pictures of no class")
    plt.show()
    for name, (_, known, strange) in scores.items():
        stays, away = known <= limits[name], strange > limits[name]
        print(f"{name}: of the test photos stay", _counted(stays))
        print("  of these named rightly", _counted(np.asarray(right)[stays]))
        print("  of no class, turned away", _counted(away))


def _counted(flags):
    return stats.accuracy(flags).counted


def heatmaps(images, heats, masks, titles):
    """Lay heat over photos; mark where it is largest, and the truth.

    Args:
        images: n pictures, 0-255, (299, 299, 3).
        heats: numbers from 0 on, (n, rows, columns), to be blown up.
        masks: n masks, bool (299, 299), outlined in white; None draws no
            outline.
        titles: n short texts, as for `plots.photos`.
    """
    labels = class_labels.titles(titles, 2.1, 10)
    figure, axes = plt.subplots(
        1, len(images), figsize=(2.2 * len(images), 2.9), squeeze=False
    )
    for ax, image, warm, mask, title in zip(
        axes.flat, images, heats, masks, labels, strict=True
    ):
        warm = ground_truth.blown_up(warm)
        ax.imshow(np.asarray(image))
        ax.imshow(warm, cmap="inferno", alpha=0.5)
        if mask is not None:
            ax.contour(mask, [0.5], colors="white", linewidths=1.2)
        row, column = np.unravel_index(warm.argmax(), warm.shape)
        ax.plot(column, row, "x", color=COLOURS[5], ms=11, mew=3)
        ax.set_title(title, fontsize=10)
        ax.axis("off")
    outlined = any(mask is not None for mask in masks)
    figure.suptitle(
        "Grad-CAM: bright where it speaks for the class; × its largest value"
        + ("; outlined the true defect" if outlined else "")
    )
    plt.show()
    class_labels.explain(titles, labels, noun="photo")
