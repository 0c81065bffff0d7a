"""JupyterHub, in an environment beside .venv, and one that is running."""

import contextlib
import ctypes
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import requests

import start
from helpers.paths import ROOT

WORKSHOP = ROOT / "workshop"
VENV = ROOT / ".venv-hub"
LOCK = WORKSHOP / "hub.lock"
PATIENCE = 180  # seconds until the hub must answer
LINES = 5  # of the hub's log, shown when it fails
_PR_SET_CHILD_SUBREAPER = 36  # sys/prctl.h


class HubError(Exception):
    """The hub can't be had; one sentence says why."""


def install():
    """Install the hub, its proxy and its kernel; the first call takes long.

    Raises:
        HubError: npm is missing or fails.
        start.StartError: the packages can't be installed.
    """
    start.set_up(str(VENV), str(LOCK))
    _install_proxy()
    # The servers run here, the lessons in the Python that runs this.
    argv = [sys.executable, "-m", "ipykernel_launcher"]
    argv += ["-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python"}
    kernel = VENV / "share" / "jupyter" / "kernels" / "python3"
    start.write(str(kernel / "kernel.json"), json.dumps(spec))


def _install_proxy():
    folder, lock = VENV / "proxy", WORKSHOP / "package-lock.json"
    noted, wanted = str(folder / "installed.txt"), start.read(lock)
    if start.read(noted) == wanted:
        return
    if not shutil.which("npm"):
        raise HubError(
            "npm is missing, which brings the hub's proxy: install Node.js "
            "18 or later, then start again."
        )
    folder.mkdir(exist_ok=True)
    for name in ("package.json", lock.name):
        shutil.copy(WORKSHOP / name, folder)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise HubError(
            "The hub's proxy could not be installed "
            f"({start.last_line(done.stdout)}): mend that, then start again."
        )
    start.write(noted, wanted)


@contextlib.contextmanager
def running(room, shared, password):
    """Run the hub of workshop/ on this machine alone; give its address.

    At the end of the block nothing that it started is left.

    Args:
        room: an empty folder for the homes and for what the hub keeps.
        shared: the shared folder that the learners read.
        password: of the room.

    Raises:
        HubError: it does not come up.
    """
    adopt_orphans()
    address = f"http://127.0.0.1:{_free_ports(3)}"
    config = WORKSHOP / "jupyterhub_config.py"
    with open(room / "hub.log", "w", encoding="utf-8") as log:
        hub = subprocess.Popen(
            [VENV / "bin" / "jupyterhub", "-f", config],
            cwd=room,
            env={
                **os.environ,
                "WORKBOOK_ROOM": str(room),
                "WORKBOOK_SHARED": str(shared),
                "WORKBOOK_ADDRESS": address,
                "WORKBOOK_PASSWORD": password,
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for this process to handle
        )
    try:
        _wait_for(hub, f"{address}/hub/api/", room / "hub.log")
        yield address
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # the end is on its way
        end(hub)


def adopt_orphans():
    """Make what loses its parent a child of this process (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _free_ports(count):
    """Return the first of some free ports in a row."""
    firsts = range(18000, 28000, count)
    # In no order: two rehearsals that begin at once differ.
    for first in random.sample(firsts, len(firsts)):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    one = stack.enter_context(socket.socket())
                    one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise HubError("No port from 18000 to 28000 is free; free some.")


def _wait_for(hub, url, log):
    until = time.monotonic() + PATIENCE
    while hub.poll() is None and time.monotonic() < until:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(url, timeout=10).ok:
                return
        time.sleep(0.5)
    last = log.read_text(encoding="utf-8").splitlines()[-LINES:]
    raise HubError("\n".join(["The hub does not come up:", *last]))


def end(hub, patience=30):
    """End a hub and all that it or this process has started.

    Args:
        hub: a `subprocess.Popen`.
        patience: seconds that it has to end by itself; then it is killed.
    """
    hub.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        hub.wait(patience)
    while left := psutil.Process().children(recursive=True):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=5)
    with contextlib.suppress(subprocess.TimeoutExpired):
        hub.wait(1)  # and its exit code is taken


def log_tail(room):
    """Return the last lines of the log of a hub that ran in a room."""
    text = Path(room, "hub.log").read_text(encoding="utf-8")
    return text.splitlines()[-LINES:]
