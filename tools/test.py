"""Runs all notebooks and tests, with --all also those for a release.

With --colab they run under Colab's versions. Other arguments go to pytest.
"""

import subprocess
import sys
from pathlib import Path

from helpers.paths import ROOT
from tools import _extras, _pinned, _venv

ALL, COLAB = "--all", "--colab"
# The versions of Google Colab have an environment of their own.
COLAB_VENV = ROOT / ".venv-colab"
COLAB_LOCK = ROOT / "tests" / "colab.lock"
COLAB_WORK = _pinned.WORK.with_name("colab")
# Tests of the project's own tools, which nobody runs on Colab.
NOT_ON_COLAB = (
    *("app_browser", "benchmark", "browser", "doctor", "instructors"),
    *("notebooks", "pack"),
    *("pretraining", "project", "publish", "regenerate", "site"),
    *("start", "style", "test", "workshop"),
)
# Every cell has to run; those tagged nbval-check-output have to give what
# the notebook shows. What nbval overlooks, tests/test_notebooks.py finds.
OPTIONS = (
    "--nbval-lax",
    "--nbval-current-env",
    "--nbval-cell-timeout=300",
)
# Two processes, each of which takes whole files in the order of conftest.py.
TWO = ("-n2", "--dist=loadfile", "--no-loadscope-reorder")


def main(argv: list[str]) -> int:
    """Run pytest from the project's folder; return its exit code.

    Without arguments it runs all of notebooks/ and tests/ (pyproject.toml),
    except the tests marked `release`.
    """
    arguments = [arg for arg in argv if arg not in (COLAB, ALL)]
    environment = _pinned.environment()
    try:
        if COLAB in argv:
            python = _venv.set_up(str(COLAB_VENV), str(COLAB_LOCK))
            options = [f"--ignore=tests/test_{n}.py" for n in NOT_ON_COLAB]
            work = COLAB_WORK
            environment["WORKBOOK_WORK"] = str(work)
        else:
            python, options, work = sys.executable, [], _pinned.WORK
            _install_extras([_extras.APP] if ALL in argv else [])
    except _venv.SetupError as error:
        print(error, file=sys.stderr)
        return 1
    if not arguments:
        _pinned.delete_results(work)
        if COLAB not in argv:
            options += TWO
        if ALL not in argv:
            options += ["-m", "not release"]
    command = [python, "-m", "pytest", *OPTIONS, *options, *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # pytest gets it too, and ends with its summary


def _install_extras(locks: list[Path]):
    """Install what some tests need; without it these are skipped."""
    locks = [_extras.SITE, *locks]
    if _extras.chromium():
        locks.append(_extras.BROWSER)
    for lock in locks:
        try:
            _extras.install(lock)
        except _venv.SetupError as error:
            print(error, file=sys.stderr)
