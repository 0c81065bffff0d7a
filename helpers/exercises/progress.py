"""What is done, and what is open."""

import importlib

from helpers import results
from helpers.exercises.engine import Exercise

LESSONS = tuple(f"lesson_0{number}" for number in range(1, 9))


def exercises():
    """Return {notebook: list of its exercises}, all lessons in order."""
    found = {}
    for name in LESSONS:
        module = importlib.import_module(f"helpers.exercises.{name}")
        its = [e for e in vars(module).values() if isinstance(e, Exercise)]
        found[its[0].lesson] = its
    return found


def show():
    """Print for each lesson how many exercises are solved, and which not."""
    done = results.done()
    for lesson, its in exercises().items():
        open_ones = [e for e in its if e.number not in done.get(lesson, [])]
        line = f"{lesson:<20} {len(its) - len(open_ones)} of {len(its)} done"
        names = ", ".join(f"q{e.number}" for e in open_ones)
        print(line + (f", open: {names}" if names else ""))
