"""What no learner may do to another: runs in a learner's kernel.

The kernel cannot import this file: the load test sends it the text.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path


def allowed_on_learner(home: str | Path, pid: int) -> list[str]:
    """Try to use a learner's files and processes; return what worked.

    Nothing changes, except that a file is created and deleted at once.

    Args:
        home: the learner's home folder.
        pid: a process of that learner.
    """
    home = Path(home)
    lesson = home / "workbook/notebooks/02_frozen_baseline.ipynb"
    return _successful(
        {
            "list the files": lambda: os.listdir(home),
            "read a file": lesson.read_bytes,
            "change a file": lambda: lesson.open("ab").close(),
            "create a file": lambda: _create(home / "made-by-another"),
            "read the environment": Path(f"/proc/{pid}/environ").read_bytes,
            "signal a process": lambda: os.kill(pid, 0),
        }
    )


def allowed_on_room(shared: str, secret: str) -> list[str]:
    """Try to change what all share, and to see the hub's own folder."""
    digests = Path(shared) / "digests.json"
    return _successful(
        {
            "change the shared folder": lambda: digests.open("ab").close(),
            "add to the shared folder": lambda: _create(digests.parent / "x"),
            "list the hub's files": lambda: os.listdir(secret),
        }
    )


def _successful(attempts: dict[str, Callable[[], object]]):
    names = []
    for name, attempt in attempts.items():
        try:
            attempt()
        except OSError:
            continue
        names.append(name)
    return names


def _create(path: Path):
    path.touch(exist_ok=False)
    path.unlink()


def as_text(*lists: list[str]) -> str:
    """Return lists as JSON for the load test."""
    return json.dumps(lists)
