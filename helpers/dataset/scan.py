"""From a folder of photos to checked, split and batched photos.

A folder holds one folder for each class, and the photos of the class in it.
Nothing in it is ever changed: a photo that would hurt is left out of the
lists made here, and named.
"""

import collections
import itertools
import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from tqdm import tqdm

from helpers.dataset import (
    check_cache,
    corrections,
    exclusions,
    layouts,
    near_duplicates,
    photo_file,
)
from helpers.dataset.layouts import SPLITS
from helpers.dataset.photo_file import Problem
from helpers.paths import ROOT, shown
from helpers.text import counted, one_line

FEW = 20  # photos of a class below which a result says little
UNEVEN = 10  # times as many photos in the largest class as in a smaller


@dataclass(frozen=True)
class Folder:
    """A checked folder: the photos fit for use, and the problems found.

    `twins` holds pairs of photos that are nearly the same, augmented copies
    of one photo, or consecutive frames. `passed_over` says what systems and
    other programs have left there, which hurts nobody: {name of a file or
    folder, or *.suffix: number of files}.
    """

    path: Path
    class_names: tuple
    photos: tuple
    problems: tuple
    near_duplicates: tuple
    passed_over: dict = field(default_factory=dict)

    def counts(self):
        """Return {class name: number of photos fit for use}."""
        counted = collections.Counter(p.class_name for p in self.photos)
        return {name: counted[name] for name in self.class_names}

    def excluded(self):
        """Return how many files are left out."""
        files = {p.name: p.files for p in self.problems if p.excluded}
        return sum(files.values())

    def report(self):
        """Print classes, counts, sizes and every problem."""
        left_out = self.excluded()
        print(
            f"{len(self.photos)} photos of {len(self.class_names)} classes "
            f"fit for use, {counted(left_out, 'file')} left out"
        )
        for name, count in self.counts().items():
            print(f"  {one_line(name):<16} {count:>6}")
        sizes = sorted(
            {(p.width, p.height) for p in self.photos},
            key=lambda size: (size[0] * size[1], size),
        )
        (w, h), (wide, high) = sizes[0], sizes[-1]
        print(
            f"sizes: {w}×{h} pixels"
            + (f" to {wide}×{high}" if len(sizes) > 1 else ", all alike")
        )
        print_problems(self.problems)
        if self.passed_over:
            held = self.passed_over.items()
            kinds = layouts.some(
                (f"{kind} {count}" for kind, count in held), "other kinds"
            )
            files = counted(sum(self.passed_over.values()), "file")
            print(
                f"ignored: {files} left by the system or other programs "
                f"({one_line(kinds)}); nothing to do"
            )
        if left_out:
            print(f"your choice: {shown(exclusions.path(self.path))}")
        if not self.problems:
            print("nothing to mend")


def print_problems(problems):
    """Print `Problem`s, a line for all files with the same one."""
    alike = collections.defaultdict(list)
    for p in problems:
        alike[p.problem, p.excluded, p.advice].append(p.name)
    for (problem, out, advice), names in alike.items():
        kept = "left out" if out else "kept"
        line = f"- {layouts.some(names)}: {problem} ({kept}). {advice}"
        print(one_line(line))


def check(folder):
    """Read every file of a folder of class folders; return a `Folder`.

    Each photo is decoded once, by the decoder that training uses, so what
    passes here does not stop an epoch there. The next check decodes only
    files that are new or changed (see `check_cache`). What was left out
    stands in a list (see `exclusions.path`), and what the list says is done. A
    photo whose label was mended (see `labels`) counts for its new class.

    Args:
        folder: the folder that holds the class folders.

    Raises:
        ValueError: the folder is missing or may not be looked into, or
            there are not at least two classes with a photo (a
            `layouts.FolderError`), or a list can't be understood.
    """
    folder = Path(os.path.expanduser(folder))
    entries = _entries(folder)
    if entries is None:
        raise layouts.FolderError(_missing(folder))
    files, class_folders, problems, passed_over = _found(entries)
    layouts.require_class_names(folder, files)
    mended = corrections.applied(folder, class_folders)
    photos = []
    for photo, its in _looked_at(folder, files):
        photos += [photo] if photo else []
        problems += its
    photos = [
        replace(p, class_name=mended.get(p.name, p.class_name)) for p in photos
    ]
    problems += _doubles(photos)
    problems = exclusions.applied(folder, photos, problems)
    out = {p.name for p in problems if p.excluded}
    photos = tuple(p for p in photos if p.name not in out)
    class_names = tuple(sorted({p.class_name for p in photos}))
    if len(class_names) < 2:
        raise layouts.refusal(folder, photos, problems)
    twins, its = _near_duplicates(folder, photos)
    problems += its + _of_classes(photos, class_folders, problems)
    problems += layouts.lookalikes(class_names) + layouts.doubtful(class_names)
    problems += _of_depths(photos) + _of_labels(photos)
    return Folder(
        folder, class_names, photos, tuple(problems), twins, passed_over
    )


def _looked_at(folder, files):
    """Return what `dataset.look` gives for each file, in their order."""
    cache = check_cache.Cache(folder)
    pool = ThreadPoolExecutor(os.cpu_count())
    # Python's filters of warnings are set aside in one thread at a time.
    with warnings.catch_warnings():
        try:
            # The bar shows only where the wait is worth one.
            results = tqdm(
                pool.map(cache.look, files),
                desc="reading the folder",
                total=len(files),
                unit="file",
                file=sys.stdout,
                delay=5,
            )
            results = list(results)
        finally:
            pool.shutdown(cancel_futures=True)
    cache.save()
    return results


def _entries(folder):
    """Return the paths in a folder, sorted, or None if there is no folder.

    Raises:
        ValueError: one may not look into it.
    """
    try:
        if not folder.is_dir():
            return None
        entries = sorted(folder.iterdir())
        for entry in entries:
            entry.lstat()  # the right to list names is not enough
    except PermissionError:
        raise layouts.FolderError(
            f"{folder}: you may not look into it; give yourself the right "
            "to, in the properties of the folder."
        ) from None
    return entries


def _missing(folder):
    """Return what is wrong with the path of a folder that is not there."""
    if os.path.exists(folder):
        return layouts.not_a_folder(folder)
    if (ROOT / folder).is_dir():
        there = os.path.relpath(ROOT / folder)
        return (
            f"{folder}: there is no such folder where this page lies, but "
            f"one in the project's folder: give {there!r}."
        )
    looked = "" if folder.is_absolute() else f" at {folder.absolute()}"
    return f"{folder}: there is no such folder{looked}; {layouts.GIVE}."


def _found(entries):
    """Return what lies in a folder with these paths in it.

    That are the files in class folders, the names of these folders, the
    `Problem`s of all the rest, and {what is passed over: number of files}.
    """
    files, class_folders, problems = [], [], []
    passed_over = collections.Counter()
    names = [path.name for path in entries if os.path.isdir(path)]
    for entry in entries:
        if _is_passed_over(entry, passed_over):
            continue
        name = photo_file.printed(entry.name)
        try:
            inside = sorted(entry.iterdir()) if entry.is_dir() else None
        except PermissionError:
            problems.append(
                Problem(
                    f"{name}/",
                    "you may not look into it",
                    True,
                    "Give yourself the right to, in its properties.",
                )
            )
            continue
        if inside is None:
            problems.append(
                Problem(
                    name,
                    "beside the class folders, so of no class",
                    True,
                    "If it is a photo, move it into the folder of its class.",
                )
            )
            continue
        if layouts.leads_up(entry):
            problems.append(_link_up(f"{name}/"))
            continue
        set_aside = layouts.split_set_aside(entry, inside, names)
        if set_aside:
            problems.append(set_aside)
            continue
        class_folders.append(entry.name)
        for path in inside:
            if _is_passed_over(path, passed_over):
                continue
            if not os.path.isdir(path):  # also where that can't be asked
                files.append(path)
            elif layouts.leads_up(path):
                inner = photo_file.printed(path.name)
                problems.append(_link_up(f"{name}/{inner}/"))
            else:
                problems.append(_nested(path))
    return files, class_folders, problems, dict(passed_over.most_common())


def _is_passed_over(path, passed_over):
    """Say whether a file or folder is passed over, and count it if so."""
    if photo_file.is_system_name(path.name) and os.path.isdir(path):
        name = f"{photo_file.printed(path.name)}/"
        passed_over[name] += layouts.count_files(path)
        return True
    if photo_file.is_system_name(path.name) or photo_file.is_sidecar(path):
        passed_over[photo_file.passed_over_as(path)] += 1
        return True
    return False


def _link_up(name):
    what = "a link to a folder that it lies in"
    return Problem(name, what, True, "Delete the link.", 0)


def _nested(path):
    return Problem(
        photo_file.printed(f"{path.parent.name}/{path.name}/"),
        "a folder inside a class folder",
        True,
        "If its photos are of this class, move them up into the class "
        "folder; if not, make it a class or move it away.",
        layouts.count_files(path),
    )


def _of_classes(photos, class_folders, problems):
    """Return the `Problem`s of classes: none, few or uneven photos.

    Args:
        photos: each `Photo` that is used.
        class_folders: the names of the class folders.
        problems: the `Problem`s of their files.
    """
    counts = collections.Counter(p.class_name for p in photos)
    most = max(counts.values())
    found = []
    for name in map(photo_file.printed, class_folders):
        if name in counts:
            continue
        its = [
            p for p in problems if p.excluded and p.name.startswith(f"{name}/")
        ]
        why = f": {layouts.causes(its)}" if its else ""
        do = "Do what is said about its files" if its else "Add photos"
        found.append(
            Problem(
                f"{name}/",
                f"no photo that can be used, so not a class{why}",
                True,
                f"{do}, or move the folder away: Keras would count it as a "
                "class.",
                0,
            )
        )
    for name, count in sorted(counts.items()):
        if count < FEW:
            only = f"only {counted(count, 'photo')}"
            if count < len(SPLITS):
                only += ", so no split can be made"
            found.append(
                Problem(
                    f"{name}/",
                    only,
                    False,
                    f"Add photos until there are {FEW} or more.",
                )
            )
        elif count * UNEVEN <= most:
            found.append(
                Problem(
                    f"{name}/",
                    f"the largest class has {most // count} times as many "
                    "photos",
                    False,
                    "Add photos, and look at the accuracy of each class.",
                )
            )
    return found


def _doubles(photos):
    """Return a `Problem` for each exact copy of another photo.

    Problems that a copied folder causes read alike, so the report prints
    them on one line.
    """
    same = collections.defaultdict(list)
    for photo in photos:
        same[photo.sha256].append(photo)
    classes = [sorted({p.class_name for p in its}) for its in same.values()]
    copied = _copied_folders(classes)
    surplus = collections.Counter(p.class_name for p in photos)
    surplus.subtract(itertools.chain.from_iterable(classes))
    problems = []
    for names, copies in zip(classes, same.values(), strict=True):
        if len(names) == 1:
            # "1.jpg" is the original of "1 (1).jpg" and "1 - Copy.jpg".
            original = min(copies, key=lambda p: len(p.path.name))
            what = f"a copy of {original.name}"
            if surplus[names[0]] >= layouts.SHOWN:
                what = f"a copy of another photo in {names[0]}/"
            problems += [
                Problem(p.name, what, True, photo_file.NOTHING)
                for p in copies
                if p is not original
            ]
            continue
        for photo in copies:
            other = next(p for p in copies if p.class_name != photo.class_name)
            what = f"the same picture as {other.name}, under another label"
            do = "Delete the one in the wrong class to use the other."
            for one, two in copied:
                if photo.class_name in (one, two) and {one, two} <= {*names}:
                    what = f"the same pictures lie in {one}/ and in {two}/"
                    do = (
                        "Move one of the two folders away, or delete the "
                        "copies in one of them."
                    )
                    break
            problems.append(Problem(photo.name, what, True, do))
    return problems


def _copied_folders(classes):
    """Return pairs of classes that share half the photos of the smaller.

    Args:
        classes: for each different photo, a sorted list of the classes that
            it lies in.
    """
    counts = collections.Counter(itertools.chain.from_iterable(classes))
    shared = collections.Counter()
    for names in classes:
        shared.update(itertools.combinations(names, 2))
    return [
        pair
        for pair, count in shared.items()
        if count > 1 and 2 * count >= min(counts[name] for name in pair)
    ]


def _near_duplicates(folder, photos):
    """Return pairs of photos that are nearly the same, and `Problem`s."""
    copies, films = near_duplicates.groups(photos)
    near = near_duplicates.find(photos)
    problems = []
    for groups, what, advice in (
        (
            copies,
            "augmented copies of {} photo{} by their names",
            "Keep one copy of each photo, or export the data set again "
            "without augmentation; a test on copies of training photos tells "
            "nothing.",
        ),
        (
            films,
            "consecutive frames of {} film{} or burst{}",
            "Keep one frame of each film, or a few that differ; a test on "
            "frames next to training frames tells nothing. If they show "
            "different objects in front of a fixed camera, there is nothing "
            "to do.",
        ),
    ):
        if groups:
            count = sum(len(group) for group in groups)
            first, second, *_ = (photo.name for photo in groups[0])
            s = "" if len(groups) == 1 else "s"
            problems.append(
                Problem(
                    f"{folder.resolve().name}/",
                    f"{count} files look like "
                    f"{what.format(len(groups), s, s)}, such as {first} and "
                    f"{second}",
                    False,
                    advice,
                    count,
                )
            )
    group_of = {
        photo: number
        for number, group in enumerate(copies + films)
        for photo in group
    }
    pairs = [
        (photo, before)
        for group in copies + films
        for before, photo in itertools.pairwise(group)
    ]
    alone = [
        (photo, other)
        for photo, other in near
        if photo not in group_of or group_of[photo] != group_of.get(other)
    ]
    if near_duplicates.of_fixed_camera(alone, len(photos)):
        first, second = (photo.name for photo in alone[0])
        problems.append(
            Problem(
                f"{folder.resolve().name}/",
                f"{len(alone)} of {len(photos)} photos look nearly the same "
                f"as another one, such as {first} as {second}",
                False,
                "With a fixed camera that is normal, and there is nothing to "
                "do. Of several photos of the same object, keep one.",
                len(alone),
            )
        )
        return tuple(alone + pairs), problems
    for photo, other in alone:
        what = f"nearly the same picture as {other.name}"
        do = (
            "If they show the same object, keep one: a test on "
            "near-duplicates of training photos tells nothing."
        )
        if photo.class_name != other.class_name:
            what = (
                f"looks nearly the same as {other.name}, which has another "
                "label"
            )
            do = "Check both labels; with a fixed camera that is normal."
        problems.append(Problem(photo.name, what, False, do))
    return tuple(alone + pairs), problems


def _of_depths(photos):
    """Return a `Problem` for each 16-bit PNG, read with fewer bits or not."""
    deep = [photo for photo in photos if photo.depth]
    depths = sorted({photo.depth for photo in deep})
    if len(depths) < 2:
        what = f"16-bit PNG, read as {depths[0]} bits" if depths else ""
        advice = "Nothing to do if all photos come from one camera."
    else:
        what = (
            "16-bit PNG; such photos are read at different depths "
            f"({', '.join(map(str, depths))} bits), so equal brightness looks "
            "different"
        )
        if len({(p.class_name, p.depth) for p in deep}) == len(
            {p.class_name for p in deep}
        ):
            what += ", and the depth gives the class away"
        advice = "Save all as 8-bit PNG with one scale."
    return [Problem(photo.name, what, False, advice) for photo in deep]


def _of_labels(photos):
    return [
        Problem(
            photo.name,
            f"taken as {photo.class_name}, as you have noted",
            False,
            "corrections.undo(FOLDER) takes that back.",
        )
        for photo in photos
        if photo.class_name != photo.path.parent.name
    ]


# --- The split ------------------------------------------------------------
