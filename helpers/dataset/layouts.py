"""How photos are sorted into folders, and why a folder can't be used.

A folder to learn from holds one folder for each class, with the photos right
in it. Exports, archives and collections often have other layouts.
"""

import os
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath

from helpers.dataset import photo_file
from helpers.dataset.photo_file import ARCHIVES, Photo, Problem, printed
from helpers.paths import ROOT
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
LINK_UP = "a link to a folder that it lies in"


class FolderError(ValueError):
    """A folder can't be used, for the reason given in one sentence.

    `problems` holds every `Problem` that was found in it.
    """

    def __init__(self, sentence: str, problems: Iterable[Problem] = ()):
        # A name may hold a line break.
        super().__init__(
            "".join(c if c.isprintable() else repr(c)[1:-1] for c in sentence)
        )
        self.problems = tuple(problems)


@dataclass
class Contents:
    """What lies in a folder of class folders.

    `files` are those in class folders; `ignored` counts what systems and
    other programs have left: {name of a file or folder, or *.suffix: files}.
    """

    files: list[Path] = field(default_factory=list)
    class_folders: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)

    def ignore(self, path: Path) -> bool:
        """Count a file or folder that is ignored; say whether it is one."""
        by_system = photo_file.is_system_name(path.name)
        if by_system and os.path.isdir(path):
            self.ignored[f"{printed(path.name)}/"] += count_files(path)
        elif by_system or photo_file.is_sidecar(path):
            self.ignored[_kind_of_other(path)] += 1
        else:
            return False
        return True

    def exclude(self, name: str, what: str, do: str, files: int = 1) -> None:
        """Add the problem of a file or folder that is not used."""
        self.problems.append(Problem(printed(name), what, do, True, files))


def read_folder(folder: Path) -> Contents:
    """Return what lies in a folder of class folders; open no photo.

    Raises:
        FolderError: the folder is missing or may not be looked into, or the
            folders in it are splits, such as train and test.
    """
    paths = _paths(folder)
    names = [path.name for path in paths if os.path.isdir(path)]
    contents = Contents()
    for path in paths:
        if contents.ignore(path):
            continue
        name = f"{path.name}/"
        try:
            inside = sorted(path.iterdir()) if path.is_dir() else None
        except PermissionError:
            contents.exclude(
                name,
                "you have no permission to open it",
                "Give yourself the right to, in its properties.",
            )
            continue
        if inside is None:
            contents.exclude(
                path.name,
                "not in a class folder",
                "If it is a photo, move it into the folder of its class.",
            )
        elif leads_up(path):
            contents.exclude(name, LINK_UP, "Delete the link.", 0)
        elif repeated := _repeats_classes(path, inside, names):
            what, do = repeated
            contents.exclude(name, what, do, count_files(path))
        else:
            contents.class_folders.append(path.name)
            for inner in inside:
                _add_from_class(contents, inner)
    pictures = filter(_is_picture, contents.files)
    holding = {file.parent.name for file in pictures}
    if holding and all(map(_is_split, holding)):
        raise FolderError(_other_layout(folder))
    return contents


def _paths(folder: Path):
    """Return the paths in a folder, sorted."""
    try:
        if folder.is_dir():
            paths = sorted(folder.iterdir())
            for path in paths:
                path.lstat()  # the right to list names is not enough
            return paths
    except PermissionError:
        raise FolderError(
            f"{folder}: you have no permission to open it; give yourself "
            "the right to, in the properties of the folder."
        ) from None
    if os.path.exists(folder):
        raise FolderError(_not_a_folder(folder))
    if (ROOT / folder).is_dir():
        there = os.path.relpath(ROOT / folder)
        raise FolderError(
            f"{folder}: there is no such folder where this notebook lies, "
            f"but one in the project's folder: give {there!r}."
        )
    looked = "" if folder.is_absolute() else f" at {folder.absolute()}"
    raise FolderError(f"{folder}: there is no such folder{looked}; {GIVE}.")


def _not_a_folder(path: Path):
    """Return what to give instead of a file."""
    what, unpack = "a file", ""
    if _is_picture(path):
        what = "a single picture"
    if path.name.lower().endswith(ARCHIVES):
        what, unpack = _archive(path)
    return f"{path}: {what}, not a folder; {unpack}{GIVE}."


def _archive(path: Path):
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
    if not counts:
        return "an archive without photos" if names else "an empty archive", ""
    outer = {parts[0] for parts in counts if parts}
    if not outer:
        pictures = counted(counts[()], "picture")
        return f"an archive with {pictures} right in it", unpack
    splits = "the splits " if all(map(_is_split, outer)) else ""
    return f"an archive with {splits}{_tree(counts)} in it", unpack


def _repeats_classes(folder: Path, inside: list[Path], names: list[str]):
    """Return (problem, advice) if a folder repeats the classes, or None.

    A split, masks or copies may lie beside the class folders, in a folder
    with folders of the same names and no pictures right in it.
    """
    inner = set()
    for path in inside:
        if os.path.isdir(path):
            if not photo_file.is_system_name(path.name):
                inner.add(path.name.casefold())
        elif _is_picture(path):
            return None
    if not inner & {name.casefold() for name in names if name != folder.name}:
        return None
    if _is_split(folder.name):
        return (
            "a split that was set aside, with folders named as the classes",
            "Move its photos into the class folders to use them, too: the "
            "lessons split the photos themselves.",
        )
    return (
        "no class, for it holds folders named as the classes",
        "If it holds photos, not masks for example, move them into the class "
        "folders to use them, too.",
    )


def _add_from_class(contents: Contents, path: Path):
    """Add what lies in a class folder."""
    name = f"{path.parent.name}/{path.name}/"
    if contents.ignore(path):
        return
    if not os.path.isdir(path):  # also where that can't be asked
        contents.files.append(path)
    elif leads_up(path):
        contents.exclude(name, LINK_UP, "Delete the link.", 0)
    else:
        contents.exclude(
            name,
            "a folder inside a class folder",
            "If its photos are of this class, move them up into the class "
            "folder; if not, make it a class or move it away.",
            count_files(path),
        )


def listed(names: Iterable[str], more: str = "more") -> str:
    """Return a few names, and how many more there are."""
    names = list(names)
    if len(names) <= SHOWN:
        return ", ".join(names)
    few = names[: SHOWN - 1]
    return f"{', '.join(few)} and {len(names) - len(few)} {more}"


def _join(names: list[str], word: str):
    """Return all names, with a word before the last one."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


def walk(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder in a folder, and the names of the files in it.

    What systems and programs leave is ignored. Links are followed, but each
    folder is entered once, and none that the first one lies in: a link to a
    parent would lead round for ever.
    """
    entered = set(map(str, Path(os.path.realpath(folder)).parents))
    for path, inner, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(path)
        if real in entered:
            inner.clear()
            continue
        entered.add(real)
        # Of two links to one folder, the first counts.
        inner[:] = sorted(_without_system_names(inner))
        yield path, _without_system_names(names)


def count_files(folder: Path) -> int:
    """Count the files in a folder and its folders; none for `leads_up`."""
    if leads_up(folder):
        return 0
    return sum(len(names) for _, _, names in os.walk(folder))


def leads_up(folder: Path) -> bool:
    """Say whether a folder is a link to one that it lies in."""
    parent = Path(os.path.realpath(folder.parent))
    return parent.is_relative_to(os.path.realpath(folder))


def refusal(
    folder: Path, photos: Iterable[Photo], problems: list[Problem]
) -> FolderError:
    """Return why a folder does not have two classes of photos to use."""
    usable = sorted({photo.class_name for photo in photos})
    # Of a class folder itself, or of a file right in it.
    about = [p for p in problems if p.excluded and p.name.count("/") == 1]
    holding = {photo.path.parent.name for photo in photos}
    holding |= {p.name.partition("/")[0] for p in about}
    in_place = all(len(parts) == 1 for parts in _census(folder)[0])
    if len(holding) < 2 and (usable or not holding or not in_place):
        # What else was found follows from the layout.
        return FolderError(_other_layout(folder), about)
    if usable:
        what = (
            f"only {usable[0]}/ has photos that can be used, and a "
            "classifier needs two classes or more"
        )
        if about:
            what += f"; left out: {causes(about)}"
    else:
        names = [f"{name}/" for name in sorted(holding)]
        where = _join(names, "or") if len(names) <= SHOWN else listed(names)
        what = f"no photo in {where} can be used: {causes(about)}"
    common = Counter(p.advice for p in about).most_common(1)
    advice = common[0][0] if common else "Add photos of another class."
    return FolderError(f"{folder}: {what}. {advice}", problems)


def causes(problems: Iterable[Problem]) -> str:
    """Return the problems and of how many files each is, the most first."""
    files = Counter[str]()
    for p in problems:
        files[p.problem] += p.files
    return listed(
        f"{what} ({counted(count, 'file')})"
        for what, count in files.most_common()
    )


def doubtful(class_names: Iterable[str]) -> list[Problem]:
    """Return a `Problem` for each class named as a split or as unsorted."""
    what = (
        "taken as a class, though splits or unsorted photos often have such a "
        "name"
    )
    do = (
        "If it is no class, move the folder away; the lessons split the "
        "photos themselves."
    )
    return [
        Problem(f"{name}/", what, do)
        for name in class_names
        if _is_split(name) or name.strip().lower() in UNSORTED
    ]


UNICODE = "the Unicode form of their letters"
_SIMPLIFY = {
    UNICODE: lambda name: unicodedata.normalize("NFKC", name),
    "invisible characters": lambda name: "".join(
        c for c in name if unicodedata.category(c) != "Cf"
    ),
    "a full stop at the end": lambda name: re.sub(r"\.(?=\s*$)", "", name),
    "spaces": lambda name: " ".join(name.split()),
    "upper and lower case": str.casefold,
}


def lookalikes(class_names: Iterable[str]) -> list[Problem]:
    """Return a `Problem` for each class named nearly as an earlier one."""
    first: dict[str, str] = {}
    problems = []
    for name in class_names:
        other = first.setdefault(_simplified(name), name)
        if other == name:
            continue
        # Unicode forms may undo all other differences, too.
        needed = [
            difference
            for difference in _SIMPLIFY
            if _simplified(name, difference) != _simplified(other, difference)
        ] or [UNICODE]
        words = _join(needed, "and")
        what = f"{name!r} and {other!r} differ only in {words}"
        do = "If they are one class, move the photos into one folder."
        problems.append(Problem(f"{name}/", what, do))
    return problems


def _simplified(name: str, kept: str = ""):
    """Return a name without these differences, but for one of them."""
    for difference, simplify in _SIMPLIFY.items():
        if difference != kept:
            name = simplify(name)
    return name


def _other_layout(folder: Path):
    """Return the sentence for a folder that is sorted in another way."""
    counts, others = _census(folder)
    if not counts:
        return f"{folder}: {_no_picture(folder, others)}."
    outer = sorted({parts[0] for parts in counts if parts})
    deeper = any(len(parts) > 1 for parts in counts)
    are_splits = all(map(_is_split, outer))
    tree = _tree(counts)
    sort = "put the photos of each class into a folder of its own"
    if tables := [n for n in others if n.lower().endswith(TABLES)]:
        sort += f" ({listed(tables)} may say which photo is of which class)"
    if not outer:
        lie = "picture lies" if counts[()] == 1 else "pictures lie"
        what = (
            f"{counts[()]} {lie} right in it and none in a class folder; "
            f"{sort}, or, if this is one class, give the folder that it lies "
            "in"
        )
    elif any("images" in parts for parts in counts) and any(
        "labels" in PurePosixPath(name).parts for name in others
    ):
        what = (
            "photos in images/ and their labels in labels/, as for object "
            "detection; export the data set again for classification, with "
            "one folder of photos for each class"
        )
    elif len(outer) == 1 and deeper and not counts[(outer[0],)]:
        inner = folder / outer[0]
        classes = {parts[0] for parts in _census(inner)[0] if len(parts) == 1}
        if len(classes) < 2 or all(map(_is_split, classes)):
            return _other_layout(inner)
        what = f"the class folders lie one folder deeper: {tree}; give {inner}"
    elif are_splits and deeper:
        what = (
            f"the class folders lie inside the splits of a data set: {tree}; "
            "move the photos of each class together into one folder right in "
            "here: the lessons split them themselves"
        )
    elif are_splits:
        what = (
            "its folders are the splits of a data set, not classes: "
            f"{tree}; {sort}, whichever split they are in: the lessons split "
            "them themselves. If these are classes, rename the folders"
        )
    elif deeper:
        what = (
            f"photos lie deeper than in one folder for each class: {tree}; "
            "make each class a folder right in here, and move its photos up "
            "into it"
        )
    else:
        rest = []
        if counts[()]:
            rest.append(f"{counted(counts[()], 'picture')} beside it")
        if empty := [f"{n}/" for n in _folders(folder) if n not in outer]:
            rest.append(f"none in {listed(empty)}")
        also = f" ({', '.join(rest)})" if rest else ""
        what = (
            f"only one folder holds photos, {tree}{also}, and a classifier "
            "needs two classes or more; put the photos of each other class "
            "into a folder of its own"
        )
    return f"{folder}: {what}."


def _no_picture(folder: Path, others: list[str]):
    archives = [name for name in others if name.lower().endswith(ARCHIVES)]
    if archives:
        them = "it" if len(archives) == 1 else "them"
        names = listed(archives)
        return f"it holds no photos, but {names}; unpack {them} and {GIVE}"
    if not others:
        empty = listed(f"{name}/" for name in _folders(folder))
        only = f", only empty folders ({empty})" if empty else ""
        return f"there is no file in it{only}; {GIVE}"
    kinds = Counter(map(_kind_of_other, map(Path, others)))
    files = listed(f"{count} {kind}" for kind, count in kinds.most_common())
    return (
        f"it holds no photos, only other files: {files}; if these are your "
        f"pictures, export them as PNG; if not, {GIVE}"
    )


def _kind_of_other(file: Path):
    """Return what a file that is no picture counts as in a report."""
    if photo_file.is_system_name(file.name):
        return "._*" if file.name.startswith("._") else printed(file.name)
    return printed(f"*{file.suffix.lower()}") if file.suffix else "no suffix"


def _folders(folder: Path):
    names = _without_system_names(os.listdir(folder))
    return sorted(name for name in names if os.path.isdir(folder / name))


def _census(folder: Path):
    """Return the pictures in a folder, as counted by `_count`, and the sorted
    names of all other files.
    """
    files = [
        Path(path, name).relative_to(folder)
        for path, names in walk(folder)
        for name in names
    ]
    others = [file.as_posix() for file in files if not _is_picture(file)]
    return _count(files), sorted(others)


def _count(files: Iterable[PurePath]):
    """Return {names of the folders on the way: pictures right in there}."""
    return Counter(
        file.parts[:-1]
        for file in files
        if _is_picture(file)
        and not any(map(photo_file.is_system_name, file.parts))
    )


def _tree(counts: Counter[tuple[str, ...]]):
    """Return two levels of folders with their numbers of pictures."""
    folders: dict[str, Counter[str]] = {}
    for parts, count in counts.items():
        if parts:
            inner = folders.setdefault(parts[0], Counter())
            inner["/".join(parts[1:2])] += count
    described = []
    for name, inner in sorted(folders.items()):
        text = f"{name}/ {inner.total()}"
        below = [f"{k}/ {count}" for k, count in sorted(inner.items()) if k]
        described.append(f"{text} ({listed(below)})" if below else text)
    return listed(described)


def _is_picture(file: PurePath):
    return photo_file.is_named_as_picture(file.name)


def _is_split(name: str):
    return _SPLIT.fullmatch(name.strip().lower()) is not None


def _without_system_names(names: Iterable[str]):
    return [name for name in names if not photo_file.is_system_name(name)]
