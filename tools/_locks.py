"""Installs what one verb needs beside requirements.lock, when it is asked."""

import os
import sys

import start


def install(lock, what):
    """Install a lock into .venv, unless that was done before.

    Nothing goes into an environment that is not .venv.

    Args:
        lock: the `pathlib.Path` of the lock; its stamp has the same name.
        what: it holds, for the line that says that it is installed.

    Returns:
        Why it can't be installed, as a sentence, or "".
    """
    venv = start.VENV
    if os.path.realpath(sys.prefix) != os.path.realpath(venv):
        return ""
    noted = os.path.join(venv, f"{lock.stem}.txt")
    wanted = start.stamp(lock, sys.version_info[:2])
    if start.read(noted) == wanted:
        return ""
    start.say(f"Installing {what} ...")
    try:
        start.install(venv, sys.executable, str(lock))
    except start.StartError as error:
        return str(error)
    start.write(noted, wanted)
    return ""
