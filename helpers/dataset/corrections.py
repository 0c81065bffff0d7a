"""Labels that were found to be wrong, corrected without touching a photo.

There are two lists, CSV files with the columns file, label and was, made
for spreadsheets. The notes (`path`) may be edited by hand. `apply` copies
them to where `dataset.check` looks (`applied_path`), and `undo` moves that
copy aside.
"""

import csv
from collections.abc import Container
from pathlib import Path

from helpers import text
from helpers.paths import atomic, list_path, shown
from helpers.text import one_line

COLUMNS = ["file", "label", "was"]


def path(folder: str | Path) -> Path:
    """Return where the notes on a folder of class folders are."""
    return list_path("labels", Path(folder).expanduser())


def applied_path(folder: str | Path) -> Path:
    """Return where the labels are that `dataset.check` goes by."""
    return list_path("labels_applied", Path(folder).expanduser())


def noted(folder: str | Path) -> dict[str, str]:
    """Return the notes, {class/name of a photo's file: its right class}.

    Raises:
        ValueError: the notes can't be understood.
    """
    return {file: label for _, file, label in _rows(path(folder))}


def applied(folder: str | Path, class_names: Container[str]) -> dict[str, str]:
    """Return the applied labels, as `noted` does; each must be a class."""
    rows = _rows(applied_path(folder))
    for row, _, label in rows:
        if label not in class_names:
            raise _error(
                applied_path(folder), row, f"there is no class {label!r}"
            )
    return {file: label for _, file, label in rows}


def note(folder: str | Path, file: str, label: str) -> None:
    """Write down the class of a photo; its own class takes the note back.

    Args:
        folder: the folder of class folders.
        file: class/name of the photo's file in it.
        label: the name of the class.

    Raises:
        ValueError: the notes that are there can't be understood.
    """
    notes = noted(folder)
    notes.pop(file, None)
    if label != _class(file):
        notes[file] = label
    rows = [[name, new, _class(name)] for name, new in notes.items()]
    with atomic(path(folder)) as temporary:
        temporary.write_bytes(text.csv_bytes([COLUMNS, *rows]))


def apply(folder: str | Path) -> None:
    """Let `dataset.check` go by the noted labels, and print how many.

    A photo keeps its split, unless its old or its new class is so small
    that thresholds are moved for it (see `dataset.assign_splits`).

    Raises:
        ValueError: there are no notes, or they can't be understood, or
            name a photo or a class that is not there.
    """
    folder, notes = Path(folder).expanduser(), path(folder)
    rows = _rows(notes)
    if not rows:
        raise ValueError(
            f"{shown(notes)}: no correction is listed; add one with "
            "widgets.mistakes or in this file first."
        )
    for row, file, label in rows:
        if not (folder / file).is_file():
            raise _error(notes, row, f"there is no photo {file}")
        if not (folder / label).is_dir():
            raise _error(notes, row, f"there is no class {label!r}")
    with atomic(applied_path(folder)) as temporary:
        temporary.write_bytes(notes.read_bytes())
    print(
        f"{len(rows)} photos of {folder.name} get their noted label when "
        "dataset.check runs next; dataset.corrections.undo(FOLDER) "
        "reverts this."
    )


def undo(folder: str | Path) -> None:
    """Let `dataset.check` go by the class folders again.

    The notes stay, and the list it went by is moved aside beside them.

    Raises:
        ValueError: no labels are applied.
    """
    current = applied_path(folder)
    if not current.exists():
        raise ValueError(f"{folder}: no labels are applied, so none to undo.")
    number = 1
    while (aside := current.with_suffix(f".undone-{number}.csv")).exists():
        number += 1
    current.rename(aside)
    print(
        f"{Path(folder).name} has the labels of its class folders when "
        f"dataset.check runs next; the others are in {shown(aside)}."
    )


def read_rows(file: Path) -> list[list[str]] | None:
    """Return the rows of a CSV file that a learner may have edited, or None.

    Raises:
        ValueError: it is no CSV file in UTF-8.
    """
    try:
        return text.read_csv(file)
    except FileNotFoundError:
        return None
    except (csv.Error, UnicodeDecodeError):
        raise ValueError(
            f"{shown(file)}: not a CSV file in UTF-8; save it as one, or "
            "move it away to begin anew."
        ) from None


def _class(file: str):
    """Return the class that a file, class/name, lies in."""
    return file.partition("/")[0]


def _rows(notes: Path):
    """Return (number of the row, file, label) for each row of a list."""
    rows = read_rows(notes)
    if rows is None:
        return []
    if [name.strip() for name in (rows or [[]])[0]] != COLUMNS:
        raise _error(notes, 1, f"the columns are not {', '.join(COLUMNS)}")
    labels: dict[str, tuple[int, str]] = {}
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(COLUMNS) or not all(row):
            raise _error(notes, number, "a value is missing, or too many")
        file, label, was = row
        if was != _class(file):
            raise _error(notes, number, f"{file} is no photo of {was}")
        if file in labels:
            raise _error(notes, number, f"{file} is there twice")
        labels[file] = number, label
    return [(number, file, label) for file, (number, label) in labels.items()]


def _error(notes: Path, row: int, what: str):
    return ValueError(
        f"{shown(notes)}, row {row}: {one_line(what)}; fix the row or delete "
        "it."
    )
