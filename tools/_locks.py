"""Installs the packages that a verb needs besides requirements.lock."""

import os
import sys
from pathlib import Path

from tools import _venv


def install(lock: Path, packages: str) -> str:
    """Install a lock into .venv, unless that was done before.

    Nothing is installed into any other environment.

    Args:
        lock: the `pathlib.Path` of the lock; the stamp has the same name.
        packages: their name, for the line that is printed.

    Returns:
        Why it can't be installed, as a sentence, or "".
    """
    if os.path.realpath(sys.prefix) != os.path.realpath(_venv.VENV):
        return ""
    path = os.path.join(_venv.VENV, f"{lock.stem}.txt")
    stamp = _venv.stamp(lock, sys.version_info[:2])
    if _venv.read(path) == stamp:
        return ""
    _venv.say(f"Installing {packages} ...")
    try:
        _venv.install(_venv.VENV, sys.executable, str(lock))
    except _venv.SetupError as error:
        return str(error)
    _venv.write(path, stamp)
    return ""
