"""Installs Sphinx, which builds the site and has its own lock."""

import importlib.util
import os

from helpers.paths import ROOT
from tools import _locks

LOCK = ROOT / "tests" / "site.lock"
# The variable in which `start.py test` passes on why it has no Sphinx.
REASON = "WORKBOOK_NO_SITE"


def why_not() -> str:
    """Return why the site can't be built, as a sentence, or ""."""
    if os.environ.get(REASON):
        return os.environ[REASON]
    names = ("sphinx", "myst_nb", "sphinx_book_theme")
    if not all(map(importlib.util.find_spec, names)):
        return f"Sphinx is missing; {LOCK.relative_to(ROOT)} has it."
    return ""


def install() -> str:
    """Install Sphinx; return why that failed, as a sentence, or ""."""
    return _locks.install(LOCK, "Sphinx")
