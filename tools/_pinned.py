"""The fixed conditions under which tools and tests run the notebooks.

So `test` can compare outputs with those that `regenerate` has stored.
"""

import os
import shutil
from pathlib import Path

from helpers.network import starter
from helpers.paths import ROOT

NOTEBOOKS = ROOT / "notebooks"
WORK = ROOT / "data" / "work" / "pinned"


def notebooks() -> list[Path]:
    """Return the paths of the lessons, in their order."""
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def environment() -> dict[str, str]:
    """Return the environment variables as a new dictionary.

    The weights are the starter weights, or random ones where those are
    missing: not everyone can download ImageNet's. Results go to a separate
    folder from the learner's, and a shared folder is not used.
    """
    return {
        **os.environ,
        "WORKBOOK_WEIGHTS": "starter" if starter.FILE.is_file() else "random",
        "WORKBOOK_WORK": str(WORK),
        "WORKBOOK_SHARED": "",
    }


def delete_results(work: Path) -> None:
    """Delete the results log of earlier runs, which lesson 00 would show.

    Cached features stay: their names depend on all that they are made of.
    """
    shutil.rmtree(work / "results", ignore_errors=True)
