"""Installs JupyterHub beside .venv, and runs it for the load test."""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import requests

from helpers.paths import ROOT
from tools import _venv

WORKSHOP = ROOT / "workshop"
VENV = ROOT / ".venv-hub"
LOCK = WORKSHOP / "hub.lock"
# For this machine only, and not on the workshop's own ports.
ADDRESS = "http://127.0.0.1:18000"
TIMEOUT = 180  # seconds until the hub has to answer
END_TIMEOUT = 30  # seconds until it is killed
LOG_LINES = 5  # that are shown when the hub fails
_PR_SET_CHILD_SUBREAPER = 36  # sys/prctl.h


class HubError(Exception):
    """The hub does not work; one sentence says why."""


def install() -> None:
    """Install the hub, its proxy and its kernel; slow the first time.

    Raises:
        HubError: npm is missing or fails.
        SetupError: the packages can't be installed.
    """
    _venv.set_up(str(VENV), str(LOCK))
    _install_proxy()
    # The servers run in .venv-hub, the lessons in the Python of this process.
    argv = [sys.executable, "-m", "ipykernel_launcher"]
    argv += ["-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python"}
    kernel = VENV / "share" / "jupyter" / "kernels" / "python3"
    _venv.write(str(kernel / "kernel.json"), json.dumps(spec))


def _install_proxy():
    folder, lock = VENV / "proxy", WORKSHOP / "package-lock.json"
    stamp, text = str(folder / "installed.txt"), lock.read_text("utf-8")
    if _venv.read(stamp) == text:
        return
    if not shutil.which("npm"):
        raise HubError(
            "npm is missing, which installs the hub's proxy: install Node.js "
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
            f"({_venv.last_line(done.stdout)}): fix that, then start again."
        )
    _venv.write(stamp, text)


@contextlib.contextmanager
def running(room: Path, shared: Path, password: str) -> Iterator[str]:
    """Run the hub of the workshop on this machine only; yield its address.

    At the end of the block none of its processes is left.

    Args:
        room: an empty folder for the homes and the hub's own files.
        shared: the shared folder that the learners read.
        password: of the room.

    Raises:
        HubError: the hub does not start.
    """
    adopt_orphans()
    variables = dict(os.environ)
    variables.pop("PYTHONPATH", None)  # learners import their own copy
    with open(room / "hub.log", "w", encoding="utf-8") as log:
        hub = subprocess.Popen(
            [str(VENV / "bin" / "jupyterhub"), "-f"]
            + [str(WORKSHOP / "jupyterhub_config.py")],
            cwd=room,
            env={
                **variables,
                "WORKBOOK_ROOM": str(room),
                "WORKBOOK_SHARED": str(shared),
                "WORKBOOK_ADDRESS": ADDRESS,
                "WORKBOOK_PASSWORD": password,
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is handled by this process
        )
    try:
        _wait_for(hub, f"{ADDRESS}/hub/api/", room)
        yield ADDRESS
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # it is ending already
        end(hub)


def adopt_orphans() -> None:
    """Make processes whose parent ends children of this process (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _wait_for(hub: subprocess.Popen, url: str, room: Path):
    deadline = time.monotonic() + TIMEOUT
    while hub.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(url, timeout=10).ok:
                return
        time.sleep(0.5)
    raise HubError(f"The hub does not start:\n{log_tail(room)}")


def end(hub: subprocess.Popen) -> None:
    """End a hub and all processes that it or this process has started."""
    hub.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        hub.wait(END_TIMEOUT)
    while children := psutil.Process().children(recursive=True):
        for process in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(children, timeout=5)


def log_tail(room: Path) -> str:
    """Return the last lines of the log of the hub in a room."""
    text = Path(room, "hub.log").read_text(encoding="utf-8")
    return "\n".join(text.splitlines()[-LOG_LINES:])
