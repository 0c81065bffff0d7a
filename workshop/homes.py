"""The accounts of a workshop, and a home for each that nobody else may read.

A home belongs to a user id without an account on the machine, so that
nothing has to be created there or removed later. The id is stored only as
the owner of the folder. Linux, as root.
"""

import csv
import os
import secrets
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRST_ID = 50001  # above the accounts of most machines, below reserved ids
COUNT = 40  # accounts; those that nobody uses cost nothing
MADE = {"work", "surfaces", "flower_photos"}  # in data/; not copied
CHOICE = Path("data", "work", "weights.json")  # of the weights; copied


def make_accounts(path: Path) -> None:
    """Write `name,password` lines with random passwords to a CSV file."""
    lines = (
        f"learner-{number:02},{secrets.token_hex(6)}\n"
        for number in range(1, COUNT + 1)
    )
    path.write_text("".join(lines), encoding="utf-8")


def accounts(path: Path) -> dict[str, str]:
    """Return {name: password} of a CSV file; other lines are ignored."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = [[text.strip() for text in row] for row in csv.reader(file)]
    return {row[0]: row[1] for row in rows if len(row) == 2 and all(row)}


def ready(home: Path) -> int:
    """Return the user id of an account, whose home is made the first time.

    The files of an existing home are never changed.
    """
    if home.is_dir():
        return _owner(home)
    home.parent.mkdir(parents=True, exist_ok=True)
    number = _free_id(home.parent)
    # The home appears when it is complete and belongs to the learner.
    temporary = home.with_name(f".part-{home.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(mode=0o700)
    project = temporary / "workbook"
    shutil.copytree(ROOT, project, ignore=_not_copied)
    if (ROOT / CHOICE).is_file():
        (project / CHOICE).parent.mkdir()
        shutil.copyfile(ROOT / CHOICE, project / CHOICE)
    # start.py finds its packages here, and installs nothing.
    (project / ".venv").symlink_to(ROOT / ".venv")
    for path in [*temporary.rglob("*"), temporary]:
        os.chown(path, number, number, follow_symlinks=False)
    temporary.rename(home)
    return number


def _not_copied(folder: str, names: list[str]):
    made = MADE if Path(folder) == ROOT / "data" else set()
    hidden = {name for name in names if name.startswith(".")}
    return made | hidden | {"__pycache__"}


def _owner(path: Path):
    return path.stat().st_uid


def _free_id(homes: Path):
    """Return the next user id that neither a home nor an account has."""
    import pwd  # there is none on Windows

    used = {_owner(path) for path in homes.iterdir()}
    number = max({FIRST_ID - 1} | used) + 1
    taken = {account.pw_uid for account in pwd.getpwall()}
    while number in taken:
        number += 1
    return number
