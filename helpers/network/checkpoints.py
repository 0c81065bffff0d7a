"""The model that a lesson saves: from disk, or by running the lesson.

A model counts as there only if the journal knows from which photos, shares
and weights it came (see `results.is_of`).
"""

import csv
import os
import shutil
import sys
from pathlib import Path

import nbformat
from tqdm import tqdm

from helpers import downloads, kernel, paths, results
from helpers.dataset.splits import assign_splits
from helpers.network import weights

NOTEBOOKS = paths.ROOT / "notebooks"


def lesson_model(lesson, folder, fractions, started_from: weights.Weights):
    """Return where the model of a lesson lies; run the lesson if need be.

    It is the one of these photos as `dataset.split` has shared them out, and
    started from these weights. If there is none, the notebook is run with
    them in a new kernel, which takes minutes and shows a bar. What lay there
    before is kept under another name, and a line says under which.

    Args:
        lesson: the notebook's name, for example "03_fine_tuning".
        folder: the folder of photos.
        shares: three positive numbers, as for `dataset.split`.
        started_from: what `network.weights.choose` gave the lesson that asks.

    Returns:
        The `pathlib.Path` of a file that `network.saving.load` reads.

    Raises:
        ValueError: there is no such lesson, or it chooses no photos or no
            weights.
        RuntimeError: a cell of the lesson failed, or it saved no model.
    """
    folder = Path(folder).expanduser().resolve()
    name = started_from.name
    path = paths.model_path(lesson)
    if _is_there(lesson, name, folder, fractions):
        return path
    _keep(path)
    _run(lesson, folder, fractions, started_from.setting)
    if not _is_there(lesson, name, folder, fractions):
        raise RuntimeError(
            f"{lesson} ran through and left no model of {folder.name}: see "
            "that its last cells save it and write into the journal."
        )
    return path


def _is_there(lesson, weights_name, folder, fractions):
    """Return whether the saved model is of these photos and weights."""
    try:
        with open(
            paths.list_path("splits", folder), newline="", encoding="utf-8-sig"
        ) as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return False
    splits = assign_splits(
        [(row["sha256"], row["class"]) for row in rows], fractions
    )
    split_so = all(splits[row["sha256"]] == row["part"] for row in rows)
    return split_so and results.is_of(lesson, weights_name, folder)


def _keep(path):
    """Keep a model that is about to be replaced, under another name."""
    if not path.is_file():
        return
    kept = path.with_stem(f"{path.stem}-{downloads.digest(path)[:8]}")
    if not kept.is_file():
        with paths.atomic(kept) as temporary:
            shutil.copyfile(path, temporary)
    print(
        f"{path.name} is of other photos or weights; it is kept as "
        f"{paths.shown(kept)}."
    )


def _run(lesson, folder, fractions, setting):
    """Run the notebook of a lesson on a folder; nothing of it is stored.

    Args:
        setting: which weights, as WORKBOOK_WEIGHTS takes them.
    """
    path = NOTEBOOKS / f"{lesson}.ipynb"
    if not path.is_file():
        raise ValueError(
            f"{lesson}: there is no such lesson; give the name of a notebook "
            "without its ending, such as 03_fine_tuning."
        )
    notebook = nbformat.read(path, as_version=4)
    chosen = f"{str(folder)!r}, {tuple(fractions)!r}"
    kernel.put(notebook, lesson, kernel.PHOTOS, chosen)
    # A choice that was written into the notebook would come before the
    # variable, and be remembered.
    kernel.put(notebook, lesson, "WEIGHTS", "network.weights.choose()")
    environment = {**os.environ, weights.VARIABLE: setting}
    print(f"{lesson} has no model of these photos yet; it is run for one.")
    # With many photos a cell may take hours.
    running = kernel.client(notebook, path, seconds=None)
    bar = tqdm(notebook.cells, desc=lesson, unit="cell", file=sys.stdout)
    with running.setup_kernel(env=environment), bar:
        for index, cell in enumerate(bar):
            try:
                running.execute_cell(cell, index)
            except kernel.FAILURES as error:
                last = str(error).strip().splitlines()[-1]
                raise RuntimeError(
                    f"{lesson} stops in cell {index + 1} ({last}): open it, "
                    "mend that, and run this again."
                ) from None
