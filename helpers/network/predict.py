"""What a classifier says of every photo in a folder, as a table.

The tables are for spreadsheets: see `tables` for what that changes in names.
"""

import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from helpers import text
from helpers.dataset import layouts, photo_file, pipeline
from helpers.paths import atomic, list_path

COLUMNS = (
    "file", "class", "probability", "second", "second_probability", "problem",
)  # fmt: skip
BATCH_SIZE = 16


def write_predictor(classifier, class_names, folder):
    """Write what a classifier says of a folder of photos; return where.

    Every file in the folder and in its folders, linked ones too, has a row,
    in the order of the names: the likeliest class, the next one, and how
    likely they are. What can't be read has a row that says why. What systems
    and other programs keep beside photos has none.

    Args:
        classifier: a model from pixels of 0 to 255 to probabilities.
        class_names: the names of the classes.
        folder: with photos, sorted into folders or not.

    Returns:
        The `pathlib.Path` of a CSV file with the columns `COLUMNS`, which
        `text.read_csv` reads.

    Raises:
        ValueError: the folder is missing or empty.
    """
    folder = Path(folder).expanduser()
    files = _files(folder)
    rows = {
        file: {"file": photo_file.printed(_name(file, folder))}
        for file in files
    }
    fit = []
    bar = tqdm(files, desc=folder.name, unit="file", file=sys.stdout)
    for file in bar:
        photo, problems = photo_file.look(file)
        if photo:
            fit.append(file)
        else:
            rows[file]["problem"] = problems[0].problem
        if len(fit) == BATCH_SIZE or (fit and file == files[-1]):
            _ask(classifier, class_names, fit, rows)
            fit = []
    path = list_path("predictions", folder)
    _write(path, COLUMNS, rows.values())
    return path


def write_csv(path, split, probabilities):
    """Write what was said of each photo of a part, beside its label.

    Args:
        path: of the CSV file, which `text.read_csv` reads.
        part: a `dataset.Split` of n photos.
        probabilities: what the model said, (n, number of classes), 0-1.
    """
    names = split.class_names
    rows = [
        {"file": "/".join(Path(photo).parts[-2:]), "label": names[label]}
        | _guesses(names, said)
        for photo, label, said in zip(
            split.paths, split.labels, probabilities, strict=True
        )
    ]
    _write(path, ("file", "label", *COLUMNS[1:-1]), rows)


def _write(path, columns, rows):
    """Write dictionaries as the rows of a CSV file."""
    cells = [[row.get(name, "") for name in columns] for row in rows]
    with atomic(path) as temporary:
        temporary.write_bytes(text.csv_bytes([columns, *cells]))


def _guesses(class_names, said):
    """Return the two likeliest classes and how likely they are, as a row."""
    first, second = said.argsort()[::-1][:2]
    return {
        "class": class_names[first],
        "probability": f"{said[first]:.3f}",
        "second": class_names[second],
        "second_probability": f"{said[second]:.3f}",
    }


def _files(folder):
    if not folder.is_dir():
        looked = "" if folder.is_absolute() else f" at {folder.absolute()}"
        raise layouts.FolderError(
            f"{folder}: there is no such folder{looked}; give one with "
            "photos in it."
        )
    found = [
        Path(place, name)
        for place, names in layouts.walk(folder)
        for name in names
        if not photo_file.is_sidecar(Path(place, name))
    ]
    if not found:
        raise layouts.FolderError(
            f"{folder}: there is no file in it; put the photos in here."
        )
    return sorted(found, key=lambda file: _name(file, folder))


def _name(file, folder):
    return file.relative_to(folder).as_posix()


def _ask(classifier, class_names, files, rows):
    """Put the answers for some photos into their rows."""
    pixels = pipeline.load_photos([str(file) for file in files])
    for file, said in zip(
        files, np.asarray(classifier.predict_on_batch(pixels)), strict=True
    ):
        rows[file] |= _guesses(class_names, said)
