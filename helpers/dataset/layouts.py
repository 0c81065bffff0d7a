"""How pictures are sorted into folders, and the sentence for what is wrong.

A folder to learn from holds one folder for each class, with the photos right
in it. Exports, archives and collections often have other layouts.
"""

import collections
import os
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from helpers.dataset import photo_file
from helpers.dataset.photo_file import ARCHIVES, Problem
from helpers.text import counted

SPLITS = ("train", "validation", "test")
# Names of splits, such as test, Validation, train_set, test-images, 1_train.
_SPLIT = re.compile(
    r"(\d+[ _-]*)?(train(ing|val)?|val(id|idation|idierung)?|test(ing)?|dev"
    r"|eval(uation)?|holdout|unlabell?ed)([ _-]*(set|data|images|photos))?\d*"
)
UNSORTED = ("neuer ordner", "new folder", "predict", "unsorted",
            "untitled folder")  # fmt: skip
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


def some(names: Iterable[str], more: str = "more") -> str:
    """Return a few names, and how many more there are."""
    names = list(names)
    if len(names) <= SHOWN:
        return ", ".join(names)
    few = names[: SHOWN - 1]
    return f"{', '.join(few)} and {len(names) - len(few)} {more}"


def _all_of(names, word="and"):
    """Return all names, with a word before the last one."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


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
    """Return how many files lie in a folder and in its folders.

    None are counted behind a link to a folder that the link lies in.
    """
    if leads_up(folder):
        return 0
    return sum(len(names) for _, _, names in os.walk(folder))


def leads_up(folder: Path) -> bool:
    """Say whether a folder is a link to one that it lies in."""
    return Path(os.path.realpath(folder.parent)).is_relative_to(
        os.path.realpath(folder)
    )


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
        if photo_file.is_named_as_picture(file.name)
    }
    if names and all(map(_is_split, names)):
        raise FolderError(_layout(folder, *_census(folder)))


def refusal(
    folder: Path, photos: list, problems: list[Problem]
) -> FolderError:
    """Return why a folder does not have two classes of photos.

    Args:
        folder: the folder that should hold the class folders.
        photos: each `dataset.Photo` in it that is used.
        problems: what was found to be wrong.
    """
    usable = sorted({photo.class_name for photo in photos})
    # Of a class folder itself, or of a file right in it.
    about = [p for p in problems if p.excluded and p.name.count("/") == 1]
    held = {photo.path.parent.name for photo in photos}
    held |= {p.name.partition("/")[0] for p in about}
    counts, tables, others = _census(folder)
    in_place = all(len(parts) == 1 for parts in counts)
    if len(held) < 2 and not (held and in_place and not usable):
        # What else was found follows from the layout.
        return FolderError(_layout(folder, counts, tables, others), about)
    names = [f"{name}/" for name in sorted(held - set(usable))]
    if not usable:
        where = _all_of(names, "or") if len(names) <= SHOWN else some(names)
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
    files: collections.Counter = collections.Counter()
    for p in problems:
        files[p.problem] += p.files
    return some(
        f"{what} ({counted(count, 'file')})"
        for what, count in files.most_common()
    )


def not_a_folder(path: Path) -> str:
    """Return what to give instead of a file."""
    if path.name.lower().endswith(ARCHIVES):
        what, do = _archive(path)
        return f"{path}: {what}, not a folder; {do}{GIVE}."
    picture = photo_file.is_named_as_picture(path.name)
    what = "a single picture" if picture else "a file"
    return f"{path}: {what}, not a folder; {GIVE}."


def _archive(path):
    """Return what an archive is, of a ZIP file what is in it; what to do."""
    unpack = "unpack it and "
    if path.suffix.lower() != ".zip":
        return "an archive", unpack
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return "a broken archive", f"copy it again, {unpack}"
    # Some programs on Windows write backslashes.
    counts = _count(PurePosixPath(name.replace("\\", "/")) for name in names)
    if not names:
        return "an empty archive", ""
    if not counts:
        return "an archive without photos", ""
    outer = {parts[0] for parts in counts if parts}
    if not outer:
        what = f"an archive with {counted(counts[()], 'picture')} right in it"
        return what, unpack
    splits = "the splits " if all(map(_is_split, outer)) else ""
    return f"an archive with {splits}{tree(counts)} in it", unpack


def split_set_aside(
    folder: Path, inside: Iterable[Path], names: Iterable[str]
) -> Problem | None:
    """Return the `Problem` of a folder that repeats the classes, or None.

    Somebody has split photos off into a folder such as test, or keeps masks
    or copies in one. It lies beside the class folders and holds folders of
    the same names.

    Args:
        folder: the folder beside the class folders.
        inside: the paths in it.
        names: of all folders beside it.
    """
    inner = {path.name for path in inside if os.path.isdir(path)}
    loose = any(
        photo_file.is_named_as_picture(path.name)
        for path in inside
        if path.name not in inner
    )
    inner = {name.casefold() for name in _without_system_names(inner)}
    others = {name.casefold() for name in names if name != folder.name}
    if loose or not inner & others:
        return None
    what = "no class, for it holds folders named as the classes"
    advice = (
        "If it holds photos, not masks for example, move them into the "
        "class folders to use them, too."
    )
    if _is_split(folder.name):
        what = "a split that was set aside, with folders named as the classes"
        advice = (
            "Move its photos into the class folders to use them, too: the "
            "lessons split the photos themselves."
        )
    name = photo_file.printed(folder.name)
    return Problem(f"{name}/", what, True, advice, count_files(folder))


def doubtful(class_names: Iterable[str]) -> list[Problem]:
    """Return a `Problem` for each class named as a split or as unsorted."""
    return [
        Problem(
            f"{name}/",
            "taken as a class, though splits or unsorted photos often have "
            "such a name",
            False,
            "If it is no class, move the folder away; the lessons split the "
            "photos themselves.",
        )
        for name in class_names
        if _is_split(name) or name.strip().lower() in UNSORTED
    ]


def lookalikes(class_names: Iterable[str]) -> list[Problem]:
    """Return a `Problem` for each class named nearly as an earlier one."""
    first: dict[str, str] = {}
    problems = []
    for name in class_names:
        other = first.setdefault(_plain(name), name)
        if other != name:
            problems.append(
                Problem(
                    f"{name}/",
                    f"{name!r} and {other!r} differ only in "
                    f"{_differences(name, other)}",
                    False,
                    "If they are one class, move the photos into one folder.",
                )
            )
    return problems


UNICODE = "the Unicode form of their letters"
_PLAINER = {
    UNICODE: lambda name: unicodedata.normalize("NFKC", name),
    "invisible characters": lambda name: "".join(
        c for c in name if unicodedata.category(c) != "Cf"
    ),
    "a full stop at the end": lambda name: re.sub(r"\.(?=\s*$)", "", name),
    "spaces": lambda name: " ".join(name.split()),
    "upper and lower case": str.casefold,
}


def _plain(name, without=None):
    """Return a name without these differences, but for one of them."""
    for difference, plainer in _PLAINER.items():
        if difference != without:
            name = plainer(name)
    return name


def _differences(name, other):
    needed = [
        difference
        for difference in _PLAINER
        if _plain(name, difference) != _plain(other, difference)
    ]
    return _all_of(needed or [UNICODE])  # it may undo all others, too


def tree(counts: dict[tuple[str, ...], int]) -> str:
    """Return two levels of folders with their numbers of pictures.

    Args:
        counts: {names of the folders on the way: pictures right in there}.
    """
    folders: dict[str, collections.Counter] = {}
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
    table = (
        f" ({some(tables)} may say which photo is of which class)"
        if tables
        else ""
    )
    sort = f"put the photos of each class into a folder of its own{table}"
    if not outer:
        lie = "picture lies" if counts[()] == 1 else "pictures lie"
        return (
            f"{folder}: {counts[()]} {lie} right in it and none in a class "
            f"folder; {sort}, or, if this is one class, give the folder that "
            "it lies in."
        )
    if any("images" in parts for parts in counts) and any(
        "labels" in PurePosixPath(name).parts for name in others
    ):
        return (
            f"{folder}: photos in images/ and their labels in labels/, as "
            "for object detection; export the data set again for "
            "classification, with one folder of photos for each class."
        )
    if len(outer) == 1 and deeper and not counts[(outer[0],)]:
        inner = folder / outer[0]
        within = _census(inner)
        classes = {parts[0] for parts in within[0] if len(parts) == 1}
        if len(classes) > 1 and not all(map(_is_split, classes)):
            return (
                f"{folder}: the class folders lie one folder deeper: {found}; "
                f"give {inner}."
            )
        return _layout(inner, *within)
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
    if deeper:
        return (
            f"{folder}: photos lie deeper than in one folder for each class: "
            f"{found}; make each class a folder right in here, and move its "
            "photos up into it."
        )
    rest = []
    if counts[()]:
        rest.append(f"{counted(counts[()], 'picture')} beside it")
    without = [f"{name}/" for name in _folders(folder) if name not in outer]
    if without:
        rest.append(f"none in {some(without)}")
    rest = f" ({', '.join(rest)})" if rest else ""
    return (
        f"{folder}: only one folder holds photos, {found}{rest}, and a "
        "classifier needs two classes or more; put the photos of each other "
        "class into a folder of its own."
    )


def _no_picture(folder, others):
    archives = [name for name in others if name.lower().endswith(ARCHIVES)]
    if archives:
        return (
            f"{folder}: it holds no photos, but {some(archives)}; unpack "
            f"{'it' if len(archives) == 1 else 'them'} and {GIVE}."
        )
    if not others:
        empty = some(f"{name}/" for name in _folders(folder))
        only = f", only empty folders ({empty})" if empty else ""
        return f"{folder}: there is no file in it{only}; {GIVE}."
    kinds = collections.Counter(
        photo_file.passed_over_as(Path(name)) for name in others
    )
    found = some(f"{count} {kind}" for kind, count in kinds.most_common())
    return (
        f"{folder}: it holds no photos, only other files: {found}; if these "
        f"are your pictures, export them as PNG; if not, {GIVE}."
    )


def _folders(folder):
    """Return the names of the folders in a folder, sorted."""
    names = _without_system_names(os.listdir(folder))
    return sorted(name for name in names if os.path.isdir(folder / name))


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
        if not photo_file.is_named_as_picture(file.name)
    ]
    tables = sorted(name for name in others if name.lower().endswith(TABLES))
    return _count(files), tables, others


def _count(files):
    """Return {names of the folders on the way: pictures right in there}."""
    return collections.Counter(
        file.parts[:-1]
        for file in files
        if photo_file.is_named_as_picture(file.name)
        and not any(map(photo_file.is_system_name, file.parts))
    )


def _is_split(name):
    return _SPLIT.fullmatch(name.strip().lower()) is not None


def _without_system_names(names):
    return [name for name in names if not photo_file.is_system_name(name)]
