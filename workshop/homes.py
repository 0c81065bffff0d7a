"""A home for each learner: a copy of the lessons that nobody else may read.

A home belongs to a user id that has no account; so nothing needs to be
created on the machine, nor removed from it. The id is
stored only as the owner of the folder. Linux and macOS, as root.
"""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRST_ID = 50001  # above the accounts of most machines, below reserved ids
# The files and folders of this project that a learner gets.
CONTENTS = (
    *("LICENSE", "data/README.md", "data/experiments", "data/starter"),
    "data/surfaces.jpg",
    *("helpers", "notebooks", "scale"),
)


def ready(home: Path) -> int:
    """Return the user id of a learner, whose home is made the first time.

    The files of an existing home are never changed.

    Args:
        home: the learner's folder, a `pathlib.Path`; the homes of all lie
            side by side.
    """
    if home.is_dir():
        return _owner(home)
    home.parent.mkdir(parents=True, exist_ok=True)
    number = _free_id(home.parent)
    # The home appears when it is complete and belongs to the learner.
    temporary = home.with_name(f".part-{home.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(mode=0o700)
    for name in CONTENTS:
        _copy(ROOT / name, temporary / "workbook" / name)
    for path in [*temporary.rglob("*"), temporary]:
        os.chown(path, number, number)
    temporary.rename(home)
    return number


def _owner(path: Path):
    return path.stat().st_uid


def _free_id(homes: Path):
    """Return the next user id that neither a home nor an account has."""
    used_ids = {_owner(path) for path in homes.iterdir()}
    number = max({FIRST_ID - 1} | used_ids) + 1
    while _has_account(number):
        number += 1
    return number


def _has_account(number: int):
    import pwd  # there is none on Windows

    try:
        pwd.getpwuid(number)
    except KeyError:
        return False
    return True


def _copy(path: Path, target: Path):
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        ignore = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(path, target, ignore=ignore)
    else:
        shutil.copy(path, target)
