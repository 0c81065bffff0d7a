"""The boundary between frozen and trainable, to be moved."""

import ipywidgets
import keras
import numpy as np

from helpers.network import blocks
from helpers.plots.basic import BLUE, ORANGE
from helpers.widgets.panel import Panel, figure

NOTHING = "nothing"  # is frozen


def anatomy(base):
    """Show what is frozen and what an epoch costs, by the boundary.

    The base stays as it is: what would be trainable is counted. Counted
    as work are the convolutions (`network.flops`), and learning as three
    times the way up: once up, and down about twice as much, for the
    gradient of the weights and for that of what enters a layer. The head
    is not counted.

    Args:
        base: `keras.applications.InceptionV3` without its top. The slider
            begins at the boundary it has.

    Returns:
        A `panel.Panel` with the control `boundary`, whose value is
        "nothing" or the name of the last frozen block.

    Raises:
        ValueError: the model has no layer named mixed0 to mixed10.
    """
    found = blocks.blocks(base)
    work = np.array(list(blocks.flops(base).values()))
    size = np.array([b.parameters for b in found])
    may_train = np.array([_may_train(base, block) for block in found])
    names = [b.name for b in found]
    trained = [i for i, b in enumerate(found) if b.trainable]
    start = ([NOTHING] + names)[trained[0] if trained else len(found)]

    drawn = figure(10.6, 4.2)
    grid = drawn.add_gridspec(2, 2, width_ratios=(2.3, 1))
    top = drawn.add_subplot(grid[0, 0])
    bottom = drawn.add_subplot(grid[1, 0], sharex=top)
    side = drawn.add_subplot(grid[:, 1])
    x = np.arange(len(found))
    bars = [top.bar(x, size / 1e6, 0.75), bottom.bar(x, work, 0.75)]
    top.set(
        title="Frozen and trainable, by block",
        ylabel="parameters\n(million)",
    )
    top.tick_params(labelbottom=False)
    bottom.set(xlabel="block", ylabel="work of a photo\n(GFLOP)")
    bottom.set_xticks(x, names, fontsize=9, rotation=30)
    edges = [
        ax.axvline(0, color="black", linestyle="--") for ax in (top, bottom)
    ]
    for colour, name in ((BLUE, "frozen"), (ORANGE, "trainable")):
        top.bar(0, 0, color=colour, label=name)
    top.legend(loc="upper left")
    ways = "from the\npixels", "on stored\nanswers"
    costs = side.bar(ways, (0, 0), 0.6, color=ORANGE)
    (up,) = side.bar(ways[:1], 0, 0.6, color=BLUE)
    numbers = [side.text(i, 0, "", ha="center", va="bottom") for i in (0, 1)]
    side.set(
        title="An epoch, each photo",
        xlabel="how it is trained",
        ylabel="work (GFLOP)",
        ylim=(0, 3.3 * work.sum()),
    )

    slider = ipywidgets.SelectionSlider(
        options=[NOTHING, *names],
        value=start,
        description="Frozen up to",
        style={"description_width": "initial"},
        layout={"width": "480px"},
    )

    def update():
        frozen = slider.index  # so many blocks from the pixels up
        for its in bars:
            for place, bar in enumerate(its):
                bar.set_color(BLUE if place < frozen else ORANGE)
        for edge in edges:
            edge.set_xdata([frozen - 0.5] * 2)
        below, above = work[:frozen].sum(), work[frozen:].sum()
        up.set_height(below)
        costs[0].set_y(below)
        for bar, number in zip(costs, numbers, strict=True):
            bar.set_height(3 * above)
            number.set_y(bar.get_y() + 3 * above)
            number.set_text(f"{number.get_position()[1]:.1f}")
        return _words(found, frozen, may_train, size, below, above)

    sentence = (
        "Run this cell to move the boundary; the figure above shows "
        + (f"it after {start}." if start != NOTHING else "all blocks.")
    )
    rows = [["boundary"]]
    return Panel(
        "anatomy", {"boundary": slider}, rows, drawn, update, sentence
    )


def _may_train(base, block):
    """Return how many parameters training may change, were none frozen."""
    count = block.parameters
    for layer in base.layers[block.first : block.last + 1]:
        if isinstance(layer, keras.layers.BatchNormalization):
            count -= 2 * int(np.prod(layer.moving_mean.shape))
    return count


def _words(found, frozen, may_train, size, below, above):
    if frozen == 0:
        what = "Nothing is frozen: all blocks are trainable, "
    elif frozen == len(found):
        what = "All blocks are frozen, and a head alone would learn: "
    else:
        last = found[frozen - 1]
        what = (
            f"Frozen up to {last.name} (layers 0 to {last.last}), trainable "
            f"from layer {last.last + 1} on: {len(found) - frozen} of "
            f"{len(found)} blocks, "
        )
    count, all_of_it = may_train[frozen:].sum(), below + above
    return (
        f"{what}{count:,} parameters ({count / size.sum():.0%} of the base)."
        f"\nOf the {all_of_it:.1f} GFLOP (billion operations) that a photo "
        f"takes on its way through the base, {above:.1f} lie above the "
        f"boundary ({above / all_of_it:.0%}). Learning takes about three "
        f"times that, {3 * above:.1f} in each epoch, on answers stored once "
        f"for {below:.1f}; from the pixels an epoch takes "
        f"{below + 3 * above:.1f}. (Counted are the convolutions of the "
        "base, two operations for each weight at each place.)"
    )
