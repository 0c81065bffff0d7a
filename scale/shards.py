"""What the frozen layers say of many photos, in shards on disk.

A list of photos is cut into shards of so many rows. Any number of workers
fill them, each its own, without a word between them. A shard is an array of
the kind that `store` writes, and a note, written last: whose answers these
are, of which photos, with which labels, and what they took.
"""

import csv
import functools
import json
import time
from pathlib import Path

import numpy as np
import psutil

from helpers.dataset import splits
from helpers.features import extraction, storage
from helpers.paths import atomic, shown

COLUMNS = ["file", "class", "sha256"]


def write_list(part, path):
    """Write a list of photos (a CSV file) for `read_list`.

    Args:
        part: a `dataset.Split`.
        path: of the file.
    """
    with atomic(path) as new:
        with open(new, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for name, label, key in zip(
                part.paths, part.labels, part.keys, strict=True
            ):
                writer.writerow([name, part.class_names[label], key])


def read_list(path):
    """Return a list of photos as a `dataset.Split`.

    Its classes are in the order of the alphabet.

    Raises:
        ValueError: the file is missing, or is no such list.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except FileNotFoundError:
        rows = []
    if rows[:1] != [COLUMNS] or {len(row) for row in rows[1:]} != {3}:
        raise ValueError(
            f"{path}: no list of photos; it must have the columns "
            f"{', '.join(COLUMNS)}, and a row for each photo."
        )
    names, classes, keys = map(list, zip(*rows[1:], strict=True))
    class_names, labels = np.unique(classes, return_inverse=True)
    return splits.Split(
        Path(path).stem, tuple(class_names.tolist()), names, labels, keys
    )


def fill(lower, part, folder, rows, worker=0, workers=1):
    """Write those shards that are a worker's; yield one by one.

    Worker 1 of 4 has the shards 1, 5, 9 and so on. A shard that is there
    and whole is left as it is.

    Args:
        lower: a model from pixels, (b, 299, 299, 3) in 0-255, to a tensor.
        part: a `dataset.Split`, the same for all workers.
        folder: of the shards.
        rows: photos in a shard.
        worker, workers: which of how many workers this is.

    Yields:
        The number of a shard, how many there are, and whether it had to be
        made.

    Raises:
        ValueError: a shard is there that is of other photos, labels or
            weights, or of another arithmetic.
    """
    model = extraction.key(lower)
    of = -(-len(part) // rows)
    for number, its in extraction.chunks(part, rows, worker, workers):
        path = Path(folder) / f"{number:06d}.npy"
        note = {
            "of": of,
            "rows": rows,
            "model": model,
            "photos": its.key,
            "class_names": list(part.class_names),
            "labels": its.labels.tolist(),
        }
        made = not _is_there(path, note)
        if made:
            begun = time.perf_counter()
            extraction.write(lower, its, path)
            note["worker"] = worker
            note["seconds"] = time.perf_counter() - begun
            note["mib"] = psutil.Process().memory_info().rss / 2**20
            with atomic(path.with_suffix(".json")) as file:
                file.write_text(json.dumps(note), encoding="utf-8")
        yield number, of, made


def _is_there(path, wanted):
    """Return whether a shard is whole; refuse one of something else."""
    note = _note(path.with_suffix(".json"))
    if note is None:
        return False
    if {name: note.get(name) for name in wanted} != wanted:
        raise ValueError(
            f"{path.stem} in {shown(path.parent)} is of other photos, labels "
            "or weights, or of another arithmetic; name a new folder."
        )
    return storage.load(path) is not None


def _note(path):
    """Return the note of a shard, or None if it is missing or damaged."""
    try:
        note = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return note if isinstance(note, dict) else None


def notes(folder):
    """Return the notes of all shards, in order, as dictionaries.

    Raises:
        ValueError: shards are missing, or their notes are damaged, or they
            are not all of one kind.
    """
    paths = sorted(Path(folder).glob("[!.]*.json"))
    found = [note for note in map(_note, paths) if note is not None]
    missing = found[0]["of"] - len(found) if found else "all"
    if missing:
        raise ValueError(
            f"{folder}: {missing} shards are missing; start scale.features "
            "again, which makes only those."
        )
    if len({(note["model"], note["rows"], note["of"]) for note in found}) > 1:
        raise ValueError(
            f"{folder}: its shards are not of one model and arithmetic; "
            "start scale.features with a new folder."
        )
    return found


class Shards:
    """All shards of a folder, as if they were one array of n rows.

    `labels` is int64 (n,), `shape` that of a row, `key` a name that changes
    with the photos, the labels and the weights. Only the rows that are
    asked for are read.
    """

    def __init__(self, folder):
        """Open a folder of shards; raises what `notes` raises."""
        found = notes(folder)
        self.labels = np.concatenate([note["labels"] for note in found])
        self.class_names = tuple(found[0]["class_names"])
        self.key = [note["photos"] for note in found] + [found[0]["model"]]
        files = [f"{number:06d}.npy" for number in range(len(found))]
        self._rows = storage.ChunkedArray(
            Path(folder) / name for name in files
        )
        self.shape = self._rows.shape[1:]

    def __len__(self):
        return len(self.labels)

    def rows(self, places):
        """Return some rows: float32 (b, ...), and labels, int64 (b,)."""
        return np.float32(self._rows[places]), self.labels[places]


def places(count, batch, step, seed):
    """Return which photos make up the batch of a step.

    In each pass every photo comes once, in a new order, but for the few at
    its end that fill no batch. It does not depend on who asks, nor on what
    was asked before.

    Args:
        count: of photos.
        batch: photos in a step, of all workers together.
        step: counted from 0, over all passes.
        seed: of the order.

    Returns:
        int64 (batch,), places from 0 to count - 1.
    """
    epoch, at = divmod(step, count // batch)
    return _order(count, seed, epoch)[at * batch : (at + 1) * batch]


@functools.lru_cache(2)
def _order(count, seed, epoch):
    return np.random.default_rng([seed, epoch]).permutation(count)
