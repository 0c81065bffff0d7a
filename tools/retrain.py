"""Retrains on a folder of photos: report, models, results, predictions."""

import argparse
import json
import sys
import time
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from helpers import kernel, paths
from helpers.network import weights
from helpers.text import counted
from tools import _report, check

NOTEBOOK = paths.ROOT / "notebooks" / "07_your_own_photos.ipynb"
FRACTIONS = (60, 20, 20)
OPTIONS = "LABELS, CLASS, GROUP, SHAPE"  # the names that lesson 07 sets
NOT_USABLE = 2
PHOTOS = "The photos"  # the stage that checks the folder
MARK = "unfinished.txt"  # in the folder of the results, until the end


def main(argv: list[str]) -> int:
    """Run lesson 07 on a folder; return the exit code.

    0: done. 1: a step failed. 2: the folder is not usable, or `--out` must
    not be written. An interrupted run goes on when it is started again.
    """
    parser = argparse.ArgumentParser(prog="retrain", description=__doc__)
    parser.add_argument(
        "folder",
        nargs="?",
        help="of photos (default: the project's synthetic images)",
    )
    check.add_options(parser)
    parser.add_argument("--out", metavar="DIR", help="of the results")
    args = parser.parse_args(argv)
    out = _out(args)
    reason = _why_not(out, Path(args.folder or paths.data() / "surfaces"))
    if reason:
        print(f"{paths.shown(out)}: {reason}.", file=sys.stderr)
        return NOT_USABLE
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    if args.folder:
        value = f"{str(Path(args.folder).resolve())!r}, {FRACTIONS!r}"
        kernel.put(notebook, NOTEBOOK.stem, kernel.PHOTOS, value)
    value = ", ".join(map(repr, check.options(args)))
    kernel.put(notebook, NOTEBOOK.stem, OPTIONS, value)
    kernel.put(notebook, NOTEBOOK.stem, "OUT", f"paths.Path({str(out)!r})")
    try:
        code = _run(notebook, out)
        if code == 0:
            _finish(notebook, out, own_photos=bool(args.folder))
    except paths.WriteError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.")
        return 130
    return code


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


def _run(notebook: NotebookNode, out: Path):
    """Run all cells, with a line for each stage; return the exit code.

    When the photos are usable, `out` is marked, so that a later run may go
    on in it.
    """
    stages = [_heading(cell) for cell in notebook.cells]
    count, number, stage = len([s for s in stages if s]), 0, "Getting ready"
    start = time.monotonic()
    client = kernel.client(notebook, NOTEBOOK)
    print(f"{stage} ...", end=" ", flush=True)
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            if stages[index]:
                if stage == PHOTOS:
                    _mark(out)
                number, stage = number + 1, stages[index]
                now = time.monotonic()
                print(f"{now - start:.0f} s")
                print(f"{number}/{count} {stage} ...", end=" ", flush=True)
                start = now
            try:
                client.execute_cell(cell, index)
            except CellExecutionError as error:
                print(f"\n{error.evalue}", file=sys.stderr)
                return NOT_USABLE if stage == PHOTOS else 1
            except kernel.FAILURES as error:
                print(f"\n{stage}: {error}", file=sys.stderr)
                return 1
    print(f"{time.monotonic() - start:.0f} s")
    return 0


def _mark(out: Path):
    with paths.atomic(out / MARK) as temporary:
        temporary.write_text(
            "A retraining writes here and is not finished: the same command "
            "goes on.\n",
            encoding="utf-8",
        )


def _heading(cell: NotebookNode):
    """Return the last heading of the second level in a cell, or None."""
    if cell.cell_type != "markdown":
        return None
    lines = [
        line for line in cell.source.splitlines() if line.startswith("## ")
    ]
    return lines[-1].removeprefix("## ").strip() if lines else None


def _finish(notebook: NotebookNode, out: Path, own_photos: bool):
    """Write the report, and print the accuracies and where it is.

    Args:
        notebook: after its run.
        out: the folder of the results.
        own_photos: False for the project's synthetic images.
    """
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    with paths.atomic(out / "report.html") as temporary:
        title = f"Retrained: {out.name}"
        temporary.write_text(_report.html(notebook, title), encoding="utf-8")
    (out / MARK).unlink(missing_ok=True)
    print(f"{'majority class':<14} {results['majority_class']:.1%}")
    for name, accuracy in results["accuracy"].items():
        balanced = results["balanced_accuracy"][name]
        mark = "  <- chosen" if name == results["chosen"] else ""
        print(f"{name:<14} {accuracy:.1%}, balanced {balanced:.1%}{mark}")
    print(
        f"of {results['test_photos']} test photos of "
        f"{len(results['classes'])} classes; "
        f"{counted(results['excluded'], 'file')} excluded"
    )
    name = results["weights"]
    print(f"started from the weights: {name}")
    if own_photos and name in ("starter", "random"):
        print(
            "ImageNet's weights do much better on everyday photos. To use "
            f"them, set the environment variable {weights.VARIABLE} to "
            "imagenet, or to the path of their file, and retrain into a new "
            "folder; the first time needs a network."
        )
    print(f"Read {paths.shown(out / 'report.html')}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
