"""Shows how far a run is: lines for a reader, or JSON for a program."""

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbconvert.filters import strip_ansi
from tqdm import tqdm

from helpers import paths, text

# "train:  43%|████▎     | 155/360 [00:06<00:08, 24.10photo/s]"
_TQDM = re.compile(r"(\d+)%\|[^|]*\| *(\S+)/(\S+) \[")
# "Epoch 3/8", and then "12/23 ━━━━━━━━━━━━━━━━━━━━ 3s 341ms/step - loss: 0.3"
_EPOCH = re.compile(r"Epoch (\d+)/(\d+)")
_STEPS = re.compile(r" *(\d+)/(\d+) ━")
_INTERVAL = 1.0  # seconds between two lines of JSON on the same stage


class Reader:
    """Finds the progress in what one cell prints: tqdm's and Keras' bars.

    Args:
        report: called with what is done and with the total: photos, training
            steps, or percent of a download.
    """

    def __init__(self, report: Callable[[int, int], None]) -> None:
        self._report = report
        self._line = ""  # the last one, which may go on
        self._epoch, self._epochs = 1, 1
        self._latest: tuple[int, int] | None = None

    def read(self, piece: str) -> None:
        """Take the next piece of what the cell prints."""
        lines = re.split(r"[\r\n\b]+", self._line + piece)
        self._line = lines[-1]
        before = self._latest
        for line in lines:
            self._latest = self._progress(strip_ansi(line)) or self._latest
        if self._latest and self._latest != before:
            self._report(*self._latest)

    def _progress(self, line: str) -> tuple[int, int] | None:
        """Return what is done and the total, or None."""
        if epoch := _EPOCH.fullmatch(line):
            self._epoch, self._epochs = map(int, epoch.groups())
        if steps := _STEPS.match(line):
            done, total = map(int, steps.groups())
            return (self._epoch - 1) * total + done, self._epochs * total
        if bar := _TQDM.search(line):
            percent, n, size = bar.groups()
            if n.isdigit() and size.isdigit():
                return int(n), int(size)
            return int(percent), 100  # of 11.2M/93.0M
        return None


class Lines:
    """One line for each stage; in a terminal with a bar and the time left."""

    def __init__(self) -> None:
        self._label = ""  # of the stage that runs
        self._start = 0.0
        self._bar: tqdm | None = None

    def stage(self, number: int, of: int, name: str) -> None:
        """Begin the next stage, which ends the one before."""
        self._end()
        self._label = f"{number}/{of} {name} ..."
        self._start = time.monotonic()
        print(self._label, end=" ", flush=True)

    def progress(self, done: int, total: int) -> None:
        """Show how much of the stage's present task is done."""
        if not sys.stdout.isatty():
            return
        if self._bar and (total != self._bar.total or done < self._bar.n):
            self._bar.close()
            self._bar = None
        if self._bar is None:
            self._bar = tqdm(
                desc=self._label,
                initial=done,
                total=total,
                leave=False,
                file=sys.stdout,
                bar_format="{desc} {bar} {n}/{total}, {remaining} left",
            )
        self._bar.n = done
        self._bar.refresh()

    def note(self, sentence: str) -> None:
        """Print a sentence to be read while the stage runs."""
        self._drop_bar()
        print(f"\n{sentence}\n{self._label}", end=" ", flush=True)

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
                f"(95% interval {test['low']:.1%} to {test['high']:.1%}), "
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
        """Put the label back in place of the bar, if there is a bar."""
        if self._bar:
            self._bar.close()
            self._bar = None
            print(self._label, end=" ", flush=True)


class JsonLines:
    """One JSON object for each event, on a line of its own."""

    def __init__(self) -> None:
        self._stage = 0
        self._next = 0.0  # when progress may be printed again

    def stage(self, number: int, of: int, name: str) -> None:
        """Begin the next stage."""
        self._stage, self._next = number, 0.0
        self._print("stage", number=number, of=of, name=name)

    def progress(self, done: int, total: int) -> None:
        """Print how much of the stage's present task is done, now and then."""
        if done == total or time.monotonic() >= self._next:
            self._next = time.monotonic() + _INTERVAL
            self._print("progress", stage=self._stage, done=done, total=total)

    def note(self, sentence: str) -> None:
        """Print a sentence on the stage."""
        self._print("note", stage=self._stage, sentence=sentence)

    def finished(self, report: Path, results: dict[str, Any]) -> None:
        """Print the results, and where the report is."""
        self._print("finished", report=str(report), results=results)

    def failed(self, message: str) -> None:
        """Print why the run cannot go on."""
        self._print("failed", message=message)

    def stopped(self) -> None:
        """Print that the run was interrupted."""
        self._print("stopped")

    def _print(self, event: str, **values: Any) -> None:
        print(json.dumps({"event": event, **values}), flush=True)


Display = Lines | JsonLines
