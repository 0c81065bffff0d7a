"""What a notebook runs with when its outputs are made or compared.

Decided here alone, so that `test` compares with what `regenerate` wrote.
"""

import os
import shutil

from helpers.network import starter
from helpers.paths import ROOT

NOTEBOOKS = ROOT / "notebooks"
WORK = ROOT / "data" / "work" / "pinned"


def notebooks():
    """Return the paths of the lessons, in the order they are run."""
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def environment():
    """Return the environment variables as a new dictionary.

    The weights are the starter weights if they are there, else random ones:
    never ImageNet's, which not everyone can download. What the lessons keep
    goes to a folder apart from the learner's, and nothing that others have
    made is taken.
    """
    return {
        **os.environ,
        "WORKBOOK_WEIGHTS": "starter" if starter.FILE.is_file() else "random",
        "WORKBOOK_WORK": str(WORK),
        "WORKBOOK_SHARED": "",
    }


def forget_journal(work):
    """Remove what the lessons wrote for each other in earlier runs.

    A first lesson would show the results of a last one of the day before.
    Activations stay: their names change with all that they depend on.

    Args:
        work: the folder of what the lessons keep, such as `WORK`.
    """
    shutil.rmtree(work / "journal", ignore_errors=True)
