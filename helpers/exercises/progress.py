"""Which exercises are solved."""

import importlib

from helpers import results
from helpers.exercises.engine import Exercise

LESSONS = tuple(f"lesson_0{number}" for number in range(1, 10))


def exercises() -> dict[str, list[Exercise]]:
    """Return {notebook: its exercises}, all in order."""
    lessons = {}
    for name in LESSONS:
        module = importlib.import_module(f"helpers.exercises.{name}")
        declared = [e for e in vars(module).values() if type(e) is Exercise]
        lessons[declared[0].lesson] = declared
    return lessons


def show() -> None:
    """Print for each lesson how many exercises are solved and which open."""
    done = results.solved()
    for lesson, declared in exercises().items():
        solved = done.get(lesson, [])
        left = [f"q{e.number}" for e in declared if e.number not in solved]
        count = len(declared) - len(left)
        line = f"{lesson:<20} {count} of {len(declared)} done"
        print(line + (f", open: {', '.join(left)}" if left else ""))
