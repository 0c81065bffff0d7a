"""Shows how far a run is."""

import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from nbconvert.filters import strip_ansi

from helpers import paths, text

# "train:  43%|████▎     | 155/360 [00:06<00:08, 24.10photo/s]" of tqdm, and
# "12/23 ━━━━━━━━━━━━━━━━━━━━ 3s 341ms/step - loss: 0.3" of Keras
_BAR = re.compile(r"\d%\|.*\[|\d/\d+ ━")


class Lines:
    """One line for each stage, in a terminal with the bar of what runs."""

    def __init__(self) -> None:
        self._label = ""  # of the stage that runs
        self._start = 0.0
        self._has_bar = False

    def stage(self, number: int, of: int, name: str) -> None:
        """Begin the next stage, which ends the one before."""
        self._end()
        self._label = f"{number}/{of} {name} ..."
        self._start = time.monotonic()
        print(self._label, end=" ", flush=True)

    def show(self, piece: str) -> None:
        """Show the last bar in what a cell prints, if this is a terminal."""
        lines = re.split(r"[\r\n\b]+", strip_ansi(piece))
        bars = list(filter(_BAR.search, lines))
        if bars and sys.stdout.isatty():
            self._rewrite(bars[-1])
            self._has_bar = True

    def finished(self, report: Path, results: dict[str, Any]) -> None:
        """Print what came of the run, and where the report is."""
        self._end()
        print()
        rows = {"majority class": results["majority_class"]}
        for name, measured in results["models"].items():
            rows[name] = measured["test"]
        width = max(map(len, rows))
        for name, test in rows.items():
            mark = "  <- chosen" if name == results["chosen"] else ""
            print(
                f"{name:<{width}} {test['accuracy']:6.1%} "
                f"(95 % interval {test['low']:.1%} to {test['high']:.1%}), "
                f"balanced {test['balanced_accuracy']:.1%}{mark}"
            )
        photos = results["photos"]
        print(
            f"Accuracy on {photos['test']} test photos of "
            f"{len(results['classes'])} classes; "
            f"{text.counted(photos['excluded'], 'file')} excluded."
        )
        print(f"\n{results['verdict']}")
        for sentence in results["next"]:
            print(f"- {sentence}")
        print(f"\nTraining started from the weights: {results['weights']}.")
        if results["weights_advice"]:
            print(results["weights_advice"])
        print(f"Read {paths.shown(report)}")

    def failed(self, message: str) -> None:
        """Say why the run cannot go on."""
        self._drop_bar()
        if self._label:
            print()
        print(message, file=sys.stderr)

    def stopped(self) -> None:
        """Say that the run was interrupted."""
        self._drop_bar()
        print("\nStopped; the same command goes on from here.")

    def _end(self) -> None:
        """End the line of the stage with the time that it took."""
        self._drop_bar()
        if self._label:
            print(f"{time.monotonic() - self._start:.0f} s")

    def _drop_bar(self) -> None:
        """Leave only the label, if there is a bar."""
        if self._has_bar:
            self._rewrite("")
            print(f"\r{self._label}", end=" ", flush=True)
            self._has_bar = False

    def _rewrite(self, bar: str) -> None:
        """Write label and bar over what is in the line."""
        columns = shutil.get_terminal_size().columns - 1
        line = f"{self._label} {bar}"[:columns]
        print(f"\r{line:<{columns}}", end="", flush=True)
