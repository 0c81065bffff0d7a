"""What only synthetic photos know: where the defect is, what it hides.

For photos of your own all functions return empty arrays.
"""

import re
from pathlib import Path
from typing import NamedTuple

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
    indices, sources = _with_defect(split)
    found = np.empty((len(indices), render.SIZE, render.SIZE), bool)
    for i, source in enumerate(sources):
        found[i] = np.asarray(Image.open(source.mask)) > 127
    return indices, found


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
    indices, sources = _with_defect(split)
    indices = indices[:count]
    images = np.empty((len(indices), render.SIZE, render.SIZE, 3), "uint8")
    for image, source in zip(images, sources, strict=False):
        image[:], _ = render.draw(
            source.class_name,
            source.number,
            source.seed,
            source.set_name,
            defect=False,
        )
    return indices, images


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


class _Source(NamedTuple):
    """What `render.draw` made a photo of, and the file of its mask."""

    class_name: str
    number: int
    seed: int
    set_name: str
    mask: Path


def _with_defect(split: Split):
    """Return the indices of rendered photos with a defect, and `_Source`s."""
    sources = [_source(path) for path in split.paths]
    indices = [i for i, source in enumerate(sources) if source]
    return np.array(indices, np.int64), [sources[i] for i in indices]


def _source(path: str):
    """Return the `_Source` of a rendered photo with a defect, or None.

    A photo of your own among the rendered ones has another name, or no mask.
    """
    photo = Path(path).resolve()
    roots = [paths.data().resolve()]
    if shared_folder := shared.folder():
        roots.append(shared_folder.resolve())
    if len(photo.parents) < 4 or photo.parents[3] not in roots:
        return None
    sets, classes = "|".join(render.SETS), "|".join(render.CLASS_NAMES)
    match = re.fullmatch(
        rf"surfaces(-[1-9]\d*)?/({sets})/({classes})/\3-(\d{{3}})\.jpg",
        photo.relative_to(photo.parents[3]).as_posix(),
        re.ASCII,
    )
    if not match:
        return None
    seed, set_name, class_name, index = match.groups()
    mask = render.mask(photo)
    if int(index) >= render.SETS[set_name] or not mask or not mask.is_file():
        return None
    seed = int(seed[1:]) if seed else 0
    return _Source(class_name, int(index), seed, set_name, mask)
