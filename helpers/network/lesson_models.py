"""The model that a lesson saves: from disk, or by running the lesson."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from tqdm import tqdm

from helpers import checkpoints, downloads, kernel, paths, results
from helpers.network import weights

NOTEBOOKS = paths.ROOT / "notebooks"


def lesson_model(
    lesson: str,
    folder: str | Path,
    fractions: Sequence[float],
    started_from: weights.Weights,
) -> Path:
    """Return the model of a lesson; run the lesson if need be.

    The results log must show that it comes from these photos, as they were
    last split, and from these weights. Otherwise it is taken from the
    checkpoints of the default photos, if there are any, or the notebook is
    run in a new kernel, which takes minutes and shows a bar. An older model
    is kept under another name, which is printed.

    Args:
        lesson: the notebook's name, for example "03_fine_tuning".
        folder: the folder of photos.
        fractions: three positive numbers, as for `dataset.split`.
        started_from: what `network.weights.choose` returned.

    Returns:
        A file that `network.saving.load` reads.

    Raises:
        ValueError: there is no such lesson, or it chooses no photos or no
            weights.
        RuntimeError: a cell of the lesson failed, or it saved no model.
    """
    folder = Path(folder).expanduser().resolve()
    path = paths.model_path(lesson)
    if results.is_of(lesson, started_from.name, folder):
        return path
    if folder == checkpoints.photos():
        checkpoints.add_released(started_from.name)
        if results.is_of(lesson, started_from.name, folder):
            return path
    _keep(path)
    _run(lesson, folder, fractions, started_from.setting)
    if not results.is_of(lesson, started_from.name, folder):
        raise RuntimeError(
            f"{lesson} ran through and left no model of {folder.name}: see "
            "that its last cells save it and write into the results log."
        )
    return path


def _keep(path: Path) -> None:
    """Copy a model that is about to be replaced to another name."""
    if not path.is_file():
        return
    copy = path.with_stem(f"{path.stem}-{downloads.digest(path)[:8]}")
    if not copy.is_file():
        with paths.atomic(copy) as temporary:
            shutil.copyfile(path, temporary)
    print(
        f"{path.name} is of other photos or weights; it is kept as "
        f"{paths.shown(copy)}."
    )


def _run(
    lesson: str, folder: Path, fractions: Sequence[float], setting: str
) -> None:
    """Run the notebook of a lesson on a folder; its file stays as it is.

    Args:
        setting: the weights, as WORKBOOK_WEIGHTS takes them.
    """
    path = NOTEBOOKS / f"{lesson}.ipynb"
    if not path.is_file():
        raise ValueError(
            f"{lesson}: there is no such lesson; give the name of a notebook "
            "without its suffix, such as 03_fine_tuning."
        )
    notebook = nbformat.read(path, as_version=4)
    photos = f"{str(folder)!r}, {tuple(fractions)!r}"
    kernel.put(notebook, lesson, kernel.PHOTOS, photos)
    # An argument in the notebook would go before the variable, and be
    # remembered.
    kernel.put(notebook, lesson, "WEIGHTS", "network.weights.choose()")
    environment = {
        **os.environ,
        weights.VARIABLE: setting,
        # Else the debugger of Colab's kernel warns of Python's own modules.
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    print(f"{lesson} has no model of these photos yet; it is run for one.")
    client = kernel.client(notebook, path)
    bar = tqdm(notebook.cells, desc=lesson, unit="cell", file=sys.stdout)
    with client.setup_kernel(env=environment), bar:
        for index, cell in enumerate(bar):
            try:
                client.execute_cell(cell, index)
            except kernel.FAILURES as error:
                last = str(error).strip().splitlines()[-1]
                raise RuntimeError(
                    f"{lesson} stops in cell {index + 1} ({last}): open it, "
                    "fix that, and run this again."
                ) from None
