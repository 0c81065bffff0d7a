"""The list of what is left out of a folder of photos, for a learner to edit.

A CSV file with the columns file, left_out (yes or no), problem and advice,
made for spreadsheets (see `tables`).
Write no for a file that shall be used all the same, if it can be read;
write yes, or add a line, for one that shall not. The next check does so. A
line of a file that is not there stays, at the end, in case it comes back.
"""

from dataclasses import replace

from helpers import text
from helpers.dataset import corrections
from helpers.dataset.photo_file import Problem
from helpers.paths import atomic, list_path, shown
from helpers.text import one_line

COLUMNS = ("file", "left_out", "problem", "advice")
BY_YOU = "left out by you"


def path(folder):
    """Return where the list of a folder of class folders is."""
    return list_path("left_out", folder)


def applied(folder, photos, problems):
    """Return the problems as the list wants them, and write the list.

    Args:
        folder: the folder of class folders.
        photos: each `dataset.Photo` of it that can be read.
        problems: the `dataset.Problem`s found.

    Raises:
        ValueError: the list can't be understood.
    """
    its_path = path(folder)
    reasons, advice = {}, {}
    for p in problems:
        reasons.setdefault(p.name, []).append(p.problem)
        advice.setdefault(p.name, []).append(p.advice)
    reasons = {name: "; ".join(its) for name, its in reasons.items()}
    # A line speaks of the problems that stand in it, or, where a learner
    # has added it, of the file.
    readable = {p.name for p in photos}
    wishes = _wishes(its_path)
    chosen = {
        name: out
        for name, (out, reason, _) in wishes.items()
        if name in readable and reason in ("", reasons.get(name, ""))
    }
    problems = [
        replace(p, excluded=chosen.get(p.name, p.excluded)) for p in problems
    ]
    problems += [
        Problem(name, BY_YOU, True, "Write no in the list to use it.")
        for name, out in chosen.items()
        if out and name not in reasons
    ]
    out = {p.name for p in problems if p.excluded}
    rows = {
        p.name: (
            "yes" if p.name in out else "no",
            reasons.get(p.name, ""),
            " ".join(advice.get(p.name, [])),
        )
        for p in problems
        if not p.name.endswith("/")
    }
    there = readable | {p.name for p in problems}
    rows |= {
        name: ("yes" if out else "no", *rest)
        for name, (out, *rest) in wishes.items()
        if name not in there
    }
    if rows or its_path.exists():
        _write(its_path, rows)
    return problems


def _write(its_path, rows):
    """Write {file: the other three columns}, if that is another list."""
    cells = [(name, *row) for name, row in rows.items()]
    content = text.csv_bytes([COLUMNS, *cells])
    if its_path.exists() and its_path.read_bytes() == content:
        return
    with atomic(its_path) as temporary:
        temporary.write_bytes(content)


def _wishes(its_path):
    """Return {file: (left out or not, problem, advice)}, as listed."""
    wishes = {}
    rows = [
        row
        for row in corrections.cells(its_path) or []
        if any(cell.strip() for cell in row)
    ]
    for row in rows[1:]:
        name, out, reason, advice, *_ = row + [""] * 3
        out = out.strip()
        if out.lower() not in ("yes", "no"):
            raise ValueError(
                f"{shown(its_path)}: left_out of {one_line(name)} is "
                f"{out!r}; write yes or no."
            )
        wishes[name] = out.lower() == "yes", reason, advice
    return wishes
