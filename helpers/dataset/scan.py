"""From a folder of photos to the photos that can be used, and all problems.

Nothing in the folder is ever changed: a file that would cause trouble is
excluded from the lists made here, and reported.
"""

import collections
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from tqdm import tqdm

from helpers.dataset import (
    archives,
    check_cache,
    corrections,
    decoding,
    duplicates,
    exclusions,
    layouts,
)
from helpers.dataset.layouts import SPLITS
from helpers.dataset.photo_file import Photo, Problem, printed
from helpers.dataset.tree import listed
from helpers.paths import shown
from helpers.text import counted, one_line

FEW = 20  # photos of a class below which a result says little
UNEVEN = 10  # times as many photos in the largest class as in a smaller


@dataclass(frozen=True)
class Folder:
    """A checked folder: the photos that can be used, and the problems.

    `near_duplicates` holds pairs of photos that are nearly the same,
    augmented copies of one photo, or consecutive frames. `ignored` counts
    what systems and other programs have left there. `notes` are sentences on
    how the folder is sorted. `shape` is what becomes of a long photo.
    """

    path: Path
    class_names: tuple[str, ...]
    photos: tuple[Photo, ...]
    problems: tuple[Problem, ...]
    near_duplicates: tuple[tuple[Photo, Photo], ...]
    ignored: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    shape: str = "squeeze"

    def counts(self) -> dict[str, int]:
        """Return {class name: number of photos that can be used}."""
        counts = collections.Counter(p.class_name for p in self.photos)
        return {name: counts[name] for name in self.class_names}

    def excluded(self) -> int:
        """Return how many files are excluded."""
        files = {p.name: p.files for p in self.problems if p.excluded}
        return sum(files.values())

    def report(self) -> None:
        """Print classes, counts, sizes and every problem."""
        excluded = self.excluded()
        print(
            f"{len(self.photos)} photos of {len(self.class_names)} classes, "
            f"{counted(excluded, 'file')} excluded"
        )
        for name, count in self.counts().items():
            print(f"  {one_line(name):<16} {count:>6}")
        sizes = sorted(
            {(p.width, p.height) for p in self.photos},
            key=lambda size: (size[0] * size[1], size),
        )
        (w, h), (wide, high) = sizes[0], sizes[-1]
        largest = f" to {wide}×{high}" if len(sizes) > 1 else ""
        print(f"sizes: {w}×{h}{largest} pixels")
        for note in self.notes:
            print(f"note: {one_line(note)}")
        print_problems(self.problems)
        if self.ignored:
            kinds = listed(
                (f"{kind} {count}" for kind, count in self.ignored.items()),
                "other kinds",
            )
            files = counted(sum(self.ignored.values()), "file")
            print(
                f"ignored: {files} left by the system or other programs "
                f"({one_line(kinds)}); nothing to do"
            )
        if excluded:
            print(f"list of exclusions: {shown(exclusions.path(self.path))}")
        if not self.problems:
            print("no problems found")


def group_problems(
    problems: Iterable[Problem],
) -> dict[tuple[str, bool, str], list[str]]:
    """Return {(problem, excluded, advice): the names of its files}."""
    alike = collections.defaultdict(list)
    for p in problems:
        alike[p.problem, p.excluded, p.advice].append(p.name)
    return alike


def print_problems(problems: Iterable[Problem]) -> None:
    """Print `Problem`s, a line for all files with the same one."""
    grouped = group_problems(problems)
    for (problem, excluded, advice), names in grouped.items():
        status = "excluded" if excluded else "used"
        line = f"- {listed(names)}: {problem} ({status}). {advice}"
        print(one_line(line))


def check(
    folder: str | os.PathLike[str],
    labels: str | None = None,
    class_pattern: str | None = None,
    group_pattern: str | None = None,
    shape: str = "squeeze",
) -> Folder:
    """Read every file of a folder of photos; return a `Folder`.

    Each photo is decoded once, by the decoder that training uses, so what
    passes here does not stop an epoch there. The next check decodes only
    files that are new or changed (see `check_cache`). Learners may edit the
    list of exclusions (see `exclusions`). A photo whose label was
    corrected counts for its new class (see `corrections`).

    Args:
        folder: the folder of the photos, or a ZIP file of it. `layouts` says
            how they may be sorted.
        labels: a CSV file with the columns file and label, and group and
            split if you like.
        class_pattern: a regular expression whose first group is the class,
            in the name of a file.
        group_pattern: a regular expression whose first group is what photos
            of one object, patient or video share, in the name of a file or
            else in its path from the folder.
        shape: what becomes of a long photo (see `pipeline.load_photo`).

    Raises:
        ValueError: the folder is missing or may not be looked into, or
            there are not at least two classes with a photo, or an argument
            is wrong (a `layouts.FolderError`), or a list can't be
            understood.
    """
    try:
        decoding.require_shape(shape)
    except ValueError as error:
        raise layouts.FolderError(str(error)) from None
    folder = archives.unpacked(folder)
    contents = layouts.read_folder(folder, labels, class_pattern)
    groups: dict[str, str] = {}
    if group_pattern:
        names = (item.name for item in contents.items)
        groups = layouts.groups_in_names(group_pattern, "group pattern", names)
    corrected = corrections.applied(folder, contents.class_names)
    readable, relabelled, problems = [], [], contents.problems
    looked_at = _look_at_all(folder, contents.items, shape)
    for item, (photo, notes) in zip(contents.items, looked_at, strict=True):
        problems += notes
        if not photo:
            continue
        label = corrected.get(photo.name, photo.class_name)
        if label != photo.class_name:
            what = f"taken as {label}, as you have noted"
            do = "dataset.corrections.undo(FOLDER) reverts this."
            relabelled.append(Problem(photo.name, what, do))
        group = groups.get(item.name, item.group)
        readable.append(
            replace(photo, class_name=label, split=item.split, group=group)
        )
    problems += duplicates.exact(readable)
    problems = exclusions.applied(folder, readable, problems)
    excluded = {p.name for p in problems if p.excluded}
    photos = [p for p in readable if p.name not in excluded]
    class_names = sorted({p.class_name for p in photos})
    if len(class_names) < 2:
        raise layouts.refusal(folder, photos, problems)
    photos, notes_on_splits = _with_given_splits(photos)
    pairs, found, near = duplicates.near(folder, photos)
    problems += near
    photos, few_groups = _grouped(photos, found)
    problems += _empty_classes(photos, contents, problems)
    problems += _small_classes(photos) + few_groups
    problems += layouts.lookalikes(class_names) + layouts.doubtful(class_names)
    notes_on_groups, torn = _about_groups(folder, photos)
    problems += torn + bit_depths(photos) + relabelled
    return Folder(
        folder,
        tuple(class_names),
        tuple(photos),
        tuple(problems),
        pairs,
        dict(contents.ignored.most_common()),
        (*contents.notes, *notes_on_splits, *notes_on_groups),
        shape,
    )


def _look_at_all(folder: Path, items: Sequence[layouts.Item], shape: str):

    def look(item: layouts.Item):
        return cache.look(folder / item.name, item.name, item.class_name)

    cache = check_cache.Cache(folder, shape)
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        results = list(
            tqdm(
                pool.map(look, items),
                desc="reading the folder",
                total=len(items),
                unit="file",
                file=sys.stdout,
                delay=5,  # no bar where the wait is short
            )
        )
    finally:
        pool.shutdown(cancel_futures=True)
    cache.save()
    return results


def _with_given_splits(photos: Sequence[Photo]):
    """Return the photos, and notes on the splits that they come with.

    A class that has no photo in one of these splits is split anew.
    """
    splits_of = collections.defaultdict(set)
    for photo in photos:
        splits_of[photo.class_name].add(photo.split)
    given = set().union(*splits_of.values()) - {None}
    if given <= {"train"}:
        return [replace(photo, split=None) for photo in photos], []
    if "train" not in given:
        lacking, note = set(splits_of), "no photo is for training"
    else:
        lacking = {n for n, splits in splits_of.items() if splits != given}
        names = listed(printed(name) for name in sorted(lacking))
        note = f"{names}: not in each of the splits in the folder"
    notes = [f"{note}, so split anew"] if lacking else []
    photos = [
        replace(photo, split=None) if photo.class_name in lacking else photo
        for photo in photos
    ]
    counts = collections.Counter(photo.split for photo in photos)
    if kept := [f"{name} {counts[name]}" for name in SPLITS if counts[name]]:
        notes.append(f"splits of the folder are kept: {', '.join(kept)}")
        if missing := [name for name in SPLITS if not counts[name]]:
            names = " and ".join(missing)
            notes.append(f"not in the folder, so made from train: {names}")
    return photos, notes


def _grouped(photos: Sequence[Photo], found: Mapping[str, str]):
    """Return the photos with the groups that were found, and problems.

    Args:
        found: {name of a photo: its group}, for photos without a group.
    """
    groups = collections.defaultdict(set)
    counts = collections.Counter(photo.class_name for photo in photos)
    by_owner = {photo.class_name for photo in photos if photo.group}
    for p in photos:
        group = p.group or found.get(p.name) or p.sha256
        groups[p.class_name].add(group)
    problems, few = [], set()
    for name, of_class in sorted(groups.items()):
        if len(of_class) >= len(SPLITS) or counts[name] < len(SPLITS):
            continue
        few.add(name)
        what = f"its photos are all in {counted(len(of_class), 'group')}"
        if name in by_owner:
            what += ", and each of the three splits needs one"
        else:
            what += (
                " of nearly the same ones, so they are split one by one, and "
                "results for this class come out too high"
            )
        do = "Add photos of other objects."
        problems.append(Problem(f"{name}/", what, do))
    return [
        photo
        if photo.group or photo.class_name in few
        else replace(photo, group=found.get(photo.name))
        for photo in photos
    ], problems


def _about_groups(folder: Path, photos: Sequence[Photo]):
    """Return notes and problems: groups, and those in several splits."""
    splits_of = collections.defaultdict(set)
    for photo in photos:
        if photo.group:
            splits_of[photo.group].add(photo.split)
    if not splits_of:
        return [], []
    count = sum(photo.group is not None for photo in photos)
    note = f"{count} photos are in {counted(len(splits_of), 'group')}"
    torn = [g for g, splits in splits_of.items() if len(splits - {None}) > 1]
    if not torn:
        return [f"{note}, and those of a group stay in one split"], []
    what = (
        f"photos of {counted(len(torn), 'group')}, such as those of "
        f"{torn[0]}, are in more than one of the splits in the folder, so "
        "accuracies may come out too high"
    )
    do = "Move all photos of a group into one split."
    return [note], [Problem(f"{folder.resolve().name}/", what, do)]


def _empty_classes(
    photos: Sequence[Photo],
    contents: layouts.Contents,
    problems: Sequence[Problem],
):
    used = {photo.class_name for photo in photos}
    class_of = {printed(i.name): i.class_name for i in contents.items}
    of_class = collections.defaultdict(list)
    for p in problems:
        if p.excluded:
            of_class[class_of.get(p.name)].append(p)
    empty = []
    for class_name in contents.class_names:
        if class_name in used:
            continue
        what, do = "no photo that can be used, so not a class", "Add photos"
        if of_class[class_name]:
            what += f": {layouts.causes(of_class[class_name])}"
            do = "Fix its files as described above"
        name, do = f"{printed(class_name)}/", f"{do}, or move it away."
        empty.append(Problem(name, what, do, excluded=True, files=0))
    return empty


def _small_classes(photos: list[Photo]):
    counts = collections.Counter(p.class_name for p in photos)
    largest = max(counts.values())
    problems = []
    for name, count in sorted(counts.items()):
        if count < FEW:
            what = f"only {counted(count, 'photo')}"
            if count < len(SPLITS):
                what += ", so no split can be made"
            do = f"Add photos until there are {FEW} or more."
        elif count * UNEVEN <= largest:
            times = largest // count
            what = f"the largest class has {times} times as many photos"
            do = "Add photos, and look at the accuracy of each class."
        else:
            continue
        problems.append(Problem(f"{name}/", what, do))
    return problems


def bit_depths(photos: Sequence[Photo]) -> list[Problem]:
    """Return a `Problem` for each photo of 16 bits a colour."""
    deep = [photo for photo in photos if photo.depth]
    depths = sorted({photo.depth or 0 for photo in deep})
    what = f"16 bits a colour, read as {' '.join(map(str, depths))} bits"
    advice = "Nothing to do if all photos come from one camera."
    if len(depths) > 1:
        what = (
            "16 bits a colour; such photos are read at different depths "
            f"({', '.join(map(str, depths))} bits), so equal brightness looks "
            "different"
        )
        advice = "Save all as 8-bit PNG with one scale."
        pairs = {(photo.class_name, photo.depth) for photo in deep}
        if len(pairs) == len({photo.class_name for photo in deep}):
            what += ", and the depth gives the class away"
    return [Problem(photo.name, what, advice) for photo in deep]
