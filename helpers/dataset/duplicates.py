"""What to do about photos of a folder that are the same, or nearly."""

import collections
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from helpers.dataset import near_duplicates, photo_file
from helpers.dataset.photo_file import Photo, Problem
from helpers.dataset.tree import SHOWN
from helpers.text import counted

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
FRAMES = (
    "Frames of one video count as one group, and a few that differ are "
    "enough. If they show different objects in front of a fixed camera, say "
    "with group_pattern which belong together."
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
        grouped them; the problems. Augmented copies, films and photos of a
        fixed camera are one problem each.
    """
    name = f"{folder.resolve().name}/"
    ungrouped = [photo for photo in photos if photo.group is None]
    copies, films = near_duplicates.groups(ungrouped)
    problems = []
    for groups, kind, advice in (
        (copies, "augmented copies of {} by their names", COPIES),
        (films, "consecutive frames of {}", FRAMES),
    ):
        if not groups:
            continue
        count = sum(map(len, groups))
        noun = "photo" if groups is copies else "video"
        first, second, *_ = groups[0]
        what = (
            f"{count} files look like "
            f"{kind.format(counted(len(groups), noun))}, such as {first.name} "
            f"and {second.name}"
        )
        problems.append(Problem(name, what, advice, files=count))
    group_of = {
        photo: number
        for number, group in enumerate(copies + films)
        for photo in group
    }
    pairs = [
        (photo, previous)
        for group in copies + films
        for previous, photo in itertools.pairwise(group)
    ]
    alone = [
        (photo, other)
        for photo, other in near_duplicates.find(photos)
        if (photo not in group_of or group_of[photo] != group_of.get(other))
        and (photo.class_name != other.class_name or not photo.group)
    ]
    if near_duplicates.of_fixed_camera(alone, len(photos)):
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


def _near_problem(photo: Photo, other: Photo):
    if photo.class_name == other.class_name:
        what = f"nearly the same photo as {other.name}"
        return Problem(photo.name, what, NEAR)
    what = f"looks nearly the same as {other.name}, which has another label"
    do = "Check both labels; with a fixed camera that is normal."
    return Problem(photo.name, what, do)


def _groups(pairs: Sequence[tuple[Photo, Photo]]):
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
