"""A clone of the project that installs nothing: for the tests of start.py.

Nothing is downloaded: .venv is made without pip, and a stand-in for pip
notes how it was called and fails if OFFLINE is set.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import start

SOURCE = Path(start.__file__)
STANDARD = ("__init__.py", "__main__.py", "_venv.py")  # start.py's

PIP = """
import os, sys
if __name__ == "__main__":
    with open("asked.txt", "a") as file:
        print(*sys.argv[1:], file=file)
    print("progress of pip")
    if "OFFLINE" in os.environ:
        sys.exit("no network, says pip")
"""
HELLO = '''"""Says what it was given."""
import json, os
def main(argv):
    print(json.dumps({"argv": argv, "cwd": os.getcwd()}))
    return 7
'''
JUPYTERLAB = "import json, sys; print(json.dumps(sys.argv[1:]))"


class Clone:
    """A clone in a folder of its own, whose .venv has a stand-in for pip."""

    def __init__(self, root):
        self.root = root
        self.venv = root / ".venv"
        self.stamp = self.venv / "installed.txt"
        self.lock = root / "requirements.lock"
        (root / "notebooks").mkdir(parents=True)
        copy_start(root)
        self.lock.write_text("tensorflow==2.21.0\n")
        for command in ("hello", "doctor"):
            (root / "tools" / f"{command}.py").write_text(HELLO)
        # `python -m` finds it here, before any that is installed.
        (root / "jupyterlab.py").write_text(JUPYTERLAB)
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", self.venv],
            check=True,
        )
        packages = next(self.venv.rglob("site-packages"))
        (packages / "pip.py").write_text(PIP)

    def run(self, *args, cwd=None, **environment):
        """Run start.py with arguments, as from a shell."""
        return subprocess.run(
            [sys.executable, self.root / "start.py", *args],
            cwd=cwd or self.root,
            # Should the real pip be started after all, it fails at once.
            env={
                **os.environ,
                "PYTHONUTF8": "1",
                "PIP_NO_INDEX": "1",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )

    def installs(self):
        """Return the arguments of each call of pip, a line each."""
        asked = self.root / "asked.txt"
        return asked.read_text().splitlines() if asked.exists() else []


def copy_start(root):
    """Copy start.py and the modules that it imports to a folder."""
    (root / "tools").mkdir(parents=True, exist_ok=True)
    shutil.copy(SOURCE, root)
    for name in STANDARD:
        shutil.copy(SOURCE.parent / "tools" / name, root / "tools")


def one_sentence(text):
    """Check that a text is one line, so no traceback; return it."""
    assert len(text.strip().splitlines()) == 1, text
    return text


def contents(folder):
    """Return {name: bytes} of all files of a folder but compiled ones."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
