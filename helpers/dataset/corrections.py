"""Labels that were found to be wrong, mended without touching a photo.

There are two lists, CSV files with the columns file, label and was, made
for spreadsheets (see `tables`). The notes (`path`) may be edited by hand.
`apply` copies them to where `dataset.check` looks (`applied_path`), and `undo`
puts that copy aside.
"""

import csv
from pathlib import Path

from helpers import text
from helpers.paths import atomic, list_path, shown
from helpers.text import one_line

COLUMNS = ("file", "label", "was")


def path(folder):
    """Return where the notes on a folder of class folders are."""
    return list_path("labels", Path(folder).expanduser())


def applied_path(folder):
    """Return where the labels are that `dataset.check` goes by."""
    return list_path("labels_applied", Path(folder).expanduser())


def noted(folder):
    """Return the notes, {class/name of a photo's file: its right class}.

    Raises:
        ValueError: the notes can't be understood.
    """
    return {file: label for _, file, label in _rows(path(folder))}


def applied(folder, class_names):
    """Return the labels that `dataset.check` goes by, as `noted` does.

    Args:
        folder: the folder of class folders.
        class_names: the classes there are.

    Raises:
        ValueError: the list can't be understood, or a class is none of
            these.
    """
    its_path = applied_path(folder)
    rows = _rows(its_path)
    for number, _, label in rows:
        if label not in class_names:
            raise _fault(its_path, number, f"there is no class {label!r}")
    return {file: label for _, file, label in rows}


def note(folder, file, label):
    """Write down of which class a photo is; its own takes the note back.

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
    rows = [(its, to, _class(its)) for its, to in notes.items()]
    with atomic(path(folder)) as temporary:
        temporary.write_bytes(text.csv_bytes([COLUMNS, *rows]))


def apply(folder):
    """Let `dataset.check` go by the noted labels, and print how many.

    A photo keeps its split, unless its old or its new class is so small
    that thresholds are moved for it (see `dataset.assign_splits`).

    Args:
        folder: the folder of class folders; nothing in it is changed.

    Raises:
        ValueError: there are no notes, or they can't be understood, or
            name a photo or a class that is not there.
    """
    folder, its_path = Path(folder).expanduser(), path(folder)
    rows = _rows(its_path)
    if not rows:
        raise ValueError(
            f"{shown(its_path)}: no label is noted; note one before you "
            "apply them."
        )
    for number, file, label in rows:
        if not (folder / file).is_file():
            raise _fault(its_path, number, f"there is no photo {file}")
        if not (folder / label).is_dir():
            raise _fault(its_path, number, f"there is no class {label!r}")
    with atomic(applied_path(folder)) as temporary:
        temporary.write_bytes(its_path.read_bytes())
    print(
        f"{len(rows)} photos of {folder.name} get their noted label when "
        "dataset.check runs next; corrections.undo takes that back."
    )


def undo(folder):
    """Let `dataset.check` go by the class folders again.

    The notes stay, and the list it went by is put aside beside them.

    Args:
        folder: the folder of class folders.

    Raises:
        ValueError: no labels are applied.
    """
    its_path = applied_path(folder)
    if not its_path.exists():
        raise ValueError(f"{folder}: no labels are applied, so none to undo.")
    number = 1
    while (aside := its_path.with_suffix(f".undone-{number}.csv")).exists():
        number += 1
    its_path.rename(aside)
    print(
        f"{Path(folder).name} has the labels of its class folders when "
        f"dataset.check runs next; the others are in {shown(aside)}."
    )


def cells(its_path):
    """Return the rows of a list, each a list of texts; None without a file.

    Args:
        its_path: of a CSV file that a learner may have edited.

    Raises:
        ValueError: it is no CSV file in UTF-8.
    """
    try:
        return text.read_csv(its_path)
    except FileNotFoundError:
        return None
    except (csv.Error, UnicodeDecodeError):
        raise ValueError(
            f"{shown(its_path)}: not a CSV file in UTF-8; save it as one, or "
            "move it away to begin anew."
        ) from None


def _class(file):
    """Return the class that a file, class/name, lies in."""
    return file.partition("/")[0]


def _rows(its_path):
    """Return (number of the row, file, label) for each row of a list."""
    rows = cells(its_path)
    if rows is None:
        return []
    if [name.strip() for name in (rows or [[]])[0]] != list(COLUMNS):
        raise _fault(its_path, 1, f"the columns are not {', '.join(COLUMNS)}")
    found = []
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(COLUMNS) or not all(row):
            raise _fault(its_path, number, "a value is missing, or too many")
        file, label, was = row
        if was != _class(file):
            raise _fault(its_path, number, f"{file} is no photo of {was}")
        if file in {its for _, its, _ in found}:
            raise _fault(its_path, number, f"{file} is there twice")
        found.append((number, file, label))
    return found


def _fault(its_path, row, what):
    return ValueError(
        f"{shown(its_path)}, row {row}: {one_line(what)}; fix the row or "
        "delete it."
    )
