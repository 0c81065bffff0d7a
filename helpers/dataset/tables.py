"""Tables that give the class of each photo: a CSV file of `file,label`."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from helpers.dataset.tree import FolderError, listed
from helpers.text import counted

# Names of columns, in lower case and with underscores; the first that a
# table has counts.
FILE = (
    "file", "filename", "file_name", "filepath", "file_path", "image",
    "image_name", "image_path", "image_file", "img", "photo", "picture",
    "path", "image_id", "id", "name",
)  # fmt: skip
LABEL = (
    "label", "labels", "class", "class_name", "classname", "category",
    "target", "species", "breed", "diagnosis", "dx", "defect", "choice",
    "type",
)  # fmt: skip
GROUP = (
    "group", "group_id", "patient", "patient_id", "subject_id", "lesion_id",
)  # fmt: skip
SPLIT = ("split", "subset", "set")
ONES, ZEROS = frozenset({"1", "1.0"}), frozenset({"0", "0.0"})


@dataclass(frozen=True)
class Row:
    """What a table says of a photo, and in which of its lines."""

    number: int
    file: str
    label: str
    group: str | None = None
    split: str | None = None


def read(table: Path) -> list[Row]:
    """Return the rows of a table.

    The columns are separated by commas, semicolons or tabs. Instead of a
    column of labels there may be one for each class that holds 0 or 1.

    Raises:
        FolderError: there is no such table, or a column is missing, or a
            row has no label.
    """
    try:
        with open(table, newline="", encoding="utf-8-sig") as opened:
            head = opened.readline()
            separator = max(",;\t", key=head.count)
            opened.seek(0)
            lines = csv.reader(
                opened, delimiter=separator, skipinitialspace=True
            )
            header, *rows = [[cell.strip() for cell in row] for row in lines]
    except FileNotFoundError:
        raise FolderError(
            f"{table}: there is no such file; give a CSV file with the "
            "columns file and label."
        ) from None
    except (OSError, ValueError, csv.Error):
        raise FolderError(
            f"{table}: not a CSV file in UTF-8 that can be read; save the "
            "table as CSV UTF-8, with the columns file and label."
        ) from None
    names = ["_".join(name.lower().split()) for name in header]
    none = len(header)
    file, label, group, split = (
        next((names.index(name) for name in known if name in names), none)
        for known in (FILE, LABEL, GROUP, SPLIT)
    )
    classes = [i for i in range(none) if i not in (file, group, split)]
    one_hot = label == none and _is_one_hot(rows, classes)
    if file == none or (label == none and not one_hot):
        lacking = "file" if file == none else "label"
        raise FolderError(
            f"{table}: no column is called {lacking}, only "
            f"{listed(header)}; name the columns file and label."
        )
    result = []
    for number, cells in enumerate(rows, 2):
        if not any(cells):
            continue
        cells = [*(cells + [""] * none)[:none], ""]
        if one_hot:  # the name of the column that holds 1
            name = next(header[i] for i in classes if cells[i] in ONES)
        else:
            name = cells[label]
        if not cells[file] or re.search(r"[/\\]|^\.{0,2}$", name):
            what = f"{cells[file]!r} has the label {name!r}; give each file a"
            raise error(table, number, f"{what} label without slashes")
        path = cells[file].replace("\\", "/").removeprefix("./")
        more = cells[group] or None, cells[split] or None
        result.append(Row(number, path, name, *more))
    return result


def _is_one_hot(rows: Sequence[Sequence[str]], columns: Sequence[int]):
    """Return whether these columns hold one 1 and otherwise 0 in each row."""
    values = [
        sorted(row[i] for i in columns if i < len(row))
        for row in rows
        if any(row)
    ]
    return bool(values) and all(
        row and row[-1] in ONES and {*row[:-1]} and ZEROS.issuperset(row[:-1])
        for row in values
    )


def match(
    table: Path,
    rows: Iterable[Row],
    folder: PurePosixPath,
    files: Iterable[PurePosixPath],
) -> dict[PurePosixPath, Row]:
    """Return the row of each file that a table names.

    Names may be paths, from the table or from the folder of photos, and may
    lack the suffix. The folder of the table and the files are paths from the
    folder of photos.

    Raises:
        FolderError: a file is missing, is there twice, or has two labels.
    """
    index = defaultdict(set)
    for path in files:
        for key in (path, path.parent / path.stem, path.name, path.stem):
            index[str(key)].add(path)
    result: dict[PurePosixPath, Row] = {}
    missing = []
    for row in rows:
        names = (folder / row.file, row.file, PurePosixPath(row.file).name)
        found = next((index[str(n)] for n in names if str(n) in index), set())
        if len(found) > 1:
            paths = listed(sorted(map(str, found)))
            what = f"{row.file} may be {paths}; write the path of the file"
            raise error(table, row.number, what)
        if not found:
            missing.append(row)
            continue
        (path,) = found
        if path in result and result[path].label != row.label:
            what = f"{path} has another label in row {result[path].number}"
            raise error(table, row.number, f"{what}; keep one of them")
        result.setdefault(path, row)
    if missing:
        also = ""
        if more := len(missing) - 1:
            also = f" ({counted(more, 'more row')} like this)"
        what = f"there is no photo {missing[0].file}{also}"
        raise error(
            table, missing[0].number, f"{what}; add it or delete the row"
        )
    return result


def error(table: Path, number: int, what: str) -> FolderError:
    """Return the error of one row of a table."""
    return FolderError(f"{table}, row {number}: {what}.")
