"""Measures the memory of all learners' processes while they work (Linux)."""

import collections
import contextlib
import threading
from collections.abc import Iterable
from pathlib import Path

import psutil

INTERVAL = 2  # seconds between two samples
HUB = "hub"


class MemoryMonitor:
    """Samples the memory of this process's children in a `with` block.

    The measure is the proportional set size: a page that several processes
    share, such as one of a library, counts in each in proportion. So the sum
    is the memory that the machine needs.

    Args:
        homes: the folder of the learners' homes. Processes of the owner of a
            home count for the learner of that name, all others for `HUB`.
    """

    def __init__(self, homes: Path) -> None:
        self._homes = homes
        self._samples: list[collections.Counter[str]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error: object):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.wait(INTERVAL):
            self._samples.append(self.sample())

    def sample(self) -> collections.Counter[str]:
        """Return {name: bytes} at this moment."""
        names = {
            home.stat().st_uid: home.name for home in self._homes.glob("[!.]*")
        }
        memory: collections.Counter[str] = collections.Counter()
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):  # it has just ended
                name = names.get(process.uids().real, HUB)
                memory[name] += process.memory_full_info().pss
        return memory

    def peak(self, names: Iterable[str]) -> int:
        """Return the peak of the memory of all `names` together, in bytes."""
        sums = [sum(s[name] for name in names) for s in self._samples]
        return max(sums, default=0)
