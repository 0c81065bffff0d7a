"""The list of files to exclude from a folder of photos, for editing.

A CSV file with the columns file, excluded (yes or no), problem and advice,
made for spreadsheets. Write no for a file that shall be used all the same, if
it can be read; write yes, or add a line, for one that shall not. The next
check does so. A line of a file that is not there stays, at the end, in case
it comes back.
"""

import collections
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from helpers import text
from helpers.dataset.corrections import read_rows
from helpers.dataset.photo_file import Photo, Problem
from helpers.paths import atomic, list_path, shown
from helpers.text import one_line

COLUMNS = ["file", "excluded", "problem", "advice"]


def path(folder: Path) -> Path:
    """Return where the list of a folder of photos is."""
    return list_path("excluded", folder)


def applied(
    folder: Path, photos: Iterable[Photo], problems: Sequence[Problem]
) -> list[Problem]:
    """Return the problems with the choices of the list, and write the list.

    Args:
        photos: those in the folder that can be read.

    Raises:
        ValueError: the list can't be understood.
    """
    of_file = collections.defaultdict(list)
    for p in problems:
        of_file[p.name].append(p)
    reasons = {
        name: "; ".join(p.problem for p in group)
        for name, group in of_file.items()
    }
    # A line speaks of the problems that stand in it, or, where a learner
    # has added it, of the file.
    readable = {photo.name for photo in photos}
    listed = _read(path(folder))
    chosen = {
        name: excluded == "yes"
        for name, (excluded, reason, _) in listed.items()
        if name in readable and reason in ("", reasons.get(name, ""))
    }
    result = [
        replace(p, excluded=chosen.get(p.name, p.excluded)) for p in problems
    ]
    do = "Write no in the column excluded to use it."
    result += [
        Problem(name, "excluded by you", do, excluded=True)
        for name, excluded in chosen.items()
        if excluded and name not in reasons
    ]
    excluded_names = {p.name for p in result if p.excluded}
    rows = [
        (
            p.name,
            "yes" if p.name in excluded_names else "no",
            reasons.get(p.name, ""),
            " ".join(q.advice for q in of_file[p.name]),
        )
        for p in {p.name: p for p in result}.values()
        if not p.name.endswith("/")
    ]
    there = readable | excluded_names | of_file.keys()
    rows += [(name, *row) for name, row in listed.items() if name not in there]
    _write(path(folder), rows)
    return result


def _write(file: Path, rows: Sequence[tuple[str, ...]]):
    """Write the list unless the file holds it, or neither has a row."""
    content = text.csv_bytes([COLUMNS, *rows])
    old = file.read_bytes() if file.exists() else None
    if content == old or (old is None and not rows):
        return
    with atomic(file) as temporary:
        temporary.write_bytes(content)


def _read(file: Path):
    """Return {file: (yes or no, problem, advice)}, as listed."""
    rows = [row for row in read_rows(file) or [] if "".join(row).strip()]
    listed = {}
    for row in rows[1:]:
        name, excluded, reason, advice, *_ = row + [""] * 3
        if excluded.strip().lower() not in ("yes", "no"):
            raise ValueError(
                f"{shown(file)}: excluded of {one_line(name)} is "
                f"{excluded.strip()!r}; write yes or no."
            )
        listed[name] = excluded.strip().lower(), reason, advice
    return listed
