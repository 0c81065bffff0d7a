"""The most active channels of each block for a photo."""

import numpy as np
from ipywidgets import Dropdown, SelectionSlider
from numpy.typing import NDArray

from helpers.network.blocks import FeatureMaps
from helpers.text import one_line
from helpers.widgets.panel import Panel, control, figure

ROWS, COLUMNS = 3, 4  # of channels
SIDE = 105  # pixels, of a channel: a multiple of 35, the largest grid
GAP, TITLE = 6, 18  # pixels between two, and above each


def feature_maps(features: FeatureMaps) -> Panel:
    """Show the most active channels of a block for a photo.

    All channels and photos of a block have the same scale.

    Args:
        features: the feature maps of some photos, twelve channels each.

    Returns:
        A panel with the controls `block` (its name) and `photo` (its
        index).
    """
    names = list(features.maps)
    block = control(SelectionSlider, "Block", 420, options=names)
    block.value = "mixed5"
    options = [(name, i) for i, name in enumerate(features.names)]
    photo = control(Dropdown, "Photo", 240, options=options)

    drawn = figure(10, 5)
    left, right = drawn.subplots(1, 2, width_ratios=(1, 1.45))
    pixels = left.imshow(features.photos[0])
    left.set_title("the photo")
    width, height = COLUMNS * (SIDE + GAP), ROWS * (SIDE + GAP + TITLE)
    grid = np.full((height, width), np.nan, "float32")
    image = right.imshow(grid, vmin=0, vmax=1, interpolation="nearest")
    corners = [_corner(i) for i in range(ROWS * COLUMNS)]
    titles = [right.text(x, y - 3, "", fontsize=9) for y, x in corners]
    left.set_axis_off()
    right.set_axis_off()
    drawn.colorbar(image, ax=right, label="activation")

    def update() -> str:
        name, i = block.value, photo.value
        maps, channels = features.maps[name], features.channels[name][i]
        pixels.set_data(features.photos[i])
        for (y, x), channel_map, title, channel in zip(
            corners, maps[i], titles, channels, strict=True
        ):
            grid[y : y + SIDE, x : x + SIDE] = _enlarged(channel_map)
            title.set_text(f"channel {channel}")
        image.set_data(grid)
        image.set_clim(0, float(maps.max()) or 1)
        right.set_title(f"{name}: the most active channels")
        label = one_line(features.names[i])
        return _description(name, label, maps[i], channels)

    return Panel(
        {"block": block, "photo": photo},
        [["block", "photo"]],
        drawn,
        update,
        "Run this cell to choose a block and a photo; the figure above "
        f"shows three blocks and the photo of {one_line(features.names[0])}.",
    )


def _corner(i: int) -> tuple[int, int]:
    """Return y and x of the upper left pixel of a channel."""
    row, column = divmod(i, COLUMNS)
    return row * (SIDE + GAP + TITLE) + TITLE, column * (SIDE + GAP)


def _enlarged(channel_map: NDArray) -> NDArray:
    """Return a small map as SIDE×SIDE pixels, its positions kept square."""
    indices = np.arange(SIDE) * len(channel_map) // SIDE
    return channel_map[np.ix_(indices, indices)]


def _description(
    name: str, label: str, maps: NDArray, channels: NDArray
) -> str:
    side = maps.shape[-1]
    inner = maps[0, 1:-1, 1:-1]
    y, x = np.unravel_index(inner.argmax(), inner.shape)
    vertical = ("upper", "middle", "lower")[3 * (y + 1) // side]
    horizontal = ("left", "middle", "right")[3 * (x + 1) // side]
    where = "middle" if vertical == horizontal else f"{vertical} {horizontal}"
    active = np.mean(maps[0] > inner.max() / 2)
    return (
        f"{name}, photo of {label}: a grid of {side}×{side} positions, each "
        f"{299 / side:.0f} pixels of the photo wide. Channel {channels[0]} is "
        f"the most active: its activation is {inner.max():.1f} in the {where} "
        f"of the photo, and more than half of that at {active:.0%} of the "
        f"positions. The twelve are {', '.join(map(str, channels))}."
    )
