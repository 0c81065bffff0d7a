"""Times the lessons, and prints the waiting times of INSTRUCTORS.md."""

import argparse
import os
import platform
import sys
import tempfile
import time
from datetime import date

import psutil

from helpers import setup
from helpers.surfaces import render
from tools import _pinned, regenerate


def main(argv: list[str]) -> int:
    """Run the lessons in a new data folder; return the exit code."""
    parser = argparse.ArgumentParser(prog="times", description=__doc__)
    parser.parse_args(argv)
    # A kernel takes its environment from this process.
    os.environ.update(_pinned.environment())
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["WORKBOOK_DATA"] = folder
            os.environ["WORKBOOK_WORK"] = os.path.join(folder, "work")
            print("\n".join(measure()))
    except regenerate.RegenerateError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def measure() -> list[str]:
    """Render the photos and run every lesson, in order.

    Returns:
        The lines of the table, in Markdown.
    """
    start = time.monotonic()
    render.all_folders()
    drawing, total, rows = time.monotonic() - start, 0.0, []
    for path in _pinned.notebooks():
        notebook = regenerate.read(path)
        seconds, peak = regenerate.run(notebook, path)
        total += sum(seconds.values())
        rows.append(regenerate.row(path.stem, notebook, seconds, peak))
        print(rows[-1], file=sys.stderr)
    return [
        _machine(),
        "",
        "| lesson | first | memory | longest waits at first |",
        "|---|--:|--:|---|",
        f"| the photos, rendered once | {drawing:.0f} s | | |",
        *rows,
        f"| all lessons | {total:.0f} s | | |",
    ]


def _machine():
    """Return a sentence about the machine of the measurement."""
    setup.tensorflow()
    import tensorflow as tf

    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "?")
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"Measured on {date.today()}: {os.cpu_count()} processor cores "
        f"({platform.machine()}), {memory:.0f} GiB of memory, "
        f"{', '.join(gpus) or 'no GPU'}, "
        f"{platform.system()}, TensorFlow {tf.__version__}, the photos "
        "and the weights that come with this project."
    )
