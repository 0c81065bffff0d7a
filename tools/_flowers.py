"""Runs the lessons with ImageNet weights on the flowers, for weekly.yml.

Both are downloaded if they are missing. The notebooks in `notebooks/` stay
as they are.
"""

import argparse
import os
import sys
from pathlib import Path

from helpers import downloads, kernel, paths
from helpers.dataset import flowers
from tools import _pinned, regenerate


def main(argv: list[str]) -> int:
    """Run all lessons and save them in a folder; return the exit code."""
    parser = argparse.ArgumentParser(prog="flowers", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the notebooks")
    args = parser.parse_args(argv)
    os.environ["WORKBOOK_WEIGHTS"] = "imagenet"
    os.environ["WORKBOOK_WORK"] = str(_pinned.WORK.with_name("flowers"))
    try:
        folder = flowers.folder()
        args.out.mkdir(parents=True, exist_ok=True)
        for path in _pinned.notebooks():
            run(path, folder, args.out)
    except (
        downloads.DownloadError,
        paths.WriteError,
        regenerate.RegenerateError,
    ) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(path: Path, folder: Path, out: Path) -> None:
    """Run one lesson on a folder of photos and save it in `out`.

    A lesson that stops with an error is saved as far as it ran.

    Raises:
        tools.regenerate.RegenerateError: a cell failed.
    """
    notebook = regenerate.read(path)
    photos = f"{str(folder)!r}, {flowers.FRACTIONS}"
    kernel.put(notebook, path.stem, kernel.PHOTOS, photos)
    try:
        seconds, _ = regenerate.run(notebook, path)
    finally:
        (out / path.name).write_text(regenerate.text(notebook), "utf-8")
    print(f"{path.name}: {sum(seconds.values()):.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
