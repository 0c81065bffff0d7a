"""The boundary between frozen and trainable blocks, as a slider."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from ipywidgets import SelectionSlider

from helpers.network import blocks
from helpers.plots.basic import BLUE, ORANGE
from helpers.widgets.panel import Panel, control, figure

NOTHING = "nothing"  # is frozen
# Not by colour alone.
FROZEN: dict[str, Any] = dict(facecolor=BLUE, edgecolor="white", hatch="//")
TRAINABLE = FROZEN | {"facecolor": ORANGE, "hatch": ""}


def boundary(base: keras.Model) -> Panel:
    """Show the trainable parameters and the cost of an epoch by boundary.

    The base does not change. Operations are those of the convolutions (see
    `blocks.flops`); training takes about three times those of a forward
    pass, as the backward pass needs the gradients of weights and inputs.
    The head is not counted.

    Args:
        base: `keras.applications.InceptionV3` without its top. The slider
            starts at its boundary.

    Returns:
        A panel with the control `boundary`, whose value is "nothing" or the
        name of the last frozen block.

    Raises:
        ValueError: the model has no layer named mixed0 to mixed10.
    """
    inception = blocks.blocks(base)
    gflops = np.array(list(blocks.flops(base).values()))
    parameters = np.array([block.parameters for block in inception])
    trainable = np.array([_trainable(base, block) for block in inception])
    names = [block.name for block in inception]
    options = [NOTHING, *names]
    trained = [bool(block.trainable) for block in inception]
    start = options[trained.index(True) if any(trained) else len(names)]

    drawn = figure(10.6, 4.2)
    grid = drawn.add_gridspec(2, 2, width_ratios=(2.3, 1))
    top = drawn.add_subplot(grid[0, 0])
    bottom = drawn.add_subplot(grid[1, 0], sharex=top)
    side = drawn.add_subplot(grid[:, 1])
    positions = np.arange(len(names))
    bars = [
        *top.bar(positions, parameters / 1e6, 0.75),
        *bottom.bar(positions, gflops, 0.75),
    ]
    top.bar(0, 0, label="frozen", **FROZEN)
    top.bar(0, 0, label="trainable", **TRAINABLE)
    top.legend(loc="upper left")
    top.set(
        title="Frozen and trainable, by block",
        ylabel="parameters\n(million)",
    )
    top.tick_params(labelbottom=False)
    bottom.set(xlabel="block", ylabel="forward pass\n(GFLOP)")
    bottom.set_xticks(positions, names, fontsize=9, rotation=30)
    ways = "from the\npixels", "on cached\nfeatures"
    (forward,) = side.bar(ways[:1], 0, 0.6, **FROZEN)
    training = side.bar(ways, (0, 0), 0.6, **TRAINABLE)
    numbers = [side.text(i, 0, "", ha="center", va="bottom") for i in (0, 1)]
    side.set(
        title="An epoch, per photo",
        xlabel="input of the training",
        ylabel="operations (GFLOP)",
        ylim=(0, 3.3 * gflops.sum()),
    )
    slider = control(SelectionSlider, "Frozen up to", 480, options=options)
    slider.value = start

    def update() -> str:
        frozen = slider.index  # number of frozen blocks
        for i, bar in enumerate(bars):
            bar.set(**FROZEN if i % len(names) < frozen else TRAINABLE)
        below, above = gflops[:frozen].sum(), gflops[frozen:].sum()
        forward.set_height(below)
        training[0].set_y(below)
        for bar, number in zip(training, numbers, strict=True):
            bar.set_height(3 * above)
            total = bar.get_y() + 3 * above
            number.set_y(total)
            number.set_text(f"{total:.1f}")
        count = trainable[frozen:].sum()
        return (
            f"{_boundary(inception, frozen)}{count:,} parameters "
            f"({count / parameters.sum():.0%} of the base).\n"
            f"{_cost(below, above)}"
        )

    shows = "all blocks" if start == NOTHING else f"it after {start}"
    return Panel(
        {"boundary": slider},
        drawn,
        update,
        f"Run this cell to move the boundary; the figure above shows {shows}.",
    )


def _trainable(base: keras.Model, block: blocks.Block) -> int:
    """Return the trainable parameters of a block if it were not frozen."""
    count = block.parameters
    for layer in base.layers[block.first : block.last + 1]:
        if isinstance(layer, keras.layers.BatchNormalization):
            count -= 2 * int(np.prod(layer.moving_mean.shape))
    return count


def _boundary(inception: Sequence[blocks.Block], frozen: int) -> str:
    if frozen == 0:
        return "Nothing is frozen: all blocks are trainable, "
    if frozen == len(inception):
        return "All blocks are frozen, and only a head would be trained: "
    last = inception[frozen - 1]
    return (
        f"Frozen up to {last.name} (layers 0 to {last.last}), trainable from "
        f"layer {last.last + 1} on: {len(inception) - frozen} of "
        f"{len(inception)} blocks, "
    )


def _cost(below: float, above: float) -> str:
    total = below + above
    return (
        f"Of the {total:.1f} GFLOP (billion operations) of a forward pass, "
        f"{above:.1f} are above the boundary ({above / total:.0%}). Training "
        f"takes about three times that, {3 * above:.1f} per photo and epoch, "
        f"on features cached once for {below:.1f}; from the pixels an epoch "
        f"takes {below + 3 * above:.1f}. (Only convolutions are counted, with "
        "two operations for each weight at each position.)"
    )
