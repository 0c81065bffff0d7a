"""Labels that were found to be wrong, corrected without touching a photo.

There are two lists, CSV files with the columns file, label and was, made
for spreadsheets. The notes (`path`) may be edited by hand. `apply` copies
them to where `dataset.check` looks (`applied_path`), and `undo` removes that
copy.
"""

import csv
from collections.abc import Container
from pathlib import Path
from typing import NamedTuple

from helpers import text
from helpers.dataset import archives
from helpers.paths import atomic, list_path, shown
from helpers.text import counted, one_line

COLUMNS = ["file", "label", "was"]


def path(folder: str | Path) -> Path:
    """Return where the notes on a folder of photos are."""
    return list_path("labels", archives.unpacked(folder))


def applied_path(folder: str | Path) -> Path:
    """Return where the labels are that `dataset.check` goes by."""
    return list_path("labels_applied", archives.unpacked(folder))


def noted(folder: str | Path) -> dict[str, str]:
    """Return the notes, {name of a photo: its right class}.

    Raises:
        ValueError: the notes can't be understood.
    """
    return {file: row.label for file, row in _rows(path(folder)).items()}


def applied(folder: str | Path, class_names: Container[str]) -> dict[str, str]:
    """Return the applied labels, as `noted` does; each must be a class."""
    rows = _rows(applied_path(folder))
    for number, label, _ in rows.values():
        if label not in class_names:
            raise _error(
                applied_path(folder), number, f"there is no class {label!r}"
            )
    return {file: row.label for file, row in rows.items()}


def note(folder: str | Path, file: str, label: str, was: str) -> None:
    """Write down the class of a photo; its own class takes the note back.

    Args:
        file: the name of the photo, its path from the folder.

    Raises:
        ValueError: the notes that are there can't be understood.
    """
    notes = _rows(path(folder))
    if file in notes:
        was = notes.pop(file).was
    elif file in (labels := _rows(applied_path(folder))):
        was = labels[file].was
    rows = [[name, *row[1:]] for name, row in notes.items()]
    if label != was:
        rows.append([file, label, was])
    with atomic(path(folder)) as temporary:
        temporary.write_bytes(text.csv_bytes([COLUMNS, *rows]))


def apply(folder: str | Path) -> None:
    """Let `dataset.check` go by the noted labels, and print how many.

    A photo keeps its split, unless its old or its new class is so small
    that thresholds are moved for it (see `dataset.assign_splits`).

    Raises:
        ValueError: there are no notes, or they can't be understood, or
            name a photo that is not there.
    """
    folder, notes = archives.unpacked(folder), path(folder)
    rows = _rows(notes)
    if not rows:
        raise ValueError(
            f"{shown(notes)}: no correction is listed; add one with "
            "widgets.mistakes or in this file first."
        )
    for file, row in rows.items():
        if not (folder / file).is_file():
            raise _error(notes, row.number, f"there is no photo {file}")
    with atomic(applied_path(folder)) as temporary:
        temporary.write_bytes(notes.read_bytes())
    print(
        f"{counted(len(rows), 'corrected label')} of {folder.name} will be "
        "used when dataset.check runs next; dataset.corrections.undo(FOLDER) "
        "reverts this."
    )


def undo(folder: str | Path) -> None:
    """Let `dataset.check` go by the labels of the folder again.

    The notes stay.

    Raises:
        ValueError: no labels are applied.
    """
    if not applied_path(folder).exists():
        raise ValueError(f"{folder}: no labels are applied, so none to undo.")
    applied_path(folder).unlink()
    print(
        f"{Path(folder).name} has its own labels when dataset.check runs "
        f"next; your list stays in {shown(path(folder))}."
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


class _Row(NamedTuple):
    number: int
    label: str
    was: str


def _rows(notes: Path):
    """Return {name of a photo: its row} of a list."""
    rows = read_rows(notes)
    if rows is None:
        return {}
    if [name.strip() for name in (rows or [[]])[0]] != COLUMNS:
        raise _error(notes, 1, f"the columns are not {', '.join(COLUMNS)}")
    labels: dict[str, _Row] = {}
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(COLUMNS) or not all(row):
            raise _error(notes, number, "a value is missing, or too many")
        file, label, was = row
        if label == was:
            raise _error(notes, number, f"{file} is of {was} already")
        if file in labels:
            raise _error(notes, number, f"{file} is there twice")
        labels[file] = _Row(number, label, was)
    return labels


def _error(notes: Path, row: int, what: str):
    return ValueError(
        f"{shown(notes)}, row {row}: {one_line(what)}; fix the row or delete "
        "it."
    )
