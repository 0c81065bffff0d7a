"""Which of the three splits a photo belongs to, from content hashes alone."""

import bisect
import collections
import csv
import hashlib
import math
from dataclasses import dataclass

import numpy as np

from helpers.dataset import layouts, scan
from helpers.dataset.layouts import SPLITS
from helpers.paths import atomic, list_path
from helpers.text import one_line


def assign_splits(photos, fractions):
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
        photos: pairs of content hash (SHA-256 as a hex string) and name of
            the class, one for each photo. Exact copies have the same hash
            and so are assigned together. One that is in several classes
            goes by its hash alone and does not count for its classes.
        fractions: three positive numbers, the sizes of `SPLITS` relative
            to each other.

    Returns:
        {content hash: name of its split}.

    Raises:
        ValueError: a class has fewer than three different photos.
    """
    classes = collections.defaultdict(set)
    for key, class_name in photos:
        classes[key].add(class_name)
    keys = {class_name: [] for _, class_name in photos}
    splits = {}
    for key, class_names in classes.items():
        if len(class_names) == 1:
            keys[class_names.pop()].append(key)
        else:
            first, second = _thresholds(fractions)
            number = _number(key)
            splits[key] = SPLITS[(number >= first) + (number >= second)]
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


def _number(key):
    """Return a content hash as a number from 0 to 1."""
    return int(key[:15], 16) / 16**15


def _thresholds(fractions):
    """Return the two numbers from 0 to 1 between the three splits."""
    return (
        fractions[0] / sum(fractions),
        (fractions[0] + fractions[1]) / sum(fractions),
    )


def _cuts(keys, fractions):
    """Return where validation and test begin in the sorted keys of a class.

    That is where the thresholds are, or the nearest place at which each
    split has its minimum.
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
    """Photos of one part of a split.

    `paths` is a list of n file names, `labels` an int64 array of shape (n,)
    with places in `class_names`, `keys` a list of n content hashes.
    """

    name: str
    class_names: tuple
    paths: list
    labels: np.ndarray
    keys: list

    def __len__(self):
        return len(self.paths)

    @property
    def key(self):
        """A name that changes with the photos and their order."""
        return hashlib.sha256("".join(self.keys).encode()).hexdigest()[:16]

    def take(self, places):
        """Return a part of the photos at these places, in their order."""
        return Split(
            self.name,
            self.class_names,
            [self.paths[place] for place in places],
            self.labels[places],
            [self.keys[place] for place in places],
        )


def split(found, fractions):
    """Split a checked folder; return the parts train, validation and test.

    Each class is in each split, and `dataset.assign_splits` says how far a
    photo keeps its split when others come. The photos of a split are in the
    order of their hashes, which is fixed and mixes the classes. The split
    is written down as a manifest (see `manifest_path`). If files are left
    out, or photos of a class in different splits are nearly the same, a line
    says how many.

    Args:
        found: a `Folder` from `check`.
        shares: three positive numbers, for example (60, 20, 20).

    Raises:
        ValueError: shares are not three positive numbers, or a class has
            fewer than three photos.
    """
    try:
        valid = len(fractions) == 3 and min(fractions) > 0
        valid = valid and math.isfinite(sum(fractions))
    except (TypeError, OverflowError):
        valid = False
    if not valid:
        raise ValueError(
            f"FRACTIONS is {fractions}; give three positive numbers for "
            "train, validation and test, such as (60, 20, 20)."
        )
    try:
        split_of = assign_splits(
            [(p.sha256, p.class_name) for p in found.photos], fractions
        )
    except ValueError as error:
        raise ValueError(f"{found.path}: {one_line(str(error))}") from None
    parts = [
        _split_of(
            name,
            found.class_names,
            sorted(
                (p for p in found.photos if split_of[p.sha256] == name),
                key=lambda p: p.sha256,
            ),
        )
        for name in SPLITS
    ]
    if left_out := found.excluded():
        files = "1 file" if left_out == 1 else f"{left_out} files"
        names = "names it" if left_out == 1 else "names them"
        print(
            f"{files} of {found.path.name} {'is' if left_out == 1 else 'are'} "
            f"left out; dataset.check(FOLDER).report() {names}."
        )
    apart = [
        (photo.name, other.name)
        for photo, other in found.near_duplicates
        if split_of[photo.sha256] != split_of[other.sha256]
        and photo.class_name == other.class_name
    ]
    if apart:
        are = "photo is" if len(apart) == 1 else "photos are"
        print(
            f"{len(apart)} {are} nearly the same as one in another split, "
            f"such as {one_line(' and '.join(apart[0]))}: accuracies may come "
            "out too high, unless they show different objects in front of a "
            "fixed camera. dataset.check(FOLDER).report() says what to do."
        )
    with atomic(manifest_path(found)) as manifest:
        with open(manifest, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["part", "class", "file", "sha256"])
            for p in found.photos:
                split_name = split_of[p.sha256]
                writer.writerow(
                    [split_name, p.class_name, p.path.name, p.sha256]
                )
    return parts


def _split_of(name, class_names, photos):
    labels = [class_names.index(p.class_name) for p in photos]
    return Split(
        name,
        class_names,
        [str(p.path) for p in photos],
        np.array(labels, "int64"),
        [p.sha256 for p in photos],
    )


def manifest_path(found):
    """Return where the split of a folder is written down (a CSV file)."""
    return list_path("splits", found.path)


def whole_folder(folder, class_names):
    """Return all photos of a folder as one `Part` named after the folder.

    Args:
        folder: a folder of class folders, as for `check`.
        class_names: the classes that the labels count in.

    Raises:
        ValueError: as `check`, or the folder has other classes.
    """
    found = scan.check(folder)
    if found.class_names != tuple(class_names):
        raise layouts.FolderError(
            f"{folder}: its classes are {', '.join(found.class_names)}, not "
            f"{', '.join(class_names)}; give a folder with the same classes."
        )
    return _split_of(found.path.name, found.class_names, found.photos)
