"""What ruff and mypy find, and paths of one machine."""

import subprocess
import sys

import pytest
from source import tracked

from helpers.paths import ROOT
from tools import _outputs


@pytest.mark.parametrize(
    "command",
    ["ruff check --no-cache .", "ruff format --check --no-cache .", "mypy"],
)
def test_there_is_nothing_to_report(command):
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_names_a_folder_of_one_machine():
    found = []
    for path in tracked():
        # Notebooks have a test of their own, cell by cell.
        content = b"\0" if path.suffix == ".ipynb" else path.read_bytes()
        if b"\0" not in content:
            for line in _outputs.machine_paths(content.decode("utf-8")):
                found.append(f"{path.relative_to(ROOT)}: {line}")
    assert found == []
