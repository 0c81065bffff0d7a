"""Augmentation layers, to be turned up and down on one photo."""

import math
from pathlib import Path

import ipywidgets
import keras
import numpy as np
from PIL import Image, ImageColor

from helpers.dataset import pipeline
from helpers.plots.basic import RED
from helpers.surfaces import render
from helpers.text import one_line
from helpers.widgets.panel import DPI, Panel, figure

ROWS, COLUMNS = 2, 8  # of views
VIEWS = ROWS * COLUMNS
SIDE = 96  # pixels, of a view
EDGE, GAP = 3, 3  # pixels around a view and between two
NO_FLIP = "none"
FLIPS = (NO_FLIP, "horizontal", "vertical", "horizontal_and_vertical")
FILLS = ("reflect", "constant", "nearest", "wrap")  # of Keras


def augmentation(path):
    """Show sixteen views of a photo, as augmentation layers would make them.

    The knobs begin where lesson 04 sets its layers, and mean what the
    arguments of these layers mean (`views`). The same knobs always give the
    same views; the knob `dice` gives others. A view is framed in red if
    less than half of the mark that gives the photo its label is left in
    it, where a mask says where that is (see `surfaces.mask`).

    Args:
        path: a photo in a class folder.

    Returns:
        A `panel.Panel` with the controls `flip`, `rotation`, `zoom` (a pair
        of numbers), `light`, `fill` and `dice`.

    Raises:
        ValueError: the photo is not there.
    """
    if not Path(path).is_file():
        raise ValueError(f"{path}: there is no such photo; give one's path.")
    photo = Image.fromarray(pipeline.load_photo(str(path)).numpy())
    photo = np.float32(photo.resize((SIDE, SIDE)))
    mark = _mark(Path(path))
    label = one_line(Path(path).parent.name)
    wide = {"description_width": "initial"}
    width = {"width": "270px"}

    def slider(kind, text, **options):
        return kind(description=text, style=wide, layout=width, **options)

    real, span = ipywidgets.FloatSlider, ipywidgets.FloatRangeSlider
    zooms = {"value": (-0.25, 0.25), "min": -0.75, "max": 1, "step": 0.05}
    controls = {
        "flip": slider(
            ipywidgets.Dropdown, "Flip", options=FLIPS, value=FLIPS[1]
        ),
        "rotation": slider(real, "Rotation", value=0.5, max=0.5, step=0.01),
        "zoom": slider(span, "Zoom", **zooms),
        "light": slider(
            real, "Darkest", value=0.25, min=0.05, max=1, step=0.05
        ),
        "fill": slider(ipywidgets.Dropdown, "Fill", options=FILLS),
        "dice": slider(ipywidgets.IntSlider, "Dice", max=20),
    }
    wide_as = COLUMNS * (SIDE + 2 * EDGE + GAP) - GAP
    high_as = ROWS * (SIDE + 2 * EDGE + GAP) - GAP
    drawn = figure((wide_as + 16) / DPI, (high_as + 44) / DPI)
    ax = drawn.add_subplot()
    ax.set_axis_off()
    ax.set_title("One photo, and sixteen throws of the dice")
    shown = ax.imshow(np.zeros((high_as, wide_as, 3), "uint8"))

    def update():
        knobs = {name: control.value for name, control in controls.items()}
        dice = draw_changes(**knobs)
        left = _left(dice, mark) if mark is not None and len(mark) else None
        false = np.zeros(VIEWS, bool) if left is None else left < 0.5
        pictures = augmented(photo, dice, knobs["fill"])
        shown.set_data(_side_by_side(pictures, false))
        lines = [f"`{line}`" for line in layers(**knobs)]
        words = _frame(dice, knobs["fill"]) + _label(label, mark, false)
        if knobs["flip"] == FLIPS[-1]:
            words += " (Keras throws one coin for both flips: no mirroring.)"
        return "\n".join([*lines, words])

    return Panel(
        "augmentation",
        controls,
        [["flip", "rotation", "zoom"], ["light", "fill", "dice"]],
        drawn,
        update,
        "Run this cell to turn the knobs of all layers at once; the figure "
        "above shows each alone.",
    )


def draw_changes(flip, rotation, zoom, light, fill, dice):
    """Return what the dice give each of sixteen views.

    Args:
        flip: "none" or a mode of `RandomFlip`.
        rotation: the factor of `RandomRotation`.
        zoom: the pair of factors of `RandomZoom`.
        light: the darkest that `LessLight` of lesson 04 makes a photo.
        fill: what the layers fill corners with; here of no account.
        dice: a whole number; another one gives another throw.

    Returns:
        A dict of arrays (16,): `across` and `over` (whether left and right,
        top and bottom change places), `angle` (radians), `zoom` and
        `light` (factors).
    """
    chance = np.random.default_rng(dice).random((4, VIEWS), "float32")
    # Keras throws one coin for both directions of a flip.
    flipped = chance[0] <= 0.5
    low, high = zoom
    return {
        "across": flipped & ("horizontal" in flip),
        "over": flipped & ("vertical" in flip),
        "angle": 2 * math.pi * rotation * (2 * chance[1] - 1),
        "zoom": 1 + low + (high - low) * chance[2],
        "light": light + (1 - light) * chance[3],
    }


def augmented(photo, dice, fill):
    """Return the photo as the layers change it: flip, turn, zoom, dim.

    Args:
        photo: float32 (side, side, 3), 0-255.
        dice: from `throw`.
        fill: the `fill_mode` of the layers.

    Returns:
        float32 (16, side, side, 3), 0-255.
    """
    made = np.repeat(photo[None], len(dice["angle"]), 0)
    made[dice["across"]] = made[dice["across"], :, ::-1]
    made[dice["over"]] = made[dice["over"], ::-1]
    cos, sin = np.cos(dice["angle"]), np.sin(dice["angle"])
    made = _moved(made, cos, -sin, sin, cos, fill)
    none = np.zeros_like(cos)
    made = _moved(made, dice["zoom"], none, none, dice["zoom"], fill)
    return made * dice["light"][:, None, None, None]


def _moved(pictures, xx, xy, yx, yy, fill):
    """Return pictures whose pixels come from these places of the old ones.

    Place (x, y), from the middle, shows what was at (xx x + xy y,
    yx x + yy y). Each is of shape (n,).
    """
    middle = (pictures.shape[1] - 1) / 2
    none = np.zeros_like(xx)
    matrix = np.stack(
        [
            *(xx, xy, middle * (1 - xx - xy)),
            *(yx, yy, middle * (1 - yx - yy)),
            *(none, none),
        ],
        axis=1,
    )
    moved = keras.ops.image.affine_transform(
        pictures, matrix, "bilinear", fill
    )
    return keras.ops.convert_to_numpy(moved)


def layers(flip, rotation, zoom, light, fill, dice):
    """Return the lines that make these layers, those that do nothing left out.

    Args: as for `throw`.
    """
    filled = f'fill_mode="{fill}"'
    made = []
    if flip != NO_FLIP:
        made.append(f'keras.layers.RandomFlip("{flip}"),')
    if rotation:
        made.append(f"keras.layers.RandomRotation({rotation:g}, {filled}),")
    if any(zoom):
        pair = f"({zoom[0]:g}, {zoom[1]:g})"
        made.append(f"keras.layers.RandomZoom({pair}, {filled}),")
    if light < 1:
        made.append(f"LessLight({light:g}),")
    return made


def _mark(path):
    """Return where the mark of a photo is: places (m, 2), or None.

    A place is x and y, -1 to 1 from edge to edge. A clean part has no
    place; None is returned where there is no mask to tell.
    """
    try:
        file = render.mask(path)
    except ValueError:
        return None
    if file is None:
        return np.zeros((0, 2), "float32")
    if not file.is_file():
        return None
    mask = np.asarray(Image.open(file)) > 0
    y, x = np.nonzero(mask)
    size = np.float32(mask.shape[::-1])
    return (2 * np.stack([x, y], 1) + 1) / size - 1


def _turned(dice, places):
    """Return where places lie after flip and turn, (16, m, 2)."""
    x = np.where(dice["across"], -1, 1)[:, None] * places[:, 0]
    y = np.where(dice["over"], -1, 1)[:, None] * places[:, 1]
    cos, sin = np.cos(dice["angle"])[:, None], np.sin(dice["angle"])[:, None]
    return np.stack([cos * x + sin * y, cos * y - sin * x], -1)


def _left(dice, places):
    """Return which share of some places is left in each view, (16,)."""
    away = np.abs(_turned(dice, places)).max(-1)
    # What has left the frame at the turn does not come back at the zoom.
    return np.mean(away <= np.minimum(1, dice["zoom"])[:, None], axis=1)


def _filled(dice, places):
    """Return which share of each view lies outside the photo, (16,)."""
    # What is seen at a place came there by a turn: turn the place back.
    back = _turned(dice | {"angle": -dice["angle"]}, places)
    away = np.maximum(np.abs(back).max(-1), np.abs(places).max(-1))
    return np.mean(dice["zoom"][:, None] * away > 1, axis=1)


def _grid():
    """Return places all over a photo, (1024, 2), -1 to 1."""
    along = (np.arange(32, dtype="float32") + 0.5) / 16 - 1
    return np.stack(np.meshgrid(along, along), -1).reshape(-1, 2)


def _frame(dice, fill):
    """Say how much the frame cuts off, and how much of it is filled."""
    lost = 1 - _left(dice, _grid()).min()
    filled = _filled(dice, _grid()).max()
    what = "black" if fill == "constant" else f"made up (`{fill}`)"
    return (
        f"Where most is lost, {lost:.0%} of the photo lies outside the "
        f"frame; where most is filled, {filled:.0%} of a view is {what}. "
        f"The darkest view has {dice['light'].min():.0%} of the light. "
    )


def _label(label, mark, false):
    """Say what becomes of the label."""
    if mark is None:
        return (
            "Where the thing that gives the label has left the frame, the "
            "label is false: look for it in each view."
        )
    if not len(mark):
        return f"A {label} part has no mark that could leave the frame."
    return (
        f"In {false.sum()} of {VIEWS} views less than half of the mark is "
        "left in the frame"
        + (f": there the label {label} is false." if false.any() else ".")
    )


def _side_by_side(pictures, false):
    """Return the views in rows, those of false labels in a red frame."""
    step = SIDE + 2 * EDGE + GAP
    made = np.full((ROWS * step, COLUMNS * step, 3), 255, "uint8")
    for i, picture in enumerate(np.clip(pictures, 0, 255).astype("uint8")):
        y, x = step * (i // COLUMNS), step * (i % COLUMNS)
        if false[i]:
            framed = slice(y, y + step - GAP), slice(x, x + step - GAP)
            made[framed] = ImageColor.getrgb(RED)
        y, x = y + EDGE, x + EDGE
        made[y : y + SIDE, x : x + SIDE] = picture
    return made[:-GAP, :-GAP]
