"""Style of the code, and which module imports which."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.paths import ROOT
from tools import _outputs


def ruff(*args, source=None):
    return subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", *args],
        cwd=ROOT,
        input=source,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def test_ruff_has_nothing_to_say():
    done = ruff("--output-format=concise", ".")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("source", ["import os\n", f"x = '{'a' * 80}'\n"])
def test_ruff_would_say_so(source):
    done = ruff("--stdin-filename=helpers/new.py", "-", source=source)
    assert done.returncode == 1


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


@pytest.mark.parametrize("folder", [ROOT / "x", Path.home() / "x"])
def test_a_folder_of_this_machine_would_be_found(folder):
    assert _outputs.machine_paths(f"see {folder}.") == [f"see {folder}."]


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
