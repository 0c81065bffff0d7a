"""Times the lessons, and writes the table of INSTRUCTORS.md."""

import argparse
import os
import platform
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

from helpers import paths, setup, shared
from helpers.paths import ROOT, WriteError, atomic
from helpers.surfaces import render
from tools import _outputs, _pinned, regenerate

PAGE = ROOT / "INSTRUCTORS.md"
BEGIN = "<!-- times: written by start.py times -->"
END = "<!-- times: end -->"
LONG = 10  # seconds; shorter waits are not listed
CELLS = 3  # of a lesson that are listed at most


class TimesError(Exception):
    """The times can't be measured or written; the message says why."""


def main(argv: list[str]) -> int:
    """Run the lessons, write the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="times", description=__doc__)
    parser.parse_args(argv)
    try:
        _around(_page())  # before the lessons run for a quarter of an hour
        text = table(*measure())
        before, after = _around(_page())
        with atomic(PAGE) as temporary:
            temporary.write_text(
                f"{before}{BEGIN}\n\n{text}\n\n{END}{after}",
                encoding="utf-8",
                newline="\n",
            )
            temporary.chmod(PAGE.stat().st_mode)
    except (TimesError, regenerate.RegenerateError, WriteError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(text)
    return 0


def measure() -> tuple[float, dict[str, dict[str, Any]]]:
    """Run every lesson in order, beginning with an empty work folder.

    Returns:
        The seconds to draw all pictures, and {name of a lesson: run}; a run
        is {"mebibytes", "cells": [(section, seconds)]}.
    """
    # What others have drawn and computed would shorten the times.
    os.environ.pop(shared.VARIABLE, None)
    lessons = {}
    work = paths.work()
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="times-", dir=work) as folder:
        drawing = _drawing(Path(folder) / "data")
        # A kernel takes its environment from this process.
        os.environ.update(_pinned.environment())
        os.environ["WORKBOOK_WORK"] = folder
        for path in _pinned.notebooks():
            lessons[path.stem] = _timed(path)
            seconds = _total(lessons[path.stem])
            print(f"{path.stem}: {seconds:.1f} s", flush=True)
    return drawing, lessons


def _drawing(folder: Path):
    """Return the seconds to draw all pictures."""
    with mock.patch.dict(os.environ, {"WORKBOOK_DATA": str(folder)}):
        start = time.monotonic()
        render.folder()
        render.shifted_folder()
        seconds = time.monotonic() - start
    # No lesson has to draw them, if they are missing.
    try:
        render.folder()
        render.shifted_folder()
    except ValueError as error:
        raise TimesError(str(error)) from None
    return seconds


def _timed(path: Path):
    """Run one lesson; return its run, as in `measure`."""
    notebook = regenerate.read(path)
    seconds, peak = regenerate.run(notebook, path)
    cells, section = [], ""
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("#"):
                    section = line.lstrip("# ")
        label = _outputs.label(number, cell)
        if label in seconds:
            cells.append((section, seconds[label]))
    return {"mebibytes": peak, "cells": cells}


def _total(run: dict[str, Any]):
    return sum(seconds for _, seconds in run["cells"])


def _machine():
    """Return a sentence about the machine of the measurement."""
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


def table(drawing: float, lessons: dict[str, dict[str, Any]]) -> str:
    """Return the table, in Markdown, of what `measure` returns."""
    lines = [
        _machine(),
        "",
        "| lesson | first | memory | longest waits at first |",
        "|---|--:|--:|---|",
        f"| the photos, drawn once | {drawing:.0f} s | | |",
    ]
    for name, run in lessons.items():
        longest = sorted(seconds for _, seconds in run["cells"])[-CELLS:]
        waits = ", ".join(
            f"{seconds:.0f} s *{section}*"
            for section, seconds in run["cells"]
            if seconds >= LONG and seconds in longest
        )
        lines.append(
            f"| {name.replace('_', ' ')} | {_total(run):.0f} s "
            f"| {run['mebibytes'] / 1024:.1f} GiB | {waits} |"
        )
    total = sum(map(_total, lessons.values()))
    return "\n".join([*lines, f"| all lessons | {total:.0f} s | | |"])


def _page():
    try:
        return PAGE.read_text(encoding="utf-8")
    except OSError as error:
        raise TimesError(f"{PAGE.name}: {error.strerror}.") from None


def _around(page: str):
    """Return the text before and after the table."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise TimesError(
            f"{PAGE.name} lacks the line {BEGIN} or, below it, {END}: put "
            "them where the table belongs."
        )
    return before, after


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
