"""How pictures are sorted into folders, and the sentence for what is wrong.

A folder to learn from holds one folder for each class, with the photos right
in it. Exports, archives and collections often have other layouts.
"""

import collections
import os
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from helpers import photo_files
from helpers.photo_files import Problem

SPLITS = frozenset(
    ("train", "training", "valid", "val", "validation", "test", "testing")
)
ARCHIVES = (".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zip")
TABLES = (".csv", ".tsv", ".xlsx")
SHOWN = 4  # names in a list; of more, one less and how many there are
GIVE = "give the folder that holds one folder of photos for each class"


class FolderError(ValueError):
    """A folder can't be used, told in one sentence.

    `problems` holds every `Problem` that was found in it.
    """

    def __init__(self, sentence: str, problems: Iterable[Problem] = ()):
        # A name may hold a line break.
        super().__init__(
            "".join(c if c.isprintable() else repr(c)[1:-1] for c in sentence)
        )
        self.problems = tuple(problems)


def some(names: Iterable[str]) -> str:
    """Return a few names, and how many more there are."""
    names = list(names)
    if len(names) <= SHOWN:
        return ", ".join(names)
    few = names[: SHOWN - 1]
    return f"{', '.join(few)} and {len(names) - len(few)} more"


def walk(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder in a folder, and the names of the files in it.

    What systems and programs leave is passed over. Links are followed, but
    each folder is entered once, and none that the first one lies in: a link
    to a parent would lead round for ever.
    """
    entered = {
        str(parent) for parent in Path(os.path.realpath(folder)).parents
    }
    for place, inner, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in entered:
            inner.clear()
            continue
        entered.add(real)
        # Of two links to one folder, the first counts.
        inner[:] = sorted(_without_system_names(inner))
        yield place, _without_system_names(names)


def count_files(folder: Path) -> int:
    """Return how many files lie in a folder and in its folders."""
    return sum(len(names) for _, _, names in os.walk(folder))


def require_class_names(folder: Path, files: Iterable[Path]) -> None:
    """Raise if the folders with pictures are splits of a data set.

    Args:
        folder: the folder that should hold the class folders.
        files: the files in its folders.

    Raises:
        FolderError: all these folders have names such as train and test.
    """
    names = {
        file.parent.name
        for file in files
        if photo_files.is_named_as_picture(file.name)
    }
    if names and all(map(_is_split, names)):
        raise FolderError(_layout(folder, *_census(folder)))


def refusal(
    folder: Path, photos: list, problems: list[Problem]
) -> FolderError:
    """Return why a folder does not have two classes of photos.

    Args:
        folder: the folder that should hold the class folders.
        photos: each `photo_files.Photo` in it that is used.
        problems: what was found to be wrong.
    """
    usable = sorted({photo.class_name for photo in photos})
    # Of a class folder itself, or of a file right in it.
    about = [p for p in problems if p.left_out and p.name.count("/") == 1]
    held = {photo.path.parent.name for photo in photos}
    held |= {p.name.partition("/")[0] for p in about}
    counts, tables, others = _census(folder)
    in_place = all(len(parts) == 1 for parts in counts)
    if len(held) < 2 and not (held and in_place and not usable):
        # What else was found follows from the layout.
        return FolderError(_layout(folder, counts, tables, others), about)
    where = some(f"{name}/" for name in sorted(held - set(usable)))
    if not usable:
        what = f"no photo in {where} can be used: {causes(about)}"
    else:
        what = (
            f"only {usable[0]}/ has photos that can be used, and a "
            "classifier needs two classes or more"
        )
        if about:
            what += f"; left out: {causes(about)}"
    common = collections.Counter(p.advice for p in about).most_common(1)
    advice = common[0][0] if common else "Add photos of another class."
    return FolderError(f"{folder}: {what}. {advice}", problems)


def causes(problems: Iterable[Problem]) -> str:
    """Return the problems and of how many files each is, the most first."""
    files = collections.Counter()
    for p in problems:
        files[p.problem] += p.files
    return some(
        f"{what} ({count} {'file' if count == 1 else 'files'})"
        for what, count in files.most_common()
    )


def not_a_folder(path: Path) -> str:
    """Return what to give instead of a file."""
    if path.suffix.lower() in ARCHIVES:
        found = _in_zip(path)
        holds = f" with {found} in it" if found else ""
        return (
            f"{path}: an archive{holds}, not a folder; unpack it and {GIVE}."
        )
    picture = photo_files.is_named_as_picture(path.name)
    what = "a single picture" if picture else "a file"
    return f"{path}: {what}, not a folder; {GIVE}."


def _in_zip(path):
    """Return the `tree` of a ZIP file; an empty text if it is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            return tree(_count(map(PurePosixPath, archive.namelist())))
    except (OSError, ValueError, zipfile.BadZipFile):
        return ""


def split_set_aside(
    folder: Path, inside: Iterable[Path], names: Iterable[str]
) -> Problem | None:
    """Return the `Problem` of a folder that repeats the classes, or None.

    Somebody has split photos off into a folder such as test, which lies
    beside the class folders and holds folders of the same names.

    Args:
        folder: the folder beside the class folders.
        inside: the paths in it.
        names: of all folders beside it.
    """
    inner = {path.name for path in inside if os.path.isdir(path)}
    loose = any(
        photo_files.is_named_as_picture(path.name)
        for path in inside
        if path.name not in inner
    )
    inner = set(_without_system_names(inner))
    if not _is_split(folder.name) or loose or not inner:
        return None
    if not inner <= set(names):
        return None
    return Problem(
        f"{folder.name}/",
        "a split that was set aside, with folders named as the classes",
        True,
        "Move its photos into the class folders to use them, too: the "
        "lessons split the photos themselves.",
        count_files(folder),
    )


def lookalikes(class_names: Iterable[str]) -> list[Problem]:
    """Return a `Problem` for each class named nearly as an earlier one."""
    first, problems = {}, []
    for name in class_names:
        other = first.setdefault(_plain(name), name)
        if other != name:
            problems.append(
                Problem(
                    f"{name}/",
                    f"named as {other!r} but for {_difference(name, other)}",
                    False,
                    "If they are one class, move the photos into one folder.",
                )
            )
    return problems


_PLAINER = {
    "upper and lower case": str.casefold,
    "white space at an end": str.strip,
    "the Unicode form of its letters (NFC, NFD)": lambda name: (
        unicodedata.normalize("NFC", name)
    ),
}


def _plain(name, without=None):
    """Return a name without these differences, but for one of them."""
    for difference, plainer in _PLAINER.items():
        if difference != without:
            name = plainer(name)
    return name


def _difference(name, other):
    return " and ".join(
        difference
        for difference in _PLAINER
        if _plain(name, difference) != _plain(other, difference)
    )


def tree(counts: dict[tuple[str, ...], int]) -> str:
    """Return two levels of folders with their numbers of pictures.

    Args:
        counts: {names of the folders on the way: pictures right in there}.
    """
    folders = {}
    for parts, count in counts.items():
        if parts:
            inner = folders.setdefault(parts[0], collections.Counter())
            inner[parts[1:2]] += count
    described = []
    for name, inner in sorted(folders.items()):
        below = [
            f"{parts[0]}/ {count}"
            for parts, count in sorted(inner.items())
            if parts
        ]
        text = f"{name}/ {inner.total()}"
        described.append(f"{text} ({some(below)})" if below else text)
    return some(described)


def _layout(folder, counts, tables, others):
    """Return the sentence for a folder that is sorted in another way."""
    if not counts:
        return _no_picture(folder, others)
    outer = sorted({parts[0] for parts in counts if parts})
    deeper = any(len(parts) > 1 for parts in counts)
    found = tree(counts)
    loose = f" (and {counts[()]} lie beside it)" if counts[()] else ""
    table = (
        f" ({tables[0]} may say which photo is of which class)"
        if tables
        else ""
    )
    sort = f"put the photos of each class into a folder of its own{table}"
    if not outer:
        return (
            f"{folder}: {counts[()]} pictures lie right in it and none in a "
            f"class folder; {sort}."
        )
    if all(map(_is_split, outer)):
        if deeper:
            return (
                f"{folder}: the class folders lie inside the splits of a "
                f"data set: {found}; move the photos of each class together "
                "into one folder right in here: the lessons split them "
                "themselves."
            )
        return (
            f"{folder}: its folders are the splits of a data set, not "
            f"classes: {found}; {sort}, whichever split they are in: the "
            "lessons split them themselves. If these are classes, rename "
            "the folders."
        )
    if len(outer) == 1 and set(map(len, counts)).isdisjoint((0, 1)):
        inner = folder / outer[0]
        within = _census(inner)
        if len({parts for parts in within[0] if len(parts) == 1}) > 1:
            return (
                f"{folder}: the class folders lie one folder deeper: {found}; "
                f"give {inner}."
            )
        return _layout(inner, *within)
    if deeper:
        return (
            f"{folder}: photos lie deeper than in one folder for each class: "
            f"{found}; make each class a folder right in here, and move its "
            "photos up into it."
        )
    return (
        f"{folder}: only one folder holds photos, {found}{loose}, and a "
        "classifier needs two classes or more; put the photos of each other "
        "class into a folder of its own."
    )


def _no_picture(folder, others):
    archives = [
        name
        for name in others
        if PurePosixPath(name).suffix.lower() in ARCHIVES
    ]
    if archives:
        return (
            f"{folder}: no photo lies in it, but {some(archives)}"
            f"; unpack that and {GIVE}."
        )
    if not others:
        return f"{folder}: there is no file in it; {GIVE}."
    kinds = collections.Counter(
        photo_files.passed_over_as(Path(name)) for name in others
    )
    found = some(f"{count} {kind}" for kind, count in kinds.most_common())
    return f"{folder}: no photo lies in it, only other files: {found}; {GIVE}."


def _census(folder):
    """Return what a folder holds: (pictures, tables, other files).

    Pictures are counted by the names of the folders they lie in, tables and
    other files are lists of names.
    """
    files = [
        Path(place, name).relative_to(folder)
        for place, names in walk(folder)
        for name in names
    ]
    others = [
        file.as_posix()
        for file in files
        if not photo_files.is_named_as_picture(file.name)
    ]
    tables = sorted(name for name in others if name.lower().endswith(TABLES))
    return _count(files), tables, others


def _count(files):
    """Return {names of the folders on the way: pictures right in there}."""
    return collections.Counter(
        file.parts[:-1]
        for file in files
        if photo_files.is_named_as_picture(file.name)
        and not any(map(photo_files.is_system_name, file.parts))
    )


def _is_split(name):
    return name.strip().lower() in SPLITS


def _without_system_names(names):
    return [name for name in names if not photo_files.is_system_name(name)]
