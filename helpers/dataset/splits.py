"""Which of the three splits a photo belongs to, from content hashes alone."""

import bisect
import collections
import csv
import hashlib
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from helpers.dataset import layouts, scan
from helpers.dataset.layouts import SPLITS
from helpers.dataset.photo_file import Photo
from helpers.paths import atomic, list_path
from helpers.text import counted, one_line


def assign_splits(
    photos: Iterable[tuple[str, str]], fractions: Sequence[float]
) -> dict[str, str]:
    """Assign each photo to a split: stratified by class and reproducible.

    A content hash (SHA-256) is read as a number from 0 to 1, and two
    thresholds divide these numbers: at (60, 20, 20) training lies below
    0.6, validation between 0.6 and 0.8, the test above. A photo's name, its
    folder and the machine play no part.

    If that gives a class less than a third (rounded down, and at least one)
    of the photos which it should have in a split, the thresholds are moved
    for this class, past as few photos as possible. So each class of three or
    more photos is in each split.

    When photos are added or removed, photos of other classes keep their
    split. In the class itself one more photo changes the split of two at
    most, and of none while no threshold of the class has to move. At
    (60, 20, 20) it has to in about one of 50 classes of 20 photos, and
    practically never in classes of 200.

    Args:
        photos: pairs of content hash (SHA-256 as a hex string) and class
            name. One that is in several classes goes by its hash alone and
            does not count for its classes.
        fractions: three positive numbers, relative to each other.

    Returns:
        {content hash: name of its split}.

    Raises:
        ValueError: a class has fewer than three different photos.
    """
    classes = collections.defaultdict(set)
    for key, class_name in photos:
        classes[key].add(class_name)
    keys: dict[str, list[str]] = {}
    splits = {}
    for key, class_names in classes.items():
        for class_name in class_names:
            keys.setdefault(class_name, [])
        if len(class_names) == 1:
            keys[class_name].append(key)
        else:
            cut = bisect.bisect_right(_thresholds(fractions), _number(key))
            splits[key] = SPLITS[cut]
    for class_name, of_class in keys.items():
        if len(of_class) < len(SPLITS):
            raise ValueError(
                f"class {class_name} has {len(of_class)} different photos, "
                "and each of the three splits needs one: add photos of that "
                "class until there are 3 or more, or move its folder away."
            )
        of_class.sort()
        first, second = _cuts(of_class, fractions)
        splits |= dict.fromkeys(of_class[:first], SPLITS[0])
        splits |= dict.fromkeys(of_class[first:second], SPLITS[1])
        splits |= dict.fromkeys(of_class[second:], SPLITS[2])
    return splits


def _number(key: str):
    """Return a content hash as a number from 0 to 1."""
    return int(key[:15], 16) / 16**15


def _thresholds(fractions: Sequence[float]):
    """Return the two numbers from 0 to 1 between the three splits."""
    train, validation, _ = fractions
    total = sum(fractions)
    return train / total, (train + validation) / total


def _cuts(keys: list[str], fractions: Sequence[float]):
    """Return where validation and test begin in the sorted keys of a class:
    at the thresholds, or as near as each split has its minimum.
    """
    first, second = (
        bisect.bisect_left(keys, threshold, key=_number)
        for threshold in _thresholds(fractions)
    )
    train, validation, test = (
        max(1, int(len(keys) * fraction / sum(fractions) / 3))
        for fraction in fractions
    )
    second = min(max(second, train + validation), len(keys) - test)
    first = min(max(first, train), second - validation)
    return first, second


@dataclass(frozen=True)
class Split:
    """The photos of one split.

    `paths` is a list of n file names, `labels` an array of shape (n,) with
    indices of `class_names`, `keys` a list of n content hashes.
    """

    name: str
    class_names: tuple[str, ...]
    paths: list[str]
    labels: npt.NDArray[np.int64]
    keys: list[str]
    shape: str = "squeeze"

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def key(self) -> str:
        """A name that changes with the photos, their order and shape."""
        names = "".join([self.shape, *self.keys])
        return hashlib.sha256(names.encode()).hexdigest()[:16]

    def take(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> "Split":
        """Return the photos at these indices, in their order."""
        return Split(
            self.name,
            self.class_names,
            [self.paths[i] for i in indices],
            self.labels[indices],
            [self.keys[i] for i in indices],
            self.shape,
        )


def split(folder: scan.Folder, fractions: Sequence[float]) -> list[Split]:
    """Split a checked folder into train, validation and test.

    Each class is in each split, and `dataset.assign_splits` says how far a
    photo keeps its split when others come. The photos of a split are in the
    order of their hashes, which is fixed and mixes the classes. The split
    is written down as a manifest (see `manifest_path`). If files are left
    out, or photos of a class in different splits are nearly the same, a line
    says how many.

    Args:
        folder: from `dataset.check`.
        fractions: three positive numbers, for example (60, 20, 20).

    Raises:
        ValueError: fractions are not three positive numbers, or a class has
            fewer than three photos.
    """
    try:
        valid = len(fractions) == len(SPLITS) and min(fractions) > 0
        valid = valid and math.isfinite(sum(fractions))
    except (TypeError, OverflowError):
        valid = False
    if not valid:
        raise ValueError(
            f"FRACTIONS is {fractions}; give three positive numbers for "
            "train, validation and test, such as (60, 20, 20)."
        )
    pairs = [(photo.sha256, photo.class_name) for photo in folder.photos]
    try:
        split_of = assign_splits(pairs, fractions)
    except ValueError as error:
        raise ValueError(f"{folder.path}: {one_line(str(error))}") from None
    _warn(folder, split_of)
    _write_manifest(folder, split_of)
    photos = sorted(folder.photos, key=lambda photo: photo.sha256)
    return [
        _make_split(
            name,
            folder.class_names,
            [photo for photo in photos if split_of[photo.sha256] == name],
            folder.shape,
        )
        for name in SPLITS
    ]


def _warn(folder: scan.Folder, split_of: dict[str, str]):
    """Print how many files are left out, or near-duplicates torn apart."""
    if excluded := folder.excluded():
        are, them = ("is", "it") if excluded == 1 else ("are", "them")
        print(
            f"{counted(excluded, 'file')} of {folder.path.name} {are} left "
            f"out; dataset.check(FOLDER).report() names {them}."
        )
    apart = [
        f"{photo.name} and {other.name}"
        for photo, other in folder.near_duplicates
        if split_of[photo.sha256] != split_of[other.sha256]
        and photo.class_name == other.class_name
    ]
    if apart:
        are = "photo is" if len(apart) == 1 else "photos are"
        print(
            f"{len(apart)} {are} nearly the same as one in another split, "
            f"such as {one_line(apart[0])}: accuracies may come out too high, "
            "unless they show different objects in front of a fixed camera. "
            "dataset.check(FOLDER).report() says what to do."
        )


def _write_manifest(folder: scan.Folder, split_of: dict[str, str]):
    with atomic(manifest_path(folder)) as manifest:
        with open(manifest, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["split", "class", "file", "sha256"])
            writer.writerows(
                [split_of[p.sha256], p.class_name, p.path.name, p.sha256]
                for p in folder.photos
            )


def _make_split(
    name: str,
    class_names: tuple[str, ...],
    photos: Sequence[Photo],
    shape: str,
):
    labels = [class_names.index(photo.class_name) for photo in photos]
    return Split(
        name,
        class_names,
        [str(photo.path) for photo in photos],
        np.array(labels, "int64"),
        [photo.sha256 for photo in photos],
        shape,
    )


def manifest_path(folder: scan.Folder) -> Path:
    """Return where the split of a folder is written down (a CSV file)."""
    return list_path("splits", folder.path)


def whole_folder(
    folder: str | os.PathLike[str], class_names: Iterable[str]
) -> Split:
    """Return all photos of a folder as one `Split` named after the folder.

    Raises:
        ValueError: as `dataset.check`, or the folder has other classes.
    """
    checked = scan.check(folder)
    if checked.class_names != tuple(class_names):
        raise layouts.FolderError(
            f"{folder}: its classes are {', '.join(checked.class_names)}, not "
            f"{', '.join(class_names)}; give a folder with the same classes."
        )
    return _make_split(
        checked.path.name,
        checked.class_names,
        checked.photos,
        checked.shape,
    )
