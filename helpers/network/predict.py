"""Predictions for photos as rows and tables (CSV) for spreadsheets.

`text.csv_bytes` says what that changes in names.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from helpers import stats, text
from helpers.dataset import decoding, photo_file, tree
from helpers.network.metadata import Metadata
from helpers.paths import atomic, list_path

if TYPE_CHECKING:
    import keras

    from helpers.dataset import splits

# none_of_these is yes or no; a file with a problem has no other cells.
PREDICTION = (
    "class", "probability", "none_of_these", "second", "second_probability",
)  # fmt: skip
COLUMNS = ("file", *PREDICTION, "problem")
BATCH_SIZE = 16

Predictor = Callable[[npt.NDArray[np.uint8]], npt.ArrayLike]


def write_predictions(
    classifier: "keras.Model", metadata: Metadata, folder: str | Path
) -> Path:
    """Write the predictions for a folder of photos; return the table's path.

    Every file in the folder and in the folders inside, linked ones too, has
    a row, in the order of the names: the two most likely classes, their
    probabilities (at the temperature of the metadata) and whether the photo
    is none of these, its confidence being below the threshold; or the
    problem with a file that can't be read. Files that systems and other
    programs keep beside photos have none.

    Args:
        classifier: a model from pixels of 0 to 255 to probabilities.
        metadata: as `saving.load` returns it.
        folder: with photos, sorted into folders or not.

    Raises:
        ValueError: the folder is missing or empty.
    """
    folder = Path(folder).expanduser()
    files = files_in(folder)
    rows = tqdm(
        predictions(files, classifier.predict_on_batch, metadata),
        desc=folder.name,
        total=len(files),
        unit="file",
        file=sys.stdout,
    )
    named = [
        {"file": photo_file.printed(file.relative_to(folder).as_posix())} | row
        for file, row in zip(files, rows, strict=True)
    ]
    path = list_path("predictions", folder)
    _write(path, COLUMNS, named)
    return path


def predictions(
    files: Sequence[Path], predict: Predictor, metadata: Metadata
) -> Iterator[dict[str, str]]:
    """Yield a row for each file, without its name: see `COLUMNS`.

    Args:
        files: photos, or other files.
        predict: takes pixels, uint8 (b, 299, 299, 3), 0-255, and returns
            probabilities (b, classes).
        metadata: of the model.
    """
    for start in range(0, len(files), BATCH_SIZE):
        batch = files[start : start + BATCH_SIZE]
        rows: dict[Path, dict[str, str]] = {}
        pixels: dict[Path, npt.NDArray[np.uint8]] = {}
        for file in batch:
            try:
                content = photo_file.read_bytes(file)
                picture = photo_file.read(content, file.name)
                pixels[file] = decoding.resize(picture.pixels, metadata.shape)
            except decoding.UnusableError as error:
                rows[file] = {"problem": error.problem}
        if pixels:
            probs = np.asarray(predict(np.stack(list(pixels.values()))))
            rows |= dict(zip(pixels, _rows(probs, metadata), strict=True))
        yield from (rows[file] for file in batch)


def write_csv(
    path: str | Path,
    split: "splits.Split",
    probs: npt.NDArray[np.float32],
    metadata: Metadata,
) -> None:
    """Write the predictions for a split beside its labels.

    Args:
        path: of the CSV file, which `text.read_csv` reads.
        split: n photos.
        probs: their probabilities, (n, number of classes), without the
            temperature.
        metadata: of the model.
    """
    rows = [
        {"file": name, "label": split.class_names[label]} | row
        for name, label, row in zip(
            split.names, split.labels, _rows(probs, metadata), strict=True
        )
    ]
    _write(path, ("file", "label", *PREDICTION), rows)


def _rows(probs: npt.NDArray, metadata: Metadata) -> list[dict[str, str]]:
    """Return the cells of each prediction, (n, classes)."""
    names, rows = metadata.class_names, []
    for row in stats.with_temperature(probs, metadata.temperature):
        first, second = row.argsort()[::-1][:2]
        rejected = row[first] < metadata.threshold
        cells = {
            "class": names[first],
            "probability": f"{row[first]:.3f}",
            "none_of_these": "yes" if rejected else "no",
            "second": names[second],
            "second_probability": f"{row[second]:.3f}",
        }
        rows.append(cells)
    return rows


def _write(
    path: str | Path, columns: Sequence[str], rows: Iterable[dict[str, str]]
) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(csv_bytes(columns, rows))


def csv_bytes(columns: Sequence[str], rows: Iterable[dict[str, str]]) -> bytes:
    """Return rows as a CSV file; a missing cell is empty."""
    cells = [[row.get(name, "") for name in columns] for row in rows]
    return text.csv_bytes([columns, *cells])


def files_in(folder: Path) -> list[Path]:
    """Return the files in a folder and the folders inside, by name.

    Raises:
        FolderError: the folder is missing or holds no file.
    """
    names = sorted(str(name) for name in tree.read_tree(folder).files)
    if not names:
        raise tree.FolderError(
            f"{folder}: there is no file in it; put photos in it."
        )
    return [folder / name for name in names]
