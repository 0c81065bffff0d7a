"""What a learner may not do to another; run in a learner's kernel.

The kernel knows nothing of this file: it gets the text of it.
"""

import json
import os
from pathlib import Path


def succeeded(home, pid):
    """Try to get at someone's files; return what worked, as a list.

    Nothing is changed but for a file made and removed at once.

    Args:
        home: of whom, a path.
        pid: of a process of theirs.
    """
    home = Path(home)
    lesson = home / "workbook/notebooks/02_frozen_baseline.ipynb"
    attempts = {
        "list the files": lambda: os.listdir(home),
        "read a file": lambda: lesson.read_bytes(),
        "change a file": lambda: lesson.open("ab").close(),
        "make a file": lambda: _make(home / "made-by-another"),
        "read the environment": lambda: _read(f"/proc/{pid}/environ"),
        "signal a process": lambda: os.kill(pid, 0),
    }
    return _those_that_work(attempts)


def beyond(shared, secret):
    """Try to get at what is nobody's; return what worked, as a list.

    Args:
        shared: the folder that all read.
        secret: the folder of the hub.
    """
    digests = Path(shared) / "digests.json"
    attempts = {
        "change the shared folder": lambda: digests.open("ab").close(),
        "add to the shared folder": lambda: _make(Path(shared) / "added"),
        "see what the hub keeps": lambda: os.listdir(secret),
    }
    return _those_that_work(attempts)


def _those_that_work(attempts):
    worked = []
    for name, attempt in attempts.items():
        try:
            attempt()
        except OSError:
            continue
        worked.append(name)
    return worked


def _make(path):
    path.touch(exist_ok=False)
    path.unlink()


def _read(path):
    return Path(path).read_bytes()


def told(*lists):
    """Return lists as text that the asking side can read."""
    return json.dumps(lists)
