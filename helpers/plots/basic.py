"""Every figure of the lessons.

Colours are those of Okabe and Ito's palette, which people with any kind of
colour vision tell apart.
"""

import matplotlib.pyplot as plt
import numpy as np

from helpers import stats
from helpers.dataset import pipeline
from helpers.network import blocks
from helpers.plots import class_labels

BLUE, ORANGE, GREEN, RED, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#999999",
)
COLOURS = (BLUE, ORANGE, GREEN, RED, "#CC79A7", "#56B4E9")
NUMBERED = 25  # classes of a confusion matrix whose cells have room for it
MOST = 40  # classes in one figure, so that their names can be read

plt.rcdefaults()  # whatever the user's matplotlibrc says
plt.rcParams.update(
    {
        "figure.dpi": 100,
        "figure.constrained_layout.use": True,
        "font.size": 11,
        "text.parse_math": False,  # a class may be named $1_$5
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.3,
        "axes.axisbelow": True,
    }
)


def photos(images, titles, title, columns=6):
    """Show photos in rows.

    Args:
        images: n pictures, uint8 or float in 0-255, (height, width, 3).
        titles: n short texts, one above each. One with a character that no
            installed font has becomes "photo 3", counted from 0, and is
            printed below.
        title: of the figure.
        columns: photos in a row.
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
    for ax, image, text in zip(axes.flat, images, labels, strict=False):
        ax.imshow(np.clip(np.asarray(image), 0, 255).astype("uint8"))
        ax.set_title(text, fontsize=10)
    figure.suptitle(title)
    plt.show()
    class_labels.explain(titles, labels, noun="photo")


def class_counts(parts):
    """Show how many photos of each class each part of a split has.

    Of more than `MOST` classes, those with the fewest photos are shown.

    Args:
        parts: a list of `dataset.Split`.
    """
    class_names = parts[0].class_names
    labels = class_labels.classes(class_names, 2)
    counts = [
        np.bincount(split.labels, minlength=len(class_names))
        for split in parts
    ]
    total = np.sum(counts, axis=0)
    shown = np.sort(np.argsort(total, kind="stable")[:MOST])
    height = max(3.2, 0.24 * len(shown) + 1.3)
    _, ax = plt.subplots(figsize=(8, height))
    rows, left = np.arange(len(shown)), np.zeros(len(shown))
    for split, its, colour in zip(parts, counts, COLOURS, strict=False):
        widths = its[shown]
        ax.barh(rows, widths, left=left, color=colour, label=split.name)
        for row, (start, count) in enumerate(zip(left, widths, strict=True)):
            if count < 0.03 * total[shown].max():
                continue  # the number would stand on the next one
            ax.text(
                start + count / 2,
                row,
                count,
                ha="center",
                va="center",
                color="white",
            )
        left += widths
    ax.set_yticks(rows, [labels[place] for place in shown])
    ax.invert_yaxis()
    fewest = of_all(shown, class_names, "fewest photos")
    ax.set(title=f"The split, by class{fewest}", xlabel="photos")
    ax.set(ylabel="class")
    below = -0.25 * 3.2 / height  # the same distance in inches
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, below), ncols=3)
    plt.show()
    class_labels.explain(class_names, labels, shown)


def most_errors(labels, predicted, class_names):
    """Return the places of the classes with the most errors, ascending.

    An error counts for the true class and for the predicted one.

    Args:
        labels, predicted: integers of shape (n,), places in `class_names`.
        class_names: the classes. Of more than `MOST`, so many are chosen.
    """
    wrong = labels != predicted
    both = np.concatenate([labels[wrong], predicted[wrong]])
    errors = np.bincount(both, minlength=len(class_names))
    return np.sort(np.argsort(-errors, kind="stable")[:MOST])


def of_all(shown, class_names, what):
    """Return what a title says of classes that are not all there are."""
    if len(shown) == len(class_names):
        return ""
    return f": the {len(shown)} of {len(class_names)} with the {what}"


def pixel_values(values):
    """Show what pixel values enter the base.

    Args:
        values: {name: array of pixels}, one panel each.
    """
    figure, axes = plt.subplots(
        1, len(values), figsize=(4.2 * len(values), 3), squeeze=False
    )
    for ax, (name, pixels), colour in zip(
        axes.flat, values.items(), COLOURS, strict=False
    ):
        pixels = np.asarray(pixels).ravel()
        ax.hist(pixels, bins=60, color=colour)
        ax.set(title=name, xlabel="pixel value", ylabel="pixels")
        ax.ticklabel_format(axis="y", style="sci", scilimits=(0, 3))
    figure.suptitle("What enters the base")
    plt.show()


def anatomy(base, title="Inception v3, from pixels to features"):
    """Draw the blocks of the base: size, channels, and what is frozen.

    Args:
        base: Inception v3 without its top, its layers frozen or not.
        title: of the figure.
    """
    found = blocks.blocks(base)
    _, ax = plt.subplots(figsize=(11, 3.8))
    for x, block in enumerate(found):
        colour = ORANGE if block.trainable else BLUE
        side, _, channels = block.shape
        ax.bar(x, side, width=0.75, color=colour)
        ax.text(
            x,
            side + 1.5,
            f"{side}×{side}\n×{channels}",
            ha="center",
            fontsize=9,
        )
    ax.set_xticks(
        range(len(found)),
        [f"{b.name}\n{b.first}–{b.last}" for b in found],
        fontsize=9,
    )
    for colour, name in ((BLUE, "frozen"), (ORANGE, "trainable")):
        ax.bar(0, 0, color=colour, label=name)
    ax.legend()
    ax.set(
        title=title,
        xlabel="block, and the indices of its layers",
        ylabel="side of its output (cells)",
        ylim=(0, 46),
    )
    plt.show()


def feature_maps(found, names=("mixed0", "mixed5", "mixed10"), columns=6):
    """Show what some blocks say of a photo: the channels that stand out.

    Args:
        found: `network.FeatureMaps`; its first photo is shown.
        names: of the blocks, a row each.
        columns: channels of each.
    """
    figure, axes = plt.subplots(
        len(names), columns + 1, figsize=(1.5 * columns + 2.6, 5.4)
    )
    top = max(found.maps[name][0].max() for name in names)
    for name, row in zip(names, axes, strict=True):
        row[0].imshow(found.photos[0])
        row[0].set_ylabel(name)
        for place, ax in enumerate(row[1:]):
            shown = ax.imshow(found.maps[name][0, place], vmin=0, vmax=top)
            channel = found.channels[name][0, place]
            ax.set_title(f"channel {channel}", fontsize=9)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    figure.colorbar(shown, ax=axes, label="answer (0: none)", shrink=0.8)
    label = class_labels.classes(found.names[:1], 5, 12)
    figure.suptitle(f"The channels that stand out most ({label[0]})")
    plt.show()
    class_labels.explain(found.names[:1], label)


def curves(histories, title):
    """Draw loss and accuracy by epoch.

    Args:
        histories: {name: the `history` dictionary of a Keras fit}. Solid
            lines are training, dashed ones validation.
        title: of the figure.
    """
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.6))
    for ax, what in zip(axes, ("loss", "accuracy"), strict=True):
        for (name, history), colour in zip(
            histories.items(), COLOURS, strict=False
        ):
            for key, style in ((what, "-o"), (f"val_{what}", "--s")):
                if key in history:
                    epochs = np.arange(1, len(history[key]) + 1)
                    split = "validation" if "val" in key else "training"
                    ax.plot(
                        epochs,
                        history[key],
                        style,
                        color=colour,
                        markersize=4,
                        label=f"{name}, {split}",
                    )
        ax.set(xlabel="epoch", ylabel=what)
        ax.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside right upper",
        fontsize=9,
    )
    figure.suptitle(title)
    plt.show()


def sample(split, count, seed=0):
    """Show photos of a part drawn by lot, with their labels.

    Args:
        part: a `dataset.Split`.
        count: how many, if there are so many.
        seed: of the lot.
    """
    count = min(count, len(split))
    chosen = np.random.default_rng(seed).choice(len(split), count, False)
    labels = class_labels.classes(split.class_names, 1.7, 10)
    photos(
        [pipeline.load_photo(split.paths[i]) for i in chosen],
        [labels[split.labels[i]] for i in chosen],
        f"{count} photos drawn by lot ({split.name}), with their labels",
    )
    class_labels.explain(split.class_names, labels, split.labels[chosen])


def mistakes(split, probabilities, count=12):
    """Show the wrong answers a model was surest of, surest first.

    Args:
        part: a `dataset.Split` of n photos.
        probabilities: what the model said, (n, number of classes), 0-1.
        count: photos at most.
    """
    predicted = probabilities.argmax(axis=-1)
    sure = np.where(predicted == split.labels, -1, probabilities.max(axis=-1))
    worst = [i for i in np.argsort(-sure)[:count] if sure[i] >= 0]
    if not worst:
        print(f"No mistakes among the {len(split)} photos of {split.name}.")
        return
    labels = class_labels.classes(split.class_names, 1.1, 10)
    places = split.labels[worst], predicted[worst]
    true, said = ([labels[place] for place in its] for its in places)
    photos(
        [pipeline.load_photo(split.paths[i]) for i in worst],
        [
            f"{t}, said\n{s} {sure[i]:.0%}"
            for i, t, s in zip(worst, true, said, strict=True)
        ],
        "The surest mistakes: true class, and what the model said",
    )
    class_labels.explain(split.class_names, labels, np.concatenate(places))


def confusion(labels, predicted, class_names):
    """Draw the confusion matrix: rows are true classes, in photos.

    With more than `NUMBERED` classes, no numbers stand in the cells. Of
    more than `MOST`, those with the most errors are shown.

    Args:
        labels, predicted: integers of shape (n,), places in `class_names`.
        class_names: the classes.
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    n = len(class_names)
    matrix = np.bincount(n * labels + predicted, minlength=n * n)
    shown = most_errors(labels, predicted, class_names)
    matrix = matrix.reshape(n, n)[np.ix_(shown, shown)]
    worst = of_all(shown, class_names, "most errors")
    n = len(shown)
    side = min(max(4.2, 0.75 * n + 1.6), 12)  # inches
    names = class_labels.classes(class_names, min(0.3 * side, 2))
    ticks = [names[place] for place in shown]
    _, ax = plt.subplots(figsize=(side + 1, side))
    ax.imshow(matrix, cmap="Blues", vmin=0)
    ax.grid(False)
    numbered = range(n if n <= NUMBERED else 0)
    for row in numbered:
        for column in numbered:
            dark = matrix[row, column] > matrix.max() / 2
            ax.text(
                column,
                row,
                matrix[row, column],
                ha="center",
                va="center",
                color="white" if dark else "black",
            )
    ax.set_xticks(range(n), ticks, rotation=45, ha="right")
    ax.set_yticks(range(n), ticks)
    ax.set(
        title=f"Confusion matrix (photos){worst}",
        xlabel="predicted class",
        ylabel="true class",
    )
    plt.show()
    class_labels.explain(class_names, names, shown)


def accuracies(found, title, of="test"):
    """Draw accuracies with their 95 % intervals, one row each.

    Args:
        found: {name: `stats.Accuracy`, or booleans of shape (n,)}.
        title: of the figure.
        of: which photos they were measured on.
    """
    _, ax = plt.subplots(figsize=(8, 0.55 * len(found) + 1.5))
    for row, value in enumerate(found.values()):
        if not isinstance(value, stats.Accuracy):
            value = stats.accuracy(value)
        share = 100 * value.share
        ax.errorbar(
            share,
            row,
            xerr=[[share - 100 * value.low], [100 * value.high - share]],
            fmt="o",
            color=BLUE,
            capsize=4,
        )
        ax.annotate(
            f"{share:.1f} %",
            (share, row),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    ax.set_yticks(range(len(found)), found.keys())
    ax.set_ylim(len(found) - 0.4, -0.7)
    ax.set(
        title=title, xlabel=f"{of} accuracy (%), 95 % interval", ylabel="model"
    )
    plt.show()


def spread(ax, sets):
    """Draw how sets of numbers spread, each in percent of its own size.

    Args:
        ax: where; its x axis is labelled by whoever calls.
        sets: {name: numbers (n,)}.
    """
    edges = np.histogram_bin_edges(np.concatenate([*sets.values()]), 30)
    for (name, values), colour in zip(sets.items(), COLOURS, strict=False):
        share = np.full(len(values), 100 / len(values))
        look = {"color": colour, "alpha": 0.65, "label": name}
        ax.hist(values, edges, weights=share, **look)
    ax.set(ylabel="share of its photos (%)")


def seconds(times, title):
    """Draw how long each way took.

    Args:
        times: {name: seconds}.
        title: of the figure.
    """
    _, ax = plt.subplots(figsize=(8, 0.5 * len(times) + 1.3))
    bars = ax.barh(list(times), list(times.values()), color=BLUE)
    labels = [f"{t:.1f} s" if t >= 1 else f"{t:.1g} s" for t in times.values()]
    ax.bar_label(bars, labels, padding=4)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set(title=title, xlabel="time (s)", ylabel="what takes it")
    plt.show()


# Powers of ten are math text.
@plt.rc_context({"text.parse_math": True})  # type: ignore[operator]
def learning_rates(rates, losses, chosen):
    """Draw the loss at each learning rate tried, and the one chosen.

    Args:
        rates: learning rates, ascending, shape (n,).
        losses: the loss at each, shape (n,).
        chosen: the learning rate taken.
    """
    figure, ax = plt.subplots(figsize=(8, 3.4))
    ax.plot(rates, losses, color=BLUE)
    ax.axvline(chosen, color=ORANGE, linewidth=2)
    low = np.nanmin(losses)
    ax.set_ylim(0.9 * low, min(np.nanmax(losses), 4 * losses[0]))
    ax.annotate(
        f"{chosen:.1e}",
        (chosen, 0.93),
        (6, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        bbox={"color": "white", "pad": 1},  # the curve may pass behind it
    )
    ax.set(
        xscale="log",
        title="The same photos at rising learning rates",
        xlabel="learning rate",
        ylabel="loss before the step",
    )
    figure.draw_without_rendering()  # labels of ticks are made only now
    plt.show()


def relative_change(distances, title):
    """Draw how far each block moved.

    Args:
        distances: {block: distance, a share of its size}.
        title: of the figure.
    """
    _, ax = plt.subplots(figsize=(9, 3.2))
    fractions = [100 * d for d in distances.values()]
    bars = ax.bar(
        list(distances),
        fractions,
        color=[ORANGE if s else BLUE for s in fractions],
    )
    labels = [f"{s:.2g}" if s else "0" for s in fractions]
    ax.bar_label(bars, labels, padding=2)
    ax.margins(y=0.15)
    ax.set(title=title, xlabel="block", ylabel="moved by (% of its size)")
    ax.tick_params(axis="x", labelsize=9)
    plt.show()
