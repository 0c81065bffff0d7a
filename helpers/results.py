"""What a lesson found, kept for the lessons after it.

One JSON file for each lesson and choice of weights. A row belongs to one set
of photos, shared out in one way: rows of other photos are never set side by
side. Rows of other weights carry the name of these.
"""

import json
import zipfile
from pathlib import Path

import numpy as np

from helpers import downloads, paths, stats
from helpers.paths import atomic, list_path, model_path, shown


def write(lesson, weights_name, folder, verdicts, hits=None):
    """Keep what a lesson found on these weights.

    An older entry of the lesson on the same weights is replaced. Noted
    beside it are the split of the photos and the model that the lesson has
    saved, if there are any, for `rows` and `is_of`.

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
        **_about(weights_name, folder),
        "verdicts": _digits(verdicts),
        "hits": _digits(hits or {}),
        "model": _weights(lesson),
    }
    with atomic(_path(lesson, weights_name)) as temporary:
        temporary.write_text(json.dumps(entry, indent=1), encoding="utf-8")


def _path(lesson, weights_name):
    """Return the file of an entry; weights differ in the end of their name."""
    return paths.work() / "journal" / f"{lesson}_{weights_name[-40:]}.json"


def _digits(verdicts):
    return {
        name: "".join("01"[int(right)] for right in correct)
        for name, correct in verdicts.items()
    }


def _about(weights_name, folder):
    """Return what must be the same in entries that are set side by side.

    Under `split` stands the digest of how the folder is shared out, or None.
    """
    folder = Path(folder).expanduser().resolve()
    split = list_path("splits", folder)
    return {
        "weights": weights_name,
        "photos": str(folder),
        "split": downloads.digest(split) if split.is_file() else None,
    }


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
    entry = _entry(_path(lesson, weights_name))
    now = {**_about(weights_name, folder), "model": _weights(lesson)}
    return None not in now.values() and now == {k: entry.get(k) for k in now}


def _entry(path):
    """Return what a file of the journal holds: {} if missing or damaged."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        entry = None
    if isinstance(entry, dict):
        return entry
    print(
        f"{shown(path)} is damaged and passed over; it is written anew when "
        "that lesson is run again, or one of its exercises is solved."
    )
    return {}


def rows(weights_name, folder):
    """Return {name: `stats.Accuracy`} of all lessons run on the same photos.

    The same are the photos and how these are shared out now: an accuracy on
    other test photos compares with nothing. Those of these weights come
    first; then those of other weights, whose names end with that of the
    weights, such as "frozen base (imagenet)".

    Args:
        weights_name, folder: as for `write`.
    """
    now = _about(weights_name, folder)
    same, others = {}, {}
    for path in sorted((paths.work() / "journal").glob("[0-9]*.json")):
        entry = _entry(path)
        its_weights = entry.get("weights")
        if {**now, "weights": its_weights} != {k: entry.get(k) for k in now}:
            continue
        for name, digits in entry.get("verdicts", {}).items():
            accuracy = stats.accuracy(np.array(list(digits)) == "1")
            if its_weights == weights_name:
                same[name] = accuracy
            else:
                others[f"{name} ({its_weights})"] = accuracy
    return same | others


def note_done(lesson, number):
    """Keep that an exercise of a lesson was solved.

    Args:
        lesson: the notebook's name.
        number: of the exercise.
    """
    # A file for each lesson: two at once don't overwrite each other.
    path = paths.work() / "journal" / f"exercises-{lesson}.json"
    solved = sorted({*_entry(path).get("solved", []), number})
    with atomic(path) as temporary:
        temporary.write_text(
            json.dumps({"lesson": lesson, "solved": solved}), encoding="utf-8"
        )


def done():
    """Return {lesson: numbers of its exercises that were solved}."""
    found = {}
    for path in sorted((paths.work() / "journal").glob("exercises-*.json")):
        entry = _entry(path)
        if entry:
            found[entry["lesson"]] = entry["solved"]
    return found
