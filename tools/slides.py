"""Writes twelve slides for teaching, with the figures of the lessons."""

import argparse
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import jinja2

from helpers import paths
from tools import _pinned

FOLDER = Path(__file__).parent


class SlidesError(Exception):
    """A figure is missing; the message says which, and what to do."""


def main(argv: list[str]) -> int:
    """Write the slides and print where they are; return the exit code."""
    parser = argparse.ArgumentParser(prog="slides", description=__doc__)
    parser.add_argument(
        "file",
        type=Path,
        nargs="?",
        default=paths.work() / "slides.html",
        help="to write, or the folder for it (%(default)s)",
    )
    file = parser.parse_args(argv).file
    file = file / "slides.html" if file.is_dir() else file
    try:
        page = render(_pinned.NOTEBOOKS)
        with paths.atomic(file) as temporary:
            temporary.write_text(page, encoding="utf-8")
    except (SlidesError, paths.WriteError) as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"The slides are in {paths.shown(file)}: open it in a browser, and "
        "turn them with the arrow keys. To get a PDF, print them."
    )
    return 0


def slides() -> list[dict[str, Any]]:
    """Return heading, lines and figure of each slide of slides.toml."""
    text = (FOLDER / "slides.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["slides"]


def render(notebooks: Path) -> str:
    """Return the slides as a page in one file, which needs no network.

    Args:
        notebooks: the folder of the lessons with their stored outputs.

    Raises:
        SlidesError: a figure is not there.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    pages = [s | figure(notebooks, *s["figure"]) for s in slides()]
    return environment.get_template("slides.html.j2").render(slides=pages)


def figure(notebooks: Path, lesson: str, cell: str, alt: str) -> dict:
    """Return a stored figure: its `lesson` number, `png` in base64 and `alt`.

    Args:
        lesson: the name of the notebook, for example "02_frozen_baseline".
        alt: how the alt text begins.

    Raises:
        SlidesError: the cell has no such figure, or several.
    """
    path = notebooks / f"{lesson}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    figures = [
        {"lesson": lesson[:2], "png": "".join(png), "alt": meta["alt"]}
        for c in cells
        if c["id"] == cell
        for output in c["outputs"]
        if (png := output.get("data", {}).get("image/png"))
        and (meta := output["metadata"].get("image/png", {}))
        and meta.get("alt", "").startswith(alt)
    ]
    if len(figures) != 1:
        raise SlidesError(
            f"{paths.shown(path)}: the output of the cell {cell} has "
            f"{len(figures)} figures whose alt text begins with “{alt}”, and "
            "a slide needs one; run the lesson and save it, or change "
            "tools/slides.toml."
        )
    return figures[0]
