"""The results log: what each lesson measured, for the lessons after it.

One JSON file for each lesson and choice of weights. Results are compared
only if they are of the same photos in the same splits.
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from helpers import downloads, paths, stats

Outcomes = Mapping[str, npt.ArrayLike]  # {name: booleans (n,)}


def write(
    lesson: str,
    weights_name: str,
    folder: str | Path,
    outcomes: Outcomes,
    hits: Outcomes | None = None,
) -> None:
    """Log what a lesson measured; an older entry on these weights goes.

    Logged with it are the splits of the photos and the model that the lesson
    has saved, for `rows` and `is_of`.

    Args:
        lesson: the notebook's name, for example "02_frozen_baseline".
        outcomes: {name of a result: booleans (n,), True where the
            prediction is correct}.
        hits: the same for another question than the class; `rows` leaves
            it out.
    """
    entry: dict[str, Any] = {
        "lesson": lesson,
        **_data(weights_name, folder),
        "model": _checksum(lesson),
    }
    for key, values in (("correct", outcomes), ("hits", hits or {})):
        entry[key] = {
            name: np.asarray(flags, bool).tolist()
            for name, flags in values.items()
        }
    _write(entry_path(lesson, weights_name), entry)


def _write(path: Path, entry: dict[str, Any]) -> None:
    with paths.atomic(path) as temporary:
        temporary.write_text(json.dumps(entry), encoding="utf-8")


def _log() -> Path:
    return paths.work() / "results"


def entry_path(lesson: str, weights_name: str) -> Path:
    """Return the file of an entry; names of weights differ in their ends."""
    return _log() / f"{lesson}_{weights_name[-40:]}.json"


def _data(weights_name: str, folder: str | Path) -> dict[str, str | None]:
    """Return what entries must have in common to be compared."""
    folder = Path(folder).expanduser().resolve()
    splits = paths.list_path("splits", folder)
    return {
        "weights": weights_name,
        "photos": str(folder),
        "split": downloads.digest(splits) if splits.is_file() else None,
    }


def _checksum(lesson: str) -> int | None:
    """Return the checksum of the weights that a lesson saved, or None.

    The file around them changes with the time of day.
    """
    try:
        with zipfile.ZipFile(paths.model_path(lesson)) as file:
            return file.getinfo("model.weights.h5").CRC
    except (OSError, KeyError, zipfile.BadZipFile):
        return None


def is_of(lesson: str, weights_name: str, folder: str | Path) -> bool:
    """Return whether the model that a lesson saved is of these photos.

    It is if the lesson logged this very model, on these weights and on these
    photos in their present splits.

    Args:
        lesson, weights_name, folder: as for `write`.
    """
    entry = _entry(entry_path(lesson, weights_name))
    now = {**_data(weights_name, folder), "model": _checksum(lesson)}
    return None not in now.values() and now.items() <= entry.items()


def _entry(path: Path) -> dict[str, Any]:
    """Return the entry in a file: {} if it is missing or damaged."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        entry = None
    if isinstance(entry, dict):
        return entry
    print(
        f"{paths.shown(path)} is damaged and ignored; it is written anew "
        "when you run that lesson again or solve one of its exercises."
    )
    return {}


def read(
    lesson: str, weights_name: str, folder: str | Path
) -> dict[str, list[bool]]:
    """Return the outcomes that a lesson logged on the same photos, or {}.

    The photos must be in the same splits.

    Args:
        lesson, weights_name, folder: as for `write`.

    Returns:
        {name of a result: booleans (n,)}.
    """
    entry = _entry(entry_path(lesson, weights_name))
    is_same = _data(weights_name, folder).items() <= entry.items()
    return entry.get("correct", {}) if is_same else {}


def rows(weights_name: str, folder: str | Path) -> dict[str, stats.Accuracy]:
    """Return {name: accuracy} of all lessons run on the same photos.

    The photos must be in the same splits. Results of these weights come
    first; the names of others end with their weights, such as
    "frozen base (imagenet)".

    Args:
        weights_name, folder: as for `write`.
    """
    now = _data(weights_name, folder)
    same, others = {}, {}
    for path in sorted(_log().glob("[0-9]*.json")):
        entry = _entry(path)
        started_from = entry.get("weights")
        if not (now | {"weights": started_from}).items() <= entry.items():
            continue
        for name, correct in entry.get("correct", {}).items():
            if started_from == weights_name:
                same[name] = stats.accuracy(correct)
            else:
                others[f"{name} ({started_from})"] = stats.accuracy(correct)
    return same | others


def log_solved(lesson: str, number: int) -> None:
    """Log that an exercise of a lesson was solved."""
    # A file for each lesson: two at once don't overwrite each other.
    path = _log() / f"exercises-{lesson}.json"
    numbers = sorted({*_entry(path).get("solved", []), number})
    _write(path, {"lesson": lesson, "solved": numbers})


def solved() -> dict[str, list[int]]:
    """Return {lesson: numbers of its exercises that were solved}."""
    entries = [_entry(p) for p in sorted(_log().glob("exercises-*.json"))]
    return {entry["lesson"]: entry["solved"] for entry in entries if entry}
