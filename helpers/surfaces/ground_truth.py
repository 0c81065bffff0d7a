"""What only synthetic photos know: where the defect is, what it hides.

For photos of your own all functions return empty arrays.
"""

import io
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy import ndimage

from helpers import paths, shared
from helpers.dataset.splits import Split
from helpers.surfaces import render


def masks(split: Split) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the true masks of the photos that have one.

    Returns:
        The indices of these photos in `split`, int64 (m,), and the masks,
        bool (m, 299, 299), True where the defect is.
    """
    indices, sources = _with_defect(split)
    found = np.empty((len(indices), render.SIZE, render.SIZE), bool)
    for i, (mask, _) in enumerate(sources):
        found[i] = np.asarray(Image.open(mask)) > 127
    return indices, found


def without_defect(
    split: Split, count: int
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Render photos of a split again, without their defects.

    The same part in the same light before the same camera, compressed in the
    same way: nothing differs but the defect (see `render.draw`).

    Args:
        count: how many photos at most, the first that have a defect.

    Returns:
        The indices of these photos in `split`, int64 (m,), and the images,
        uint8 (m, 299, 299, 3), 0-255.
    """
    indices, sources = _with_defect(split)
    indices = indices[:count]
    images = np.empty((len(indices), render.SIZE, render.SIZE, 3), "uint8")
    for image, (_, part) in zip(images, sources, strict=False):
        pixels, _ = render.draw(*part, defect=False)
        file, quality = io.BytesIO(), render.QUALITY[part[2]]
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        image[:] = np.asarray(Image.open(file))
    return indices, images


def dilated(masks: NDArray[np.bool_], pixels: float) -> NDArray[np.bool_]:
    """Return masks (m, height, width), wider by so many pixels all around.

    Each mask has a True in it.
    """
    wider = [ndimage.distance_transform_edt(~m) <= pixels for m in masks]
    return np.array(wider, bool).reshape(masks.shape)


def blown_up(heatmap: ArrayLike) -> NDArray[np.float32]:
    """Return a heat map (rows, columns) interpolated to (299, 299)."""
    small = Image.fromarray(np.asarray(heatmap, "float32"))
    size = (render.SIZE, render.SIZE)
    return np.asarray(small.resize(size, Image.Resampling.BILINEAR))


def pointing_game(
    heatmaps: NDArray, masks: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return for each photo whether the largest heat lies inside its mask.

    It is the pointing game of Zhang and others, "Top-down Neural Attention
    by Excitation Backprop" (2016).

    Args:
        heatmaps: numbers (m, rows, columns); of equal ones the first counts.
        masks: bool (m, 299, 299).
    """
    pairs = zip(heatmaps, masks, strict=True)
    hits = [mask.flat[blown_up(heatmap).argmax()] for heatmap, mask in pairs]
    return np.array(hits, bool)


def heat_inside(
    heatmaps: NDArray, masks: NDArray[np.bool_]
) -> NDArray[np.float64]:
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


_Source = tuple[Path, tuple[str, int, str]]


def _with_defect(split: Split) -> tuple[NDArray[np.int64], list[_Source]]:
    """Return the indices of rendered photos with a defect, and `_source`s."""
    sources = {i: _source(path) for i, path in enumerate(split.paths)}
    found = {i: source for i, source in sources.items() if source}
    return np.array([*found], np.int64), [*found.values()]


def _source(path: str) -> _Source | None:
    """Return the mask of a photo and what `render.draw` made it of, or None.

    A photo of your own has no mask.
    """
    photo = Path(path).resolve()
    set_folder, mask = photo.parent.parent, render.mask(photo)
    roots = [r for r in (paths.data(), shared.folder()) if r]
    if set_folder.parent not in [
        root.resolve() / "surfaces" for root in roots
    ]:
        return None
    if photo.suffix != ".jpg" or not mask.is_file():
        return None
    return mask, (photo.parent.name, int(photo.stem[-3:]), set_folder.name)
