"""Installs JupyterHub beside .venv, and runs it for the load test."""

import contextlib
import json
import os
import shutil
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
END_TIMEOUT = 60  # seconds until it is killed
LOG_LINES = 5  # that are shown when the hub fails


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
    npm = ["npm", "ci", "--no-audit", "--no-fund"]
    done = _venv.run_quietly(npm, str(folder))
    if done.returncode:
        raise HubError(
            "The hub's proxy could not be installed "
            f"({_venv.last_line(done.stdout)}): fix that, then start again."
        )
    _venv.write(stamp, text)


@contextlib.contextmanager
def running(room: Path, shared: Path) -> Iterator[str]:
    """Run the hub of the workshop on this machine only; yield its address.

    At the end of the block none of its processes is left.

    Args:
        room: a folder for the homes and the hub's own files.

    Raises:
        HubError: the hub does not start.
    """
    variables = dict(os.environ)
    variables.pop("PYTHONPATH", None)  # learners import their own copy
    with open(room / "hub.log", "w", encoding="utf-8") as log:
        hub = psutil.Popen(
            [str(VENV / "bin" / "jupyterhub"), "-f"]
            + [str(WORKSHOP / "jupyterhub_config.py")],
            cwd=room,
            env={
                **variables,
                "WORKBOOK_ROOM": str(room),
                "WORKBOOK_SHARED": str(shared),
                "WORKBOOK_ADDRESS": ADDRESS,
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
        end(hub)


def _wait_for(hub: psutil.Popen, url: str, room: Path):
    deadline = time.monotonic() + TIMEOUT
    while hub.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(url, timeout=10).ok:
                return
        time.sleep(0.5)
    raise HubError(f"The hub does not start:\n{log_tail(room)}")


def end(hub: psutil.Popen) -> None:
    """End a hub with its proxy, the learners' servers and their kernels."""
    processes = [hub]
    with contextlib.suppress(psutil.NoSuchProcess):
        processes += hub.children(recursive=True)
        hub.terminate()
    _, left = psutil.wait_procs(processes, END_TIMEOUT)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left)


def log_tail(room: Path) -> str:
    """Return the last lines of the log of the hub in a room."""
    text = Path(room, "hub.log").read_text(encoding="utf-8")
    return "\n".join(text.splitlines()[-LOG_LINES:])
