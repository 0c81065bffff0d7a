"""Times the lessons, and writes the table of INSTRUCTORS.md."""

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from unittest import mock

import psutil

from helpers import paths, setup, shared
from helpers.paths import ROOT, WriteError, atomic
from helpers.surfaces import render
from tools import _outputs, _pinned, regenerate

PAGE = ROOT / "INSTRUCTORS.md"
BEGIN = "<!-- times: written by start.py times -->"
END = "<!-- times: end -->"
WORTH_IT = 10  # seconds; a shorter wait needs no talk
LONGEST = 3  # cells of a lesson that are named
RUNS = ("first", "again")


class TimesError(Exception):
    """The times can't be taken or written; the message says why."""


def main(argv):
    """Run the lessons, write the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="times", description=__doc__)
    parser.add_argument(
        "--again",
        action="store_true",
        help="run each a second time, with what the first has stored",
    )
    parser.add_argument(
        "--json", action="store_true", help="print all that was measured"
    )
    args = parser.parse_args(argv)
    try:
        _around(_page())  # before, rather than after, the quarter of an hour
        with contextlib.redirect_stdout(sys.stderr):
            measured = measure(RUNS if args.again else RUNS[:1])
        write(measured)
    except (TimesError, regenerate.RegenerateError, WriteError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if args.json:
        print(json.dumps(measured, indent=1))
    else:
        print(table(measured))
    return 0


def measure(runs):
    """Run every lesson in order, beginning with an empty work folder.

    Args:
        runs: ("first",) or `RUNS`.

    Returns:
        {"machine": a sentence, "pictures": seconds to draw them,
        "lessons": {name: {"first": run, ...}}}; a run is
        {"seconds", "mebibytes", "cells": [{"cell", "section", "seconds"}]}.
    """
    # What others have drawn and computed would make the times too good.
    os.environ.pop(shared.VARIABLE, None)
    found = {"lessons": {}}
    work = paths.work()
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="times-", dir=work) as folder:
        found["pictures"] = _drawing(Path(folder) / "data")
        # A kernel takes its environment from this process.
        os.environ.update(_pinned.environment())
        os.environ["WORKBOOK_WORK"] = folder
        for which in runs:
            for path in _pinned.notebooks():
                run = _timed(path)
                found["lessons"].setdefault(path.stem, {})[which] = run
                print(f"{path.stem}, {which}: {run['seconds']:.1f} s")
    return {"machine": _machine(), **found}


def _drawing(folder):
    """Return how many seconds all pictures take to be drawn."""
    with mock.patch.dict(os.environ, WORKBOOK_DATA=str(folder)):
        begun = time.monotonic()
        render.folder()
        render.shifted_folder()
        took = time.monotonic() - begun
    # Those of the lessons, if they are missing: no lesson shall draw them.
    try:
        render.folder()
        render.shifted_folder()
    except ValueError as error:
        raise TimesError(str(error)) from None
    return took


def _timed(path):
    """Run one lesson; return its run, as `measure` has it."""
    notebook = regenerate.read(path)
    seconds, peak = regenerate.run(notebook, path)
    cells, section = [], ""
    for number, cell in enumerate(notebook.cells, 1):
        for line in cell.source.splitlines():
            if cell.cell_type == "markdown" and line.startswith("#"):
                section = line.lstrip("# ")
        name = _outputs.label(number, cell)
        if name in seconds:
            cells.append(
                {"cell": name, "section": section, "seconds": seconds[name]}
            )
    return {
        "seconds": sum(seconds.values()),
        "mebibytes": peak,
        "cells": cells,
    }


def _machine():
    """Return on what it was measured, as a sentence."""
    setup.tensorflow()
    import tensorflow as tf

    graphics = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "?")
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"Measured on {date.today()}: {os.cpu_count()} processor cores "
        f"({platform.machine()}), {memory:.0f} GiB of memory, "
        f"{', '.join(graphics) or 'no graphics card'}, "
        f"{platform.system()}, TensorFlow {tf.__version__}, the pictures "
        "and the weights that come with this project."
    )


def table(measured):
    """Return the table, in Markdown, of what `measure` gives."""
    lessons = measured["lessons"]
    runs = [run for run in RUNS if all(run in its for its in lessons.values())]
    empty = " |" * (len(runs) + 1)
    lines = [
        measured["machine"],
        "",
        f"| lesson | {' | '.join(runs)} | memory | longest waits at first |",
        f"|---|{'--:|' * len(runs)}--:|---|",
        f"| the photos, drawn once | {measured['pictures']:.0f} s |{empty}",
    ]
    for name, its in lessons.items():
        seconds = " | ".join(f"{its[run]['seconds']:.0f} s" for run in runs)
        peak = max(run["mebibytes"] for run in its.values()) / 1024
        lines.append(
            f"| {name.replace('_', ' ')} | {seconds} | {peak:.1f} GiB "
            f"| {_longest(its['first']['cells'])} |"
        )
    sums = [
        sum(its[run]["seconds"] for its in lessons.values()) for run in runs
    ]
    both = " | ".join(f"{total:.0f} s" for total in sums)
    return "\n".join([*lines, f"| all lessons | {both} | | |"])


def _longest(cells):
    """Return the longest waits of a lesson, in the order they come."""
    long = sorted(cells, key=lambda cell: -cell["seconds"])[:LONGEST]
    return ", ".join(
        f"{cell['seconds']:.0f} s *{cell['section']}*"
        for cell in cells
        if cell in long and cell["seconds"] >= WORTH_IT
    )


def write(measured):
    """Put the table of `measured` between the two lines of the page."""
    page = _page()
    before, after = _around(page)
    text = f"{before}{BEGIN}\n\n{table(measured)}\n\n{END}{after}"
    with atomic(PAGE) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.chmod(PAGE.stat().st_mode)


def _page():
    try:
        return PAGE.read_text(encoding="utf-8")
    except OSError as error:
        raise TimesError(f"{PAGE.name}: {error.strerror}.") from None


def _around(page):
    """Return what stands before and after the table."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise TimesError(
            f"{PAGE.name} lacks the line {BEGIN} or, below it, {END}: put "
            "them where the table shall stand."
        )
    return before, after


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
