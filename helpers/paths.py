"""Where things are kept, and how a file is written so that none is half."""

import contextlib
import errno
import hashlib
import os
import platform
import shutil
import uuid
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
_REFUSED = (
    "you may not write there, or another program has it open; close it "
    "there, or put the project elsewhere"
)
WHY_NOT = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "your share of the disk is used up; free some space",
    errno.EROFS: "its disk can only be read; put the project elsewhere",
    errno.EACCES: _REFUSED,  # Windows says so of a file that is open, too
    errno.EPERM: _REFUSED,
}
_HERE = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
_swept: set[Path] = set()  # folders in which this process has tidied up


def data():
    """Return the folder of the pictures."""
    return Path(os.environ.get("WORKBOOK_DATA") or ROOT / "data")


def work():
    """Return the folder of what the lessons keep."""
    return Path(os.environ.get("WORKBOOK_WORK") or data() / "work")


class WriteError(OSError):
    """A file that could not be written, told in one sentence."""


@contextlib.contextmanager
def atomic(path, within=None):
    """Give a temporary path that becomes `path` when the block succeeds.

    The temporary file lies on the same disk, so the last step is one
    rename: a reader sees the old file or the new one, never a part. If the
    block raises, the temporary file is removed and `path` is left alone. If
    the process is killed, the next one that writes there removes it.

    A folder may be written, too. Then an older one is moved aside first, so
    that for an instant there is none. It is moved back if the new one cannot
    take its place, by the next process that writes there if need be.

    Args:
        path: what is written.
        within: the folder for the temporary file, if not that of `path`.

    Yields a `pathlib.Path` with the suffix of `path`; nothing is there yet.

    Raises:
        WriteError: the disk is full, or the folder may not be written, or
            another program has `path` open.
    """
    path = Path(path)
    folder = Path(within or path.parent)
    # Who writes looks at the end of the name, such as .weights.h5; all that
    # stands behind the first dot may be too long for one more name.
    suffix = "".join(path.suffixes)[-32:]
    name = f".part-{os.getpid()}-{_HERE}-{uuid.uuid4().hex}{suffix}"
    part = folder / name
    try:
        for needed in (folder, path.parent):
            needed.mkdir(parents=True, exist_ok=True)
            _sweep(needed)
        try:
            yield part
            _replace(part, path)
        finally:
            _remove(part)
    except OSError as error:
        about = Path(os.fsdecode(error.filename or part))
        ours = folder in (about, *about.parents) or about in folder.parents
        if error.errno not in WHY_NOT or not ours:
            raise
        raise WriteError(
            f"{path.name} cannot be written to {path.parent.name}: "
            f"{WHY_NOT[error.errno]}, and run this again. What was there "
            "before is whole."
        ) from None


def _replace(part, path):
    if not (part.is_dir() and path.is_dir()):
        os.replace(part, path)
        return
    # The older folder keeps its name, so that a sweep knows whose place it
    # had.
    name = f".part-{os.getpid()}-{_HERE}-aside-{uuid.uuid4().hex}"
    aside = path.with_name(name)
    aside.mkdir()
    try:
        os.replace(path, aside / path.name)
        os.replace(part, path)
    finally:
        _put_back(aside)


def _put_back(aside):
    """Move what lies aside back to its place, or remove it if that is taken.

    Where neither can be done it stays for the next sweep.
    """
    with contextlib.suppress(OSError):
        for old in list(aside.iterdir()):  # one, or none
            path = aside.with_name(old.name)
            if not path.exists():
                os.replace(old, path)
        # Under another name: what is half removed must never come back.
        useless = aside.with_name(aside.name.replace("-aside-", "-old-"))
        os.replace(aside, useless)
        _remove(useless)


def _remove(part):
    """Remove a file or a folder; what cannot be is left to a sweep."""
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        part.unlink()


def _sweep(folder):
    """Tidy up what processes of this machine left that were killed."""
    if folder in _swept:
        return
    _swept.add(folder)
    for part in folder.glob(f".part-*-{_HERE}-*"):
        if psutil.pid_exists(int(part.name.split("-")[1])):
            continue
        if part.name.split("-")[3] == "aside":
            _put_back(part)
        else:
            _remove(part)


def model_path(lesson):
    """Return where the model of a lesson is saved.

    Args:
        lesson: the notebook's name, for example "02_frozen_baseline".
    """
    return work() / "models" / f"{lesson}.keras"


def list_path(kind, folder):
    """Return where a list about a folder of photos is kept (a CSV file).

    Args:
        kind: what the list holds, for example "splits".
        folder: the folder of class folders.
    """
    whole = Path(folder).resolve()
    inside = whole.is_relative_to(ROOT)
    # The same name on every machine for what lies in the project.
    text = (whole.relative_to(ROOT) if inside else whole).as_posix()
    key = hashlib.sha256(text.encode()).hexdigest()[:8]
    return work() / kind / f"{whole.name}-{key}.csv"


def shown(path):
    """Return a path as it reads from the project's folder."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
