"""Tests a JupyterHub with N simulated learners, or fills a shared folder."""

import argparse
import ast
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

import psutil

from helpers import paths, shared
from helpers.network import weights
from helpers.surfaces import render
from tools import _memory, _venv
from workshop import homes, hub
from workshop.hub_client import Learner

LESSON = "notebooks/02_frozen_baseline.ipynb"
ROOM = 30  # learners, to whom the results are extrapolated
MIB, GIB = 2**20, 2**30
HEAD = f"{'':<24}{'waited':>8}{'kernel':>12}"
INTERVAL = 2  # seconds between two looks at the memory

# Runs in a learner's kernel and returns what the learner may do.
PROBE = """
import os
def allowed(home, pid, hub, shared):
    names = []
    for name, path, mode in [
        ("read the files", home, os.R_OK),
        ("change the files", home, os.W_OK),
        ("change the shared folder", shared, os.W_OK),
        ("list the hub's files", hub, os.R_OK),
    ]:
        if os.access(path, mode):
            names.append(name)
    try:
        os.kill(pid, 0)
        names.append("signal a process")
    except OSError:
        pass
    return names
"""
HOME = ["read the files", "change the files", "signal a process"]


@dataclass
class Visit:
    """A learner's results: seconds, peak bytes of the kernel, an error."""

    learner: Learner
    pid: int = 0
    waited: float = 0.0
    kernel: int = 0
    failure: str = ""


def main(argv: list[str]) -> int:
    """Run the load test, or fill a shared folder; return the exit code.

    1: a learner's lesson failed, or learners are not isolated.
    """
    parser = argparse.ArgumentParser(prog="loadtest", description=__doc__)
    parser.add_argument(
        "learners", nargs="?", type=int, default=8, metavar="N"
    )
    parser.add_argument(
        "--shared",
        metavar="DIR",
        default="/srv/workbook",
        help="the shared folder (default: %(default)s)",
    )
    parser.add_argument(
        "--fill",
        metavar="DIR",
        help="run no test, but fill a shared folder with the pictures, "
        "weights and cached features of the lessons on this machine",
    )
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if args.fill:
            _fill(Path(args.fill).resolve())
            return 0
        folder = Path(args.shared).resolve()
        _check(args.learners, folder)
        hub.install()
        return _test(args.learners, folder)
    except KeyboardInterrupt:
        print("\nStopped; no process is left running.")
        return 130
    except (hub.HubError, _venv.SetupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


def _fill(folder: Path):
    os.environ.pop(shared.VARIABLE, None)
    render.all_folders()
    path = weights.choose().path
    extra = [Path(path)] if path else []
    shared.fill(folder, paths.data(), paths.work(), extra)
    count = len(list((folder / shared.FEATURES).glob("*.npy")))
    print(f"{folder}: photos, weights and {count} files of cached features.")


def _check(count: int, folder: Path):
    """Raise ValueError if the load test can't run here."""
    if count < 2:
        raise ValueError(f"{count} learners are too few; give 2 or more.")
    if sys.platform != "linux" or os.geteuid() != 0:
        raise ValueError(
            "The load test runs each learner as another user: start it as "
            "root on Linux."
        )
    if not shared.is_filled(folder):
        raise ValueError(
            f"{folder}: not a shared folder; make one with --fill {folder}"
        )
    try:
        subprocess.run(
            [sys.executable, "-c", "import ipykernel"],
            user=homes.FIRST_ID,
            group=homes.FIRST_ID,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        raise ValueError(
            f"{sys.executable}: other users can't run this Python; put the "
            "project and its Python where all may read, such as /opt."
        ) from None


def _test(count: int, folder: Path):
    """Let one learner and then many work; return the exit code."""
    room = Path(tempfile.mkdtemp(prefix="workbook-room-"))
    password = secrets.token_urlsafe()
    names = [f"learner-{number}" for number in range(1, count + 1)]
    before = _used_memory()
    try:
        room.chmod(0o711)  # learners may pass through, but not list it
        with hub.running(room, folder, password) as address:
            print(HEAD, flush=True)
            (alone,), one = _visits(room, address, password, ["alone"])
            alone.learner.close()
            visits, all_ = _visits(room, address, password, names)
            memory = one - before, all_ - before
            print("\n" + summary(alone.waited, visits, *memory))
            isolated, sentence = _isolation(room, folder, *visits[:2])
            print("\n" + sentence)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    return 0 if isolated else 1


def _used_memory():
    """Return the bytes of memory that all programs use."""
    memory = psutil.virtual_memory()
    return memory.total - memory.available


def _visits(room: Path, address: str, password: str, names: list[str]):
    """Let learners work at once, and print a line for each.

    Returns:
        A list of `Visit`, and the most memory that was used meanwhile.

    Raises:
        HubError: a lesson failed.
    """
    visits = [Visit(Learner(address, name)) for name in names]
    threads = [
        # Ctrl-C must not wait for them; they end with the hub.
        threading.Thread(target=_visit, args=(visit, password), daemon=True)
        for visit in visits
    ]
    memory = 0
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        memory = max(memory, _used_memory())
        time.sleep(INTERVAL)
    for visit in visits:
        print(_row(visit), flush=True)
    failed = sum(bool(visit.failure) for visit in visits)
    if failed:
        raise hub.HubError(
            f"\n{failed} failed. The end of the hub's log:\n"
            f"{hub.log_tail(room)}"
        )
    return visits, memory


def _visit(visit: Visit, password: str):
    """Sign in, open the lesson and run it from its first cell to its last."""
    learner, start = visit.learner, time.monotonic()
    try:
        learner.sign_in(password)
        cells = learner.open(LESSON)
        visit.pid = int(learner.run("import os", "os.getpid()"))
        for number, source in enumerate(cells, 1):
            visit.failure = f"cell {number}: "
            learner.run(source)
        visit.failure = ""
        visit.waited = time.monotonic() - start
        visit.kernel = _memory.peak(visit.pid)
    except Exception as error:  # the others go on
        visit.failure += f"{error}" or type(error).__name__


def _row(visit: Visit):
    if visit.failure:
        return f"{visit.learner.name:<24}FAILED: {visit.failure}"
    return (
        f"{visit.learner.name:<24}{visit.waited:>6.0f} s"
        f"{visit.kernel / MIB:>8,.0f} MiB"
    )


def summary(
    wait_alone: float, visits: list[Visit], memory_alone: int, memory: int
) -> str:
    """Return as text what each learner adds, and the need of a `ROOM`.

    Args:
        wait_alone: seconds that one learner alone waited for all.
        visits: of the learners who worked at once.
        memory_alone, memory: bytes that the hub with one and with these
            learners added at most to what the machine used.
    """
    count, cores = len(visits), os.cpu_count() or 1
    most = max(visit.waited for visit in visits)
    seconds = (most - wait_alone) / (count - 1)
    c, d = memory_alone / GIB, memory / GIB
    gib = (d - c) / (count - 1)
    return (
        f"Wait: {wait_alone:.0f} s alone, at most {most:.0f} s for {count} at "
        f"once: {seconds:.1f} s for each more.\n"
        f"Memory with the hub: {c:.2f} GiB alone, {d:.2f} GiB for {count}: "
        f"{gib:.2f} GiB for each more.\n"
        f"{ROOM} on {cores} cores: {wait_alone + (ROOM - 1) * seconds:.0f} s, "
        f"{c + (ROOM - 1) * gib:.1f} GiB.\n"
        f"For {ROOM} to wait as these {count}: "
        f"{math.ceil(cores * ROOM / count)} cores."
    )


def _isolation(room: Path, store: Path, visit: Visit, other: Visit):
    """Return whether learners are isolated, and a sentence about it."""
    allowed = []
    for v in (visit, other):
        home = room / "learners" / v.learner.name
        arguments = str(home), v.pid, str(room / "hub"), str(store)
        text = visit.learner.run(PROBE, f"allowed{arguments}")
        allowed.append(ast.literal_eval(text))
        if visit.learner.can_open(v.learner.name):
            allowed[-1].append("open the server")
    own, of_other = allowed
    # Without access to their own files the probe proves nothing.
    if own != [*HOME, "open the server"]:
        return False, f"A learner could {', '.join(own)} at home."
    if of_other:
        return False, f"A learner could {', '.join(of_other)} of another."
    return True, (
        f"{visit.learner.name} can do this at home, and none of it to "
        f"{other.learner.name}: {', '.join(own)}. Nor can they change the "
        "shared folder or list the hub's files."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
