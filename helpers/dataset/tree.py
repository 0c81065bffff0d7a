"""Which files lie in a folder of photos, at any depth."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from helpers.dataset import photo_file
from helpers.dataset.photo_file import Problem, printed
from helpers.paths import ROOT
from helpers.text import counted, one_line

SHOWN = 4  # names in a list; of more, one less and how many there are
TABLES = (".csv", ".tsv")


class FolderError(ValueError):
    """A folder can't be used, for the reason given in one sentence.

    `problems` holds every `Problem` that was found in it.
    """

    def __init__(self, sentence: str, problems: Iterable[Problem] = ()):
        super().__init__(one_line(sentence))
        self.problems = tuple(problems)


@dataclass
class Tree:
    """The files and folders in a folder, as paths from there.

    `files` are neither leavings of systems and programs nor `tables`;
    `ignored` counts these leavings: {name, or *.suffix: files}. `problems`
    are folders that could not be read.
    """

    folder: Path
    files: list[PurePosixPath] = field(default_factory=list)
    tables: list[PurePosixPath] = field(default_factory=list)
    folders: list[PurePosixPath] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)

    def pictures(self) -> list[PurePosixPath]:
        """Return the files whose names are those of pictures."""
        return [
            f for f in self.files if photo_file.is_named_as_picture(f.name)
        ]


def read_tree(folder: Path) -> Tree:
    """Return what lies in a folder; open no photo.

    Links are followed, but no folder is entered twice, and none that
    `folder` lies in: a link to a parent would lead round for ever.

    Raises:
        FolderError: the folder is missing or may not be looked into.
    """
    tree = Tree(folder)

    def stop(error: OSError):
        path = Path(error.filename)
        if path == folder:
            raise _no_folder(folder) from None
        name = f"{printed(str(_relative(path, folder)))}/"
        what = "you have no permission to open it"
        do = "Give yourself the right to, in its properties."
        tree.problems.append(Problem(name, what, do, excluded=True))

    root = Path(os.path.realpath(folder))
    entered = {str(path): "" for path in (root, *root.parents)}
    for parent, inner, names in os.walk(folder, True, stop, followlinks=True):
        here = _relative(Path(parent), folder)
        inner.sort()
        inner[:] = [n for n in inner if _enter(tree, here / n, entered)]
        for name in sorted(names):
            file = here / name
            if photo_file.is_system_name(name):
                kind = "._*" if name.startswith("._") else printed(name)
                tree.ignored[kind] += 1
            elif not photo_file.is_sidecar(folder / file):
                tree.files.append(file)
            elif file.suffix.lower() in TABLES:
                tree.tables.append(file)
            else:
                tree.ignored[kind_of(file)] += 1
    return tree


def _relative(path: Path, folder: Path):
    return PurePosixPath(path.relative_to(folder).as_posix())


def _enter(tree: Tree, path: PurePosixPath, entered: dict[str, str]):
    """Return whether to go into a folder; note why not."""
    here = tree.folder / path
    if photo_file.is_system_name(path.name):
        # Behind a link may lie anything.
        inside = os.walk(here) if not here.is_symlink() else ()
        files = sum(len(names) for _, _, names in inside)
        tree.ignored[f"{printed(path.name)}/"] += files
        return False
    real = os.path.realpath(here)
    if real in entered:
        what = "a link to a folder that it lies in"
        if entered[real]:
            what = f"the same folder as {entered[real]}, through a link"
        name = f"{printed(str(path))}/"
        problem = Problem(name, what, "Delete the link.", True, files=0)
        tree.problems.append(problem)
        return False
    entered[real] = f"{printed(str(path))}/"
    tree.folders.append(path)
    return True


def _no_folder(path: Path):
    if path.is_dir():
        return FolderError(
            f"{path}: you have no permission to open it; give yourself the "
            "right to, in the properties of the folder."
        )
    if os.path.exists(path):
        is_picture = photo_file.is_named_as_picture(path.name)
        what = "a single picture" if is_picture else "a file"
        if path.name.lower().endswith(photo_file.ARCHIVES):
            what = "an archive that is not opened here (only .zip is)"
        return FolderError(
            f"{path}: {what}, not a folder; give the folder of the photos, "
            "unpacked."
        )
    if (ROOT / path).is_dir():
        there = os.path.relpath(ROOT / path)
        return FolderError(
            f"{path}: there is no such folder where this notebook lies, but "
            f"one in the project's folder: give {there!r}."
        )
    looked = "" if path.is_absolute() else f" at {path.absolute()}"
    return FolderError(
        f"{path}: there is no such folder{looked}; give the folder that "
        "holds the photos."
    )


def kind_of(file: PurePosixPath) -> str:
    """Return what a file that is no picture counts as in a report."""
    return printed(f"*{file.suffix.lower()}") if file.suffix else "no suffix"


def listed(names: Iterable[str], more: str = "more") -> str:
    """Return a few names, and how many more there are."""
    names = list(names)
    if len(names) <= SHOWN:
        return ", ".join(names)
    few = names[: SHOWN - 1]
    return f"{', '.join(few)} and {len(names) - len(few)} {more}"


def outline(files: Iterable[PurePosixPath]) -> str:
    """Return two levels of folders with their numbers of files."""
    folders: dict[str, Counter[str]] = {}
    for file in files:
        outer, inner = (*file.parts[:-1], "", "")[:2]
        folders.setdefault(outer, Counter())[inner] += 1
    described = []
    for name, below in sorted(folders.items()):
        right_in_it = counted(below.total(), "picture") + " right in it"
        text = f"{name}/ {below.total()}" if name else right_in_it
        deeper = [f"{k}/ {count}" for k, count in sorted(below.items()) if k]
        described.append(f"{text} ({listed(deeper)})" if deeper else text)
    return listed(described, "more folders")
