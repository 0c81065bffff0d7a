"""The figures that most lessons use.

Colours are from Okabe and Ito's palette for any kind of colour vision.
"""

import collections
from collections.abc import Collection, Mapping, Sequence

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.typing import ColorType
from numpy.typing import ArrayLike, NDArray

from helpers import stats, text
from helpers.dataset import pipeline
from helpers.dataset.splits import Split
from helpers.network import blocks
from helpers.plots import class_labels

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
GREY = "#999999"
COLOURS = (BLUE, ORANGE, GREEN, RED, "#CC79A7", "#56B4E9")
MOST_NUMBERED = 25  # classes of a confusion matrix with numbers in its cells
MOST = 40  # classes in one figure, so that their names can be read
MOST_READ = 8  # numbers in an alt text, which is heard at one go

plt.rcdefaults()  # whatever the user's matplotlibrc says
plt.rcParams.update(
    {
        "figure.dpi": 100,
        "figure.constrained_layout.use": True,
        "font.family": class_labels.families(),
        "font.size": 11,
        "text.parse_math": False,  # a class may be named $1_$5
        "axes.prop_cycle": plt.cycler(color=COLOURS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.3,
        "axes.axisbelow": True,
    }
)


def ink(colour: ColorType) -> str:
    """Return the colour of text on a colour: black, or white if dark."""
    linear = np.array(to_rgb(colour)) ** 2.2
    return "white" if linear @ (0.2126, 0.7152, 0.0722) < 0.18 else "black"


def show(figure: Figure, alt: str) -> None:
    """Show a figure in a notebook with an alt text for screen readers."""
    if "inline" not in matplotlib.get_backend():  # such as in a script
        plt.show()
        return
    from IPython.display import display  # slow, and no script needs it

    metadata = {"image/png": {"alt": text.one_line(alt)}}
    display(figure, metadata=metadata)
    plt.close(figure)  # or it would be shown again at the end of the cell


def listed(values: Mapping[str, str]) -> str:
    """Return names and values for an alt text, the first of many."""
    first = [*values.items()][:MOST_READ]
    more = len(values) - len(first)
    words = "; ".join(f"{name}: {value}" for name, value in first)
    return f"{words}; and {more} more" if more else words


def photos(
    images: Sequence[ArrayLike],
    titles: Sequence[str],
    title: str,
    columns: int = 6,
) -> None:
    """Show photos in rows.

    Args:
        images: n images, uint8 or float in 0-255, (height, width, 3).
        titles: n short texts, one above each photo. A text that no
            installed font can draw is replaced by "photo 3", counted from
            0, and printed below.
    """
    labels = class_labels.titles(titles, 1.7, 10)
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(1.75 * columns, 1.95 * rows + 0.4),
        squeeze=False,
    )
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, label in zip(axes.flat, images, labels, strict=False):
        ax.imshow(np.clip(np.asarray(image), 0, 255).astype("uint8"))
        ax.set_title(label, fontsize=10)
    figure.suptitle(title)
    below = "; ".join(titles).replace("\n", " ")
    show(figure, f"{title}. {text.counted(len(images), 'photo')}: {below}.")
    class_labels.explain(titles, labels, noun="photo")


def class_counts(splits: Sequence[Split]) -> None:
    """Show the number of photos of each class in each split.

    Of more than `MOST` classes, those with the fewest photos are shown.
    """
    class_names = splits[0].class_names
    n = len(class_names)
    counts = np.array([np.bincount(s.labels, minlength=n) for s in splits])
    total = counts.sum(axis=0)
    shown = np.sort(np.argsort(total, kind="stable")[:MOST])
    labels = class_labels.classes(class_names, 2)
    height = max(3.2, 0.24 * len(shown) + 1.3)
    figure, ax = plt.subplots(figsize=(8, height))
    left = np.zeros(len(shown))
    for split, widths in zip(splits, counts[:, shown], strict=True):
        bars = ax.barh(range(len(shown)), widths, left=left, label=split.name)
        # In a narrower bar, the number would overlap the next one.
        narrow = widths < 0.03 * total[shown].max()
        ax.bar_label(
            bars,
            np.where(narrow, "", widths.astype(str)),
            label_type="center",
            color=ink(bars.patches[0].get_facecolor()),
        )
        left += widths
    ax.set_yticks(range(len(shown)), [labels[i] for i in shown])
    ax.invert_yaxis()
    subset = subset_note(shown, class_names, "fewest photos")
    ax.set(
        title=f"The split, by class{subset}", xlabel="photos", ylabel="class"
    )
    figure.legend(loc="outside lower center", ncols=3)
    rows = {class_names[i]: ", ".join(map(str, counts[:, i])) for i in shown}
    names = ", ".join(split.name for split in splits)
    show(
        figure,
        f"Bars: the split, by class{subset}. Photos in {names}: "
        f"{listed(rows)}.",
    )
    class_labels.explain(class_names, labels, shown)


def most_errors(
    labels: NDArray, predicted: NDArray, class_names: Sequence[str]
) -> NDArray[np.intp]:
    """Return the indices of the `MOST` classes with most errors, ascending.

    An error counts for the true class and for the predicted one.

    Args:
        labels, predicted: class indices of shape (n,).
    """
    wrong = labels != predicted
    confused = np.concatenate([labels[wrong], predicted[wrong]])
    errors = np.bincount(confused, minlength=len(class_names))
    return np.sort(np.argsort(-errors, kind="stable")[:MOST])


def subset_note(
    shown: Collection[int], class_names: Sequence[str], what: str
) -> str:
    """Return the end of a title if not all classes are shown."""
    if len(shown) == len(class_names):
        return ""
    return f": the {len(shown)} of {len(class_names)} with the {what}"


def pixel_values(values: Mapping[str, ArrayLike]) -> None:
    """Show histograms of the pixel values that enter the base.

    Args:
        values: {name: array of pixels}, one panel each.
    """
    figure, axes = plt.subplots(
        1, len(values), figsize=(4.2 * len(values), 3), squeeze=False
    )
    for i, (name, pixels) in enumerate(values.items()):
        ax = axes[0, i]
        ax.hist(np.ravel(pixels), bins=60, color=f"C{i}")
        ax.set(title=name, xlabel="pixel value", ylabel="pixels")
        ax.ticklabel_format(axis="y", style="sci", scilimits=(0, 3))
    figure.suptitle("Input of the base")
    ranges = {
        name: f"{np.min(pixels):.3g} to {np.max(pixels):.3g}"
        for name, pixels in values.items()
    }
    show(figure, f"Histograms of the pixel values. {listed(ranges)}.")


def feature_maps(features: blocks.FeatureMaps) -> None:
    """Show the most active channels of three blocks for the first photo."""
    names, columns = ("mixed0", "mixed5", "mixed10"), 6
    figure, axes = plt.subplots(len(names), columns + 1, figsize=(11.6, 5.4))
    top = max(features.maps[name][0].max() for name in names)
    for name, row in zip(names, axes, strict=True):
        row[0].imshow(features.photos[0])
        row[0].set_ylabel(name)
        for i, ax in enumerate(row[1:]):
            image = ax.imshow(features.maps[name][0, i], vmin=0, vmax=top)
            channel = features.channels[name][0, i]
            ax.set_title(f"channel {channel}", fontsize=9)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    figure.colorbar(image, ax=axes, label="activation", shrink=0.8)
    label = class_labels.classes(features.names[:1], 5, 12)
    figure.suptitle(f"The most active channels ({label[0]})")
    show(
        figure,
        f"A photo ({features.names[0]}) and the {columns} most active "
        f"channels of {', '.join(names)}, as heat maps on one scale.",
    )
    class_labels.explain(features.names[:1], label)


def curves(
    histories: Mapping[str, Mapping[str, Sequence[float]]], title: str
) -> None:
    """Draw loss and accuracy by epoch.

    Args:
        histories: {name: the `history` dictionary of a Keras fit}. Solid
            lines are training, dashed ones validation.
    """
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.6))
    for ax, metric in zip(axes, ("loss", "accuracy"), strict=True):
        for i, (name, history) in enumerate(histories.items()):
            for key, split, style in (
                (metric, "training", "-o"),
                (f"val_{metric}", "validation", "--s"),
            ):
                values = history.get(key, ())
                # With `validation_freq=2`, every second epoch has a value.
                every = len(history.get(metric, ())) // max(1, len(values))
                epochs = every * np.arange(1, len(values) + 1)
                label = f"{name}, {split}" if values else None
                ax.plot(epochs, values, style, c=f"C{i}", ms=4, label=label)
        ax.set(xlabel="epoch", ylabel=metric)
        ax.xaxis.get_major_locator().set_params(integer=True)
    entries = axes[0].get_legend_handles_labels()
    figure.legend(*entries, loc="outside right upper", fontsize=9)
    figure.suptitle(title)
    last = {
        f"{name}, {split}": f"{history[key][-1]:.3f}"
        for name, history in histories.items()
        for key, split in (
            ("accuracy", "training"),
            ("val_accuracy", "validation"),
        )
        if history.get(key)
    }
    show(
        figure,
        f"{title}. Lines of loss and accuracy by epoch. Last accuracy: "
        f"{listed(last)}.",
    )


def sample(split: Split, count: int, seed: int, lighten: float = 1) -> None:
    """Show random photos of a split with their labels.

    Args:
        lighten: if above 1, the photos are shown once more below, with so
            many times the light.
    """
    count = min(count, len(split))
    chosen = np.random.default_rng(seed).choice(len(split), count, False)
    labels = class_labels.classes(split.class_names, 1.7, 10)
    images = pipeline.load_photos(
        [split.paths[i] for i in chosen], split.shape
    )
    titles = [labels[split.labels[i]] for i in chosen]
    lightened = [*lighten * images] if lighten > 1 else []
    photos(
        [*images, *lightened],
        titles + ["lightened"] * len(lightened),
        f"{count} random photos with their labels",
        min(count, 6),
    )
    class_labels.explain(split.class_names, labels, split.labels[chosen])


def mistakes(split: Split, probabilities: NDArray) -> None:
    """Show the twelve most confident wrong predictions.

    Args:
        split: n photos.
        probabilities: predictions, (n, number of classes), 0-1.
    """
    predicted = probabilities.argmax(axis=-1)
    confidence = probabilities.max(axis=-1)
    order = np.argsort(-confidence)
    worst = order[(predicted != split.labels)[order]][:12]
    if not worst.size:
        print(f"No mistakes among the {len(split)} photos of {split.name}.")
        return
    labels = class_labels.classes(split.class_names, 0.95, 10)
    photos(
        [pipeline.load_photo(split.paths[i], split.shape) for i in worst],
        [
            f"{labels[split.labels[i]]}, predicted\n"
            f"{labels[predicted[i]]} {confidence[i]:.0%}"
            for i in worst
        ],
        "The most confident mistakes: true class, predicted class",
    )
    shown = np.concatenate([split.labels[worst], predicted[worst]])
    class_labels.explain(split.class_names, labels, shown)


def confusion(
    labels: ArrayLike, predicted: ArrayLike, class_names: Sequence[str]
) -> None:
    """Draw the confusion matrix: rows are true classes, in photos.

    With more than `MOST_NUMBERED` classes, the cells have no numbers. Of
    more than `MOST`, those with the most errors are shown.

    Args:
        labels, predicted: class indices of shape (n,).
    """
    figure = plt.figure()
    notes = draw_confusion(figure, labels, predicted, class_names)
    pairs = zip(np.asarray(labels), np.asarray(predicted), strict=True)
    wrong = collections.Counter((t, p) for t, p in pairs if t != p)
    total = np.size(labels)
    most = {
        f"{class_names[t]}, predicted {class_names[p]}": f"{count}"
        for (t, p), count in wrong.most_common(MOST_READ)
    }
    show(
        figure,
        f"Confusion matrix: {total - wrong.total()} of {total} photos are "
        f"correct. Most frequent errors: {listed(most) or 'none'}.",
    )
    for note in notes:
        print(note)


def draw_confusion(
    figure: Figure,
    labels: ArrayLike,
    predicted: ArrayLike,
    class_names: Sequence[str],
    cell: float = 0.75,
) -> list[str]:
    """Draw what `confusion` shows into an empty figure, and set its size.

    Args:
        labels, predicted, class_names: as for `confusion`.
        cell: the side of a cell, in inches, where there is room for it.

    Returns:
        Lines that explain the labels that are numbers.
    """
    # A second to import, which not every lesson needs.
    from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix

    labels, predicted = np.asarray(labels), np.asarray(predicted)
    shown = most_errors(labels, predicted, class_names)
    indices = range(len(class_names))
    matrix = confusion_matrix(labels, predicted, labels=indices)
    side = min(max(4.2, cell * len(shown) + 1.6), 12)  # inches
    names = class_labels.classes(class_names, min(0.3 * side, 2))
    figure.set_size_inches(side + 1, side)
    ax = figure.add_subplot()
    ConfusionMatrixDisplay(
        matrix[np.ix_(shown, shown)], display_labels=[names[i] for i in shown]
    ).plot(
        ax=ax,
        cmap="Blues",
        colorbar=False,
        im_kw={"vmin": 0},
        include_values=len(shown) <= MOST_NUMBERED,
        values_format="d",
    )
    ax.grid(False)
    plt.setp(ax.get_xticklabels(), rotation=45, ha="right")
    subset = subset_note(shown, class_names, "most errors")
    ax.set(
        title=f"Confusion matrix (photos){subset}",
        xlabel="predicted class",
        ylabel="true class",
    )
    return class_labels.explanations(class_names, names, shown)


def in_percent(
    accuracies: Sequence[stats.Accuracy],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return n accuracies and the lengths of their error bars, (2, n)."""
    centers = np.array([100 * a.proportion for a in accuracies])
    ends = np.array([(100 * a.low, 100 * a.high) for a in accuracies])
    return centers, np.abs(ends.T - centers)


def accuracies(
    results: Mapping[str, stats.Accuracy | ArrayLike],
    title: str,
    of: str = "test",
) -> None:
    """Draw accuracies with their 95% intervals, one row each.

    Args:
        results: {name: `stats.Accuracy`, or booleans of shape (n,)}.
        of: the split they were measured on.
    """
    figure, ax = plt.subplots(figsize=(8, 0.55 * len(results) + 1.5))
    accuracies = {
        name: r if isinstance(r, stats.Accuracy) else stats.accuracy(r)
        for name, r in results.items()
    }
    draw_accuracies(ax, accuracies)
    ax.set(
        title=title, xlabel=f"{of} accuracy (%), 95% interval", ylabel="model"
    )
    percent = {
        name: f"{100 * a.proportion:.1f} ({100 * a.low:.1f} to "
        f"{100 * a.high:.1f})"
        for name, a in accuracies.items()
    }
    show(
        figure,
        f"{title}. Dots: {of} accuracy in percent, with its 95% interval. "
        f"{listed(percent)}.",
    )


def draw_accuracies(ax: Axes, results: Mapping[str, stats.Accuracy]) -> None:
    """Draw the rows of `accuracies` into axes, which the caller labels."""
    centers, errors = in_percent([*results.values()])
    rows = range(len(results))
    ax.errorbar(centers, rows, xerr=errors, fmt="o", color=BLUE, capsize=4)
    for row, center in enumerate(centers):
        ax.annotate(
            f"{center:.1f}%",
            (center, row),
            (0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    ax.set_yticks(rows, results.keys())
    ax.set_ylim(len(results) - 0.4, -0.7)


def draw_learning_curve(
    ax: Axes, accuracies: Mapping[int, Sequence[float]]
) -> None:
    """Draw accuracy by the number of training photos into axes.

    Args:
        accuracies: {number of photos: accuracies 0-1, one for each random
            draw of so many}. Each is a dot, and a line joins the means.
    """
    for photos, values in accuracies.items():
        percent = 100 * np.array(values)
        ax.plot([photos] * len(values), percent, "o", color=BLUE, alpha=0.5)
    means = [100 * np.mean(values) for values in accuracies.values()]
    ax.plot([*accuracies], means, color=ORANGE, linewidth=2)
    ax.set_xticks([*accuracies])
    ax.set(xlabel="training photos", ylabel="validation accuracy (%)")


def learning_curve(accuracies: Mapping[int, Sequence[float]]) -> None:
    """Draw accuracy by the number of training photos."""
    figure, ax = plt.subplots(figsize=(8, 3.4))
    draw_learning_curve(ax, accuracies)
    ax.set(title="Would more photos help?")
    means = {
        str(count): f"{100 * np.mean(values):.1f}%"
        for count, values in accuracies.items()
    }
    show(
        figure,
        "Line: mean validation accuracy by the number of training photos. "
        f"{listed(means)}.",
    )


def histograms(ax: Axes, sets: Mapping[str, NDArray]) -> None:
    """Draw histograms of sets of numbers, each in percent of its set.

    Args:
        ax: its x axis is labelled by the caller.
        sets: {name: numbers (n,)}.
    """
    edges = np.histogram_bin_edges(np.concatenate([*sets.values()]), 30)
    for name, values in sets.items():
        weights = np.full(len(values), 100 / len(values))
        ax.hist(
            values, edges.tolist(), weights=weights, alpha=0.65, label=name
        )
    ax.set(ylabel="proportion of photos (%)")


def seconds(times: Mapping[str, float], title: str) -> None:
    """Draw how long each step took.

    Args:
        times: {name: seconds}.
    """
    figure, ax = plt.subplots(figsize=(8, 0.5 * len(times) + 1.3))
    bars = ax.barh(list(times), list(times.values()), color=BLUE)
    labels = [f"{t:.1f} s" if t >= 1 else f"{t:.1g} s" for t in times.values()]
    ax.bar_label(bars, labels, padding=4)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set(title=title, xlabel="time (s)", ylabel="step")
    rows = dict(zip(times, labels, strict=True))
    show(figure, f"{title}. Bars of the time of each step. {listed(rows)}.")


def draw_learning_rates(
    ax: Axes, rates: ArrayLike, losses: NDArray, chosen: float
) -> None:
    """Draw what `learning_rates` shows into axes, without the dots."""
    ax.plot(rates, losses, color=BLUE)
    ax.axvline(chosen, color=ORANGE, linewidth=2, label=f"{chosen:.1e}")
    ax.set_ylim(0.8 * np.nanmin(losses), min(np.nanmax(losses), 4 * losses[0]))
    ax.legend()  # where no curve runs
    ax.set(
        xscale="log",
        title="Learning rate range test",
        xlabel="learning rate",
        ylabel="loss, smoothed",
    )


@matplotlib.rc_context({"text.parse_math": True})  # powers of ten
def learning_rates(
    rates: ArrayLike,
    losses: ArrayLike,
    chosen: float,
    batches: ArrayLike | None = None,
) -> None:
    """Draw the loss at each learning rate tried, and the one chosen.

    Args:
        rates: learning rates, ascending, shape (n,).
        losses: the smoothed loss at each, shape (n,).
        batches: the loss of each single batch, shape (n,).
    """
    figure, ax = plt.subplots(figsize=(8, 3.4))
    if batches is not None:
        ax.plot(rates, batches, "o", color=GREY, markersize=3)
    rates, losses = np.asarray(rates), np.asarray(losses)
    draw_learning_rates(ax, rates, losses, chosen)
    figure.draw_without_rendering()  # makes the tick labels while in effect
    show(
        figure,
        f"Line: the smoothed loss at learning rates from {rates[0]:.1e} to "
        f"{rates[-1]:.1e}. It is {losses[0]:.2g} at the first and least, "
        f"{np.nanmin(losses):.2g}, at {rates[np.nanargmin(losses)]:.1e}; "
        f"{chosen:.1e} is marked.",
    )


def relative_change(distances: Mapping[str, float], title: str) -> None:
    """Draw how much training changed the weights of each block.

    Args:
        distances: {block: distance, relative to the norm of its weights}.
    """
    figure, ax = plt.subplots(figsize=(9, 3.2))
    percent = [100 * distance for distance in distances.values()]
    colours = [ORANGE if value else BLUE for value in percent]
    bars = ax.bar(list(distances), percent, color=colours)
    labels = [f"{value:.2g}" if value else "0" for value in percent]
    ax.bar_label(bars, labels, padding=2)
    ax.margins(y=0.15)
    ax.set(title=title, xlabel="block", ylabel="relative change (%)")
    ax.tick_params(axis="x", labelsize=9)
    changes = {b: f"{100 * d:.2g}%" for b, d in distances.items() if d}
    show(
        figure,
        f"{title}. Bars of the relative change of the weights of "
        f"{len(distances)} blocks; not 0 are {listed(changes) or 'none'}.",
    )
