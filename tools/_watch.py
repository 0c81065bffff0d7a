"""How much memory learners' processes hold, looked at again and again."""

import collections
import contextlib
import re
import threading
from pathlib import Path

import psutil

EVERY = 2  # seconds
HUB = "hub"


class Watch:
    """Looks at all that this process has started, in a `with` block.

    Counted is the proportional set size: a page that several processes
    share, such as one of a library or of a shared file, counts in each with
    its part. So the sum is what the machine has to have. Linux only.

    Args:
        homes: the folder of the learners' homes; whoever owns one is called
            by its name, everyone else `HUB`.
    """

    def __init__(self, homes):
        self._homes, self._seen = homes, []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._over.set()
        self._thread.join()

    def _look(self):
        while not self._over.wait(EVERY):
            self._seen.append(self._now())

    def _now(self):
        """Return {name: bytes} of this moment."""
        names = {
            home.stat().st_uid: home.name
            for home in self._homes.glob("*")
            if not home.name.startswith(".")
        }
        held = collections.Counter()
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error, OSError):
                name = names.get(process.uids().real, HUB)
                held[name] += _kilobytes(process.pid, "smaps_rollup", "Pss")
        return held

    def peak(self, names):
        """Return the most that these held together, in bytes."""
        sums = [sum(held[name] for name in names) for held in self._seen]
        return 1024 * max(sums, default=0)


def most_held(pid):
    """Return the most memory that a process has held, shared or not."""
    return 1024 * _kilobytes(pid, "status", "VmHWM")


def _kilobytes(pid, file, key):
    text = Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8")
    found = re.search(rf"^{key}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) if found else 0  # a process that has just ended
