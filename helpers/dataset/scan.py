"""From a folder of photos to the photos fit for use, and all problems.

Nothing in the folder is ever changed: a file that would cause trouble is
left out of the lists made here, and named.
"""

import collections
import os
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from tqdm import tqdm

from helpers.dataset import (
    check_cache,
    corrections,
    duplicates,
    exclusions,
    layouts,
)
from helpers.dataset.layouts import SPLITS
from helpers.dataset.photo_file import Photo, Problem, printed
from helpers.paths import shown
from helpers.text import counted, one_line

FEW = 20  # photos of a class below which a result says little
UNEVEN = 10  # times as many photos in the largest class as in a smaller


@dataclass(frozen=True)
class Folder:
    """A checked folder: the photos fit for use, and the problems found.

    `near_duplicates` holds pairs of photos that are nearly the same,
    augmented copies of one photo, or consecutive frames. `ignored` counts
    what systems and other programs have left there (see `layouts.Contents`).
    """

    path: Path
    class_names: tuple[str, ...]
    photos: tuple[Photo, ...]
    problems: tuple[Problem, ...]
    near_duplicates: tuple[tuple[Photo, Photo], ...]
    shape: str = "squeeze"
    ignored: Mapping[str, int] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """Return {class name: number of photos fit for use}."""
        counts = collections.Counter(p.class_name for p in self.photos)
        return {name: counts[name] for name in self.class_names}

    def excluded(self) -> int:
        """Return how many files are left out."""
        files = {p.name: p.files for p in self.problems if p.excluded}
        return sum(files.values())

    def report(self) -> None:
        """Print classes, counts, sizes and every problem."""
        excluded = self.excluded()
        print(
            f"{len(self.photos)} photos of {len(self.class_names)} classes "
            f"fit for use, {counted(excluded, 'file')} left out"
        )
        for name, count in self.counts().items():
            print(f"  {one_line(name):<16} {count:>6}")
        sizes = sorted(
            {(p.width, p.height) for p in self.photos},
            key=lambda size: (size[0] * size[1], size),
        )
        (w, h), (wide, high) = sizes[0], sizes[-1]
        largest = f" to {wide}×{high}" if len(sizes) > 1 else ", all alike"
        print(f"sizes: {w}×{h} pixels{largest}")
        print_problems(self.problems)
        if self.ignored:
            kinds = layouts.listed(
                (f"{kind} {count}" for kind, count in self.ignored.items()),
                "other kinds",
            )
            files = counted(sum(self.ignored.values()), "file")
            print(
                f"ignored: {files} left by the system or other programs "
                f"({one_line(kinds)}); nothing to do"
            )
        if excluded:
            print(f"your choice: {shown(exclusions.path(self.path))}")
        if not self.problems:
            print("no problems found")


def print_problems(problems: Iterable[Problem]) -> None:
    """Print `Problem`s, a line for all files with the same one."""
    alike = collections.defaultdict(list)
    for p in problems:
        alike[p.problem, p.excluded, p.advice].append(p.name)
    for (problem, excluded, advice), names in alike.items():
        kept = "left out" if excluded else "kept"
        line = f"- {layouts.listed(names)}: {problem} ({kept}). {advice}"
        print(one_line(line))


def check(folder: str | os.PathLike[str], shape: str = "squeeze") -> Folder:
    """Read every file of a folder of class folders; return a `Folder`.

    Each photo is decoded once, by the decoder that training uses, so what
    passes here does not stop an epoch there. The next check decodes only
    files that are new or changed (see `check_cache`). Learners may edit the
    list of what is left out (see `exclusions`). A photo whose label was
    corrected counts for its new class (see `corrections`).

    Args:
        folder: the folder that holds the class folders.
        shape: what becomes of a long photo (see `pipeline.load_photo`).

    Raises:
        ValueError: the folder is missing or may not be looked into, or
            there are not at least two classes with a photo (a
            `layouts.FolderError`), or a list can't be understood.
    """
    folder = Path(os.path.expanduser(folder))
    contents = layouts.read_folder(folder)
    labels = corrections.applied(folder, contents.class_folders)
    readable, problems = [], contents.problems
    for photo, notes in _look_at_all(folder, contents.files, shape):
        problems += notes
        if photo:
            label = labels.get(photo.name, photo.class_name)
            readable.append(replace(photo, class_name=label))
    problems += duplicates.exact(readable)
    problems = exclusions.applied(folder, readable, problems)
    excluded = {p.name for p in problems if p.excluded}
    photos = [p for p in readable if p.name not in excluded]
    class_names = sorted({p.class_name for p in photos})
    if len(class_names) < 2:
        raise layouts.refusal(folder, photos, problems)
    pairs, near = duplicates.near(folder, photos)
    problems += near
    problems += _empty_classes(photos, contents.class_folders, problems)
    problems += _small_classes(photos)
    problems += layouts.lookalikes(class_names) + layouts.doubtful(class_names)
    problems += _of_depths(photos) + _of_labels(photos)
    return Folder(
        folder,
        tuple(class_names),
        tuple(photos),
        tuple(problems),
        pairs,
        shape,
        dict(contents.ignored.most_common()),
    )


def _look_at_all(folder: Path, files: list[Path], shape: str):
    """Return what `photo_file.look` does for each file, in their order."""
    cache = check_cache.Cache(folder, shape)
    names = [f.relative_to(folder).as_posix() for f in files]
    class_names = [f.parent.name for f in files]
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        results = list(
            tqdm(
                pool.map(cache.look, files, names, class_names),
                desc="reading the folder",
                total=len(files),
                unit="file",
                file=sys.stdout,
                delay=5,  # no bar where the wait is short
            )
        )
    finally:
        pool.shutdown(cancel_futures=True)
    cache.save()
    return results


def _empty_classes(
    photos: list[Photo], class_folders: list[str], problems: list[Problem]
):
    """Return a `Problem` for each class folder without a photo to use."""
    used = {photo.class_name for photo in photos}
    empty = []
    for class_name in map(printed, class_folders):
        if class_name in used:
            continue
        name = f"{class_name}/"
        why, do = "", "Add photos"
        if of_class := [
            p for p in problems if p.excluded and p.name.startswith(name)
        ]:
            why = f": {layouts.causes(of_class)}"
            do = "Fix its files as described above"
        what = f"no photo that can be used, so not a class{why}"
        do += ", or move the folder away: Keras would count it as a class."
        empty.append(Problem(name, what, do, excluded=True, files=0))
    return empty


def _small_classes(photos: list[Photo]):
    """Return a `Problem` for each class of few photos, or too few."""
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


def _of_depths(photos: list[Photo]):
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


def _of_labels(photos: list[Photo]):
    do = "dataset.corrections.undo(FOLDER) reverts this."
    return [
        Problem(p.name, f"taken as {p.class_name}, as you have noted", do)
        for p in photos
        if p.class_name != p.path.parent.name
    ]
