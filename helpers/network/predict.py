"""Writes the predictions for photos as tables (CSV) for spreadsheets.

`text.csv_bytes` says what that changes in names.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from helpers import text
from helpers.dataset import decoding, photo_file, splits, tree
from helpers.paths import atomic, list_path

COLUMNS = (
    "file", "class", "probability", "second", "second_probability", "problem",
)  # fmt: skip
BATCH_SIZE = 16


def write_predictions(
    classifier: keras.Model,
    class_names: Sequence[str],
    folder: str | Path,
    shape: str = "squeeze",
) -> Path:
    """Write the predictions for a folder of photos; return the table's path.

    Every file in the folder and in the folders inside, linked ones too, has
    a row, in the order of the names: the two most likely classes and their
    probabilities, or the problem with a file that can't be read. Files that
    systems and other programs keep beside photos have none.

    Args:
        classifier: a model from pixels of 0 to 255 to probabilities.
        class_names: in the order of its outputs.
        folder: with photos, sorted into folders or not.
        shape: of the photos that it was trained on (see
            `saving.read_shape`).

    Raises:
        ValueError: the folder is missing or empty.
    """
    folder = Path(folder).expanduser()
    files = _files(folder)
    rows = {
        file: {"file": photo_file.printed(_name(file, folder))}
        for file in files
    }
    batch: dict[Path, npt.NDArray[np.uint8]] = {}
    for file in tqdm(files, desc=folder.name, unit="file", file=sys.stdout):
        try:
            picture = photo_file.read(photo_file.read_bytes(file), file.name)
            batch[file] = decoding.resize(picture.pixels, shape)
        except decoding.UnusableError as error:
            rows[file]["problem"] = error.problem
        if len(batch) == BATCH_SIZE or (batch and file == files[-1]):
            pixels = np.stack(list(batch.values()))
            probs = np.asarray(classifier.predict_on_batch(pixels))
            for photo_path, photo_probs in zip(batch, probs, strict=True):
                rows[photo_path] |= _cells(class_names, photo_probs)
            batch = {}
    path = list_path("predictions", folder)
    _write(path, COLUMNS, rows.values())
    return path


def write_csv(
    path: str | Path, split: splits.Split, probs: npt.NDArray[np.float32]
) -> None:
    """Write the predictions for a split beside its labels.

    Args:
        path: of the CSV file, which `text.read_csv` reads.
        split: n photos.
        probs: their probabilities, (n, number of classes).
    """
    names = split.class_names
    rows = [
        {"file": name, "label": names[label]} | _cells(names, photo_probs)
        for name, label, photo_probs in zip(
            split.names, split.labels, probs, strict=True
        )
    ]
    _write(path, ("file", "label", *COLUMNS[1:-1]), rows)


def _write(
    path: str | Path, columns: Sequence[str], rows: Iterable[dict[str, str]]
) -> None:
    cells = [[row.get(name, "") for name in columns] for row in rows]
    with atomic(path) as temporary:
        temporary.write_bytes(text.csv_bytes([columns, *cells]))


def _cells(
    class_names: Sequence[str], probs: npt.NDArray[np.float32]
) -> dict[str, str]:
    """Return the two most likely classes and their probabilities."""
    first, second = probs.argsort()[::-1][:2]
    return {
        "class": class_names[first],
        "probability": f"{probs[first]:.3f}",
        "second": class_names[second],
        "second_probability": f"{probs[second]:.3f}",
    }


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        full = "" if folder.is_absolute() else f" at {folder.absolute()}"
        raise tree.FolderError(
            f"{folder}: there is no such folder{full}; give one with "
            "photos in it."
        )
    files = [folder / path for path in tree.read_tree(folder).files]
    if not files:
        raise tree.FolderError(
            f"{folder}: there is no file in it; put the photos in here."
        )
    return sorted(files, key=lambda file: _name(file, folder))


def _name(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()
