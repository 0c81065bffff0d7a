"""Retrains on a folder of photos: report, models, results, predictions."""

import argparse
import contextlib
import json
import re
from pathlib import Path
from subprocess import DEVNULL

import nbformat
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from helpers import kernel, paths
from tools import _progress, check

NOTEBOOK = paths.ROOT / "notebooks" / "08_your_own_photos.ipynb"
FRACTIONS = (60, 20, 20)
OPTIONS = "LABELS, CLASS, GROUP, SHAPE"  # the names that lesson 08 sets
NOT_USABLE = 2
PHOTOS = "The photos"  # the stage that checks the folder
MARK = "unfinished.txt"  # in the folder of the results, until the end
# What the display takes from results.json.
SUMMARY = (
    *("chosen", "models", "majority_class", "verdict", "next", "classes"),
    *("photos", "weights", "weights_advice", "command"),
)


class StageError(Exception):
    """A stage failed; the message says why, and `code` is the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def main(argv: list[str]) -> int:
    """Run lesson 08 on a folder; return the exit code.

    0: done. 1: a step failed. 2: the folder is not usable, or `--out` must
    not be written. 130: interrupted. A run that was interrupted or failed
    goes on when it is started again.
    """
    parser = argparse.ArgumentParser(prog="retrain", description=__doc__)
    parser.add_argument(
        "folder",
        nargs="?",
        help="of photos (default: the project's synthetic images)",
    )
    check.add_options(parser)
    parser.add_argument("--out", metavar="DIR", help="of the results")
    parser.add_argument(
        "--json-lines",
        action="store_true",
        help="print progress and results as JSON, an object a line",
    )
    args = parser.parse_args(argv)
    display: _progress.Display = (
        _progress.JsonLines() if args.json_lines else _progress.Lines()
    )
    out = _out(args)
    reason = _why_not(out, Path(args.folder or paths.data() / "surfaces"))
    if reason:
        display.failed(f"{paths.shown(out)}: {reason}.")
        return NOT_USABLE
    try:
        _run(_notebook(args, out), out, display)
        results = json.loads((out / "results.json").read_text("utf-8"))
        (out / MARK).unlink(missing_ok=True)
    except StageError as error:
        display.failed(str(error))
        return error.code
    except paths.WriteError as error:
        display.failed(str(error))
        return 1
    except KeyboardInterrupt:
        display.stopped()
        return 130
    summary = {key: results[key] for key in SUMMARY}
    display.finished(out / "report.html", summary)
    return 0


def _notebook(args: argparse.Namespace, out: Path) -> NotebookNode:
    """Return lesson 08 with the folder and the options of the command."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    if args.folder:
        value = f"{str(Path(args.folder).resolve())!r}, {FRACTIONS!r}"
        kernel.put(notebook, NOTEBOOK.stem, kernel.PHOTOS, value)
    value = ", ".join(map(repr, check.options(args)))
    kernel.put(notebook, NOTEBOOK.stem, OPTIONS, value)
    kernel.put(notebook, NOTEBOOK.stem, "OUT", f"paths.Path({str(out)!r})")
    return notebook


def _out(args: argparse.Namespace):
    """Return the absolute path of the folder for the results."""
    if args.out:
        return Path(args.out).resolve()
    name = Path(args.folder).resolve().name if args.folder else "surfaces"
    return paths.work() / "retrained" / name


def _why_not(out: Path, photos: Path):
    """Return why `out` can't be used and what to do, or None."""
    photos = photos.resolve()
    if photos in (out, *out.parents):
        return (
            "results among the photos would be taken for photos; name a "
            "folder elsewhere with --out"
        )
    existing = next(path for path in (out, *out.parents) if path.exists())
    if not existing.is_dir():
        return f"{existing.name} is a file; name a folder with --out"
    if existing != out or (out / MARK).is_file():
        return None
    if (out / "results.json").exists():
        return (
            "it holds a finished run; name another folder with --out, or "
            "move that run away"
        )
    # Names with a dot are of the system's own files.
    if any(not path.name.startswith(".") for path in out.iterdir()):
        return (
            "this folder holds something else, which might be replaced; "
            "name a new folder with --out"
        )
    return None


def _run(
    notebook: NotebookNode, out: Path, display: _progress.Display
) -> None:
    """Run all cells, and show each stage and its progress.

    When the photos are usable, `out` is marked, so that a later run may go
    on in it.

    Raises:
        StageError: a cell failed.
    """
    stages = _stages(notebook)
    client = kernel.client(notebook, NOTEBOOK)
    with contextlib.ExitStack() as stack:
        for number, (name, cells) in enumerate(stages, 1):
            display.stage(number, len(stages), name)
            if number == 1:
                # What it writes past its cells would tear the lines apart.
                silent = {"stdout": DEVNULL, "stderr": DEVNULL}
                stack.enter_context(client.setup_kernel(**silent))
            for index in cells:
                client.on_text = _progress.Reader(display.progress).read
                _execute(client, notebook.cells[index], index, name)
                for output in notebook.cells[index].outputs:
                    # It may be a reason to stop before training.
                    if "Weights: " in output.get("text", ""):
                        display.note(output.text.strip())
            if name == PHOTOS:
                _mark(out)


def _execute(
    client: kernel.Client, cell: NotebookNode, index: int, stage: str
) -> None:
    """Run a cell; raise StageError if it fails."""
    try:
        client.execute_cell(cell, index)
    except CellExecutionError as error:
        if stage == PHOTOS:
            raise StageError(error.evalue, NOT_USABLE) from None
        reason = error.evalue or error.ename
        raise StageError(f"{stage}: {reason}") from None
    except DeadKernelError:
        raise StageError(
            f"{stage}: the process that trains has ended, as it does when "
            "memory runs out; close other programs, and start the same "
            "command again."
        ) from None


def _mark(out: Path):
    with paths.atomic(out / MARK) as temporary:
        temporary.write_text(
            "A retraining writes here and is not finished: the same command "
            "goes on.\n",
            encoding="utf-8",
        )


def _stages(notebook: NotebookNode) -> list[tuple[str, list[int]]]:
    """Return the stages: the name of each, and the indices of its cells.

    A heading of the second level begins a stage. One without code is none.
    """
    stages: list[tuple[str, list[int]]] = [("Getting ready", [])]
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            stages[-1][1].append(index)
        elif cell.cell_type == "markdown":
            for heading in re.findall("^## (.+)$", cell.source, re.MULTILINE):
                stages.append((heading.strip(), []))
    return [stage for stage in stages if stage[1]]
