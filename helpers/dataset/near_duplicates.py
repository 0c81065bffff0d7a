"""Photos of a folder that show nearly the same.

Three kinds are found: photos that were saved again (smaller, brighter,
compressed more), augmented copies whose name says so, and consecutive
frames of a film or a burst.
"""

import collections
import itertools
import re
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from helpers.dataset.photo_file import GRID, Photo

Floats = npt.NDArray[np.float32]
Series = tuple[str, ...]

CORRELATION = 0.95  # of two thumbnails, on the coarse grid
# How far the local detail of two near-duplicates may differ (root mean
# square, of 255), or which fraction of their detail that may be.
DIFFERENCE, FRACTION = 1.0, 0.25
GAIN = 0.8, 1.25  # a change of contrast that is still the same photo
BLOCK = 256  # photos compared with all others at a time
# Frames: their thumbnails may be shifted by SHIFT cells against each other.
SHIFT, FRAME_CORRELATION, FRAME_DETAIL = 2, 0.97, 0.6
FRAMES = 3  # consecutive files that make a film
# Roboflow names each exported image NAME.rf.HASH.jpg, so augmented copies of
# one photo have the same NAME.
EXPORTED = re.compile(r"(.+)\.rf\.[0-9a-zA-Z]{20,}")
# Where this many photos are near-duplicates of the same one, a fixed camera
# took them; copies of one photo are fewer.
CROWD = 5
FIXED_CAMERA = 1 / 3  # the fraction of a folder that such photos make up


def find(photos: Sequence[Photo]) -> list[tuple[Photo, Photo]]:
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
    pairs = []
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


def of_fixed_camera(pairs: Iterable[tuple[Photo, Photo]], count: int) -> bool:
    """Return whether these pairs look like photos of a fixed camera.

    Such photos are near-duplicates of the same few, and make up a large
    fraction of the `count` photos in the folder.
    """
    alike = collections.Counter(other for _, other in pairs)
    crowds = sum(size for size in alike.values() if size >= CROWD)
    return crowds >= FIXED_CAMERA * count


def groups(
    photos: Sequence[Photo],
) -> tuple[list[tuple[Photo, ...]], list[tuple[Photo, ...]]]:
    """Return augmented copies and films, each a list of tuples of photos.

    Copies of one original have its name. Frames are numbered, and each must
    be like the one before as photos of different classes are not: those of
    a fixed camera may all be alike.
    """
    exported = collections.defaultdict(list)
    stems = {}
    for photo in photos:
        stems[photo] = photo.path.stem
        if match := EXPORTED.fullmatch(photo.path.stem):
            stems[photo] = match[1]
            exported[photo.class_name, match[1]].append(photo)
    copies = [tuple(group) for group in exported.values() if len(group) > 1]
    for photo in itertools.chain.from_iterable(copies):
        del stems[photo]
    numbered = []
    for photo, stem in stems.items():
        if numbers := tuple(map(int, re.findall(r"\d+", stem))):
            parent = str(photo.path.parent)
            series = photo.class_name, parent, *re.split(r"\d+", stem)
            numbered.append((series, numbers, photo))
    # The number of the film may come first (film2_0041) or last (0041_cam2).
    orders = [
        sorted(numbered, key=lambda row: (row[0], row[1], row[2].name)),
        sorted(
            numbered,
            key=lambda row: (row[0], row[1][-1], row[1], row[2].name),
        ),
    ]
    if orders[0] == orders[1]:
        del orders[1]
    films = map(_films, orders)
    return copies, max(films, key=lambda group: sum(map(len, group)))


def _films(numbered: list[tuple[Series, tuple[int, ...], Photo]]):
    """Return the films, each a tuple of photos.

    `numbered` is sorted; a series is the class, the folder, and what the
    names of its photos share.
    """
    half = len(numbered) // 2
    consecutive = [
        (i, j)
        for i, j in itertools.pairwise(range(len(numbered)))
        if numbered[i][0] == numbered[j][0]
    ]
    of_two_classes = [
        (i, i + half)
        for i in range(half)
        if numbered[i][0][0] != numbered[i + half][0][0]
    ]
    if not consecutive or not of_two_classes:
        return []
    photos = [photo for _, _, photo in numbered]
    frames = _are_frames(photos, consecutive)
    if frames.mean() <= 2 * _are_frames(photos, of_two_classes).mean():
        return []
    pairs = itertools.compress(consecutive, frames)
    continued = {second for _, second in pairs}
    films: list[list[Photo]] = []
    for i, photo in enumerate(photos):
        if i not in continued:
            films.append([])
        films[-1].append(photo)
    return [tuple(film) for film in films if len(film) >= FRAMES]


def _are_frames(photos: list[Photo], pairs: list[tuple[int, int]]):
    """Return whether n pairs of photos show nearly the same scene: (n,)."""
    alike = []
    for start in range(0, len(pairs), BLOCK):
        first, second = (
            _thumbnails([photos[i] for i in indices]).mean(axis=3)
            for indices in zip(*pairs[start : start + BLOCK], strict=True)
        )
        whole = _shifted_correlation(first, second)
        detail = _shifted_correlation(_detail(first), _detail(second))
        alike.append((whole > FRAME_CORRELATION) & (detail > FRAME_DETAIL))
    return np.concatenate(alike)


def _shifted_correlation(first: Floats, second: Floats):
    """Return the best correlation of images (n, 32, 32) after a shift."""
    best = np.full(len(first), -1.0)
    for down, right in itertools.product(range(-SHIFT, SHIFT + 1), repeat=2):
        shifted = _unit(_crop(first, down, right))
        other = _unit(_crop(second, -down, -right))
        best = np.maximum(best, (shifted * other).sum(axis=1))
    return best


def _crop(images: Floats, down: int, right: int):
    """Cut off rows and columns on one side, or the other if negative."""
    rows = slice(max(0, down), GRID + min(0, down))
    columns = slice(max(0, right), GRID + min(0, right))
    return images[:, rows, columns]


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
