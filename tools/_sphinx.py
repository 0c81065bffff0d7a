"""Whether the site can be built: what builds it has a lock of its own."""

import importlib.util
import os

from helpers.paths import ROOT
from tools import _locks

LOCK = ROOT / "tests" / "site.lock"
REASON = "WORKBOOK_NO_SITE"  # who starts pytest may know why not


def why_not() -> str:
    """Return why the site can't be built, as a sentence, or ""."""
    if os.environ.get(REASON):
        return os.environ[REASON]
    names = ("sphinx", "myst_nb", "sphinx_book_theme")
    if not all(map(importlib.util.find_spec, names)):
        return f"Sphinx is missing; {LOCK.relative_to(ROOT)} has it."
    return ""


def install() -> str:
    """Install what builds the site; return why that failed, or ""."""
    return _locks.install(LOCK, "what builds the site")
