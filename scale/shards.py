"""Features of many photos, in shards on disk.

A list of photos is cut into shards of equal size. Each of any number of
workers fills its own. A shard is a file as `extraction.write` writes it, and
a note, written last: of which model, photos and labels it is, how many
seconds it took, and how much memory the process held.
"""

import csv
import functools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import psutil

from helpers.dataset.splits import Split
from helpers.features import extraction, storage
from helpers.paths import atomic, shown

COLUMNS = ["file", "class", "sha256"]


def write_list(split: Split, path: Path) -> None:
    """Write the photos of a split to a CSV file, for `read_list`.

    Raises:
        ValueError: their shape is not "squeeze", which the list can't say.
    """
    if split.shape != "squeeze":
        raise ValueError(
            f"shape is {split.shape!r}; check the folder with shape "
            "'squeeze', the only one on a cluster."
        )
    with atomic(path) as temporary:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            class_names = [split.class_names[label] for label in split.labels]
            writer.writerows(
                zip(split.paths, class_names, split.keys, strict=True)
            )


def read_list(path: Path) -> Split:
    """Return a list of photos as a `dataset.Split`, its classes sorted.

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
    files, classes, keys = map(list, zip(*rows[1:], strict=True))
    names, labels = np.unique(classes, return_inverse=True)
    return Split(Path(path).stem, tuple(names.tolist()), files, labels, keys)


def fill(
    lower: keras.Model,
    split: Split,
    folder: str | Path,
    shard_size: int,
    worker: int = 0,
    workers: int = 1,
) -> Iterator[tuple[int, int, bool]]:
    """Write the shards of a worker; yield one by one.

    Worker 1 of 4 has the shards 1, 5, 9 and so on. A shard that is there
    and whole is left as it is.

    Args:
        lower: a model from pixels, (b, 299, 299, 3) in 0-255, to a tensor.
        worker, workers: which of how many workers this is.

    Yields:
        The number of a shard, how many there are, and whether it is new.

    Raises:
        ValueError: a shard is there that is of other photos, labels or
            weights.
    """
    model_key = extraction.key(lower)
    count = -(-len(split) // shard_size)
    chunks = extraction.chunks(split, shard_size, worker, workers)
    for number, chunk in chunks:
        path = Path(folder) / f"{number:06d}.npy"
        note = {
            "of": count,
            "rows": shard_size,
            "model": model_key,
            "photos": chunk.key,
            "class_names": list(chunk.class_names),
            "labels": chunk.labels.tolist(),
        }
        is_new = not _exists(path, note)
        if is_new:
            start = time.perf_counter()
            extraction.write(lower, chunk, path)
            note["worker"] = worker
            note["seconds"] = time.perf_counter() - start
            note["mib"] = psutil.Process().memory_info().rss / 2**20
            with atomic(path.with_suffix(".json")) as temporary:
                temporary.write_text(json.dumps(note), encoding="utf-8")
        yield number, count, is_new


def _exists(path: Path, expected: dict[str, Any]):
    """Return whether a shard is whole; refuse one of something else."""
    note = _read_note(path.with_suffix(".json"))
    if note is None:
        return False
    if not expected.items() <= note.items():
        raise ValueError(
            f"{path.stem} in {shown(path.parent)} is of other photos, labels "
            "or weights; name a new folder."
        )
    return storage.load(path) is not None


def _read_note(path: Path):
    """Return the note of a shard, or None if it is missing or damaged."""
    try:
        note = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return note if isinstance(note, dict) else None


def notes(folder: str | Path) -> list[dict[str, Any]]:
    """Return the notes of all shards, in order.

    Raises:
        ValueError: shards are missing, or their notes are damaged, or they
            are not all of one kind.
    """
    paths = sorted(Path(folder).glob("[!.]*.json"))
    found = [note for note in map(_read_note, paths) if note]
    missing = found[0]["of"] - len(found) if found else "all"
    if missing:
        raise ValueError(
            f"{folder}: {missing} shards are missing; start scale.features "
            "again, which makes only those."
        )
    if len({(note["model"], note["rows"], note["of"]) for note in found}) > 1:
        raise ValueError(
            f"{folder}: its shards are not of one model and dtype; start "
            "scale.features with a new folder."
        )
    return found


class Shards:
    """All shards of a folder as one array of n rows.

    `labels` is int64 (n,), `shape` that of a row, `key` changes with the
    photos, the labels and the weights. Only the rows that are asked for are
    read.
    """

    def __init__(self, folder: str | Path):
        """Open a folder of shards; raises what `notes` raises."""
        found = notes(folder)
        self.labels = np.concatenate([note["labels"] for note in found])
        self.class_names = tuple(found[0]["class_names"])
        self.key = [note["photos"] for note in found] + [found[0]["model"]]
        self._rows = storage.ChunkedArray(
            Path(folder) / f"{number:06d}.npy" for number in range(len(found))
        )
        self.shape = self._rows.shape[1:]

    def __len__(self) -> int:
        return len(self.labels)

    def rows(
        self, indices: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Return rows, float32 (b, ...), and their labels, int64 (b,)."""
        return self._rows[indices].astype("float32"), self.labels[indices]


def batch_indices(
    count: int, batch: int, step: int, seed: int
) -> npt.NDArray[np.int64]:
    """Return which photos make up the batch of a step.

    In each epoch every photo comes once, in a new order, but for the few at
    its end that fill no batch. It depends neither on which worker asks, nor
    on earlier steps.

    Args:
        batch: photos in a step, of all workers together.
        step: counted from 0, over all epochs.

    Returns:
        int64 (batch,), indices from 0 to count - 1.
    """
    epoch, step = divmod(step, count // batch)
    return _order(count, seed, epoch)[step * batch : (step + 1) * batch]


@functools.lru_cache(2)
def _order(count: int, seed: int, epoch: int):
    return np.random.default_rng([seed, epoch]).permutation(count)
