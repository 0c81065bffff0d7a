"""The figures of lessons 05 and 06: calibration, rejection, Grad-CAM."""

from collections.abc import Mapping, Sequence

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray
from scipy import special

from helpers import stats, text
from helpers.plots import basic, class_labels
from helpers.plots.basic import COLOURS, GREY
from helpers.surfaces import ground_truth

TICKS = (20, 40, 60, 80, 90, 95, 98, 99, 99.5, 99.9)  # confidence, percent
HIGHEST = 99.99  # the right end of that axis: 100% lies at infinity


def by_class(
    labels: NDArray, predicted: NDArray, class_names: Sequence[str]
) -> None:
    """Draw precision and recall of each class, with 95% intervals.

    Of more than `MOST` classes, those with the most errors are shown.

    Args:
        labels, predicted: class indices of shape (n,).
        class_names: the classes. One that is never predicted has no
            precision, and no dot for it.
    """
    names = class_labels.classes(class_names, 2)
    shown = basic.most_errors(labels, predicted, class_names)
    height = min(0.55 * len(shown) + 1.6, 13.6)
    figure, ax = plt.subplots(figsize=(8, height))
    correct = labels == predicted
    percent: dict[str, int] = {}
    for metric, classes, offset in (
        ("recall: correct, of the true class", labels, -0.13),
        ("precision: correct, of those predicted", predicted, 0.13),
    ):
        rows = [i for i, label in enumerate(shown) if label in classes]
        centers, errors = basic.in_percent(
            [stats.accuracy(correct[classes == shown[row]]) for row in rows]
        )
        word = metric.partition(":")[0]
        for row, center in zip(rows, centers, strict=True):
            percent[f"{word} of {class_names[shown[row]]}"] = round(center)
        ax.errorbar(
            centers,
            np.array(rows) + offset,
            xerr=errors,
            fmt="o",
            capsize=3,
            label=metric,
        )
    ax.set_yticks(range(len(shown)), [names[i] for i in shown])
    ax.set_ylim(len(shown) - 0.5, -0.5)
    subset = basic.subset_note(shown, class_names, "most errors")
    ax.set(
        title=f"Precision and recall by class{subset}",
        xlabel="percentage of photos, 95% interval",
        ylabel="class",
    )
    figure.legend(loc="outside lower center", ncols=2)
    ordered = sorted(percent.items(), key=lambda item: item[1])
    lowest = {name: f"{value}%" for name, value in ordered}
    basic.show(
        figure,
        f"Dots with 95% intervals: precision and recall by class{subset}. "
        f"From the lowest: {basic.listed(lowest)}.",
    )
    class_labels.explain(class_names, names, shown)


def reliability(predictions: Mapping[str, NDArray], labels: NDArray) -> None:
    """Draw reliability diagrams: accuracy against confidence.

    Args:
        predictions: {name: probabilities (n, classes)}, a panel each.
        labels: indices of the true classes, (n,).
    """
    lowest, errors = [], {}
    figure, axes = plt.subplots(
        1,
        len(predictions),
        figsize=(4.4 * len(predictions), 4.2),
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    for i, (name, probabilities) in enumerate(predictions.items()):
        ax = axes[0, i]
        bins = stats.reliability_bins(probabilities, labels)
        lowest.append(draw_bins(ax, bins, f"C{i}"))
        ece = stats.calibration_error(probabilities, labels)
        chance = stats.calibration_error_by_chance(probabilities)
        errors[name] = f"{100 * ece:.1f}%, {100 * chance:.1f}% if calibrated"
        ax.set_title(
            f"{name}: ECE {100 * ece:.1f}%\n"
            f"({100 * chance:.1f}% if it were calibrated)",
            fontsize=11,
        )
        ax.label_outer()
    left = max(1.0, min(lowest) - 3)
    for ax in axes.flat:
        # On a linear axis, most bins of a good model crowd near 100%.
        ax.set_xscale("function", functions=(_logit, _percent))
        ax.set_xlim(left, HIGHEST)
        ax.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS], fontsize=8)
        ax.set_xlim(left, HIGHEST)
        ax.minorticks_off()
    axes[0, 0].set_ylim(left, 102)
    figure.suptitle(f"Reliability, {len(labels)} photos, 95% intervals")
    basic.show(
        figure,
        f"Reliability diagrams of {len(labels)} photos: accuracy against "
        f"confidence. Expected calibration error: {basic.listed(errors)}.",
    )


def _logit(percent: ArrayLike) -> NDArray:
    """Return where a confidence in percent lies on the logit axis."""
    return special.logit(np.clip(np.asarray(percent) / 100, 1e-4, 0.9999))


def _percent(position: ArrayLike) -> NDArray:
    return 100 * special.expit(np.asarray(position))


def draw_bins(ax: Axes, bins: Sequence[stats.Bin], colour: str) -> float:
    """Draw accuracy against confidence into axes.

    Args:
        ax: its limits are set by the caller.
        bins: from `stats.reliability_bins`.

    Returns:
        The lowest confidence or end of an interval, in percent.
    """
    confidence = [100 * b.confidence for b in bins]
    accuracy, errors = basic.in_percent([b.accuracy for b in bins])
    perfect = 100 * special.expit(np.linspace(-9.5, 9.5, 200))  # any axis
    ax.plot(perfect, perfect, color=GREY, label="perfect calibration")
    ax.errorbar(
        confidence,
        accuracy,
        yerr=errors,
        fmt="o",
        color=colour,
        capsize=3,
        clip_on=False,  # the dot at the right end is drawn whole
        label="bins, a tenth of the photos each",
    )
    ax.set(xlabel="confidence (%)", ylabel="accuracy (%)")
    ax.legend(loc="best", fontsize=9)
    return min(*confidence, *(accuracy - errors[0]))


def rejection(
    scores: Mapping[str, tuple[NDArray, NDArray, NDArray]],
    thresholds: Mapping[str, float],
    correct: ArrayLike,
) -> None:
    """Draw how scores separate out-of-distribution (OOD) images.

    The effect of each threshold is printed below the figure.

    Args:
        scores: {name: (of the photos that set the threshold, of n other
            photos, of OOD images)}, larger for less familiar images; a
            panel for each name shows the last two.
        thresholds: {name: the score above which an image is rejected}.
        correct: booleans (n,), for each of the n photos.
    """
    figure, axes = plt.subplots(
        1, len(scores), figsize=(5.5 * len(scores), 3.4), squeeze=False
    )
    for ax, (name, (_, photos, ood)) in zip(
        axes.flat, scores.items(), strict=True
    ):
        basic.histograms(ax, {"photos": photos, "OOD images": ood})
        ax.axvline(thresholds[name], color="black", label="threshold")
        ax.set(title=name, xlabel=f"{name} (0 to 1)")
        ax.legend(fontsize=9)
    figure.suptitle("Photos and out-of-distribution images")
    rows = {
        name: f"threshold {thresholds[name]:.3g}, median of photos "
        f"{np.median(photos):.3g}, of OOD images {np.median(ood):.3g}"
        for name, (_, photos, ood) in scores.items()
    }
    basic.show(
        figure,
        "Histograms of scores for photos and for out-of-distribution (OOD) "
        f"images. {basic.listed(rows)}.",
    )
    for name, (_, photos, ood) in scores.items():
        accepted = photos <= thresholds[name]
        correct_accepted = np.asarray(correct)[accepted]
        rejected = ood > thresholds[name]
        print(f"{name}: photos accepted", _counted(accepted))
        print("  correct among these", _counted(correct_accepted))
        print("  OOD images rejected", _counted(rejected))


def _counted(flags: NDArray) -> str:
    return stats.accuracy(flags).counted


def overlay(pixels: NDArray[np.uint8], heat: NDArray) -> NDArray[np.uint8]:
    """Return a photo under its heatmap, half of each.

    Args:
        pixels: uint8 (299, 299, 3), 0-255.
        heat: numbers of 0 or more, (299, 299).
    """
    colours = matplotlib.colormaps["inferno"](heat / (heat.max() or 1))
    return ((pixels + 255 * colours[..., :3]) / 2).astype("uint8")


def heatmaps(
    images: Sequence[ArrayLike],
    heats: Sequence[NDArray],
    masks: Sequence[NDArray | None],
    titles: Sequence[str],
) -> None:
    """Overlay photos with heatmaps; mark the maximum and the true defect.

    Args:
        images: n images, 0-255, (299, 299, 3).
        heats: n heatmaps of 0 or more, (rows, columns), to be enlarged.
        masks: n masks, bool (299, 299), outlined in white, or None.
        titles: n short texts, as for `plots.photos`.
    """
    labels = class_labels.titles(titles, 1.8, 10)
    figure, axes = plt.subplots(
        1, len(images), figsize=(2.2 * len(images), 2.9), squeeze=False
    )
    for ax, image, small, mask, label in zip(
        axes.flat, images, heats, masks, labels, strict=True
    ):
        heat = ground_truth.blown_up(small)
        ax.imshow(np.asarray(image))
        scaled = heat / (heat.max() or 1)
        colours = ax.imshow(scaled, "inferno", alpha=0.5, vmin=0, vmax=1)
        if mask is not None:
            ax.contour(mask, [0.5], colors="white", linewidths=1.2)
        row, column = np.unravel_index(heat.argmax(), heat.shape)
        ax.plot(column, row, "x", color=COLOURS[5], ms=11, mew=3)
        ax.set_title(label, fontsize=10)
        ax.axis("off")
    label = "fraction of the photo's maximum"
    figure.colorbar(colours, ax=axes, label=label, shrink=0.8)
    title = "Grad-CAM: bright is evidence for the class, × its maximum"
    if any(mask is not None for mask in masks):
        title += ", outlined the true defect"
    figure.suptitle(title)
    names = "; ".join(titles).replace("\n", " ")
    photos = text.counted(len(images), "photo")
    basic.show(figure, f"{title}. {photos} under heatmaps: {names}.")
    class_labels.explain(titles, labels, noun="photo")
