"""Whatever is killed, the next run comes to the same results."""

import json
import os
import subprocess
import sys

import pytest

from helpers.paths import ROOT

pytestmark = pytest.mark.release
KILLS = 25


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed") / "f"
    done = subprocess.run(
        [sys.executable, "tests/interrupted.py", str(KILLS)],
        cwd=ROOT,
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "WORKBOOK_WORK": str(folder / "work"),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_a_run_killed_anywhere_is_made_good_by_the_next(found):
    killed = found["killed"]
    assert len(killed) == KILLS
    assert [one for one in killed if not one["killed"]] == []
    assert [one for one in killed if not one["went_through"]] == []
    assert [one for one in killed if one["differs"]] == []


def test_two_runs_at_once_do_not_disturb_each_other(found):
    assert found["at_once"] == [True, True]
