"""Which of the three splits a photo belongs to, from content hashes alone."""

import bisect
import collections
import csv
import hashlib
import itertools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from helpers.dataset import layouts, scan
from helpers.dataset.layouts import SPLITS
from helpers.dataset.photo_file import Photo
from helpers.paths import atomic, list_path
from helpers.text import counted, one_line


def assign_splits(
    photos: Iterable[tuple[str, str]],
    fractions: Sequence[float],
    groups: Mapping[str, str] | None = None,
    names: Sequence[str] = SPLITS,
) -> dict[str, str]:
    """Assign each photo to a split: stratified by class and reproducible.

    A content hash (SHA-256) is read as a number from 0 to 1, and two
    thresholds divide these numbers: at (60, 20, 20) training lies below
    0.6, validation between 0.6 and 0.8, the test above. A photo's name, its
    folder and the machine play no part. Photos of a group go by a hash of
    the smallest hash in it.

    If that gives a class less than a third (rounded down, and at least one)
    of the photos which it should have in a split, the thresholds are moved
    for this class, past as few photos as possible. So each class of three or
    more photos or groups is in each split.

    When photos are added or removed, photos of other classes keep their
    split. In the class itself one more photo changes the split of two at
    most, and of none while no threshold of the class has to move. At
    (60, 20, 20) it has to in about one of 50 classes of 20 photos, and
    practically never in classes of 200.

    Args:
        photos: pairs of content hash (SHA-256 as a hex string) and class
            name. One that is in several classes goes by its hash alone and
            does not count for its classes.
        fractions: a positive number for each split, relative to each other.
        groups: {content hash: group}, of photos that stay together.

    Returns:
        {content hash: name of its split}.

    Raises:
        ValueError: a class has fewer different photos than there are splits,
            or they are in fewer groups.
    """
    groups = groups or {}
    members = collections.defaultdict(set)
    classes: dict[str, collections.Counter[str]] = {}
    for key, class_name in dict.fromkeys(photos):
        group = groups.get(key, key)
        members[group].add(key)
        classes.setdefault(group, collections.Counter())[class_name] += 1
    # {class: {hash of a group: photos of the class in it}}
    units: dict[str, dict[str, int]] = {}
    first = {group: min(keys) for group, keys in members.items()}
    for group, keys in members.items():
        if len(keys) > 1:  # the smallest of them would mostly be in training
            first[group] = hashlib.sha256(first[group].encode()).hexdigest()
    for group, counts in classes.items():
        for class_name in counts:
            units.setdefault(class_name, {})
            if len(counts) == 1 or len(members[group]) > 1:
                units[class_name][first[group]] = counts[class_name]
    shared = {
        first[group] for group, counts in classes.items() if len(counts) > 1
    }
    thresholds = _thresholds(fractions)
    split_of = {
        key: names[bisect.bisect_right(thresholds, _number(key))]
        for key in first.values()
    }
    for class_name, of_class in units.items():
        _require_enough(class_name, of_class, len(names))
        alone = sorted(of_class.keys() - shared)
        if len(alone) < len(names):
            continue
        cuts = _cuts(alone, [of_class[key] for key in alone], fractions)
        for name, (start, end) in zip(
            names, itertools.pairwise([0, *cuts, len(alone)]), strict=True
        ):
            split_of |= dict.fromkeys(alone[start:end], name)
    for of_class in units.values():
        _fill(split_of, of_class, names)
    return {
        key: split_of[first[group]]
        for group, keys in members.items()
        for key in keys
    }


def _require_enough(class_name: str, groups: Mapping[str, int], splits: int):
    if len(groups) >= splits:
        return
    count = sum(groups.values())
    has, more = counted(count, "different photo"), "photos of that class"
    if count > len(groups):
        has = f"{count} photos in {counted(len(groups), 'group')}"
        more = "photos of other objects"
    raise ValueError(
        f"class {class_name} has {has}, and each of the {splits} splits needs "
        f"one: add {more} until there are {splits} or more, or move its "
        "folder away."
    )


def _number(key: str):
    """Return a content hash as a number from 0 to 1."""
    return int(key[:15], 16) / 16**15


def _thresholds(fractions: Sequence[float]):
    total = sum(fractions)
    return [
        float(part / total) for part in itertools.accumulate(fractions[:-1])
    ]


def _cuts(
    keys: Sequence[str], sizes: Sequence[int], fractions: Sequence[float]
):
    """Return where each split but the first begins in the sorted keys of a
    class: at the thresholds, or as near as each split has its minimum.

    Args:
        sizes: how many photos each of them stands for.
    """
    sums = [0, *itertools.accumulate(sizes)]
    minima = [
        max(1, int(sums[-1] * fraction / sum(fractions) / 3))
        for fraction in fractions
    ]
    lowest = [0]
    for minimum in minima[:-1]:
        enough = sums[min(lowest[-1], len(keys))] + minimum
        lowest.append(bisect.bisect_left(sums, enough))
    cuts, end = [], len(keys)
    thresholds = _thresholds(fractions)
    for i in range(len(thresholds), 0, -1):
        cut = bisect.bisect_left(keys, thresholds[i - 1], key=_number)
        highest = bisect.bisect_right(sums, sums[end] - minima[i]) - 1
        cut = min(max(cut, lowest[i]), highest)
        # Of large groups each split gets one, even if that is not enough.
        end = min(max(cut, i), end - 1)
        cuts.append(end)
    return cuts[::-1]


def _fill(
    split_of: dict[str, str], groups: Mapping[str, int], names: Sequence[str]
):
    """Move a group into each split that lacks a class, where possible."""
    for lacking in names:
        counts = collections.Counter(split_of[key] for key in groups)
        if counts[lacking]:
            continue
        fullest = max(names, key=lambda name: counts[name])
        movable = [key for key in groups if split_of[key] == fullest]
        split_of[min(movable, key=lambda key: (groups[key], key))] = lacking


MORE = ["folder_split", "group"]  # columns of the manifest, if there are any


@dataclass(frozen=True)
class Split:
    """The photos of one split.

    `paths` is a list of n file names, `labels` an array of shape (n,) with
    indices of `class_names`, `keys` a list of n content hashes. `shape` is how
    the photos become square (see `decoding.SHAPES`), `folder` the folder that
    they were checked in, if they were.
    """

    name: str
    class_names: tuple[str, ...]
    paths: list[str]
    labels: npt.NDArray[np.int64]
    keys: list[str]
    shape: str = "squeeze"
    folder: Path | None = None

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def key(self) -> str:
        """A name that changes with the photos, their order and shape."""
        names = "".join([self.shape, *self.keys])
        return hashlib.sha256(names.encode()).hexdigest()[:16]

    @property
    def names(self) -> list[str]:
        """The paths from the folder, with slashes."""
        paths = map(Path, self.paths)
        if self.folder:
            return [p.relative_to(self.folder).as_posix() for p in paths]
        return ["/".join(path.parts[-2:]) for path in paths]

    def take(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> "Split":
        """Return the photos at these indices, in their order."""
        return replace(
            self,
            paths=[self.paths[i] for i in indices],
            labels=self.labels[indices],
            keys=[self.keys[i] for i in indices],
        )


def split(folder: scan.Folder, fractions: Sequence[float]) -> list[Split]:
    """Split a checked folder into train, validation and test.

    Splits that the folder comes with are kept; one that is missing is made
    from train. Else each class is in each split, and photos of a group are
    in one. `dataset.assign_splits` says how far a photo keeps its split when
    others come. The photos of a split are in the order of their hashes,
    which is fixed and mixes the classes. The split is written down as a
    manifest (see `manifest_path`). If files are excluded, or photos of a
    class in different splits are nearly the same, a line says how many.

    Args:
        folder: from `dataset.check`.
        fractions: three positive numbers, for example (60, 20, 20).

    Raises:
        ValueError: fractions are not three positive numbers, or a class has
            fewer than three photos or groups.
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
    split_of = assign(folder, fractions)
    _warn(folder, split_of)
    _write_manifest(folder, split_of)
    photos = sorted(folder.photos, key=lambda photo: photo.sha256)
    return [
        _make_split(
            name,
            folder,
            [photo for photo in photos if split_of[photo.sha256] == name],
        )
        for name in SPLITS
    ]


def assign(folder: scan.Folder, fractions: Sequence[float]) -> dict[str, str]:
    """Return {content hash of a photo: its split}; raise as `split`.

    Splits of the folder are kept, and those that it lacks made from train.
    """
    photos = folder.photos
    split_of = {p.sha256: p.split for p in photos if p.split}
    groups = {p.sha256: p.group for p in photos if p.group}
    given = set(split_of.values())
    from_train = [n for n in SPLITS if n == "train" or n not in given]
    for pool, names in ((None, SPLITS), ("train", from_train)):
        pairs = [(p.sha256, p.class_name) for p in photos if p.split == pool]
        of_names = [fractions[SPLITS.index(name)] for name in names]
        try:
            split_of |= assign_splits(pairs, of_names, groups, names)
        except ValueError as error:
            what = one_line(str(error))
            raise ValueError(f"{folder.path}: {what}") from None
    return split_of


def _warn(folder: scan.Folder, split_of: Mapping[str, str]):
    """Print how many files are excluded, or near-duplicates torn apart."""
    if excluded := folder.excluded():
        are, them = ("is", "it") if excluded == 1 else ("are", "them")
        print(
            f"{counted(excluded, 'file')} of {folder.path.name} {are} "
            f"excluded; dataset.check(FOLDER).report() lists {them}."
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
            rows = [(p.split or "", p.group or "") for p in folder.photos]
            more = MORE if any(map(any, rows)) else []
            writer.writerow(["split", "class", "file", "sha256", *more])
            for p, row in zip(folder.photos, rows, strict=True):
                name = p.name.removeprefix(f"{p.class_name}/")
                cells = split_of[p.sha256], p.class_name, name, p.sha256
                writer.writerow([*cells, *(row if more else ())])


def _make_split(name: str, folder: scan.Folder, photos: Sequence[Photo]):
    class_names = folder.class_names
    labels = [class_names.index(photo.class_name) for photo in photos]
    return Split(
        name,
        class_names,
        [str(photo.path) for photo in photos],
        np.array(labels, "int64"),
        [photo.sha256 for photo in photos],
        folder.shape,
        folder.path,
    )


def manifest_path(folder: scan.Folder) -> Path:
    """Return where the split of a folder is written down (a CSV file)."""
    return list_path("splits", folder.path)


def whole_folder(
    folder: str | os.PathLike[str],
    class_names: Iterable[str],
    shape: str = "squeeze",
) -> Split:
    """Return all photos of a folder as one `Split` named after the folder.

    Args:
        folder: as for `dataset.check`.
        class_names: the classes that it must have, sorted.
        shape: as for `dataset.check`.

    Raises:
        ValueError: as `dataset.check`, or the folder has other classes.
    """
    checked = scan.check(folder, shape=shape)
    if checked.class_names != tuple(class_names):
        raise layouts.FolderError(
            f"{folder}: its classes are {', '.join(checked.class_names)}, not "
            f"{', '.join(class_names)}; give a folder with the same classes."
        )
    return _make_split(checked.path.name, checked, checked.photos)
