"""What reading the photos of a folder gave, kept for the next check.

One JSON file for each folder, under `paths.work()`. A photo is read again if
its size or the time of its last change is another, or if the code that reads
it has changed. A file that is no usable photo is always looked at again.
"""

import base64
import contextlib
import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from helpers.dataset import decoding, photo_file, pixel_cache
from helpers.dataset.photo_file import Photo, Problem
from helpers.paths import WriteError, atomic, list_path

# Of this process: {(path, size, time of change): SHA-256}.
_hashes: dict[tuple[str, int, int], str] = {}


def path(folder: Path) -> Path:
    """Return where the cache of a folder of class folders is."""
    return list_path("checked", folder).with_suffix(".json")


class Cache:
    """The results of one folder: `look` at its files, then `save` them."""

    def __init__(self, folder: Path, shape: str = "squeeze") -> None:
        """Load what is there; a damaged or older cache counts as empty."""
        decoding.require_shape(shape)
        self._shape = shape
        self._path = path(folder)
        self._old: dict[str, dict] = {}
        self._new: dict[str, dict] = {}
        # A cache that cannot be read only costs time.
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if content["version"] == decoding.version():
                self._old = content["photos"]

    def look(
        self, file: Path, name: str, class_name: str
    ) -> tuple[Photo | None, list[Problem]]:
        """Return what `photo_file.look` does; several threads may call it."""
        try:
            key = _state(file)
        except OSError:
            return photo_file.look(file, name, class_name)
        _, size, time = key
        row = self._old.get(name)
        if row and row["state"] == [size, time]:
            self._new[name] = row
            _hashes[key] = row["sha256"]
            thumbnail = base64.b64decode(row["thumbnail"])
            seen = *row["size"], thumbnail, row["depth"]
            known = Photo(file, name, class_name, row["sha256"], *seen)
            return known, [Problem(name, *note) for note in row["problems"]]
        photo, problems = photo_file.look(file, name, class_name, self._shape)
        if photo:
            self._new[name] = {
                "state": [size, time],
                "sha256": photo.sha256,
                "size": [photo.width, photo.height],
                "thumbnail": base64.b64encode(photo.thumbnail).decode(),
                "depth": photo.depth,
                "problems": [[p.problem, p.advice] for p in problems],
            }
            _hashes[key] = photo.sha256
        return photo, problems

    def save(self) -> None:
        """Write the results of the files that were looked at.

        Where nothing may be written the next check takes longer.
        """
        pixel_cache.evict()
        if self._new == self._old:
            return
        content = {"version": decoding.version(), "photos": self._new}
        with contextlib.suppress(WriteError), atomic(self._path) as temporary:
            temporary.write_text(
                json.dumps(content, sort_keys=True), encoding="utf-8"
            )


def _state(file: str | Path):
    """Return path, size and time of the last change of a file."""
    status = Path(file).stat()
    return str(file), status.st_size, status.st_mtime_ns


def is_unchanged(file: str, sha256: str) -> bool:
    """Return whether a file still has the content hash that it had.

    It is read only if its size or time of change is another than when this
    process last read it. Raises OSError if it can't be.
    """
    with open(file, "rb") as opened:
        key = _state(file)
        if key not in _hashes:
            _hashes[key] = hashlib.file_digest(opened, "sha256").hexdigest()
    return _hashes[key] == sha256


def pixels(file: str, shape: str) -> npt.NDArray[np.uint8]:
    """Return the pixels of a photo for training, uint8 (299, 299, 3).

    Those of a large photo that was checked are taken from the disk.

    Raises:
        UnusableError: the file can't be read as a photo.
    """
    sha256 = None
    with contextlib.suppress(OSError):  # reading it says what is wrong
        sha256 = _hashes.get(_state(file))
    if sha256:
        kept = pixel_cache.load(sha256, shape)
        if kept is not None:
            return kept
    content = photo_file.read_bytes(Path(file))
    picture = photo_file.read(content, Path(file).name)
    if sha256:
        pixel_cache.save(picture, sha256, shape)
    return decoding.resize(picture.pixels, shape)
