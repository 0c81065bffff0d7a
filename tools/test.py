"""Runs every notebook and all tests; arguments go to pytest."""

import subprocess
import sys

from helpers.files import ROOT
from tools import _pinned

# Every cell has to run; those tagged nbval-check-output have to give what
# the notebook shows. What nbval overlooks, tests/test_notebooks.py finds.
OPTIONS = (
    "--nbval-lax",
    "--nbval-current-env",
    "--nbval-cell-timeout=300",
)


def main(argv):
    """Run pytest from the project's folder; return its exit code.

    Without arguments it runs all of notebooks/ and tests/ (pytest.ini).
    """
    if not argv:
        _pinned.forget_journal()
    command = [sys.executable, "-m", "pytest", *OPTIONS, *argv]
    process = subprocess.Popen(command, cwd=ROOT, env=_pinned.environment())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # pytest gets it too, and ends with its sum


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
