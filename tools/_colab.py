"""The versions of Google Colab, in an environment beside .venv.

What Colab itself adds, such as its way of showing widgets, is not here.
"""

from helpers.paths import ROOT
from tools import _browser, _pinned, _sphinx, _venv

FLAG = "--colab"
VENV = ROOT / ".venv-colab"
LOCK = ROOT / "tests" / "colab.lock"
WORK = _pinned.WORK.with_name("colab")
# They are about this project's own tools, which nobody runs on Colab.
APART = (
    "test_browser",
    "test_doctor",
    "test_instructors",
    "test_notebooks",
    "test_pack",
    "test_pretraining",
    "test_publish",
    "test_benchmark",
    "test_regenerate",
    "test_site",
    "test_site_browser",
    "test_start",
    "test_style",
    "test_surroundings",
    "test_test",
    "test_workshop",
)


def python():
    """Return the Python that has Colab's versions; the first call takes long.

    Raises:
        _venv.SetupError: they can't be installed; the message says why.
    """
    return _venv.set_up(str(VENV), str(LOCK))


def options():
    """Return what pytest is told besides."""
    return [f"--ignore=tests/{name}.py" for name in APART]


def environment():
    """Return the environment variables as a new dictionary.

    Nothing is taken from what other versions have computed.
    """
    return _pinned.environment() | {
        "WORKBOOK_WORK": str(WORK),
        _browser.REASON: "Colab's versions have no JupyterLab.",
        _sphinx.REASON: "It is not built under Colab's versions.",
    }
