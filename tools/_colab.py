"""The versions of Google Colab, in an environment beside .venv.

What Colab itself adds, such as its way of showing widgets, is not here.
Run with a list of Colab's current versions, this file updates
tests/colab.txt: .venv/bin/python -m tools._colab LIST
"""

import argparse
import datetime
import re
import sys
from pathlib import Path

from packaging.utils import canonicalize_name

from helpers.paths import ROOT
from tools import _browser, _pinned, _sphinx, _venv

FLAG = "--colab"
VENV = ROOT / ".venv-colab"
PINS = ROOT / "tests" / "colab.txt"
LOCK = ROOT / "tests" / "colab.lock"
WORK = _pinned.WORK.with_name("colab")
# Tests of the project's own tools, which nobody runs on Colab.
EXCLUDED = (
    "test_browser",
    "test_doctor",
    "test_instructors",
    "test_notebooks",
    "test_pack",
    "test_pretraining",
    "test_project",
    "test_publish",
    "test_benchmark",
    "test_regenerate",
    "test_site",
    "test_site_browser",
    "test_start",
    "test_style",
    "test_venv",
    "test_test",
    "test_types",
    "test_workshop",
)


_PIN = re.compile(r"^([\w.-]+)==(\S+)$", re.MULTILINE)


def main(argv: list[str]) -> int:
    """Update tests/colab.txt from a list of versions; return the exit code."""
    parser = argparse.ArgumentParser(prog="colab", description=__doc__)
    parser.add_argument("list", type=Path, help="pip-freeze.txt of Colab")
    path = parser.parse_args(argv).list
    try:
        versions = path.read_text(encoding="utf-8")
        pins = updated(PINS.read_text(encoding="utf-8"), versions)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    PINS.write_text(pins, encoding="utf-8", newline="\n")
    return 0


def updated(pins: str, versions: str) -> str:
    """Return the text of tests/colab.txt with current versions.

    A package that Colab does not have keeps its version.

    Args:
        pins: the present text.
        versions: what `pip freeze` prints on Colab.

    Raises:
        ValueError: `versions` does not name TensorFlow.
    """
    current = {
        canonicalize_name(name): version
        for name, version in _PIN.findall(versions)
    }
    if "tensorflow" not in current:
        raise ValueError("no line tensorflow==...; give Colab's list")

    def pin(match: re.Match) -> str:
        name, version = match.groups()
        return f"{name}=={current.get(canonicalize_name(name), version)}"

    today = datetime.datetime.now(datetime.UTC).date()
    pins = re.sub(r"as of \d{4}-\d\d-\d\d[^:\n]*", f"as of {today}", pins)
    return _PIN.sub(pin, pins)


def python() -> str:
    """Return the Python that has Colab's versions; the first call takes long.

    Raises:
        _venv.SetupError: they can't be installed; the message says why.
    """
    return _venv.set_up(str(VENV), str(LOCK))


def options() -> list[str]:
    """Return more options for pytest."""
    return [f"--ignore=tests/{name}.py" for name in EXCLUDED]


def environment() -> dict[str, str]:
    """Return the environment variables as a new dictionary.

    Results of other versions are not used.
    """
    return _pinned.environment() | {
        "WORKBOOK_WORK": str(WORK),
        _browser.REASON: "Colab's versions have no JupyterLab.",
        _sphinx.REASON: "It is not built under Colab's versions.",
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
