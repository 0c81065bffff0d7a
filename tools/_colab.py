"""The versions of Google Colab, in an environment beside .venv.

What Colab itself adds, such as its way of showing widgets, is not here.
"""

from tools import _pinned, _venv

VENV = _pinned.ROOT / ".venv-colab"
LOCK = _pinned.ROOT / "tests" / "colab.lock"
WORK = _pinned.WORK.with_name("colab")
# Tests of the project's own tools, which nobody runs on Colab.
EXCLUDED = (
    *("benchmark", "browser", "doctor", "instructors", "notebooks", "pack"),
    *("pretraining", "project", "publish", "regenerate", "site"),
    *("site_browser", "start", "test", "workshop"),
)


def python() -> str:
    """Return the Python that has Colab's versions; the first call takes long.

    Raises:
        _venv.SetupError: they can't be installed; the message says why.
    """
    return _venv.set_up(str(VENV), str(LOCK))


def options() -> list[str]:
    """Return more options for pytest."""
    return [f"--ignore=tests/test_{name}.py" for name in EXCLUDED]
