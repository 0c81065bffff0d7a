"""Finds the browser for the tests, and installs Playwright, which drives it.

Playwright has its own lock, which only `start.py test` installs: learners do
not need it.
"""

import importlib.util
import os
import shutil

from helpers.paths import ROOT
from tools import _locks

LOCK = ROOT / "tests" / "browser.lock"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# The variable in which `start.py test` passes on why it has no browser.
REASON = "WORKBOOK_NO_BROWSER"


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
    """Install Playwright, if there is a browser.

    Nothing is installed twice, or outside .venv.

    Returns:
        Why it can't be installed, as a sentence, or "".
    """
    return _locks.install(LOCK, "Playwright") if path() else ""
