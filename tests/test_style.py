"""Style of the code, and which module imports which."""

import ast
import subprocess
import sys

import pytest

from helpers.paths import ROOT
from tools import _outputs


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_ruff_has_nothing_to_say(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr


def tracked():
    """Return the paths of all files that git tracks or would add."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z", "-co", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    names = listing.decode("utf-8").split("\0")
    return [ROOT / name for name in names if name]


def test_no_file_names_a_folder_of_one_machine():
    found = []
    for path in tracked():
        # Notebooks have a test of their own, cell by cell.
        if path.suffix == ".ipynb" or not path.is_file():
            continue
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for line in _outputs.machine_paths(content.decode("utf-8")):
            found.append(f"{path.relative_to(ROOT)}: {line}")
    assert found == []


def imported(source):
    """Return the modules a source imports, with dots, as a set.

    `from helpers import x` counts as `helpers.x`.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
            found |= {f"{node.module}.{a.name}" for a in node.names}
    return found
