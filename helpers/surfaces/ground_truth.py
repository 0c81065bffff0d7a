"""What is known of drawn photos alone: where the defect is, what it hides.

Photos that somebody took have no such truth. What asks for it here finds
nothing in them, and says so by an empty answer.
"""

import re
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from helpers import paths, shared
from helpers.surfaces import render


def masks(part):
    """Return the true masks of the photos that have one.

    Args:
        part: a `dataset.Split`.

    Returns:
        The places of these photos in `part`, int64 (m,), and the masks,
        bool (m, 299, 299), True where the defect is.
    """
    places, found = [], []
    for place, path in enumerate(part.paths):
        mask = _mask(path)
        if mask:
            places.append(place)
            found.append(np.asarray(Image.open(mask)) > 127)
    shape = (len(found), render.SIZE, render.SIZE)
    return np.array(places, int), np.array(found, bool).reshape(shape)


def dilated(masks, pixels):
    """Return masks with a border of so many pixels around them.

    Args:
        masks: bool (m, height, width), each with a True in it.
        pixels: how wide the border is.
    """
    wider = masks.copy()
    for mask in wider:
        mask[:] = ndimage.distance_transform_edt(~mask) <= pixels
    return wider


def blown_up(heat):
    """Return one heat map in the size of a photo, between its cells smooth.

    Args:
        heat: numbers (rows, columns), such as 8×8.

    Returns:
        float32 (299, 299).
    """
    small = Image.fromarray(np.asarray(heat, "float32"))
    size = (render.SIZE, render.SIZE)
    return np.asarray(small.resize(size, Image.Resampling.BILINEAR))


def pointing_game(heat, masks):
    """Return of each photo whether its largest heat lies inside its mask.

    It is the pointing game of Zhang and others, "Top-down Neural Attention
    by Excitation Backprop" (2016).

    Args:
        heat: numbers (m, rows, columns), to be blown up; of equal ones the
            first counts.
        masks: bool (m, 299, 299).

    Returns:
        bool (m,).
    """
    return np.array(
        [
            mask.flat[blown_up(its).argmax()]
            for its, mask in zip(heat, masks, strict=True)
        ],
        bool,
    )


def heat_inside(heat, masks):
    """Return of each photo which share of its heat lies in its mask.

    Args:
        heat: numbers from 0 on, (m, rows, columns), to be blown up.
        masks: bool (m, 299, 299).

    Returns:
        float (m,), 0-1; 0 for a photo without any heat.
    """
    fractions = []
    for its, mask in zip(heat, masks, strict=True):
        wide = blown_up(its)
        total = wide.sum()
        fractions.append(wide[mask].sum() / total if total else 0.0)
    return np.array(fractions, float)


def without_defect(part, count):
    """Draw photos of a part again, without their defects.

    The same part in the same light before the same camera: nothing differs
    but the defect (see `surfaces.draw`).

    Args:
        part: a `dataset.Split`.
        count: how many photos at most, the first that have a defect.

    Returns:
        The places of these photos in `part`, int64 (m,), and the pictures,
        uint8 (m, 299, 299, 3), 0-255.
    """
    places = [place for place, path in enumerate(part.paths) if _mask(path)][
        :count
    ]
    found = [
        render.draw(*_drawn(part.paths[place]), defect=False)[0]
        for place in places
    ]
    shape = (len(found), render.SIZE, render.SIZE, 3)
    return np.array(places, int), np.array(found, "uint8").reshape(shape)


def _mask(path):
    """Return where the mask of a drawn photo with a defect is, or None."""
    return render.mask(Path(path).resolve()) if _drawn(path) else None


def _drawn(path):
    """Return what `surfaces.draw` made a photo of, or None if it did not.

    That is class name, index, seed and set name. A photo of your own among
    the drawn ones has another name, or no mask.
    """
    photo = Path(path).resolve()
    homes = [
        place.resolve() for place in (paths.data(), shared.folder()) if place
    ]
    if len(photo.parents) < 4 or photo.parents[3] not in homes:
        return None
    class_name, set_name = photo.parent.name, photo.parents[1].name
    if set_name not in render.SETS or class_name not in render.CLASS_NAMES:
        return None
    home = re.fullmatch("surfaces(?:-([1-9][0-9]*))?", photo.parents[2].name)
    name = re.fullmatch(rf"{class_name}-([0-9]{{3}})\.jpg", photo.name)
    if not home or not name or int(name[1]) >= render.SETS[set_name]:
        return None
    mask = render.mask(photo)
    if mask and not mask.is_file():
        return None
    return class_name, int(name[1]), int(home[1] or 0), set_name
