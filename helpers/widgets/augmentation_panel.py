"""Augmentation layers, adjusted on one photo."""

from collections.abc import Iterable
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
        lowest, fill = settings.pop("light"), settings["fill"]
        rng = np.random.default_rng(settings["seed"])
        light = rng.uniform(lowest, 1, COPIES)
        inside, visible = measured(np.ones((SIDE, SIDE)), **settings)
        content = "black" if fill == "constant" else f"filled in (`{fill}`)"
        description = (
            f"Up to about {1 - visible.min():.0%} of the photo is outside a "
            f"copy, and up to {1 - inside.min():.0%} of a copy is {content}. "
            f"The darkest copy has {light.min():.0%} of the light. "
        )
        false = np.zeros(COPIES, bool)
        if defect is None:
            description += (
                "If a copy no longer contains what the label names, its label "
                "is false: look for it in each copy."
            )
        else:
            false = measured(defect, **settings)[1] < 0.5
            description += (
                f"Less than half of the defect is in {false.sum()} of "
                f"{COPIES} copies, so that their label {label} is false."
            )
        code = layers(**settings)
        copies = augmented(photo, code.values()) * light[:, None, None, None]
        for i, pixels in enumerate(np.clip(copies, 0, 255).astype("uint8")):
            images[i].set_data(pixels)
            axes[i].spines[:].set_color(RED if false[i] else "none")
        if settings["flip"] == FLIPS[-1]:
            description += " (Keras flips in both directions or in neither.)"
        lines = [*code, *([f"LessLight({lowest:g}),"] if lowest < 1 else [])]
        return "\n".join([*(f"`{line}`" for line in lines), description])

    return Panel(
        controls,
        drawn,
        update,
        "Run this cell to adjust all layers at once; the figure above shows "
        "each alone.",
    )


def layers(
    flip: str,
    rotation: float,
    zoom: tuple[float, float],
    fill: str,
    seed: int,
) -> dict[str, keras.Layer]:
    """Return {code of a layer: the layer}, without those that do nothing.

    Args:
        flip: "none" or a mode of `RandomFlip`.
        rotation: the factor of `RandomRotation`.
        zoom: the pair of factors of `RandomZoom`.
        fill: the `fill_mode` of both.
    """
    made: dict[str, keras.Layer] = {}
    filled, pair = f'fill_mode="{fill}"', f"({zoom[0]:g}, {zoom[1]:g})"
    seeds = [3 * seed + i for i in range(3)]  # layers draw independently
    if flip != NO_FLIP:
        made[f'keras.layers.RandomFlip("{flip}"),'] = keras.layers.RandomFlip(
            flip, seed=seeds[0]
        )
    if rotation:
        made[f"keras.layers.RandomRotation({rotation:g}, {filled}),"] = (
            keras.layers.RandomRotation(rotation, fill, seed=seeds[1])
        )
    if any(zoom):
        made[f"keras.layers.RandomZoom({pair}, {filled}),"] = (
            keras.layers.RandomZoom(zoom, fill_mode=fill, seed=seeds[2])
        )
    return made


def augmented(
    image: NDArray, augmentations: Iterable[keras.Layer]
) -> NDArray[np.float32]:
    """Return copies of an image (side, side, c): (16, side, side, c)."""
    copies = np.repeat(image[None].astype("float32"), COPIES, 0)
    for layer in augmentations:
        copies = layer(copies, training=True)
    return np.asarray(copies)


def measured(
    mask: NDArray,
    flip: str,
    rotation: float,
    zoom: tuple[float, float],
    fill: str,
    seed: int,
) -> tuple[NDArray, NDArray]:
    """Return how much of each copy a mask takes, and how much of it is left.

    Args:
        mask: 0-1, (side, side).
        flip, rotation, zoom, fill, seed: as for `layers`; what is filled in
            does not count.

    Returns:
        The mean of the mask in each copy, and the proportion of the mask
        that is in it: 0-1, (16,) each.
    """
    made = layers(flip, rotation, zoom, "constant", seed)
    area = augmented(mask[..., None], made.values()).mean((1, 2, 3))
    # In a zoomed ramp of 0, 1, 2 ... the steps are the factor of the zoom.
    ramp = np.tile(np.arange(SIDE), (SIDE, 1))[..., None]
    made = layers(NO_FLIP, 0, zoom, "constant", seed)
    middle = augmented(ramp, made.values())[:, SIDE // 2, :, 0]
    factor = middle[:, SIDE // 2] - middle[:, SIDE // 2 - 1]
    # A zoom by a factor of 1.5 makes the area 1.5² times as small.
    return area, np.minimum(1, area * factor**2 / mask.mean())


def _defect(path: Path) -> NDArray | None:
    """Return where the defect is, float32 (SIDE, SIDE), 0-1, or None."""
    file = render.mask(path)
    if not file.is_file():
        return None
    mask = Image.open(file).resize((SIDE, SIDE))
    return np.asarray(mask, "float32") / 255
