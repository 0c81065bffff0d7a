"""Rehearses a room: N learners run lesson 02 on a hub at once."""

import argparse
import ast
import json
import math
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import start
from helpers import paths, shared
from helpers.network import weights
from helpers.surfaces import render
from tools import _attempts, _hub, _learner, _watch
from workshop import homes

LESSON = "notebooks/02_frozen_baseline.ipynb"
ROOM = 30  # learners, for whom it is reckoned up
ATTEMPTS = 7  # to get at someone's files, see `_kept_apart`
MIB, GIB = 2**20, 2**30
HEAD = f"{'':<24}{'server':>8}{'lesson':>8}{'kernel':>12}{'in all':>12}"


@dataclass
class Visit:
    """What one learner met: seconds, the kernel's most bytes, a failure."""

    learner: _learner.Learner
    pid: int = 0
    server: float = 0.0
    lesson: float = 0.0
    kernel: int = 0
    failure: str = ""

    @property
    def waited(self):
        return self.server + self.lesson


def main(argv):
    """Rehearse, or fill a shared folder; return the exit code.

    1: a learner's lesson failed, or one got at another's files.
    """
    parser = argparse.ArgumentParser(prog="rehearse", description=__doc__)
    parser.add_argument(
        "learners", nargs="?", type=int, default=8, metavar="N"
    )
    parser.add_argument(
        "--shared",
        metavar="DIR",
        help="the shared folder; without it a first learner's work fills one",
    )
    parser.add_argument(
        "--fill",
        metavar="DIR",
        help="rehearse nothing, but make a shared folder of what the lessons "
        "have drawn, fetched and computed on this machine",
    )
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if args.fill:
            return _fill(Path(args.fill).resolve())
        return _rehearse(args.learners, args.shared)
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.")
        return 130
    except (_hub.HubError, start.StartError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


def _fill(place):
    os.environ.pop(shared.VARIABLE, None)
    render.folder()
    render.shifted_folder()
    chosen = weights.choose()
    named = [Path(chosen.path)] if chosen.path else []
    shared.fill(place, paths.data(), paths.work(), named)
    count = len(list((place / shared.ACTIVATIONS).glob("*.npy")))
    print(f"{place}: pictures, weights and {count} files of activations.")
    return 0


def _rehearse(count, folder):
    _require(count, folder)
    _hub.install()
    room = Path(tempfile.mkdtemp(prefix="workbook-room-"))
    try:
        room.chmod(0o711)  # learners pass through, and see nothing
        return _in_a_room(room, count, folder)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _require(count, folder):
    """Raise ValueError if this can't be rehearsed here."""
    if count < 2:
        raise ValueError(f"{count} learners are no room; give 2 or more.")
    if sys.platform != "linux" or os.geteuid() != 0:
        raise ValueError(
            "A rehearsal runs each learner as another user: start it as root "
            "on Linux."
        )
    if folder and not Path(folder, shared.DIGESTS).is_file():
        raise ValueError(
            f"{folder}: not a shared folder; make one with --fill {folder}"
        )
    stranger = {"user": homes.FIRST_ID, "group": homes.FIRST_ID}
    try:
        subprocess.run(
            [sys.executable, "-c", "import ipykernel"],
            **stranger,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        raise ValueError(
            f"{sys.executable}: other users can't run this Python, for it or "
            "a folder above it is closed to them; put the project and its "
            "Python where all may read, such as /opt."
        ) from None


def _in_a_room(room, count, folder):
    password = secrets.token_urlsafe()
    store = Path(folder).resolve() if folder else room / "shared"
    store.mkdir(exist_ok=True)
    names = [f"learner-{number}" for number in range(1, count + 1)]
    with _hub.running(room, store, password) as address:
        print(HEAD, flush=True)
        if not folder:
            bare, _ = _visits(room, address, password, ["nothing-shared"])
            bare[0].learner.close()
            work = room / "learners" / "nothing-shared" / "workbook" / "data"
            shared.fill(store, work, work / "work")
        one, alone = _visits(room, address, password, ["alone"])
        one[0].learner.close()
        if not folder:
            a, b = round(bare[0].waited), round(one[0].waited)
            print(f"Shared, one waits {a} - {b} = {a - b} s less.", flush=True)
        many, together = _visits(room, address, password, names)
        print("\n" + reckoned(one[0].waited, many, alone, together))
        apart, sentence = _kept_apart(room, store, *many[:2])
        print("\n" + sentence)
    return 0 if apart else 1


def _visits(room, address, password, names):
    """Let learners work at once, a line for each; return what they met.

    Returns:
        A list of `Visit`, and the most bytes that they and the hub held.

    Raises:
        HubError: a lesson failed.
    """
    visits = [Visit(_learner.Learner(address, name)) for name in names]
    threads = [
        # Ctrl-C must not wait for them; they end with the hub.
        threading.Thread(target=_visit, args=(visit, password), daemon=True)
        for visit in visits
    ]
    with _watch.Watch(room / "learners") as watch:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for visit in visits:
        print(_row(visit, watch.peak([visit.learner.name])), flush=True)
    failed = sum(bool(visit.failure) for visit in visits)
    if failed:
        last = "\n".join(_hub.log_tail(room))
        raise _hub.HubError(f"\n{failed} failed. The hub said last:\n{last}")
    return visits, watch.peak([*names, _watch.HUB])


def _visit(visit, password):
    """Sign in, open the lesson and run it from its first cell to its last."""
    learner, begun = visit.learner, time.monotonic()
    try:
        learner.sign_in(password)
        visit.server = time.monotonic() - begun
        begun = time.monotonic()
        cells = learner.open(LESSON)
        visit.pid = int(learner.run("import os", "os.getpid()"))
        for number, source in enumerate(cells, 1):
            visit.failure = f"cell {number}: "
            learner.run(source)
        visit.failure = ""
        visit.lesson = time.monotonic() - begun
        visit.kernel = _watch.most_held(visit.pid)
    except Exception as error:  # whatever it was, the others go on
        visit.failure += f"{error}" or type(error).__name__


def _row(visit, held):
    if visit.failure:
        return f"{visit.learner.name:<24}FAILED: {visit.failure}"
    return (
        f"{visit.learner.name:<24}{visit.server:>6.0f} s{visit.lesson:>6.0f} s"
        f"{visit.kernel / MIB:>8,.0f} MiB{held / MIB:>8,.0f} MiB"
    )


def reckoned(lone_wait, visits, alone, together):
    """Return as text what a learner more costs, and a room of `ROOM`.

    Args:
        lone_wait: seconds that one learner alone waited, the server's and
            the lesson's.
        visits: of those who worked at once.
        alone, together: bytes that one, and these, held with the hub.
    """
    count, cores = len(visits), os.cpu_count()
    longest = max(visit.waited for visit in visits)
    a, b = round(lone_wait), round(longest)
    wait = (b - a) / (count - 1)
    held, all_held = alone / GIB, together / GIB
    more = (all_held - held) / (count - 1)
    rest = ROOM - 1
    return (
        f"Waited: {a} s alone, {b} s the longest of {count}: {b - a} s added, "
        f"({b} - {a}) / {count - 1} = {wait:.1f} s for each learner more.\n"
        f"Memory with the hub: {held:.2f} GiB alone, {all_held:.2f} GiB for "
        f"{count}: ({all_held:.2f} - {held:.2f}) / {count - 1} = {more:.2f} "
        f"GiB for each learner more.\n"
        f"{ROOM} on {cores} cores: {a} + {rest} x {wait:.1f} = "
        f"{a + rest * wait:.0f} s, {held:.2f} + {rest} x {more:.2f} = "
        f"{held + rest * more:.1f} GiB.\n"
        f"{ROOM} who wait as these {count}: {cores} x {ROOM} / {count} = "
        f"{cores * ROOM / count:g}, so "
        f"{math.ceil(cores * ROOM / count)} cores."
    )


def _kept_apart(room, store, one, other):
    """Let one learner try to get at another; return a verdict, and why."""
    home = room / "learners"
    calls = (
        f"succeeded({str(home / other.learner.name)!r}, {other.pid})",
        f"beyond({str(store)!r}, {str(room / 'hub')!r})",
        f"succeeded({str(home / one.learner.name)!r}, {one.pid})",
    )
    source = Path(_attempts.__file__).read_text(encoding="utf-8")
    said = one.learner.run(source, f"told({', '.join(calls)})")
    others, nobodys, own = json.loads(ast.literal_eval(said))
    for learner, worked in ((other.learner, others), (one.learner, own)):
        if one.learner.may_open(learner.name):
            worked.append("open the server")
    if others or nobodys:
        return False, f"A learner could {', '.join(others + nobodys)}."
    # Whoever can't even get at their own proves nothing.
    if len(own) < ATTEMPTS:
        return False, f"A learner could only {', '.join(own)} at home."
    return True, (
        f"{one.learner.name} can do all of this at home, and none of it to "
        f"{other.learner.name}: {', '.join(own)}. Nor can "
        "they change the shared folder or see what the hub keeps."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
