"""What a lesson found, kept for the lessons after it.

One JSON file a lesson. A row belongs to one set of photos and one choice of
weights, so that rows of different runs are never set side by side.
"""

import json
from dataclasses import asdict
from pathlib import Path

from helpers import measure
from helpers.files import WORK, atomic


def write(lesson, weights_name, folder, rows):
    """Keep what a lesson found; an older entry of the lesson is replaced.

    Args:
        lesson: the notebook's name, for example "02_frozen_baseline".
        weights_name: which weights it ran on.
        folder: the folder of photos.
        rows: {name of a result: booleans of shape (n,), True where right}.
    """
    entry = {
        "lesson": lesson,
        "weights": weights_name,
        "photos": str(Path(folder).resolve()),
        "results": {
            name: asdict(measure.accuracy(correct))
            for name, correct in rows.items()
        },
    }
    with atomic(WORK / "journal" / f"{lesson}.json") as part:
        part.write_text(json.dumps(entry, indent=1), encoding="utf-8")


def rows(weights_name, folder):
    """Return {name: `measure.Accuracy`} of all lessons run on the same.

    Args:
        weights_name, folder: as for `write`.
    """
    found = {}
    for path in sorted((WORK / "journal").glob("[0-9]*.json")):
        entry = json.loads(path.read_text(encoding="utf-8"))
        same_photos = entry["photos"] == str(Path(folder).resolve())
        if same_photos and entry["weights"] == weights_name:
            for name, result in entry["results"].items():
                found[name] = measure.Accuracy(**result)
    return found
