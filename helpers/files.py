"""Where things are kept, and how a file is written so that none is half."""

import contextlib
import os
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
WORK = Path(os.environ.get("WORKBOOK_WORK", DATA / "work"))


@contextlib.contextmanager
def atomic(path):
    """Give a temporary path that becomes `path` when the block succeeds.

    The temporary file lies in the same folder, so the last step is one
    rename: a reader sees the old file or the new one, never a part. If the
    block raises, the temporary file is removed and `path` is left alone.

    Yields a `pathlib.Path` with the suffix of `path`; nothing is there yet.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = "".join(path.suffixes)
    part = path.with_name(f".part-{uuid.uuid4().hex}{suffix}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def model_path(lesson):
    """Return where the model of a lesson is saved; its folder is made.

    Args:
        lesson: the notebook's name, for example "02_frozen_baseline".
    """
    path = WORK / "models" / f"{lesson}.keras"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
