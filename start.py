"""Sets the workbook up and opens it: python3 start.py

It makes .venv, installs requirements.lock there and opens the lessons in
JupyterLab; `python3 start.py COMMAND` runs tools/COMMAND.py instead. `--from
PACK` installs from a pack (tools/pack.py), without a network, and `--weights
NAME` chooses the weights for all lessons. Only the standard library is
imported, and Python 3.7 can read this file and what it imports: an old Python
then says that it is too old.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # PYTHONPATH is for other programs and may even hold an old json.py.
    _value = os.environ.get("PYTHONPATH", "")
    _foreign = {os.path.abspath(p) for p in _value.split(os.pathsep) if p}
    sys.path[:] = [p for p in sys.path if os.path.abspath(p) not in _foreign]

import glob
import json
import signal
import subprocess

from tools import _venv
from tools._venv import COMMAND, LOCK, ROOT, VENV

WEIGHTS = ("imagenet", "starter", "random")


def main(argv: list[str]) -> int:
    """Do what the command line says; return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # The name of a folder may hold letters that the terminal lacks.
            stream.reconfigure(errors="replace")
    try:
        return run(argv)
    except _venv.SetupError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        where, reason = error.filename or ROOT, error.strerror or error
        print(f"{where}: {reason}; fix that and start again.", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def run(argv: list[str]) -> int:
    """Set up and hand over to the command or JupyterLab."""
    pack = weights = None
    while argv[:1] in (["--from"], ["--weights"]):
        value = argv[1] if len(argv) > 1 else ""
        if argv[0] == "--weights":
            weights = known(value)
        elif value:
            pack = os.path.realpath(value)
        else:
            raise _venv.SetupError(
                f"--from: name the folder of the pack, as in {COMMAND} --from "
                f"{os.path.join('stick', 'pack')}"
            )
        argv = argv[2:]
    command = argv[0] if argv else "--"
    if command in ("-h", "--help", "help"):
        print(usage())
        return 0
    if command != "--" and command not in commands():
        raise _venv.SetupError(
            f"{command}: {COMMAND} has no such command; the commands are "
            f"{', '.join(commands())}, and --help explains them."
        )
    if command == "doctor" and not pack and not _venv.is_set_up(VENV, LOCK):
        print(_venv.next_step())
        return 1
    if weights:
        remember(weights)
        _venv.say(f"From now on the lessons use the weights {weights}.")
    python = _venv.set_up(VENV, LOCK, pack)
    if command == "--":
        _venv.say("JupyterLab opens in your browser; Ctrl-C here stops it.")
        return hand_over(_venv.jupyter_command(python, argv[1:]), ROOT)
    # -P: a json.py in the user's current folder is not imported.
    program = [python, "-P", "-m", "tools", *argv]
    return hand_over(program, os.getcwd())


def known(weights: str) -> str:
    """Return the name of weights, if it is one."""
    if weights in WEIGHTS:
        return weights
    raise _venv.SetupError(
        f"--weights: {weights or 'nothing'} is not one of "
        f"{', '.join(WEIGHTS)}; give one, as in {COMMAND} --weights starter"
    )


def remember(weights: str) -> None:
    """Write the choice where helpers/network/weights.py reads it."""
    data = os.environ.get("WORKBOOK_DATA") or os.path.join(ROOT, "data")
    work = os.environ.get("WORKBOOK_WORK") or os.path.join(data, "work")
    choice = json.dumps({"name": weights, "path": None})
    _venv.write(os.path.join(work, "weights.json"), choice)


def commands() -> dict[str, str]:
    """Return {command: first line of its docstring} of the files in tools/."""
    lines = {}
    for path in sorted(glob.glob(os.path.join(glob.escape(ROOT), "tools/*"))):
        name, suffix = os.path.splitext(os.path.basename(path))
        if suffix == ".py" and not name.startswith("_"):
            with open(path, encoding="utf-8") as file:
                lines[name] = file.readline().strip().strip('"')
    return lines


def usage() -> str:
    """Return the help text."""
    rows = {"": "Sets the workbook up and opens it in JupyterLab."}
    lines = [
        f"{COMMAND} {command:<11} {text}"
        for command, text in {**rows, **commands()}.items()
    ]
    lines += [
        "Without a network, from a pack (see the command pack):",
        f"{COMMAND} --from PACK [test, doctor, ...]",
        "With the same weights in all lessons, and for a whole room:",
        f"{COMMAND} --weights imagenet|starter|random [test, doctor, ...]",
        "What follows -- goes to JupyterLab, as in:",
        f"{COMMAND} -- --port 9000",
    ]
    return "\n".join(lines)


def hand_over(program: list[str], folder: str) -> int:
    """Run `program` in a folder, .venv first on PATH; return its exit code."""
    variables = _venv.environment()
    scripts = os.path.dirname(program[0])
    variables["PATH"] = os.pathsep.join(
        [scripts, variables.get("PATH", os.defpath)]
    )
    if os.name == "posix":
        # This process becomes the program and gets its signals.
        os.chdir(folder)
        os.execve(program[0], program, variables)
    # Ctrl-C reaches the program as well, which decides what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.call(program, cwd=folder, env=variables)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
