"""Packages of the tests in a browser, of the site, the app and the links.

The lessons do not need them: they have locks of their own, which only
`start.py test`, `site`, `app` and `publish` install.
"""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from helpers.paths import ROOT
from tools import _venv

BROWSER = ROOT / "tests" / "browser.lock"
SITE = ROOT / "tests" / "site.lock"
APP = ROOT / "tools" / "app.lock"
PUBLISH = ROOT / "tools" / "publish.lock"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium() -> str | None:
    """Return the path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def why_no_browser() -> str:
    """Return why the browser tests can't run, as a sentence, or ""."""
    if not chromium():
        return "There is no Chromium on this computer."
    return _missing(BROWSER, "playwright", "axe_playwright_python")


def why_no_site() -> str:
    """Return why the site can't be built, as a sentence, or ""."""
    return _missing(SITE, "sphinx", "myst_nb", "sphinx_book_theme")


def why_no_app() -> str:
    """Return why the app can't be opened, as a sentence, or ""."""
    return _missing(APP, "gradio")


def _missing(lock: Path, *modules: str):
    missing = [m for m in modules if not importlib.util.find_spec(m)]
    if not missing:
        return ""
    return f"{missing[0]} is missing; {lock.relative_to(ROOT)} has it."


def install(lock: Path) -> None:
    """Install a lock into .venv, unless that was done before.

    Nothing is installed into any other environment.

    Raises:
        SetupError: it can't be installed.
    """
    if os.path.realpath(sys.prefix) != os.path.realpath(_venv.VENV):
        return
    path = os.path.join(_venv.VENV, f"{lock.stem}.txt")
    stamp = _venv.digest(str(lock))
    if _venv.read(path) != stamp:
        _venv.say(f"Installing {lock.relative_to(ROOT)} ...")
        _venv.install(sys.executable, str(lock))
        _venv.write(path, stamp)
