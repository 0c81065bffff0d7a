"""Photos of a folder that are the same, or nearly.

Three kinds are found: copies, photos that were saved again (smaller,
brighter, compressed more), and augmented copies whose name says so.
"""

import collections
import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from helpers.dataset import photo_file
from helpers.dataset.photo_file import GRID, Photo, Problem
from helpers.dataset.tree import SHOWN
from helpers.text import counted

Floats = npt.NDArray[np.float32]
Pairs = list[tuple[Photo, Photo]]

CORRELATION = 0.95  # of two thumbnails, on the coarse grid
# How far the local detail of two near-duplicates may differ (root mean
# square, of 255), or which fraction of their detail that may be.
DIFFERENCE, FRACTION = 1.0, 0.25
GAIN = 0.8, 1.25  # a change of contrast that is still the same photo
BLOCK = 256  # photos compared with all others at a time
# Roboflow names each exported image NAME.rf.HASH.jpg, so augmented copies of
# one photo have the same NAME.
EXPORTED = re.compile(r"(.+)\.rf\.[0-9a-zA-Z]{20,}")
# Where this many photos are near-duplicates of the same one, a fixed camera
# took them; copies of one photo are fewer.
CROWD = 5
FIXED_CAMERA = 1 / 3  # the fraction of a folder that such photos make up
COPIED = "Move one of the folders away, or delete the copies in one of them."
CAMERA = (
    "With a fixed camera that is normal, and there is nothing to do. Of "
    "several photos of the same object, keep one."
)
NEAR = "They count as one group. If they show the same object, keep one."
COPIES = (
    "Copies of one photo count as one group. Better export the data set again "
    "without augmentation, or keep one copy of each photo."
)


def exact(photos: Sequence[Photo]) -> list[Problem]:
    """Return a `Problem` for each exact copy of another photo.

    Those of a copied folder read alike, so a report has one line for them.
    """
    groups = collections.defaultdict(list)
    for photo in photos:
        groups[photo.sha256].append(photo)
    classes = [
        sorted({photo.class_name for photo in group})
        for group in groups.values()
    ]
    surplus = collections.Counter(photo.class_name for photo in photos)
    surplus.subtract(itertools.chain.from_iterable(classes))
    common = collections.Counter(map(tuple, classes))
    problems = []
    for names, group in zip(classes, groups.values(), strict=True):
        # "1.jpg" is the original of "1 (1).jpg" and "1 - Copy.jpg".
        original = min(group, key=lambda photo: len(photo.path.name))
        for photo in group:
            if len(names) > 1 and common[*names] >= SHOWN:
                folders = " and in ".join(f"{name}/" for name in names)
                what, do = f"the same photos are in {folders}", COPIED
            elif len(names) > 1:
                other = next(
                    p for p in group if p.class_name != photo.class_name
                )
                what = f"the same photo as {other.name}, under another label"
                do = "Delete the one in the wrong class to use the other."
            elif photo is original:
                continue
            else:
                what, do = f"a copy of {original.name}", photo_file.NOTHING
                if surplus[names[0]] >= SHOWN:
                    what = f"a copy of another photo in {names[0]}/"
            problems.append(Problem(photo.name, what, do, excluded=True))
    return problems


def near(
    folder: Path, photos: Sequence[Photo]
) -> tuple[tuple[tuple[Photo, Photo], ...], dict[str, str], list[Problem]]:
    """Return photos that are nearly the same.

    Returns:
        Pairs of them; {name of a photo: its group} for those that belong in
        one split, since they are alike, have one class, and nobody has
        grouped them; the problems. Augmented copies and photos of a fixed
        camera are one problem each.
    """
    name = f"{folder.resolve().name}/"
    copies = _exported(photo for photo in photos if photo.group is None)
    problems = []
    if copies:
        count = sum(map(len, copies))
        first, second, *_ = copies[0]
        what = (
            f"{count} files look like augmented copies of "
            f"{counted(len(copies), 'photo')} by their names, such as "
            f"{first.name} and {second.name}"
        )
        problems.append(Problem(name, what, COPIES, files=count))
    group_of = {
        photo: number for number, group in enumerate(copies) for photo in group
    }
    pairs = [
        (photo, previous)
        for group in copies
        for previous, photo in itertools.pairwise(group)
    ]
    alone = [
        (photo, other)
        for photo, other in find(photos)
        if (photo not in group_of or group_of[photo] != group_of.get(other))
        and (photo.class_name != other.class_name or not photo.group)
    ]
    if _of_fixed_camera(alone, len(photos)):
        photo, other = alone[0]
        what = (
            f"{len(alone)} of {len(photos)} photos look nearly the same as "
            f"another one, such as {photo.name} as {other.name}"
        )
        problems.append(Problem(name, what, CAMERA, files=len(alone)))
        grouped = _groups(pairs)
    else:
        problems += [_near_problem(*pair) for pair in alone]
        grouped = _groups(alone + pairs)
    return tuple(alone + pairs), grouped, problems


def _exported(photos: Iterable[Photo]):
    """Return tuples of augmented copies: they have the name of one photo."""
    groups = collections.defaultdict(list)
    for photo in photos:
        if match := EXPORTED.fullmatch(photo.path.stem):
            groups[photo.class_name, match[1]].append(photo)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def find(photos: Sequence[Photo]) -> Pairs:
    """Return pairs (photo, earlier photo) that are nearly the same.

    Two photos are near-duplicates if they look alike on a coarse grid
    (correlation of the colours) and if their local detail, what is left of
    the thumbnail without the mean of each neighbourhood, is the same but
    for a small part of it. So small objects on a plain background count as
    much as large ones, and a change of brightness does not count. What a
    thumbnail does not show is missed: with a fixed camera, a photo with a
    thin crack is a near-duplicate of one without.
    """
    coarse = np.empty((len(photos), 3 * GRID**2 // 4), "float32")
    detail = np.empty((len(photos), 3 * GRID**2 // 2), "float32")
    contrast = np.empty(len(photos), "float32")
    blocks = [
        slice(start, min(start + BLOCK, len(photos)))
        for start in range(0, len(photos), BLOCK)
    ]
    for rows in blocks:
        features = _features(_thumbnails(photos[rows]))
        coarse[rows], detail[rows], contrast[rows] = features
    size = np.linalg.norm(detail, axis=1)
    pairs: Pairs = []
    for rows in blocks:
        alike = coarse[rows] @ coarse[: rows.stop].T > CORRELATION
        alike = np.tril(alike, rows.start - 1)
        columns = np.flatnonzero(alike.any(axis=0))
        if not len(columns):
            continue
        gain = (contrast[rows, None] / contrast[columns]).clip(*GAIN)
        squared_distance = (
            size[rows, None] ** 2
            - 2 * gain * (detail[rows] @ detail[columns].T)
            + (gain * size[columns]) ** 2
        )
        smaller = np.minimum(size[rows, None], size[columns])
        limit = np.maximum(DIFFERENCE, FRACTION * smaller)
        alike = alike[:, columns] & (squared_distance <= limit**2)
        for row in np.flatnonzero(alike.any(axis=1)):
            first = int(columns[alike[row].argmax()])
            pairs.append((photos[rows.start + int(row)], photos[first]))
    return pairs


def _of_fixed_camera(pairs: Pairs, count: int):
    """Return whether these pairs look like photos of a fixed camera.

    Such photos are near-duplicates of the same few, and make up a large
    fraction of the `count` photos in the folder.
    """
    alike = collections.Counter(other for _, other in pairs)
    crowds = sum(size for size in alike.values() if size >= CROWD)
    return crowds >= FIXED_CAMERA * count


def _near_problem(photo: Photo, other: Photo):
    if photo.class_name == other.class_name:
        what = f"nearly the same photo as {other.name}"
        return Problem(photo.name, what, NEAR)
    what = f"looks nearly the same as {other.name}, which has another label"
    do = "Check both labels; with a fixed camera that is normal."
    return Problem(photo.name, what, do)


def _groups(pairs: Pairs):
    """Return {name of a photo: name of the first one of its group}."""
    pairs = [
        (photo, other)
        for photo, other in pairs
        if photo.class_name == other.class_name
        and photo.group is other.group is None
    ]
    names = sorted({photo.name for pair in pairs for photo in pair})
    if not names:
        return {}
    index = {name: i for i, name in enumerate(names)}
    edges = np.array([[index[p.name] for p in pair] for pair in pairs]).T
    graph = coo_array((np.ones(len(pairs)), edges), (len(names), len(names)))
    _, numbers = connected_components(graph, directed=False)
    first: dict[int, str] = {}
    return {
        name: first.setdefault(number, name)
        for name, number in zip(names, numbers.tolist(), strict=True)
    }


def _thumbnails(photos: Iterable[Photo]):
    """Return the thumbnails of photos, float32 (n, 32, 32, 3), 0-255."""
    content = b"".join(photo.thumbnail for photo in photos)
    pixels = np.frombuffer(content, "uint8").astype("float32")
    return pixels.reshape(-1, GRID, GRID, 3)


def _features(thumbnails: Floats):
    """Return what `find` compares, one row for each of n thumbnails.

    The colours on a coarse grid, centred and of length 1 (n, 768); the detail
    of brightness and colour, whose length is a root mean square (n, 1536);
    the contrast (n,).
    """
    count, half = len(thumbnails), GRID // 2
    coarse = thumbnails.reshape(count, half, 2, half, 2, 3).mean(axis=(2, 4))
    red, green, blue = np.moveaxis(coarse, 3, 0)
    channels = thumbnails.mean(axis=3), red - green, blue - green
    detail = [_detail(channel).reshape(count, -1) for channel in channels]
    contrast = thumbnails.std(axis=(1, 2, 3)) + 1e-6  # one colour has none
    return _unit(coarse), np.concatenate(detail, axis=1) / GRID, contrast


def _detail(images: Floats):
    """Return images less the mean of each neighbourhood of 3×3."""
    return images - ndimage.uniform_filter(images, (1, 3, 3), mode="nearest")


def _unit(images: Floats):
    """Return images as centred rows of length 1."""
    rows = images.reshape(len(images), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-6)
