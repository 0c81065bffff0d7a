"""What only synthetic photos know: where the defect is, what it hides.

For photos of your own all functions return empty arrays.
"""

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from helpers import paths, shared
from helpers.dataset.splits import Split
from helpers.surfaces import render


def masks(
    split: Split,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the true masks of the photos that have one.

    Args:
        split: a `dataset.Split`.

    Returns:
        The indices of these photos in `split`, int64 (m,), and the masks,
        bool (m, 299, 299), True where the defect is.
    """
    paths_of_masks = _masks(split)
    found = [np.asarray(Image.open(p)) > 127 for p in paths_of_masks.values()]
    shape = (len(found), render.SIZE, render.SIZE)
    return (
        np.array(list(paths_of_masks), np.int64),
        np.array(found, bool).reshape(shape),
    )


def without_defect(
    split: Split, count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Render photos of a split again, without their defects.

    The same part in the same light before the same camera: nothing differs
    but the defect (see `render.draw`).

    Args:
        split: a `dataset.Split`.
        count: how many photos at most, the first that have a defect.

    Returns:
        The indices of these photos in `split`, int64 (m,), and the images,
        uint8 (m, 299, 299, 3), 0-255.
    """
    indices = list(_masks(split))[:count]
    images = [
        render.draw(*_source(split.paths[i]), defect=False)[0] for i in indices
    ]
    shape = (len(images), render.SIZE, render.SIZE, 3)
    return (
        np.array(indices, np.int64),
        np.array(images, "uint8").reshape(shape),
    )


def dilated(
    masks: npt.NDArray[np.bool_], pixels: float
) -> npt.NDArray[np.bool_]:
    """Return masks (m, height, width), wider by so many pixels all around.

    Each mask has a True in it.
    """
    return np.array(
        [ndimage.distance_transform_edt(~mask) <= pixels for mask in masks],
        bool,
    ).reshape(masks.shape)


def blown_up(heatmap: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return a heat map (rows, columns) interpolated to (299, 299)."""
    small = Image.fromarray(np.asarray(heatmap, "float32"))
    size = (render.SIZE, render.SIZE)
    return np.asarray(small.resize(size, Image.Resampling.BILINEAR))


def pointing_game(
    heatmaps: npt.NDArray, masks: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Return for each photo whether the largest heat lies inside its mask.

    It is the pointing game of Zhang and others, "Top-down Neural Attention
    by Excitation Backprop" (2016).

    Args:
        heatmaps: numbers (m, rows, columns); of equal ones the first counts.
        masks: bool (m, 299, 299).

    Returns:
        bool (m,).
    """
    pairs = zip(heatmaps, masks, strict=True)
    hits = [mask.flat[blown_up(heatmap).argmax()] for heatmap, mask in pairs]
    return np.array(hits, bool)


def heat_inside(
    heatmaps: npt.NDArray, masks: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return for each photo the fraction of its heat that lies in its mask.

    Args:
        heatmaps: numbers from 0 on, (m, rows, columns).
        masks: bool (m, 299, 299).

    Returns:
        float (m,), 0-1; 0 for a photo without any heat.
    """
    fractions = []
    for heatmap, mask in zip(heatmaps, masks, strict=True):
        heat = blown_up(heatmap)
        total = heat.sum()
        fractions.append(heat[mask].sum() / total if total else 0.0)
    return np.array(fractions, float)


def _masks(split):
    """Return {index in a split: mask file} of photos with a true mask."""
    found = {}
    for index, path in enumerate(split.paths):
        mask = render.mask(Path(path).resolve()) if _source(path) else None
        if mask:
            found[index] = mask
    return found


def _source(path):
    """Return what `render.draw` made a photo of, or None if it did not.

    That is class name, index, seed and set name. A photo of your own among
    the rendered ones has another name, or no mask.
    """
    photo = Path(path).resolve()
    roots = [paths.data().resolve()]
    if shared_folder := shared.folder():
        roots.append(shared_folder.resolve())
    if len(photo.parents) < 4 or photo.parents[3] not in roots:
        return None
    match = re.fullmatch(
        r"surfaces(?:-([1-9]\d*))?/(\w+)/(\w+)/(\w+)-(\d{3})\.jpg",
        photo.relative_to(photo.parents[3]).as_posix(),
        re.ASCII,
    )
    if not match:
        return None
    seed, set_name, class_name, stem, index = match.groups()
    if (
        set_name not in render.SETS
        or class_name not in render.CLASS_NAMES
        or stem != class_name
        or int(index) >= render.SETS[set_name]
    ):
        return None
    mask = render.mask(photo)
    if mask and not mask.is_file():
        return None
    return class_name, int(index), int(seed or 0), set_name
