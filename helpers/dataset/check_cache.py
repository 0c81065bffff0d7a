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

import PIL
import tensorflow as tf

from helpers.dataset import photo_file
from helpers.dataset.photo_file import Photo, Problem
from helpers.paths import WriteError, atomic, list_path

# Of this process: {(path, size, time of change): SHA-256}.
_hashes: dict[tuple[str, int, int], str] = {}


def version() -> str:
    """Return a name that changes with the code that reads photos."""
    code = Path(photo_file.__file__ or "").read_bytes()
    versions = f"{tf.__version__} {PIL.__version__}".encode()
    return hashlib.sha256(code + versions).hexdigest()


def path(folder: Path) -> Path:
    """Return where the cache of a folder of class folders is."""
    return list_path("checked", folder).with_suffix(".json")


class Cache:
    """The results of one folder: `look` at its files, then `save` them."""

    def __init__(self, folder: Path) -> None:
        """Load what is there; a damaged or older cache counts as empty."""
        self._path = path(folder)
        self._old: dict[str, dict] = {}
        self._new: dict[str, dict] = {}
        # A cache that cannot be read only costs time.
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if content["version"] == version():
                self._old = dict(content["photos"])

    def look(
        self, file: Path, name: str, class_name: str
    ) -> tuple[Photo | None, list[Problem]]:
        """Return what `photo_file.look` does; several threads may call it."""
        try:
            status = file.stat()
        except OSError:
            return photo_file.look(file, name, class_name)
        size, time = status.st_size, status.st_mtime_ns
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            row = self._old[name]
            if row["state"] == [size, time]:
                result = _from_row(file, name, class_name, row)
                self._new[name] = row
                _hashes[str(file), size, time] = row["sha256"]
                return result
        photo, problems = photo_file.look(file, name, class_name)
        if photo:
            self._new[name] = {
                "state": [size, time],
                "sha256": photo.sha256,
                "size": [photo.width, photo.height],
                "thumbnail": base64.b64encode(photo.thumbnail).decode(),
                "depth": photo.depth,
                "problems": [[p.problem, p.advice] for p in problems],
            }
            _hashes[str(file), size, time] = photo.sha256
        return photo, problems

    def save(self) -> None:
        """Write the results of the files that were looked at.

        Where nothing may be written the next check takes longer.
        """
        if self._new == self._old:
            return
        content = {"version": version(), "photos": self._new}
        with contextlib.suppress(WriteError), atomic(self._path) as temporary:
            temporary.write_text(
                json.dumps(content, sort_keys=True), encoding="utf-8"
            )


def _from_row(file: Path, name: str, class_name: str, row: dict):
    """Return the photo and problems of a file that is unchanged."""
    with open(file, "rb"):  # it may be locked by now
        pass
    width, height = row["size"]
    photo = Photo(
        file,
        name,
        class_name,
        row["sha256"],
        width,
        height,
        base64.b64decode(row["thumbnail"]),
        row["depth"],
    )
    problems = [
        Problem(photo.name, problem, advice)
        for problem, advice in row["problems"]
    ]
    return photo, problems


def is_unchanged(file: str, sha256: str) -> bool:
    """Return whether a file still has the content hash that it had.

    It is read only if its size or time of change is another than when this
    process last read it. Raises OSError if it can't be.
    """
    with open(file, "rb") as opened:
        status = Path(file).stat()
        key = str(file), status.st_size, status.st_mtime_ns
        if key not in _hashes:
            _hashes[key] = hashlib.file_digest(opened, "sha256").hexdigest()
    return _hashes[key] == sha256
