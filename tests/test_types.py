"""The type hints agree with the code."""

import subprocess
import sys

from helpers.paths import ROOT


def test_mypy_reports_no_error():
    done = subprocess.run(
        [sys.executable, "-m", "mypy"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
