"""Whether the lessons can be opened in a browser, and with which.

Only the tests do it. What drives the browser is no learner's business: it
has a lock of its own, and `start.py test` alone installs it.
"""

import importlib.util
import os
import shutil

from helpers.paths import ROOT
from tools import _locks

LOCK = ROOT / "tests" / "browser.lock"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
REASON = "WORKBOOK_NO_BROWSER"  # who starts pytest may know why not


def path() -> str | None:
    """Return the path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def why_not() -> str:
    """Return why the browser tests can't run, as a sentence, or ""."""
    if os.environ.get(REASON):
        return os.environ[REASON]
    if not path():
        return "There is no Chromium on this computer."
    if not importlib.util.find_spec("playwright"):
        return f"Playwright is missing; {LOCK.relative_to(ROOT)} has it."
    return ""


def install() -> str:
    """Install what drives the browser, if there is one to be driven.

    Nothing is installed twice, nor into an environment that is not .venv.

    Returns:
        Why it can't be installed, as a sentence, or "".
    """
    return _locks.install(LOCK, "what drives Chromium") if path() else ""
