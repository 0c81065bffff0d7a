"""Augmentation layers, adjusted on one photo."""

import math
from pathlib import Path

import keras
import numpy as np
from ipywidgets import Dropdown, FloatRangeSlider, FloatSlider, IntSlider
from numpy.typing import NDArray
from PIL import Image

from helpers.dataset import pipeline
from helpers.plots.basic import RED
from helpers.surfaces import render
from helpers.text import one_line
from helpers.widgets.panel import Panel, control, figure, photo_grid

ROWS, COLUMNS = 2, 8  # of copies
COPIES = ROWS * COLUMNS
SIDE = 96  # pixels, of a copy
NO_FLIP = "none"
FLIPS = (NO_FLIP, "horizontal", "vertical", "horizontal_and_vertical")
FILLS = ("reflect", "constant", "nearest", "wrap")  # of Keras

Changes = dict[str, NDArray]


def augmentation(path: str | Path) -> Panel:
    """Show sixteen augmented copies of a photo.

    The controls start at the settings of lesson 04, and mean what the
    arguments of its layers mean (`layers`). The same settings with the same
    seed give the same copies. A copy is framed in red if it contains less
    than half of the defect, for synthetic photos with a defect.

    Args:
        path: a photo in a class folder.

    Returns:
        A panel with the controls `flip`, `rotation`, `zoom` (a pair of
        numbers), `light`, `fill` and `seed`.
    """
    path = Path(path)
    original = Image.fromarray(pipeline.load_photo(str(path)).numpy())
    photo = np.asarray(original.resize((SIDE, SIDE)), "float32")
    defect = _defect(path)
    label = one_line(path.parent.name)
    zooms = {"value": (-0.25, 0.25), "min": -0.75, "max": 1, "step": 0.05}
    lights = {"value": 0.25, "min": 0.05, "max": 1, "step": 0.05}
    angles = {"value": 0.5, "max": 0.5, "step": 0.01}
    controls = {
        "flip": control(Dropdown, "Flip", 270, options=FLIPS, value=FLIPS[1]),
        "rotation": control(FloatSlider, "Rotation", 270, **angles),
        "zoom": control(FloatRangeSlider, "Zoom", 270, **zooms),
        "light": control(FloatSlider, "Darkest", 270, **lights),
        "fill": control(Dropdown, "Fill", 270, options=FILLS),
        "seed": control(IntSlider, "Seed", 270, max=20),
    }
    drawn = figure(10.4, 3.1)
    axes, images = photo_grid(drawn, ROWS, COLUMNS, SIDE)
    drawn.suptitle("One photo, sixteen augmented copies")

    def update() -> str:
        settings = {name: widget.value for name, widget in controls.items()}
        fill = settings.pop("fill")
        changes = draw_changes(**settings)
        false = np.zeros(COPIES, bool)
        description = _losses(changes, fill)
        if defect is None:
            description += (
                "If a copy no longer contains what the label names, its label "
                "is false: look for it in each copy."
            )
        else:
            false = visible(changes, defect) < 0.5
            description += (
                f"Less than half of the defect is in {false.sum()} of "
                f"{COPIES} copies, so that their label {label} is false."
            )
        copies = np.clip(augmented(photo, changes, fill), 0, 255)
        for i, pixels in enumerate(copies.astype("uint8")):
            images[i].set_data(pixels)
            axes[i].spines[:].set_color(RED if false[i] else "none")
        if settings["flip"] == FLIPS[-1]:
            description += " (Keras flips in both directions or in neither.)"
        lines = [f"`{line}`" for line in layers(fill=fill, **settings)]
        return "\n".join([*lines, description])

    return Panel(
        controls,
        drawn,
        update,
        "Run this cell to adjust all layers at once; the figure above shows "
        "each alone.",
    )


def draw_changes(
    flip: str,
    rotation: float,
    zoom: tuple[float, float],
    light: float,
    seed: int,
) -> Changes:
    """Draw the random changes of sixteen copies.

    Args:
        flip: "none" or a mode of `RandomFlip`.
        rotation: the factor of `RandomRotation`.
        zoom: the pair of factors of `RandomZoom`.
        light: the smallest factor of `LessLight` in lesson 04.
        seed: of the random numbers.

    Returns:
        A dict of arrays (16,): `horizontal` and `vertical` (whether the
        copy is flipped), `angle` (radians), `zoom` and `light` (factors).
    """
    draws = np.random.default_rng(seed).random((4, COPIES), "float32")
    flipped = draws[0] <= 0.5  # one draw for both directions, as in Keras
    low, high = zoom
    return {
        "horizontal": flipped & ("horizontal" in flip),
        "vertical": flipped & ("vertical" in flip),
        "angle": 2 * math.pi * rotation * (2 * draws[1] - 1),
        "zoom": 1 + low + (high - low) * draws[2],
        "light": light + (1 - light) * draws[3],
    }


def augmented(photo: NDArray, changes: Changes, fill: str) -> NDArray:
    """Return copies of a photo: flipped, rotated, zoomed and darkened.

    Args:
        photo: float32 (side, side, 3), 0-255.
        changes: from `draw_changes`.
        fill: the `fill_mode` of the layers.

    Returns:
        float32 (16, side, side, 3), 0-255.
    """
    copies = np.repeat(photo[None], len(changes["angle"]), 0)
    horizontal, vertical = changes["horizontal"], changes["vertical"]
    copies[horizontal] = copies[horizontal, :, ::-1]
    copies[vertical] = copies[vertical, ::-1]
    zoom, angle = changes["zoom"], changes["angle"]
    copies = _transformed(copies, angle, np.ones_like(zoom), fill)
    copies = _transformed(copies, np.zeros_like(angle), zoom, fill)
    return copies * changes["light"][:, None, None, None]


def _transformed(
    images: NDArray, angle: NDArray, zoom: NDArray, fill: str
) -> NDArray:
    """Return n images rotated and zoomed around their center.

    Args:
        images: float32 (n, side, side, 3).
        angle: in radians, (n,).
        zoom: the factors, (n,).
        fill: the `fill_mode` of the layers.
    """
    center = (images.shape[1] - 1) / 2
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    none = np.zeros_like(cos)
    # A pixel (x, y) is taken from (cos x - sin y, sin x + cos y).
    matrix = np.stack(
        [
            *(cos, -sin, center * (1 - cos + sin)),
            *(sin, cos, center * (1 - sin - cos)),
            *(none, none),
        ],
        axis=1,
    )
    return keras.ops.convert_to_numpy(
        keras.ops.image.affine_transform(images, matrix, "bilinear", fill)
    )


def layers(
    flip: str,
    rotation: float,
    zoom: tuple[float, float],
    light: float,
    fill: str,
    seed: int,
) -> list[str]:
    """Return the code of the layers, without those that change nothing.

    Args: as for `draw_changes`, and the `fill_mode`.
    """
    filled = f'fill_mode="{fill}"'
    pair = f"({zoom[0]:g}, {zoom[1]:g})"
    changes = {
        f'keras.layers.RandomFlip("{flip}"),': flip != NO_FLIP,
        f"keras.layers.RandomRotation({rotation:g}, {filled}),": rotation,
        f"keras.layers.RandomZoom({pair}, {filled}),": any(zoom),
        f"LessLight({light:g}),": light < 1,
    }
    return [layer for layer, is_change in changes.items() if is_change]


def _defect(path: Path) -> NDArray | None:
    """Return where the defect is, float32 (SIDE, SIDE), 0-1, or None."""
    file = render.mask(path)
    if not file.is_file():
        return None
    mask = Image.open(file).resize((SIDE, SIDE))
    return np.asarray(mask, "float32") / 255


def visible(changes: Changes, mask: NDArray) -> NDArray:
    """Return the proportion of a mask (side, side) in each copy, (16,)."""
    areas = _changed_mask(changes, mask).sum((1, 2))
    # A zoom by a factor of 1.5 makes the area 1.5² times as small.
    return np.minimum(1, areas * changes["zoom"] ** 2 / mask.sum())


def filled(changes: Changes) -> NDArray:
    """Return the proportion of each copy that is outside the photo, (16,)."""
    return 1 - _changed_mask(changes, np.ones((SIDE, SIDE))).mean((1, 2))


def _changed_mask(changes: Changes, mask: NDArray) -> NDArray:
    """Return a mask in each copy, (16, side, side), 0 outside the photo."""
    bright = changes | {"light": np.ones(COPIES)}
    photo = np.asarray(mask, "float32")[..., None]
    return augmented(photo, bright, "constant")[..., 0]


def _losses(changes: Changes, fill: str) -> str:
    """Say how much of the photo is lost, and how much is filled."""
    lost = 1 - visible(changes, np.ones((SIDE, SIDE))).min()
    content = "black" if fill == "constant" else f"filled in (`{fill}`)"
    return (
        f"Up to about {lost:.0%} of the photo is outside a copy, and up to "
        f"{filled(changes).max():.0%} of a copy is {content}. The darkest "
        f"copy has {changes['light'].min():.0%} of the light. "
    )
