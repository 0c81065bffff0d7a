"""Computes what a workshop's hub needs, or fills its shared folder."""

import argparse
import functools
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from helpers import paths, shared
from helpers.network import weights
from helpers.surfaces import render
from helpers.text import counted
from tools import _pinned, _venv, checkpoints, plan, regenerate
from workshop import homes, hub
from workshop.hub_client import Learner

HEAVIEST = ("03", "08")  # the lessons that compute most
OWN_PHOTOS = "08"  # the lesson whose features nobody can cache beforehand
WAITING = 0.5  # of a lesson's minutes; in the rest learners read and write
GIB = 2**30
INTERVAL = 2  # seconds between two looks at the memory


def main(argv: list[str]) -> int:
    """Run the load test, or fill the shared folder; return the exit code."""
    parser = argparse.ArgumentParser(prog="loadtest", description=__doc__)
    parser.add_argument(
        "lessons",
        nargs="*",
        default=HEAVIEST,
        metavar="LESSON",
        help="those that learners run in a plan of INSTRUCTORS.md and that "
        f"compute most (default: {' '.join(HEAVIEST)})",
    )
    parser.add_argument(
        "--learners",
        type=int,
        default=30,
        metavar="L",
        help="for whom the need is computed (default: %(default)s)",
    )
    parser.add_argument(
        "--at-once",
        type=int,
        default=min(homes.COUNT, max(2, os.cpu_count() or 1)),
        metavar="N",
        help="simulated learners, as many as this machine has cores or more "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--fill",
        action="store_true",
        help="run no test, but run all lessons once and copy their photos, "
        "weights, cached features and models to "
        f"${shared.VARIABLE} or /srv/workbook",
    )
    args = parser.parse_args(argv)
    # The lessons that `--fill` runs must not look there.
    folder = Path(os.environ.pop(shared.VARIABLE, "/srv/workbook"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        rows = [] if args.fill else [_row(n) for n in args.lessons]
        _check_machine()
        if args.fill:
            hub.install()
            _fill(folder)
            return 0
        _check(args.at_once, folder)
        hub.install()
        print(_need(rows, args.learners, args.at_once, folder))
    except KeyboardInterrupt:
        print("\nStopped; no process is left running.")
        return 130
    except (
        *(hub.HubError, _venv.SetupError, regenerate.RegenerateError),
        ValueError,
    ) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _row(number: str) -> tuple[Path, int]:
    """Return the notebook of a lesson and its minutes in the tighter plan."""
    page, start = plan.PAGE.read_text(encoding="utf-8"), f"**{number}** "
    minutes = [
        sum(
            int(length)
            for _, length, what, _ in re.findall(plan.ROW, body)
            if what.startswith(start) and not what.startswith(f"{start}Demo")
        )
        for *_, body in re.findall(plan.PLAN, page)
    ]
    if not any(minutes):
        raise ValueError(
            f"{number}: in no plan of INSTRUCTORS.md do learners run this "
            f"lesson; give numbers such as {' '.join(HEAVIEST)}."
        )
    (path,) = (p for p in _pinned.notebooks() if p.name.startswith(number))
    return path, min(filter(None, minutes))


def _fill(folder: Path):
    for path in _pinned.notebooks():
        print(f"{path.stem} ...", flush=True)
        regenerate.run(regenerate.read(path), path)
    render.all_folders()
    chosen = weights.choose()
    extra = [Path(chosen.path)] if chosen.path else []
    shared.fill(folder, paths.data(), paths.work(), extra)
    count = len(list((folder / shared.FEATURES).glob("*.npy")))
    print(f"{folder}: photos, weights and {count} files of cached features.")
    checkpoints.make(folder).chmod(0o644)


def _check_machine():
    """Raise ValueError if no hub can run on this machine."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise ValueError(
            "The hub runs each learner as another user: start this as root "
            "on Linux."
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
            f"{os.path.realpath(sys.executable)}: other users can't run this "
            f"Python, or can't read {paths.ROOT}. Put the project where all "
            f"may read, such as /opt, delete {_venv.VENV}, and start again "
            "with a Python that all may run, such as /usr/bin/python3."
        ) from None


def _check(count: int, folder: Path):
    if not 2 <= count <= homes.COUNT:
        raise ValueError(
            f"--at-once {count}: give a number from 2 to {homes.COUNT}."
        )
    if not shared.is_filled(folder):
        raise ValueError(
            f"{folder}: not a shared folder; make it with start.py loadtest "
            "--fill"
        )


def _need(
    rows: list[tuple[Path, int]], learners: int, at_once: int, folder: Path
):
    """Rehearse the rows of a timetable; return a sentence on its need."""
    room = Path(tempfile.mkdtemp(prefix="workbook-room-"))
    machine, cores, memory = os.cpu_count() or 1, 1, 0
    try:
        room.chmod(0o711)  # learners may pass through, but not list it
        with hub.running(room, folder) as address:
            idle = _used_memory()
            accounts = homes.accounts(room / "hub" / "accounts.csv")
            visitors = [Learner(address, n) for n in [*accounts][:at_once]]
            _together(visitors, lambda v: v.sign_in(accounts[v.name]), room)
            print(f"{at_once} simulated learners are signed in.", flush=True)
            for path, minutes in rows:
                work = functools.partial(run_lesson, path)
                seconds, peak = _together(visitors, work, room)
                each = (peak - idle) / at_once
                print(
                    f"{path.stem}: {seconds:.0f} s and {each / GIB:.1f} GiB "
                    f"each, {at_once} at once on {machine} cores",
                    flush=True,
                )
                each_core = machine * seconds / at_once
                cores = max(cores, needed(each_core, minutes, learners))
                memory = max(memory, idle + learners * each)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    table = ", ".join(f"{m} minutes of {path.name[:2]}" for path, m in rows)
    return (
        f"For this timetable ({table}): {counted(cores, 'core')} and "
        f"{math.ceil(memory / GIB)} GiB for {learners} learners."
    )


def needed(seconds: float, minutes: int, learners: int) -> int:
    """Return the cores for a row of a timetable.

    Args:
        seconds: that one core works for one learner.
        minutes: of the row. Learners may wait for `WAITING` of it.
        learners: in the room, who all compute at once.
    """
    return math.ceil(learners * seconds / (60 * minutes * WAITING))


def run_lesson(path: Path, learner: Learner) -> None:
    """Run a lesson from its first cell to its last, as a learner."""
    cells = learner.open(f"notebooks/{path.name}")
    if path.name.startswith(OWN_PHOTOS):
        learner.run(f"import os; os.environ['{shared.VARIABLE}'] = ''")
    for number, source in enumerate(cells, 1):
        try:
            learner.run(source)
        except Exception as error:
            raise hub.HubError(f"code cell {number}: {error}") from None
    learner.close()


def _together(
    learners: list[Learner], work: Callable[[Learner], None], room: Path
):
    """Let learners work at once.

    Returns:
        Seconds until the last has finished, and the most memory that the
        machine used meanwhile, in bytes.

    Raises:
        HubError: a learner could not go on.
    """
    failures = []

    def attempt(learner: Learner) -> None:
        try:
            work(learner)
        except Exception as error:  # the others go on
            failures.append(f"{learner.name}: {error}")

    threads = [
        # Ctrl-C must not wait for them; they end with the hub.
        threading.Thread(target=attempt, args=(learner,), daemon=True)
        for learner in learners
    ]
    start, memory = time.monotonic(), 0
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        memory = max(memory, _used_memory())
        time.sleep(INTERVAL)
    if failures:
        lines = [*failures, "The end of the hub's log:", hub.log_tail(room)]
        raise hub.HubError("\n".join(lines))
    return time.monotonic() - start, memory


def _used_memory():
    """Return the bytes of memory that all programs use."""
    memory = psutil.virtual_memory()
    return memory.total - memory.available
