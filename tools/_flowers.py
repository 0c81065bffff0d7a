"""Runs the lessons with ImageNet weights on the flowers, for weekly.yml.

    python -m tools._flowers FOLDER

Both are downloaded if they are missing. The notebooks are saved in FOLDER;
one that stops with an error is saved as far as it ran.
"""

import os
import sys
from pathlib import Path

from helpers import kernel
from helpers.dataset import flowers
from tools import _pinned, regenerate


def main(out: Path) -> None:
    """Run all lessons and save them in a folder.

    Raises:
        tools.regenerate.RegenerateError: a cell failed.
    """
    os.environ["WORKBOOK_WEIGHTS"] = "imagenet"
    os.environ["WORKBOOK_WORK"] = str(_pinned.WORK.with_name("flowers"))
    photos = f"{str(flowers.folder())!r}, {flowers.FRACTIONS}"
    out.mkdir(parents=True, exist_ok=True)
    for path in _pinned.notebooks():
        notebook = regenerate.read(path)
        kernel.put(notebook, path.stem, kernel.PHOTOS, photos)
        try:
            seconds, _ = regenerate.run(notebook, path)
        finally:
            (out / path.name).write_text(regenerate.text(notebook), "utf-8")
        print(f"{path.name}: {sum(seconds.values()):.0f} s", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
