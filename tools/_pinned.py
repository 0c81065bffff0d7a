"""The fixed conditions under which notebooks are run by tools and tests.

So `test` compares with what `regenerate` has stored.
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
    missing: not everyone can download ImageNet's. Results are kept apart
    from the learner's own, and a shared folder is not used.
    """
    return {
        **os.environ,
        "WORKBOOK_WEIGHTS": "starter" if starter.FILE.is_file() else "random",
        "WORKBOOK_WORK": str(WORK),
        "WORKBOOK_SHARED": "",
    }


def forget_journal(work: Path) -> None:
    """Delete the results of earlier runs, which a first lesson would show.

    Activations stay: their names depend on all that they are made of.

    Args:
        work: the folder of the results, such as `WORK`.
    """
    shutil.rmtree(work / "journal", ignore_errors=True)
