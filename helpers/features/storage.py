"""Arrays on disk with one row a photo: found again, checked, bounded.

A file is a NumPy file (.npy) with a tail: the keys of its photos and a
check sum as JSON, and the length of that. NumPy reads such a file like any
other.
"""

import contextlib
import errno
import functools
import json
import mmap
import os
import shutil
import weakref
import zlib

import numpy as np

from helpers import paths, shared
from helpers.paths import atomic

LIMIT = 8 * 2**30  # bytes that all files together may take
LENGTH = 8  # bytes of the last number in a file
OPEN = 128  # files of an array at once; macOS allows a process 256 in all
_read: weakref.WeakSet = weakref.WeakSet()  # each `Rows` that somebody holds


def folder():
    """Return the folder that this learner's arrays go to."""
    return paths.work() / "activations"


def folders():
    """Return where arrays are looked for: what is shared comes first."""
    place = shared.folder()
    return [place / shared.ACTIVATIONS, folder()] if place else [folder()]


def load(path):
    """Return a stored array and the keys of its rows, or None.

    None means that the file is missing, or damaged: then a line says so.
    A file that is shared is read and no more.

    Returns:
        A read-only memory map of shape (n, ...), and a list of n keys.
    """
    try:
        with open(path, "rb") as file:
            file.seek(-LENGTH, os.SEEK_END)
            length = int.from_bytes(file.read(LENGTH), "little")
            file.seek(-LENGTH - length, os.SEEK_END)
            tail = json.loads(file.read(length))
        array = np.load(path, mmap_mode="r")
        # The sum is of the rows; how they are read stands in the header.
        whole = array.dtype == "float16"
        whole = whole and _checksum(array) == tail["checksum"]
        keys = tail["keys"]
    except FileNotFoundError:
        return None
    except Exception:  # NumPy reads a header as Python: anything is raised
        whole = False
    if not whole:
        print(f"{path.name} is damaged; what it held is made again.")
        return None
    if path.parent == folder():
        with contextlib.suppress(OSError):  # the disk may be read-only
            os.utime(path)  # the files used longest ago go first
    return array, keys


class ChunkedArray:
    """Files with as many rows each (the last may have fewer) as one array.

    `shape` and `dtype` are those of the array. Whole numbers, slices, places
    and masks choose rows; only these are read, and of the files nothing
    stays in memory. NumPy and Keras take it for an array and read it whole.
    """

    def __init__(self, paths):
        """Open files that `saved` has written, in this order."""
        self.paths = list(paths)
        self._open = functools.lru_cache(OPEN)(
            functools.partial(np.load, mmap_mode="r")
        )
        # What is open can be read to the end, whoever removes it.
        counts = [len(self._open(path)) for path in self.paths]
        first = self._open(self.paths[0])
        self._each = len(first)
        self._places = np.arange(sum(counts))
        self.dtype, self.shape = first.dtype, (sum(counts), *first.shape[1:])
        _read.add(self)

    def __len__(self):
        return len(self._places)

    def __getitem__(self, index):
        places = self._places[index]
        out = np.empty((places.size, *self.shape[1:]), self.dtype)
        files, rows = np.divmod(places.ravel(), self._each)
        for number in np.unique(files):
            array = self._open(self.paths[number])
            its = files == number
            out[its] = array[rows[its]]
            drop_pages(array)
        return out.reshape(*places.shape, *self.shape[1:])

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("What lies in several files has to be copied.")
        return self[:].astype(dtype or self.dtype, copy=False)


@contextlib.contextmanager
def create(path, shape, keys):
    """Give a float16 array to fill; at the end of the block it is on disk.

    Who fills it deletes their name for it before the block ends: on Windows
    no file can take its place while something still maps it.

    Args:
        path: of the file; nobody sees it before it is whole.
        shape: (n, ...) of the array.
        keys: n strings, one a row.
    """
    with atomic(path) as temporary:
        array = np.lib.format.open_memmap(
            temporary, mode="w+", dtype="float16", shape=shape
        )
        _reserve(temporary)
        yield array
        array.flush()
        tail = {"keys": list(keys), "checksum": _checksum(array)}
        del array  # as above
        content = json.dumps(tail).encode()
        with open(temporary, "ab") as file:
            file.write(content + len(content).to_bytes(LENGTH, "little"))


def _reserve(path):
    """Take the room on the disk that a file claims, or raise.

    A file mapped into memory begins with holes; a disk that is full when
    they are filled would end the process without a word.
    """
    size = path.stat().st_size
    if hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    elif shutil.disk_usage(path.parent).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def drop_pages(array):
    """Take what was read of a memory map out of this process' memory.

    It stays on the disk, and a row that is asked for again is read again.
    Else a process would come to hold the whole file.

    Args:
        array: a memory map of this module, or a part of one; any other
            array is left alone.
    """
    while isinstance(array, np.ndarray):
        array = array.base
    if isinstance(array, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        array.madvise(mmap.MADV_DONTNEED)  # Windows has no such advice


def _checksum(array):
    """Return the CRC-32 of an array, read row by row."""
    checksum = 0
    for row in array:
        checksum = zlib.crc32(np.ascontiguousarray(row), checksum)
        drop_pages(array)
    return checksum


def evict(keep):
    """Remove the files used longest ago until all fit into `LIMIT`.

    What this process still reads as `Rows` stays, too.

    Args:
        keep: paths of files that stay, however large they are.
    """
    keep = {*keep, *(path for rows in _read for path in rows.paths)}
    sizes = {}
    for path in folder().glob("[!.]*.npy"):  # not what is being written
        with contextlib.suppress(OSError):  # another process removed it
            sizes[path] = path.stat()
    total = sum(stat.st_size for stat in sizes.values())
    for path in sorted(sizes, key=lambda path: sizes[path].st_mtime_ns):
        if total <= LIMIT:
            break
        if path not in keep:
            with contextlib.suppress(OSError):  # Windows: it is in use
                path.unlink()
                total -= sizes[path].st_size
