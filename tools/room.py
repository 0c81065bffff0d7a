"""Counts what a class knew before and after, from files handed in."""

import argparse
import sys
from pathlib import Path

import numpy as np

from helpers import stats
from helpers.exercises import quiz
from helpers.text import counted, one_line


def main(argv: list[str]) -> int:
    """Print the table of a folder; return 1 if there is nothing to count."""
    parser = argparse.ArgumentParser(prog="room", description=__doc__)
    parser.add_argument(
        "folder",
        type=Path,
        help="holds the files, or folders with them, such as all homes",
    )
    folder = parser.parse_args(argv).folder
    if not folder.is_dir():
        print(
            f"{folder}: there is no such folder; name the one in which you "
            "have collected the files.",
            file=sys.stderr,
        )
        return 1
    learners, skipped = _read(folder)
    if skipped:
        print(
            "Skipped, without answers to the six questions of this version: "
            f"{', '.join(skipped)}.",
            file=sys.stderr,
        )
    both = [e for e in learners if "before" in e and "after" in e]
    if not both:
        print(
            f"{folder}: of {counted(len(learners), 'learner')}, nobody has "
            "answered both before and after; collect the files again after "
            "the last lesson.",
            file=sys.stderr,
        )
        return 1
    print("\n".join(_table(both)))
    return 0


def _read(folder: Path) -> tuple[list[dict[str, str]], list[str]]:
    """Return an entry for each learner, and the names of other files."""
    files = {path for path in folder.iterdir() if path.is_file()}
    learners: dict[str, dict[str, str]] = {}
    skipped = []
    for path in sorted(files | {*folder.rglob("*quiz-*.json")}):
        try:
            entry = quiz.read(path)
        except ValueError:
            skipped.append(one_line(path.relative_to(folder).as_posix()))
            continue
        # A learner may hand in the file once before and once after.
        key = entry["learner"]
        learners[key] = learners.get(key, {}) | entry
    return list(learners.values()), skipped


def _table(both: list[dict[str, str]]) -> list[str]:
    """Return a line for each question: right before, right after."""
    before, after = (
        np.array([quiz.correct(entry[when]) for entry in both])
        for when in ("before", "after")
    )
    lines = [f"{'question':<40} before  after  learners  McNemar p"]
    for column, exercise in enumerate(quiz.EXERCISES):
        first, second = before[:, column], after[:, column]
        lines.append(
            f"{exercise.number}  {exercise.clue:<37} {first.sum():>6} "
            f"{second.sum():>6} {len(both):>9} "
            f"{stats.paired(first, second).p:>10.2g}"
        )
    return lines
