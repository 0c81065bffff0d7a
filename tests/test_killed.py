"""Whatever is killed, the next run comes to the same results."""

import os
import subprocess
import sys

import pytest

from helpers.paths import ROOT

KILLS = 25


@pytest.mark.release
def test_a_run_killed_anywhere_is_made_good_by_the_next(tmp_path):
    done = subprocess.run(
        [sys.executable, "tests/interrupted.py", str(KILLS)],
        cwd=ROOT,
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "WORKBOOK_WORK": str(tmp_path / "f" / "work"),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
