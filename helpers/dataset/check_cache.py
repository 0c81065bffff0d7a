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

from helpers.dataset import near_duplicates, photo_file
from helpers.dataset.photo_file import Photo, Problem
from helpers.paths import WriteError, atomic, list_path

# Of this process: {(path, size, modification time): SHA-256}
_hashes: dict[tuple, str] = {}


def version():
    """Return a name that changes with the code that reads photos."""
    code = [
        Path(module.__file__).read_bytes()
        for module in (photo_file, near_duplicates)
    ]
    return hashlib.sha256(
        b"".join([*code, tf.__version__.encode(), PIL.__version__.encode()])
    ).hexdigest()


def path(folder):
    """Return where the cache of a folder of class folders is."""
    return list_path("checked", folder).with_suffix(".json")


class Cache:
    """The results of one folder: `look` at its files, then `save` them."""

    def __init__(self, folder):
        """Load what is there; a damaged or older cache counts as empty.

        Args:
            folder: the folder of class folders.
        """
        self._folder = folder
        self._old, self._new = {}, {}
        # A cache that cannot be read only costs time.
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            content = json.loads(path(folder).read_text(encoding="utf-8"))
            if content["version"] == version():
                self._old = dict(content["photos"])

    def look(self, file):
        """Return what `dataset.look` does, read or from the cache.

        Safe to call from several threads.

        Args:
            file: a `pathlib.Path` in a class folder.
        """
        name = f"{file.parent.name}/{file.name}"
        try:
            status = file.stat()
        except OSError:
            return photo_file.look(file)
        state = [status.st_size, status.st_mtime_ns]
        result = self._cached(file, name, state) or photo_file.look(file)
        photo, problems = result
        if photo:
            self._new[name] = {
                "state": state,
                "sha256": photo.sha256,
                "size": [photo.width, photo.height],
                "likeness": base64.b64encode(photo.likeness).decode(),
                "depth": photo.depth,
                "problems": [[p.problem, p.advice] for p in problems],
            }
            _hashes[str(file), *state] = photo.sha256
        return result

    def _cached(self, file, name, state):
        """Return the result for an unchanged file, or None."""
        row = self._old.get(name)
        try:
            if not row or row["state"] != state:
                return None
            with open(file, "rb"):  # it may be locked by now
                pass
            photo = Photo(
                file,
                file.parent.name,
                row["sha256"],
                *row["size"],
                base64.b64decode(row["likeness"]),
                row["depth"],
            )
            return photo, [
                Problem(photo.name, problem, False, advice)
                for problem, advice in row["problems"]
            ]
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def save(self):
        """Write the results of the files that were looked at.

        Where nothing may be written the next check takes longer.
        """
        if self._new == self._old:
            return
        content = {"version": version(), "photos": self._new}
        with contextlib.suppress(WriteError), atomic(path(self._folder)) as to:
            to.write_text(
                json.dumps(content, sort_keys=True), encoding="utf-8"
            )


def is_unchanged(file, sha256):
    """Return whether a file still has the hash that it had.

    It is read only if its size or time of change is another than when this
    process last read it.

    Args:
        file: a file name.
        sha256: the content hash, a hex string.

    Raises:
        OSError: the file can't be read.
    """
    with open(file, "rb") as opened:
        status = Path(file).stat()
        key = str(file), status.st_size, status.st_mtime_ns
        if key not in _hashes:
            _hashes[key] = hashlib.file_digest(opened, "sha256").hexdigest()
    return _hashes[key] == sha256
