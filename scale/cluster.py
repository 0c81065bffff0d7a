"""Tells a worker who it is, and starts workers on this machine.

`TF_CONFIG` is TensorFlow's own way: an environment variable in JSON that
names the machines of a cluster, and which of them this one is. SLURM,
Kubernetes or `run` set it; what reads it need not know which of them did.
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

import psutil

from helpers.network.subprocesses import UTF8
from helpers.paths import ROOT

# With this exit code a worker says that it could not have its port.
NO_PORT = 3
# For a new process what `setup.limit_heap` does for this one.
LEAN = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**20),
}


def place():
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


def address():
    """Return the address that `TF_CONFIG` gives this worker."""
    config = json.loads(os.environ["TF_CONFIG"])
    return config["cluster"]["worker"][config["task"]["index"]]


def run(module, *given, workers=1, kill_at=None):
    """Run a module in some processes of this machine, to their end.

    Each process gets one core, as if it were a machine of its own (where
    the system can be told so: not on macOS), and no graphics card, which
    two cannot share. What they print is shown, with their number before it.
    If one fails, the others are ended: they would wait for it. If it fails
    as another program has taken its port meanwhile, all are started once
    more on other ports.

    Args:
        module: its name, for example "scale.train".
        given: its arguments.
        workers: how many processes.
        kill_at: how a line begins; when the first worker prints it, the
            last one is killed on the spot, as if its power had failed.

    Raises:
        RuntimeError: a worker failed that was not to be killed; the message
            ends with its last line.
    """
    command = [sys.executable, "-m", module, *map(str, given)]
    code, error = _attempt(command, workers, kill_at)
    if code == NO_PORT:
        code, error = _attempt(command, workers, kill_at)
    if code:
        raise RuntimeError(f"{module}, {error}")


def _attempt(command, workers, kill_at):
    """Run some workers to their end.

    Returns:
        The exit code of the first that failed and was not to be killed, or
        0; and which it was, with its last line.
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
        processes = []
        stack.callback(_end, processes)  # also if the cell is stopped
        for number, config in enumerate(_configs(workers)):
            processes.append(_begun(command, config, errors[number]))
        failed, killed = _watched(processes, kill_at)
        if killed:
            print(f"worker {failed} was killed, and all are ended")
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


def _configs(workers):
    """Return what TF_CONFIG is for each of some workers on this machine."""
    with contextlib.ExitStack() as stack:
        # All at once, so that no two are the same.
        found = [stack.enter_context(socket.socket()) for _ in range(workers)]
        for one in found:
            one.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in found]
    return [
        json.dumps(
            {
                "cluster": {"worker": addresses},
                "task": {"type": "worker", "index": number},
            }
        )
        for number in range(workers)
    ]


def _begun(command, config, errors):
    """Start one worker on the core that its number comes to."""
    process = subprocess.Popen(
        command,
        env=os.environ
        | LEAN
        | UTF8
        | {
            "PYTHONPATH": str(ROOT),
            "TF_CONFIG": config,
            "CUDA_VISIBLE_DEVICES": "-1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TQDM_DISABLE": "1",
        },
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    cores = getattr(psutil.Process(), "cpu_affinity", list)()
    if cores:
        number = json.loads(config)["task"]["index"]
        with contextlib.suppress(psutil.Error):  # it has ended already
            one = [cores[number % len(cores)]]
            psutil.Process(process.pid).cpu_affinity(one)
    return process


def _watched(processes, kill_at):
    """Show what some workers print until all have ended.

    Returns:
        The number of the first that failed, or None; and whether it was
        killed as asked.
    """
    said, failed, killed = queue.Queue(), None, False

    def listen(number, process):
        try:
            for line in process.stdout:
                said.put((number, line.rstrip()))
        finally:  # whoever waits for this must not wait for ever
            said.put((number, None))

    for number, process in enumerate(processes):
        given = number, process
        threading.Thread(target=listen, args=given, daemon=True).start()
    running = len(processes)
    while running:
        number, line = said.get()
        if line is not None:
            print(f"worker {number}: {line}")
            if kill_at and number == 0 and line.startswith(kill_at):
                failed, killed = len(processes) - 1, True
                processes[failed].kill()
            continue
        running -= 1
        processes[number].stdout.close()
        if processes[number].wait():
            failed = number if failed is None else failed
            _end(processes)
    return failed, killed


def _end(processes):
    for process in processes:
        process.kill()
        process.wait()
