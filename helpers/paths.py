"""Where files lie, and how they are written so that none is left half."""

import contextlib
import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_DENIED = (
    "you may not write there, or another program has it open; close it "
    "there, or put the project elsewhere"
)
_REASONS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "your quota of the disk is used up; free some space",
    errno.EROFS: "its disk is read-only; put the project elsewhere",
    errno.EACCES: _DENIED,  # Windows reports an open file so, too
    errno.EPERM: _DENIED,
}


class WriteError(OSError):
    """A file that could not be written, told in one sentence."""


def data() -> Path:
    """Return the folder of the pictures: data/, or $WORKBOOK_DATA."""
    return Path(os.environ.get("WORKBOOK_DATA") or ROOT / "data")


def work() -> Path:
    """Return the folder of the lessons' output, or $WORKBOOK_WORK."""
    return Path(os.environ.get("WORKBOOK_WORK") or data() / "work")


def model_path(lesson: str) -> Path:
    """Return where the model of a lesson is saved.

    Args:
        lesson: the notebook's name, for example "02_frozen_baseline".
    """
    return work() / "models" / f"{lesson}.keras"


def list_path(kind: str, folder: str | Path) -> Path:
    """Return the CSV file of a list about a folder of photos.

    Args:
        kind: what the list holds, for example "splits".
        folder: the folder of class folders.
    """
    folder = Path(folder).resolve()
    # Within the project the name is the same on every machine.
    key = hashlib.sha256(shown(folder).as_posix().encode()).hexdigest()[:8]
    return work() / kind / f"{folder.name}-{key}.csv"


def shown(path: Path) -> Path:
    """Return a path as it reads from the project's folder."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


@contextlib.contextmanager
def atomic(
    path: str | Path, within: str | Path | None = None
) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` when the block succeeds.

    It lies beside `path`, or in the folder `within` on the same disk, and
    nothing is there yet: the block writes a file or makes a folder. A reader
    of `path` sees the old file or the new one. If the block raises, the
    temporary one is removed and `path` is left alone.

    Raises:
        WriteError: the disk is full, the folder may not be written, or
            another program has `path` open.
    """
    path = Path(path)
    # Keras and others go by the suffix, such as .weights.h5; all after the
    # first dot may be too long for a name.
    suffix = "".join(path.suffixes)[-32:]
    folder = Path(within or path.parent)
    temporary = folder / f".part-{uuid.uuid4().hex}{suffix}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            _replace(temporary, path)
        finally:
            _remove(temporary)
    except OSError as error:
        failed = Path(os.fsdecode(error.filename or temporary))
        is_here = folder in failed.parents or failed in path.parents
        if error.errno not in _REASONS or not is_here:
            raise
        raise WriteError(
            f"{path.name} cannot be written to {path.parent.name}: "
            f"{_REASONS[error.errno]}, and run this again. What was there "
            "before is unchanged."
        ) from None


def evict(
    files: Iterable[Path], limit: int, keep: Container[Path] = ()
) -> None:
    """Remove the oldest files until all fit into so many bytes.

    Args:
        keep: files that stay, however large they are.
    """
    stats = {}
    for path in files:
        with contextlib.suppress(OSError):  # another process removed it
            stats[path] = path.stat()
    total = sum(stat.st_size for stat in stats.values())
    for path in sorted(stats, key=lambda path: stats[path].st_mtime_ns):
        if total <= limit:
            break
        if path not in keep:
            with contextlib.suppress(OSError):  # Windows: it is in use
                path.unlink()
                total -= stats[path].st_size


def _replace(temporary: Path, path: Path) -> None:
    if not (temporary.is_dir() and path.is_dir()):
        os.replace(temporary, path)
        return
    # A folder can't replace one that has files in it.
    old = path.with_name(f".part-{uuid.uuid4().hex}")
    os.replace(path, old)
    try:
        os.replace(temporary, path)
    except OSError:
        os.replace(old, path)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
