"""Files of cached features.

A file is a NumPy file (.npy) with a trailer: the keys of its photos as JSON,
and the length of that. NumPy reads such a file like any other. One that was
cut off has no trailer.
"""

import contextlib
import json
import os
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from helpers import paths, shared

LIMIT = 8 * 2**30  # bytes of all files together
LENGTH = 4  # bytes of the last number in a file
_in_use: weakref.WeakSet["ChunkedArray"] = weakref.WeakSet()


def folder() -> Path:
    """Return the folder of this learner's cached features."""
    return paths.work() / "features"


def find(name: str) -> Path | None:
    """Return where an undamaged file of this name is, or None.

    A shared folder is looked at first.
    """
    places = shared.find(f"{shared.FEATURES}/{name}"), folder() / name
    return next((path for path in places if path and load(path)), None)


def save(
    path: Path, features: npt.NDArray[np.float16], keys: Iterable[str]
) -> None:
    """Write features (n, ...) and the n keys of their photos to a file.

    Nobody sees the file before it is complete.
    """
    trailer = json.dumps({"keys": list(keys)}).encode()
    with paths.atomic(path) as temporary, open(temporary, "wb") as file:
        np.save(file, features)
        file.write(trailer + len(trailer).to_bytes(LENGTH, "little"))


def load(path: Path) -> tuple[npt.NDArray[np.float16], list[str]] | None:
    """Return the features in a file and the keys of their photos, or None.

    None means that the file is missing, or damaged, which is printed.

    Returns:
        A read-only memory map of shape (n, ...), and a list of n keys.
    """
    try:
        with open(path, "rb") as file:
            file.seek(-LENGTH, os.SEEK_END)
            length = int.from_bytes(file.read(LENGTH), "little")
            file.seek(-LENGTH - length, os.SEEK_END)
            keys = json.loads(file.read(length))["keys"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError):
        print(f"{path.name} is damaged; its features are computed again.")
        return None
    if path.parent == folder():
        with contextlib.suppress(OSError):  # the disk may be read-only
            os.utime(path)  # `evict` removes the least recently used
    return np.load(path, mmap_mode="r"), keys


class ChunkedArray:
    """Files of cached features as one read-only array of shape (n, ...).

    Integers, slices, index arrays and masks choose rows. Only these are
    read, and a file is mapped into memory for the time of one reading, so
    that memory never fills with what was read before. NumPy and Keras take
    it for an array and read all of it.
    """

    def __init__(self, paths: Iterable[Path]):
        """Open files with as many rows each; the last may have fewer."""
        self.paths = list(paths)
        # Headers are parsed once: `np.load` in several threads at a time
        # fails now and then on Python 3.11 (its issue 106905).
        maps = [np.load(path, mmap_mode="r") for path in self.paths]
        self._layouts = [(chunk.offset, chunk.shape) for chunk in maps]
        lengths = [len(chunk) for chunk in maps]
        self.dtype = maps[0].dtype
        self.shape = (sum(lengths), *maps[0].shape[1:])
        self._chunk_size = lengths[0]
        _in_use.add(self)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> npt.NDArray[np.float16]:
        rows = np.arange(len(self))[index]
        features = np.empty((rows.size, *self.shape[1:]), self.dtype)
        numbers, places = np.divmod(rows.ravel(), self._chunk_size)
        for number in np.unique(numbers):
            inside = numbers == number
            path, layout = self.paths[number], self._layouts[number]
            chunk = np.memmap(path, self.dtype, "r", *layout)
            features[inside] = chunk[places[inside]]
        return features.reshape(*rows.shape, *self.shape[1:])

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray:
        if copy is False:
            raise ValueError("Features in several files have to be copied.")
        return self[:].astype(dtype or self.dtype, copy=False)


def evict(keep: Iterable[Path]) -> None:
    """Remove the least recently used files until all fit into `LIMIT`.

    Files of a `ChunkedArray` of this process stay as well.

    Args:
        keep: paths of files that stay, however large they are.
    """
    in_use = (path for array in _in_use for path in array.paths)
    files = folder().glob("[!.]*.npy")  # not what is being written
    paths.evict(files, LIMIT, {*keep, *in_use})
