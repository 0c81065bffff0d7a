"""What is known of drawn photos alone: where the defect is, what it hides.

Photos that somebody took have no such truth. What asks for it here finds
nothing in them, and says so by an empty answer.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from helpers import surfaces
from helpers.files import DATA


def masks(part):
    """Return the true masks of the photos that have one.

    Args:
        part: a `photos.Part`.

    Returns:
        The places of these photos in `part`, int64 (m,), and the masks,
        bool (m, 299, 299), True where the defect is.
    """
    places, found = [], []
    for place, path in enumerate(part.paths):
        mask = _drawn(path) and surfaces.mask(path)
        if mask:
            places.append(place)
            found.append(np.asarray(Image.open(mask)) > 127)
    shape = (len(found), surfaces.SIZE, surfaces.SIZE)
    return np.array(places, int), np.array(found, bool).reshape(shape)


def grown(masks, pixels):
    """Return masks with a border of so many pixels around them.

    Args:
        masks: bool (m, height, width), each with a True in it.
        pixels: how wide the border is.
    """
    away = [ndimage.distance_transform_edt(~mask) for mask in masks]
    return np.reshape(away, masks.shape) <= pixels


def hit(heat, masks):
    """Return of each photo whether its largest heat lies inside its mask.

    It is the pointing game of Zhang and others, "Top-down Neural Attention
    by Excitation Backprop" (2016).

    Args:
        heat: numbers (m, height, width); of equal ones the first counts.
        masks: bool (m, height, width).

    Returns:
        bool (m,).
    """
    rows = np.arange(len(heat))
    size = masks.shape[1] * masks.shape[2]
    largest = heat.reshape(len(heat), size).argmax(axis=-1)
    return masks.reshape(len(masks), size)[rows, largest]


def heat_inside(heat, masks):
    """Return of each photo which share of its heat lies in its mask.

    Args:
        heat: numbers from 0 on, (m, height, width).
        masks: bool (m, height, width).

    Returns:
        float (m,), 0-1; 0 for a photo without any heat.
    """
    inside = (heat * masks).sum(axis=(1, 2))
    total = heat.sum(axis=(1, 2))
    return np.divide(inside, total, np.zeros_like(inside), where=total > 0)


def without_defect(part, count):
    """Draw photos of a part again, without their defects.

    The same part in the same light before the same camera: nothing differs
    but the defect (see `surfaces.draw`).

    Args:
        part: a `photos.Part`.
        count: how many photos at most, the first that have a defect.

    Returns:
        The places of these photos in `part`, int64 (m,), and the pictures,
        uint8 (m, 299, 299, 3), 0-255.
    """
    places = [
        place
        for place, path in enumerate(part.paths)
        if _drawn(path) and surfaces.mask(path)
    ][:count]
    found = [
        surfaces.draw(*_drawn(part.paths[place]), defect=False)[0]
        for place in places
    ]
    shape = (len(found), surfaces.SIZE, surfaces.SIZE, 3)
    return np.array(places, int), np.array(found, "uint8").reshape(shape)


def _drawn(path):
    """Return what `surfaces.draw` made a photo of, or None if it did not.

    That is class name, index, seed and set name.
    """
    photo = Path(path).resolve()
    if len(photo.parents) < 4 or photo.parents[3] != DATA.resolve():
        return None
    name, _, seed = photo.parents[2].name.partition("-")
    set_name = photo.parents[1].name
    if name != "surfaces" or set_name not in surfaces.SETS:
        return None
    class_name, index = photo.parent.name, photo.stem.split("-")[-1]
    return class_name, int(index), int(seed or 0), set_name
