"""Tells a worker its number, and starts workers on this machine.

TensorFlow reads the environment variable `TF_CONFIG`: JSON that names the
machines of a cluster, and which of them this one is. SLURM, Kubernetes or
`run` set it.
"""

import contextlib
import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import IO, Any

import psutil

from helpers.network.subprocesses import UTF8
from helpers.paths import ROOT

# With this exit code a worker says that it could not have its port.
NO_PORT = 3
# For a new process what `setup.limit_heap` does for this one.
MALLOC = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**20),
}


def worker_number() -> tuple[int, int]:
    """Return the number of this worker, and how many there are.

    Without `TF_CONFIG` that is 0 of 1.

    Raises:
        ValueError: `TF_CONFIG` names no workers, or not this one.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        return 0, 1
    try:
        config = json.loads(text)
        workers = len(config["cluster"]["worker"])
        number = int(config["task"]["index"])
        if config["task"]["type"] == "worker" and 0 <= number < workers:
            return number, workers
    except (ValueError, KeyError, TypeError):
        pass  # one sentence for all that may be wrong with it
    raise ValueError(
        f"TF_CONFIG is {text}: it must name the workers and which of them "
        "this is, as scale/README.md shows."
    )


def address() -> str:
    """Return the address that `TF_CONFIG` gives this worker."""
    config = json.loads(os.environ["TF_CONFIG"])
    return config["cluster"]["worker"][config["task"]["index"]]


def run(
    module: str, *args: Any, workers: int = 1, kill_at: str | None = None
) -> None:
    """Run a module in several processes of this machine, to their end.

    Each process gets one core, as if it were a machine of its own (where
    the system allows it: not on macOS), and no GPU, which two
    cannot share. Their output is printed after their number. If one fails,
    the others are ended: they would wait for it. If it fails because another
    program has taken its port, all are started once more on other ports.

    Args:
        kill_at: how a line begins; when the first worker prints it, the
            last one is killed at once, as if its power had failed.

    Raises:
        RuntimeError: a worker failed that was not to be killed; the message
            ends with its last line.
    """
    command = [sys.executable, "-m", module, *map(str, args)]
    code, error = _attempt(command, workers, kill_at)
    if code == NO_PORT:
        code, error = _attempt(command, workers, kill_at)
    if code:
        raise RuntimeError(f"{module}, {error}")


def _attempt(command: Sequence[str], workers: int, kill_at: str | None):
    """Run workers to their end.

    Returns:
        The exit code of the first that failed and was not to be killed, or
        0; and its number, with its last line.
    """
    with contextlib.ExitStack() as stack:
        errors = [
            stack.enter_context(
                tempfile.TemporaryFile(
                    "w+", encoding="utf-8", errors="replace"
                )
            )
            for _ in range(workers)
        ]
        processes: list[subprocess.Popen] = []
        stack.callback(_end, processes)  # also if the cell is stopped
        for config, error in zip(_configs(workers), errors, strict=True):
            processes.append(_start(command, config, error))
        failed, was_killed = _watched(processes, kill_at)
        if was_killed:
            print(f"worker {failed} was killed; all workers were stopped")
        elif failed is not None:
            errors[failed].seek(0)
            lines = errors[failed].read().strip().splitlines()
            last = (lines or ["it was ended"])[-1]
            return processes[failed].returncode, f"worker {failed}: {last}"
        elif kill_at:
            raise RuntimeError(
                f"{command[2]} ended before any line began with {kill_at!r}."
            )
    return 0, ""


def _configs(workers: int):
    """Return the TF_CONFIG of each worker on this machine."""
    with contextlib.ExitStack() as stack:
        # All are open at once, so that no two have the same port.
        sockets = [
            stack.enter_context(socket.socket()) for _ in range(workers)
        ]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    cluster = {"worker": addresses}
    tasks = [{"type": "worker", "index": i} for i in range(workers)]
    return [json.dumps({"cluster": cluster, "task": task}) for task in tasks]


def _start(command: Sequence[str], config: str, errors: IO[str]):
    """Start one worker on the core of its number."""
    environment = {
        "PYTHONPATH": str(ROOT),
        "TF_CONFIG": config,
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TQDM_DISABLE": "1",
    }
    process = subprocess.Popen(
        command,
        env=os.environ | MALLOC | UTF8 | environment,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    cores: list[int] = getattr(psutil.Process(), "cpu_affinity", list)()
    if cores:
        core = cores[json.loads(config)["task"]["index"] % len(cores)]
        with contextlib.suppress(psutil.Error):  # it has ended already
            psutil.Process(process.pid).cpu_affinity([core])
    return process


def _watched(processes: list[subprocess.Popen], kill_at: str | None):
    """Print the output of workers until all have ended.

    Returns:
        The number of the first that failed, or None; and whether it was
        killed as asked.
    """
    lines: queue.Queue[tuple[int, str | None]] = queue.Queue()
    failed, was_killed = None, False

    def listen(number: int, process: subprocess.Popen):
        try:
            assert process.stdout is not None  # it is a pipe
            for line in process.stdout:
                lines.put((number, line.rstrip()))
        finally:  # else the loop below would wait for ever
            lines.put((number, None))

    for worker in enumerate(processes):
        threading.Thread(target=listen, args=worker, daemon=True).start()
    running = len(processes)
    while running:
        number, line = lines.get()
        if line is not None:
            print(f"worker {number}: {line}")
            if kill_at and number == 0 and line.startswith(kill_at):
                failed, was_killed = len(processes) - 1, True
                processes[failed].kill()
            continue
        running -= 1
        process = processes[number]
        if process.stdout is not None:
            process.stdout.close()
        if process.wait():
            failed = number if failed is None else failed
            _end(processes)
    return failed, was_killed


def _end(processes: list[subprocess.Popen]):
    for process in processes:
        process.kill()
        process.wait()
