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
# Roboflow names each augmented copy NAME.rf.HASH.jpg.
COPY = re.compile(r"(.+)\.rf\.[0-9a-zA-Z]{6,}")


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
    for a small part of it. So small things on a plain ground count as much
    as large ones, and a change of brightness does not count.

    Args:
        photos: each a `photo_files.Photo`.

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


def groups(photos):
    """Return augmented copies and films, each a list of tuples of photos.

    Copies of one original have its name. Frames are numbered, and each must
    be like the one before as photos of different classes are not: those of
    a fixed camera may all be alike.

    Args:
        photos: each a `photo_files.Photo`.
    """
    copies = collections.defaultdict(list)
    numbered = []
    for photo in photos:
        stem, folder = photo.path.stem, photo.path.parent.name
        copy = COPY.fullmatch(stem)
        if copy:
            copies[folder, copy[1]].append(photo)
        elif number := re.fullmatch(r"(.*\D|)(\d+)(\D*)", stem):
            series = folder, number[1], number[3]
            numbered.append((series, int(number[2]), photo))
    numbered.sort(key=lambda row: (*row[:2], row[2].name))
    copies = [tuple(group) for group in copies.values() if len(group) > 1]
    return copies, _films(numbered)


def _films(numbered):
    """Return the films, each a tuple of photos.

    Args:
        numbered: sorted (series, number, photo); a series is a tuple of the
            class folder and what the names of its photos share.
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
        photos: each a `photo_files.Photo`.
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
