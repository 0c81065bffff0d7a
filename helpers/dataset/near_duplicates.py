"""Photos of a folder that show nearly the same.

Three kinds are found: photos that were saved again (smaller, brighter,
compressed more), augmented copies whose name says so, and consecutive
frames of a film or a burst.
"""

import collections
import itertools
import re

import numpy as np
from PIL import Image

GRID = 32  # cells on each side of a thumbnail
CORRELATION = 0.95  # of two thumbnails, on the coarse grid
# How far the local detail of two near-duplicates may differ (root mean
# square, of 255), or which fraction of their detail that may be.
DIFFERENCE, FRACTION = 1.0, 0.25
GAIN = 0.8, 1.25  # a change of contrast that is still the same picture
BLOCK = 256  # photos compared with all others at a time
# Frames: their thumbnails may be shifted by SHIFT cells against each other.
SHIFT, FRAME_CORRELATION, FRAME_DETAIL = 2, 0.97, 0.6
FRAMES = 3  # consecutive files that make a film
# Roboflow names each exported image NAME.rf.HASH.jpg, so augmented copies of
# one photo have the same NAME.
EXPORTED = re.compile(r"(.+)\.rf\.[0-9a-zA-Z]{20,}")
# Where this many photos are near-duplicates of the same one, a fixed camera
# took them; photos that somebody saved again are fewer.
CROWD = 5
FIXED_CAMERA = 1 / 3  # the fraction of a folder that such photos make up


def thumbnail(pixels):
    """Return what photos are compared by: mean colours on a 32×32 grid.

    Args:
        pixels: uint8 (height, width, 3), values 0-255.

    Returns:
        The bytes of a uint8 array of shape (32, 32, 3).
    """
    image = Image.fromarray(pixels)
    return image.resize((GRID, GRID), Image.Resampling.BOX).tobytes()


def find(photos):
    """Return the photos that are nearly an earlier one, with that one.

    Two photos are near-duplicates if they look alike on a coarse grid
    (correlation of the colours) and if their local detail, what is left of
    the thumbnail without the mean of each neighbourhood, is the same but
    for a small part of it. So small objects on a plain background count as
    much as large ones, and a change of brightness does not count. What a
    thumbnail does not show is missed: with a fixed camera, a photo with a
    thin crack is a near-duplicate of one without.

    Args:
        photos: each a `dataset.Photo`.

    Returns:
        A list of pairs (photo, earlier photo), in the order of the photos.
    """
    coarse = np.empty((len(photos), 3 * GRID**2 // 4), "float32")
    detail = np.empty((len(photos), 3 * GRID**2 // 2), "float32")
    contrast = np.empty(len(photos), "float32")
    for start in range(0, len(photos), BLOCK):
        rows = slice(start, start + BLOCK)
        features = _features(_thumbnails(photos[rows]))
        coarse[rows], detail[rows], contrast[rows] = features
    size = np.linalg.norm(detail, axis=1)
    found = []
    for start in range(0, len(photos), BLOCK):
        rows = slice(start, min(start + BLOCK, len(photos)))
        alike = coarse[rows] @ coarse[: rows.stop].T > CORRELATION
        alike = np.tril(alike, start - 1)
        columns = np.flatnonzero(alike.any(axis=0))
        if not len(columns):
            continue
        gain = contrast[rows, None] / contrast[columns]
        gain = gain.clip(*GAIN)
        apart = (
            size[rows, None] ** 2
            - 2 * gain * (detail[rows] @ detail[columns].T)
            + (gain * size[columns]) ** 2
        )
        less = np.minimum(size[rows, None], size[columns])
        limit = np.maximum(DIFFERENCE, FRACTION * less)
        alike = alike[:, columns] & (apart <= limit**2)
        for row in np.flatnonzero(alike.any(axis=1)):
            first = columns[alike[row].argmax()]
            found.append((photos[start + row], photos[first]))
    return found


def of_fixed_camera(pairs: list[tuple], count: int) -> bool:
    """Return whether near-duplicates look like photos of a fixed camera.

    Few photos are the same one saved again. Many photos of a fixed camera
    are near-duplicates of the same one, and they make up a large fraction of
    the folder.

    Args:
        pairs: (photo, earlier photo), as from `find`.
        count: the number of photos in the folder.
    """
    alike = collections.Counter(other for _, other in pairs)
    crowds = sum(size for size in alike.values() if size >= CROWD)
    return crowds >= FIXED_CAMERA * count


def groups(photos):
    """Return augmented copies and films, each a list of tuples of photos.

    Copies of one original have its name. Frames are numbered, and each must
    be like the one before as photos of different classes are not: those of
    a fixed camera may all be alike.

    Args:
        photos: each a `dataset.Photo`.
    """
    exported = collections.defaultdict(list)
    stems = []
    for photo in photos:
        stem = photo.path.stem
        if export := EXPORTED.fullmatch(stem):
            stem = export[1]
            exported[photo.path.parent.name, stem].append(photo)
        stems.append((stem, photo))
    copies = [tuple(group) for group in exported.values() if len(group) > 1]
    copied = set(itertools.chain.from_iterable(copies))
    numbered = [
        ((photo.path.parent.name, *re.split(r"\d+", stem)), numbers, photo)
        for stem, photo in stems
        if photo not in copied
        and (numbers := tuple(map(int, re.findall(r"\d+", stem))))
    ]
    # The number of the film may come first (film2_0041) or last (0041_cam2).
    orders = [
        sorted(numbered, key=lambda row: (*row[:2], row[2].name)),
        sorted(
            numbered,
            key=lambda row: (row[0], row[1][-1], row[1], row[2].name),
        ),
    ]
    if orders[0] == orders[1]:
        del orders[1]
    films = map(_films, orders)
    return copies, max(films, key=lambda found: sum(map(len, found)))


def _films(numbered):
    """Return the films, each a tuple of photos.

    Args:
        numbered: sorted (series, numbers, photo); a series is a tuple of
            the class folder and what the names of its photos share.
    """
    half = len(numbered) // 2
    follow = [
        (i, j)
        for i, j in itertools.pairwise(range(len(numbered)))
        if numbered[i][0] == numbered[j][0]
    ]
    others = [
        (i, i + half)
        for i in range(half)
        if numbered[i][0][0] != numbered[i + half][0][0]
    ]
    if not follow or not others:
        return []
    photos = [photo for _, _, photo in numbered]
    frames = _are_frames(photos, follow)
    if frames.mean() <= 2 * _are_frames(photos, others).mean():
        return []
    after = {
        j for (_, j), is_frame in zip(follow, frames, strict=True) if is_frame
    }
    films = []
    for i, photo in enumerate(photos):
        if i not in after:
            films.append([])
        films[-1].append(photo)
    return [tuple(film) for film in films if len(film) >= FRAMES]


def _are_frames(photos, pairs):
    """Return whether each pair shows nearly the same scene, bool (n,).

    Args:
        photos: each a `dataset.Photo`.
        pairs: n pairs of numbers of photos.
    """
    alike = []
    for start in range(0, len(pairs), BLOCK):
        first, second = (
            _thumbnails([photos[i] for i in numbers]).mean(axis=3)
            for numbers in zip(*pairs[start : start + BLOCK], strict=True)
        )
        whole = _shifted_correlation(first, second)
        detail = _shifted_correlation(_detail(first), _detail(second))
        alike.append((whole > FRAME_CORRELATION) & (detail > FRAME_DETAIL))
    return np.concatenate(alike)


def _shifted_correlation(first, second):
    """Return the best correlation of images (n, 32, 32) after a shift."""
    shifts = itertools.product(range(-SHIFT, SHIFT + 1), repeat=2)
    return np.max(
        [
            (
                _unit(_cut(first, *by)) * _unit(_cut(second, -by[0], -by[1]))
            ).sum(axis=1)
            for by in shifts
        ],
        axis=0,
    )


def _cut(values, down, right):
    """Cut off rows and columns on one side, or the other if negative."""
    rows = slice(max(0, down), GRID + min(0, down))
    columns = slice(max(0, right), GRID + min(0, right))
    return values[:, rows, columns]


def _thumbnails(photos):
    """Return the thumbnails of photos, float32 (n, 32, 32, 3), 0-255."""
    content = b"".join(photo.likeness for photo in photos)
    pixels = np.frombuffer(content, "uint8").astype("float32")
    return pixels.reshape(-1, GRID, GRID, 3)


def _features(thumbnails):
    """Return what `find` compares, one row for each of n thumbnails.

    That are the colours on a coarse grid, centred and of length 1, float32
    (n, 768); the detail of brightness and colour, whose length is a root
    mean square, float32 (n, 1536); the contrast, float32 (n,).
    """
    count, half = len(thumbnails), GRID // 2
    coarse = thumbnails.reshape(count, half, 2, half, 2, 3).mean(axis=(2, 4))
    red, green, blue = np.moveaxis(coarse, 3, 0)
    detail = [
        _detail(thumbnails.mean(axis=3)) / GRID,
        _detail(red - green) / GRID,
        _detail(blue - green) / GRID,
    ]
    detail = [values.reshape(count, -1) for values in detail]
    contrast = thumbnails.std(axis=(1, 2, 3)) + 1e-6  # one colour has none
    return _unit(coarse), np.concatenate(detail, axis=1), contrast


def _detail(values):
    """Return images less the mean of each neighbourhood of 3×3."""
    _, height, width = values.shape
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1)), mode="edge")
    around = sum(
        padded[:, i : i + height, j : j + width]
        for i in range(3)
        for j in range(3)
    )
    return values - around / 9


def _unit(values):
    """Return images as centred rows of length 1."""
    rows = values.reshape(len(values), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-6)
