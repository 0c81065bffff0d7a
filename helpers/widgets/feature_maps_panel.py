"""What a block answers to in a photo, block by block."""

import ipywidgets
import numpy as np

from helpers.text import one_line
from helpers.widgets.panel import Panel, figure

ROWS, COLUMNS = 3, 4  # of channels
SIDE = 105  # pixels, of a channel: a multiple of 35, the largest grid
GAP, TITLE = 6, 18  # pixels between two, and above each


def feature_maps(found):
    """Show the channels of a block that stand out most in a photo.

    The scale is the same for all channels and photos of a block.

    Args:
        found: `network.FeatureMaps` with twelve channels.

    Returns:
        A `panel.Panel` with the controls `block` (its name) and `photo`
        (the place of one).
    """
    names = list(found.maps)
    block = ipywidgets.SelectionSlider(
        options=names,
        value="mixed5",
        description="Block",
        style={"description_width": "initial"},
        layout={"width": "420px"},
    )
    photo = ipywidgets.Dropdown(
        options=[(name, i) for i, name in enumerate(found.names)],
        description="Photo",
        layout={"width": "240px"},
    )

    drawn = figure(10, 5)
    left, right = drawn.subplots(1, 2, width_ratios=(1, 1.45))
    taken = left.imshow(found.photos[0])
    left.set_title("the photo")
    wide, high = COLUMNS * (SIDE + GAP), ROWS * (SIDE + GAP + TITLE)
    grid = np.full((high, wide), np.nan, "float32")
    said = right.imshow(grid, vmin=0, vmax=1, interpolation="nearest")
    titles = [
        right.text(x, y - 3, "", fontsize=9)
        for y, x in map(_corner, range(ROWS * COLUMNS))
    ]
    for ax in (left, right):
        ax.set_axis_off()
    drawn.colorbar(said, ax=right, label="answer (0: none)")

    def update():
        name, i = block.value, photo.value
        maps, channels = found.maps[name], found.channels[name][i]
        taken.set_data(found.photos[i])
        for place, picture in enumerate(maps[i]):
            y, x = _corner(place)
            grid[y : y + SIDE, x : x + SIDE] = _enlarged(picture)
            titles[place].set_text(f"channel {channels[place]}")
        said.set_data(grid)
        said.set_clim(0, float(maps.max()) or 1)
        right.set_title(f"{name}: the channels that stand out most")
        return _words(name, one_line(found.names[i]), maps[i], channels)

    return Panel(
        "answers",
        {"block": block, "photo": photo},
        [["block", "photo"]],
        drawn,
        update,
        "Run this cell to choose a block and a photo; the figure above "
        f"shows three blocks and the photo of {one_line(found.names[0])}.",
    )


def _corner(place):
    """Return y and x of the upper left pixel of a channel."""
    row, column = divmod(place, COLUMNS)
    return row * (SIDE + GAP + TITLE) + TITLE, column * (SIDE + GAP)


def _enlarged(picture):
    """Return a small picture as SIDE×SIDE pixels, its cells kept square."""
    along = np.arange(SIDE) * len(picture) // SIDE
    return picture[np.ix_(along, along)]


def _words(name, label, maps, channels):
    side = maps.shape[-1]
    inner = maps[0, 1:-1, 1:-1]
    y, x = np.unravel_index(inner.argmax(), inner.shape)
    up = ("upper", "middle", "lower")[3 * (y + 1) // side]
    across = ("left", "middle", "right")[3 * (x + 1) // side]
    where = "middle" if up == across else f"{up} {across}"
    share = np.mean(maps[0] > inner.max() / 2)
    return (
        f"{name}, photo of {label}: a grid of {side}×{side} cells, so a cell "
        f"is {299 / side:.0f} pixels of the photo wide. Channel "
        f"{channels[0]} stands out most: it answers {inner.max():.1f} in the "
        f"{where} of the photo, and more than half of that in {share:.0%} of "
        f"the cells. The twelve are {', '.join(map(str, channels))}."
    )
