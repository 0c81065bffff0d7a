"""What a lesson found, kept for the lessons after it.

One JSON file a lesson. A row belongs to one set of photos and one choice of
weights, so that rows of different runs are never set side by side.
"""

import json
import zipfile
from pathlib import Path

import numpy as np

from helpers import downloads, measure
from helpers.files import WORK, atomic, list_path, model_path


def write(lesson, weights_name, folder, verdicts, hits=None):
    """Keep what a lesson found; an older entry of the lesson is replaced.

    Noted beside it are the split of the photos and the model that the
    lesson has saved, if there are any, for `is_of`.

    Args:
        lesson: the notebook's name, for example "02_frozen_baseline".
        weights_name: which weights it ran on.
        folder: the folder of photos.
        verdicts: {name of a result: booleans of shape (n,), True where
            right}.
        hits: the same for another question than that for the class; they
            can be compared, and are not among the accuracies (`rows`).
    """
    entry = {
        "lesson": lesson,
        "weights": weights_name,
        "photos": str(Path(folder).resolve()),
        "verdicts": _digits(verdicts),
        "hits": _digits(hits or {}),
        "split": _split(folder),
        "model": _weights(lesson),
    }
    with atomic(WORK / "journal" / f"{lesson}.json") as part:
        part.write_text(json.dumps(entry, indent=1), encoding="utf-8")


def _digits(verdicts):
    return {
        name: "".join("01"[int(right)] for right in correct)
        for name, correct in verdicts.items()
    }


def _split(folder):
    """Return the digest of how a folder is shared out, or None."""
    path = list_path("splits", folder)
    return downloads.digest(path) if path.is_file() else None


def _weights(lesson):
    """Return the check sum of the weights a lesson has saved, or None.

    It stands in the file, which as a whole changes with the time of day.
    """
    try:
        with zipfile.ZipFile(model_path(lesson)) as file:
            return file.getinfo("model.weights.h5").CRC
    except (OSError, KeyError, zipfile.BadZipFile):
        return None


def is_of(lesson, weights_name, folder):
    """Return whether the model that a lesson saved is one of these photos.

    It is if it holds the weights that it held when the lesson wrote its
    entry, on these weights to begin with and on these photos, shared out as
    they are now.

    Args:
        lesson, weights_name, folder: as for `write`.
    """
    try:
        path = WORK / "journal" / f"{lesson}.json"
        entry = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    now = {
        "weights": weights_name,
        "photos": str(Path(folder).resolve()),
        "split": _split(folder),
        "model": _weights(lesson),
    }
    return None not in now.values() and now == {k: entry.get(k) for k in now}


def verdicts(weights_name, folder):
    """Return {name: verdicts} of all lessons run on the same, hits included.

    Two results on the same photos can be compared photo by photo.

    Args:
        weights_name, folder: as for `write`.
    """
    return _read(weights_name, folder, ("verdicts", "hits"))


def rows(weights_name, folder):
    """Return {name: `measure.Accuracy`} of all lessons run on the same.

    Args:
        weights_name, folder: as for `write`.
    """
    found = _read(weights_name, folder, ("verdicts",))
    return {name: measure.accuracy(right) for name, right in found.items()}


def _read(weights_name, folder, kinds):
    found = {}
    for path in sorted((WORK / "journal").glob("[0-9]*.json")):
        entry = json.loads(path.read_text(encoding="utf-8"))
        same_photos = entry["photos"] == str(Path(folder).resolve())
        if same_photos and entry["weights"] == weights_name:
            for kind in kinds:
                for name, digits in entry.get(kind, {}).items():
                    found[name] = np.array(list(digits)) == "1"
    return found


def note_done(lesson, number):
    """Keep that an exercise of a lesson was solved.

    Args:
        lesson: the notebook's name.
        number: of the exercise.
    """
    solved = sorted({*done().get(lesson, []), number})
    # A file for each lesson: two at once don't overwrite each other.
    with atomic(WORK / "journal" / f"exercises-{lesson}.json") as part:
        part.write_text(
            json.dumps({"lesson": lesson, "solved": solved}), encoding="utf-8"
        )


def done():
    """Return {lesson: numbers of its exercises that were solved}."""
    found = {}
    for path in sorted((WORK / "journal").glob("exercises-*.json")):
        entry = json.loads(path.read_text(encoding="utf-8"))
        found[entry["lesson"]] = entry["solved"]
    return found
