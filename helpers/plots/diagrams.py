"""Block diagrams: the network, one of its modules, and the lessons' models.

Lengths are in inches. Colours are those of the other figures.
"""

import collections
import itertools

import keras
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from helpers.network import blocks
from helpers.plots.basic import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    ink,
    show,
)

WIDTH = 11.0  # of the figures, so that they are readable in a lesson
POOLING = {
    keras.layers.AveragePooling2D: "average",
    keras.layers.MaxPooling2D: "maximum",
}


def canvas(
    width: float, height: float, title: str = ""
) -> tuple[Figure, Axes]:
    """Return a figure and its axes without marks, whose units are inches."""
    figure, ax = plt.subplots(figsize=(width, height))
    ax.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    ax.axis("off")
    ax.set_title(title)
    return figure, ax


def box(
    ax: Axes,
    center: tuple[float, float],
    size: tuple[float, float],
    colour: str,
    text: str = "",
) -> None:
    """Draw a box with a text in it."""
    corner = center[0] - size[0] / 2, center[1] - size[1] / 2
    ax.add_patch(Rectangle(corner, *size, facecolor=colour, ec="black"))
    ax.text(*center, text, ha="center", va="center", color=ink(colour))


def arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float]
) -> None:
    """Draw an arrow from one point to another."""
    style = {"arrowstyle": "-|>", "color": "black", "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style)


def block_diagram(base: keras.Model, boundary: str | None = None) -> None:
    """Draw the blocks of the base: grid, channels, frozen or trainable.

    Args:
        boundary: the last block before a cut, which is marked.

    Raises:
        ValueError: the base is not Inception v3, or has no such block.
    """
    inception = blocks.blocks(base)
    names = [block.name for block in inception]
    if boundary is not None and boundary not in names:
        raise ValueError(
            f"There is no block {boundary}; the blocks are {', '.join(names)}."
        )
    figure, ax = canvas(WIDTH, 3.9)
    slot, middle = WIDTH / len(inception), 1.85
    widest = max(block.shape[-1] for block in inception)
    tallest = max(block.shape[0] for block in inception)
    end = None
    for i, block in enumerate(inception):
        side, _, channels = block.shape
        x = (i + 0.5) * slot
        width = slot * (0.2 + 0.6 * channels / widest)
        height = 2.1 * side / tallest
        colour = ORANGE if block.trainable else BLUE
        if end is not None:
            arrow(ax, (end, middle), (x - width / 2, middle))
        box(ax, (x, middle), (width, height), colour)
        end = x + width / 2
        top, bottom = middle + height / 2 + 0.08, middle - height / 2 - 0.08
        ax.text(x, top, block.name, ha="center", va="bottom", fontsize=10)
        shape = f"{side}×{side}\n×{channels}"
        ax.text(x, bottom, shape, ha="center", va="top", fontsize=10)
    if boundary is not None:
        x = (names.index(boundary) + 1) * slot
        ax.plot([x, x], [0.3, 3.4], "--", color="black")
        ax.text(x, 3.45, f"cut past {boundary}", ha="center", va="bottom")
    handles = [
        Patch(facecolor=colour, edgecolor="black", label=label)
        for colour, label in ((BLUE, "frozen"), (ORANGE, "trainable"))
    ]
    ax.legend(handles=handles, loc="lower left", ncols=2, frameon=False)
    trainable = [block.name for block in inception if block.trainable]
    cut = f", with a cut past {boundary}" if boundary is not None else ""
    show(
        figure,
        f"Diagram of the {len(names)} blocks of the base, {names[0]} to "
        f"{names[-1]}, from left to right{cut}. Trainable: "
        f"{', '.join(trainable) or 'none'}.",
    )


def _sources(layer: keras.Layer, start: keras.Layer) -> list[keras.Layer]:
    """Return the layers of a module that a layer gets its input from.

    Only convolutions, pooling layers and the `start` of the module count;
    a layer between them is passed through.
    """
    kept = (keras.layers.Conv2D, *POOLING)
    inputs = layer.input if isinstance(layer.input, list) else [layer.input]
    found = []
    for tensor in inputs:
        source = tensor._keras_history.operation
        if source is start or isinstance(source, kept):
            found.append(source)
        else:
            found += _sources(source, start)
    return found


def _label(layer: keras.Layer) -> str:
    """Return what a layer of a module does, in two lines."""
    if isinstance(layer, keras.layers.Conv2D):
        size, last = layer.kernel_size, f"{layer.filters} filters"
    else:
        size, last = layer.pool_size, f"{POOLING[type(layer)]} pooling"
    stride = ", stride 2" if layer.strides == (2, 2) else ""
    return f"{size[0]}×{size[1]}{stride}\n{last}"


def inception_module(base: keras.Model, name: str) -> None:
    """Draw the parallel branches of a module: kernel sizes and filters.

    Args:
        name: "mixed0" to "mixed10".

    Raises:
        ValueError: the base is not Inception v3, or has no such module.
    """
    inception = {block.name: block for block in blocks.blocks(base)}
    modules = [*inception][1:]
    first = [*inception.values()][modules.index(name)]
    start, end = base.layers[first.last], base.get_layer(name)
    branches = []  # the layers from the start to the end
    for layer in _sources(end, start):
        branch = [layer, end]
        while branch[0] is not start:
            branch[:0] = _sources(branch[0], start)
        branches.append(branch)
    rows = collections.defaultdict(list)  # those of the branches of a layer
    columns = {}
    for row, (_, *layers, _) in enumerate(branches):
        for column, layer in enumerate(layers):
            rows[layer].append(row)
            columns[layer] = column
    height = 0.78 * len(branches) + 0.2
    side, _, channels = first.shape
    side2, _, joined = end.output.shape[1:]
    figure, ax = canvas(WIDTH, height + 0.4, f"The module {name}")
    step = (WIDTH - 2.3) / (max(columns.values()) + 1)
    size = min(step - 0.3, 1.5), 0.56
    centers = {start: (0.6, height / 2), end: (WIDTH - 0.6, height / 2)}
    halves = {start: 0.55, end: 0.55}
    for layer, column in columns.items():
        y = height - 0.4 - 0.78 * float(np.mean(rows[layer]))
        centers[layer] = 1.15 + (column + 0.5) * step, y
        pool = not isinstance(layer, keras.layers.Conv2D)
        colour = GREEN if pool else "#56B4E9"
        box(ax, centers[layer], size, colour, _label(layer))
    pairs = (pair for b in branches for pair in itertools.pairwise(b))
    for a, b in dict.fromkeys(pairs):
        (x, y), (x2, y2) = centers[a], centers[b]
        left = x + halves.get(a, size[0] / 2)
        right = x2 - halves.get(b, size[0] / 2)
        y, y2 = (y2, y2) if a is start else (y, y if b is end else y2)
        arrow(ax, (left, y), (right, y2))
    tall = 1.1, 0.78 * len(branches) - 0.1
    box(ax, centers[start], tall, "white", f"{side}×{side}\n×{channels}")
    result = f"Concatenate\n{side2}×{side2}\n×{joined}"
    box(ax, centers[end], tall, "white", result)
    words = [_label(layer).replace("\n", ", ") for layer in columns]
    show(
        figure,
        f"Diagram of the module {name}: from {side}×{side}×{channels} "
        f"through {len({b[1] for b in branches})} parallel branches to a "
        "concatenation of "
        f"{side2}×{side2}×{joined}. Layers: {'; '.join(words)}.",
    )


def model_parts() -> None:
    """Draw the models that the lessons make of the base and a head."""
    figure, ax = canvas(WIDTH, 2.5, "The models and their names")
    y, x = 1.9, 0.5
    edges: dict[str, tuple[float, float]] = {}
    parts = (
        ("pixels", "white"),
        ("lower", BLUE),
        ("mixed8", "white"),
        ("upper", ORANGE),
        ("average", GREY),
        ("head", ORANGE),
        ("probabilities", "white"),
    )
    step = (WIDTH - 1.3) / (len(parts) - 1)
    for i, (name, colour) in enumerate(parts):
        x = 0.6 + i * step
        half = 0.65 if name == "probabilities" else 0.5
        edges[name] = x - half, x + half
        if i:
            arrow(ax, (x - step + 0.5, y), (x - half, y))
        if colour == "white":
            ax.text(x, y, name, ha="center", va="center")
        else:
            box(ax, (x, y), (2 * half, 0.6), colour, name)
    for name, first, depth in (
        ("tail", "upper", 1.2),
        ("whole", "lower", 0.5),
    ):
        left, right = edges[first][0], edges["head"][1]
        ax.plot(
            [left, left, right, right],
            [depth + 0.15, depth, depth, depth + 0.15],
            color="black",
        )
        ax.text((left + right) / 2, depth - 0.06, name, ha="center", va="top")
    show(
        figure,
        f"Diagram of the models: {', '.join(name for name, _ in parts)}, in "
        "this order. Upper to head are the model tail, lower to head the "
        "model whole.",
    )
