"""The most active channels of each block for a photo."""

import numpy as np
from ipywidgets import Dropdown, SelectionSlider
from numpy.typing import NDArray

from helpers.network.blocks import FeatureMaps
from helpers.text import one_line
from helpers.widgets.panel import Panel, control, figure

ROWS, COLUMNS = 3, 4  # of channels


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
    grid = drawn.add_gridspec(1, 2, width_ratios=(1, 1.45))
    left, right = map(drawn.add_subfigure, (grid[0], grid[1]))
    axes = [left.subplots(), *right.subplots(ROWS, COLUMNS).flat]
    for ax in axes:
        ax.set_axis_off()
    # With this extent, grids of any size fill their axes.
    unit = {"extent": (0, 1, 0, 1), "interpolation": "nearest"}
    images = [ax.imshow([[0]], vmin=0, **unit) for ax in axes]
    pixels, *channel_images = images
    axes[0].set_title("the photo")
    right.colorbar(images[-1], ax=axes[1:], label="activation")

    def update() -> str:
        name, i = block.value, photo.value
        maps, channels = features.maps[name], features.channels[name][i]
        pixels.set_data(features.photos[i])
        for ax, image, channel_map, channel in zip(
            axes[1:], channel_images, maps[i], channels, strict=True
        ):
            image.set_data(channel_map)
            image.set_clim(0, float(maps.max()) or 1)
            ax.set_title(f"channel {channel}", fontsize=9)
        right.suptitle(f"{name}: the most active channels")
        label = one_line(features.names[i])
        return _description(name, label, maps[i], channels)

    return Panel(
        {"block": block, "photo": photo},
        drawn,
        update,
        "Run this cell to choose a block and a photo; the figure above "
        f"shows three blocks and the photo of {one_line(features.names[0])}.",
    )


def _description(
    name: str, label: str, maps: NDArray, channels: NDArray
) -> str:
    """Say where the most active channel is active."""
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
