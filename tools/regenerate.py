"""Runs notebooks, all or those with the given names, and stores outputs."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from jupyter_core.utils import run_sync
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode

from helpers import kernel
from helpers.paths import atomic
from tools import _memory, _outputs, _pinned

LONG = 10  # seconds; shorter waits are not listed in a row
CELLS = 3  # of a lesson that are listed at most


class RegenerateError(Exception):
    """A notebook can't be stored; the message says which cell and why."""


def main(argv: list[str]) -> int:
    """Regenerate notebooks; return the exit code.

    The first that fails ends it and stays as it was.
    """
    # A kernel takes its environment from this process.
    os.environ.update(_pinned.environment())
    try:
        paths = _paths(argv)
        if not argv:
            _pinned.delete_results(_pinned.WORK)
        for path in paths:
            regenerate(path)
    except RegenerateError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _paths(names: Sequence[str]):
    """Return the paths of the notebooks, or of all, in their order."""
    lessons = {path.stem: path for path in _pinned.notebooks()}
    stems = {os.path.basename(n).removesuffix(".ipynb"): n for n in names}
    for stem, name in stems.items():
        if stem not in lessons:
            raise RegenerateError(
                f"{name}: no such notebook; there are {', '.join(lessons)}."
            )
    return [p for stem, p in lessons.items() if stem in stems or not names]


def regenerate(path: Path) -> None:
    """Run one notebook from a new kernel, store its outputs, print its `row`.

    Args:
        path: the notebook; its folder is the kernel's working directory.

    Raises:
        RegenerateError: a cell failed, or an output must not be shown, or
            another program has saved the file meanwhile. It stays as it was.
    """
    before = path.read_bytes()
    notebook = read(path)
    seconds, peak = run(notebook, path)
    _outputs.normalise(notebook)
    problems = _outputs.problems(notebook)
    if problems:
        raise RegenerateError(
            f"{path.name} stays as it was, since its outputs hold\n"
            + "\n".join(f"  {sentence}" for sentence in problems)
        )
    if path.read_bytes() != before:
        raise RegenerateError(
            f"{path.name} was saved by another program, such as JupyterLab, "
            "during the run, and stays as it was saved: close it there, then "
            "regenerate it again."
        )
    write(path, text(notebook))
    print(row(path.stem, notebook, seconds, peak), flush=True)


def row(
    name: str, notebook: NotebookNode, seconds: dict[int, float], peak: float
) -> str:
    """Return the row of a lesson in the table of waits in INSTRUCTORS.md.

    Args:
        name: of the lesson, such as "01_data_prep".
        notebook: what was run; its headings name the longest waits.
        seconds, peak: what `run` returned.
    """
    longest = sorted(seconds.values())[-CELLS:]
    waits, section = [], ""
    for index, cell in enumerate(notebook.cells):
        for line in cell.source.splitlines():
            if cell.cell_type == "markdown" and line.startswith("#"):
                section = line.lstrip("# ")
        wait = seconds.get(index, 0)
        if wait >= LONG and wait in longest:
            waits.append(f"{wait:.0f} s *{section}*")
    return (
        f"| {name.replace('_', ' ')} | {sum(seconds.values()):.0f} s "
        f"| {peak / 1024:.1f} GiB | {', '.join(waits)} |"
    )


def write(path: Path, content: str) -> None:
    """Replace the text of a file of this project; its mode stays."""
    with atomic(path) as temporary:
        temporary.write_text(content, encoding="utf-8", newline="\n")
        temporary.chmod(path.stat().st_mode)


def text(notebook: NotebookNode) -> str:
    """Return a notebook as text: the same bytes every time."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook, indent=1).rstrip("\n") + "\n"


def read(path: Path) -> NotebookNode:
    """Return the notebook of a file, or raise RegenerateError."""
    try:
        return nbformat.read(path, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError):
        raise RegenerateError(f"{path.name}: not a notebook.") from None


def run(notebook: NotebookNode, path: Path) -> tuple[dict[int, float], float]:
    """Run all cells in place, in a new kernel; no file is written.

    Returns:
        {index of a code cell: seconds}, and the kernel's peak memory in MiB.

    Raises:
        RegenerateError: a cell failed.
    """
    client = kernel.client(notebook, path)
    seconds = {}
    # client.execute() would handle Ctrl-C itself.
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            start = time.monotonic()
            try:
                client.execute_cell(
                    cell, index, client.code_cells_executed + 1
                )
            except kernel.FAILURES as error:
                raise RegenerateError(
                    f"{path.name}, {_outputs.label(index + 1, cell)} failed; "
                    f"the file stays as it was.\n{strip_ansi(str(error))}"
                ) from None
            if cell.cell_type == "code":
                seconds[index] = time.monotonic() - start
        kernel_client: Any = client.kc
        execute = run_sync(kernel_client.execute_interactive)
        peak = _memory.of_kernel(execute) / 2**20
    return seconds, peak
