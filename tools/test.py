"""Runs all notebooks and tests, with --colab under Colab's versions.

The other arguments go to pytest.
"""

import subprocess
import sys

import start
from helpers.paths import ROOT
from tools import _browser, _colab, _pinned, _sphinx

# Every cell has to run; those tagged nbval-check-output have to give what
# the notebook shows. What nbval overlooks, tests/test_notebooks.py finds.
OPTIONS = (
    "--nbval-lax",
    "--nbval-current-env",
    "--nbval-cell-timeout=300",
)


def main(argv):
    """Run pytest from the project's folder; return its exit code.

    Without arguments it runs all of notebooks/ and tests/ (pyproject.toml).
    """
    chosen = [argument for argument in argv if argument != _colab.FLAG]
    try:
        if chosen != argv:
            python, options = _colab.python(), _colab.options()
            environment, work = _colab.environment(), _colab.WORK
        else:
            python, options = sys.executable, []
            environment, work = _pinned.environment(), _pinned.WORK
            environment.setdefault(_browser.REASON, _browser.install())
            environment.setdefault(_sphinx.REASON, _sphinx.install())
    except start.StartError as error:
        print(error, file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return 130
    if not chosen:
        _pinned.forget_journal(work)
    command = [python, "-m", "pytest", *OPTIONS, *options, *chosen]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # pytest gets it too, and ends with its sum


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
