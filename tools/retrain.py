"""Retrains on a folder of photos: report, models, results, predictions."""

import argparse
import json
import sys
import time
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError

from helpers import kernel, paths
from helpers.network import weights
from tools import _report

PAGE = paths.ROOT / "notebooks" / "07_your_own_photos.ipynb"
FRACTIONS = (60, 20, 20)
NOT_USABLE = 2
PHOTOS = "The photos"  # the stage that finds a folder unusable
MARK = "unfinished.txt"  # of a run, in the folder of its results


def main(argv):
    """Run the page of lesson 07 on a folder; return the exit code.

    0: done. 1: a step failed. 2: the folder is not usable, or nothing may
    be written to `--out`. A run that was stopped goes on when it is started
    again.
    """
    parser = argparse.ArgumentParser(prog="retrain", description=__doc__)
    parser.add_argument(
        "folder",
        nargs="?",
        help="of class folders; without it the photos that the project draws",
    )
    parser.add_argument("--out", metavar="DIR", help="where results go")
    args = parser.parse_args(argv)
    out = _out(args)
    taken = _taken(out, Path(args.folder or paths.DATA / "surfaces"))
    if taken:
        print(f"{paths.shown(out)}: {taken}.", file=sys.stderr)
        return NOT_USABLE
    notebook = nbformat.read(PAGE, as_version=4)
    if args.folder:
        chosen = f"{str(Path(args.folder).resolve())!r}, {FRACTIONS!r}"
        kernel.put(notebook, PAGE.stem, kernel.PHOTOS, chosen)
    kernel.put(notebook, PAGE.stem, "OUT", f"files.Path({str(out)!r})")
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


def _out(args):
    """Return the folder for the results as a whole path."""
    if args.out:
        return Path(args.out).resolve()
    name = Path(args.folder).resolve().name if args.folder else "surfaces"
    return paths.WORK / "retrained" / name


def _taken(out, photos):
    """Return why results can't go to `out`, and what to do; or None."""
    photos = photos.resolve()
    if photos in (out, *out.parents):
        return (
            "results among the photos would be taken for photos; name a "
            "folder elsewhere with --out"
        )
    there = next(path for path in (out, *out.parents) if path.exists())
    if not there.is_dir():
        return f"{there.name} is a file; name a folder with --out"
    if there != out or (out / MARK).is_file():
        return None
    if (out / "results.json").exists():
        return (
            "a finished run lies there; name another folder with --out, or "
            "move it away"
        )
    # What begins with a dot is what a system keeps of its own.
    if any(not path.name.startswith(".") for path in out.iterdir()):
        return (
            "this folder holds something else, which might be replaced; "
            "name a new one with --out"
        )
    return None


def _run(notebook, out):
    """Run all cells, a line for each stage; return the exit code.

    Once the photos are found usable, the folder `out` is marked as one that
    a run which goes on may write to.
    """
    stages = [_heading(cell) for cell in notebook.cells]
    of, number, stage = len([s for s in stages if s]), 0, "Getting ready"
    begun = time.monotonic()
    # With many photos a cell may take hours.
    running = kernel.client(notebook, PAGE, seconds=None)
    print(f"{stage} ...", end=" ", flush=True)
    with running.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            if stages[index]:
                if stage == PHOTOS:
                    _mark(out)
                number, stage = number + 1, stages[index]
                now = time.monotonic()
                print(f"{now - begun:.0f} s")
                print(f"{number}/{of} {stage} ...", end=" ", flush=True)
                begun = now
            try:
                running.execute_cell(cell, index)
            except CellExecutionError as error:
                print(f"\n{error.evalue}", file=sys.stderr)
                return NOT_USABLE if stage == PHOTOS else 1
            except kernel.FAILURES as error:
                print(f"\n{stage}: {error}", file=sys.stderr)
                return 1
    print(f"{time.monotonic() - begun:.0f} s")
    return 0


def _mark(out):
    with paths.atomic(out / MARK) as temporary:
        temporary.write_text(
            "A retraining writes here and is not through: the command that "
            "began it goes on.\n",
            encoding="utf-8",
        )


def _heading(cell):
    """Return the last heading of the second level in a cell, or None."""
    if cell.cell_type != "markdown":
        return None
    lines = [li for li in cell.source.splitlines() if li.startswith("## ")]
    return lines[-1].removeprefix("## ").strip() if lines else None


def _finish(notebook, out, own_photos):
    """Write the report, and say what was found and where it lies.

    Args:
        notebook: that was run.
        out: the folder of the results.
        own_photos: False for the photos that the project draws.
    """
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    with paths.atomic(out / "report.html") as temporary:
        title = f"Retrained: {out.name}"
        temporary.write_text(_report.html(notebook, title), encoding="utf-8")
    (out / MARK).unlink(missing_ok=True)
    for name, share in results["accuracy"].items():
        chosen = "  <- chosen" if name == results["chosen"] else ""
        print(f"{name:<12} {share:.1%}{chosen}")
    print(
        f"of {results['test_photos']} test photos of "
        f"{len(results['classes'])} classes; {results['excluded']} files "
        "left out"
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
