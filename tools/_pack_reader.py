"""Reads a pack, the folder that tools/pack.py makes, and copies from it.

Only the standard library is imported, and Python 3.7 can read this file:
see start.py. Files of a pack have names relative to its folder, with `/` on
every system.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from typing import Iterable

MANIFEST = "MANIFEST.json"  # {"files": {name: [bytes, SHA-256]}}
READ_FIRST = "READ_ME_FIRST.txt"
LOCK = "requirements.lock"
EDITION = "data/surfaces/edition.txt"  # see helpers/surfaces/render.py
WHEELS = "wheels"  # a folder of packages for each platform and Python in it
NEW = "inception-workbook"  # the workbook that is made from a pack
PLATFORMS = {
    ("Linux", "x86_64"): "linux_x86_64",
    ("Linux", "aarch64"): "linux_aarch64",
    ("Windows", "AMD64"): "win_amd64",
    ("Darwin", "arm64"): "macosx_arm64",
}


class PackError(Exception):
    """One sentence: what is wrong with a pack and what to do."""


def containing(root: str) -> str | None:
    """Return the folder `root` if it is a pack, otherwise None."""
    is_pack = os.path.exists(os.path.join(root, MANIFEST))
    return os.path.realpath(root) if is_pack else None


def files(pack: str | os.PathLike[str]) -> dict[str, tuple[int, str]]:
    """Return {name: [bytes, SHA-256]} of the files of a pack."""
    try:
        with open(os.path.join(pack, MANIFEST), encoding="utf-8") as file:
            facts = dict(json.load(file)["files"])
        for name in facts:
            # A file must not be written outside the folder.
            if name.startswith("/") or ":" in name or "\\" in name:
                raise ValueError(name)
            if ".." in name.split("/"):
                raise ValueError(name)
        return facts
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise PackError(
            f"{pack} is not a complete pack: it has no readable {MANIFEST}, "
            "which is written last. Check that it is the right folder, or "
            "make or copy the pack again."
        ) from None


def path_of(folder: str | os.PathLike[str], name: str) -> str:
    """Return the path of the file `name` of a pack in a folder."""
    return os.path.join(folder, *name.split("/"))


def digest(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file as a hex string."""
    sha256 = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(2**20), b""):
            sha256.update(chunk)
    return sha256.hexdigest()


def is_intact(path: str | os.PathLike[str], size: int, sha256: str) -> bool:
    """Return whether a file exists with this size and hash."""
    try:
        return os.path.getsize(path) == size and digest(path) == sha256
    except OSError:
        return False  # missing, or on a stick that can't be read


def require_intact(pack: str | os.PathLike[str], names: Iterable[str]) -> None:
    """Raise PackError if any of these files of a pack is damaged."""
    facts = files(pack)
    damaged = [n for n in names if not is_intact(path_of(pack, n), *facts[n])]
    if damaged:
        more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        raise PackError(
            f"{path_of(pack, damaged[0])}{more}: damaged or missing in the "
            "pack; copy it again from where the pack was made (pack --copy "
            "FROM TO replaces only damaged files), then start again."
        )


def copy(source: str | os.PathLike[str], target: str) -> None:
    """Copy a file completely or not at all."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copyfile(source, target + ".part")
    os.replace(target + ".part", target)


def copy_missing(pack: str, root: str) -> None:
    """Copy the files of a pack that the folder `root` lacks.

    Files that exist stay as they are. Where there are pictures already, the
    note of the edition of the pack's pictures is not copied: it would be
    wrong for them.

    Raises:
        PackError: the pack is damaged, or of another version than `root`.
    """
    facts = files(pack)
    lock = os.path.join(root, LOCK)
    if os.path.exists(lock) and not is_intact(lock, *facts.get(LOCK, (0, 0))):
        raise PackError(
            f"The pack {pack} is of another version than {root}: go to "
            "another folder, and there start with the start.py of the pack."
        )
    skipped = {READ_FIRST}
    for pictures in ("photos", "remounted"):
        if os.path.isdir(os.path.join(root, "data", "surfaces", pictures)):
            skipped.add(EDITION)
    missing = [
        name
        for name in facts
        if not name.startswith(WHEELS + "/")
        and name not in skipped
        and not os.path.lexists(path_of(root, name))
    ]
    if not missing:
        return
    # The lock first: by it `new_folder` recognises the folder.
    missing.sort(key=lambda name: name != LOCK)
    size = sum(facts[name][0] for name in missing) / 1e6
    print(
        f"Copying {len(missing)} files ({size:.0f} MB) to {root} ...",
        flush=True,
    )
    require_intact(pack, missing)
    for name in missing:
        copy(path_of(pack, name), path_of(root, name))


def new_folder(pack: str) -> str:
    """Return the folder under the current one for the workbook of a pack.

    Raises:
        PackError: the current folder is in the pack, or the name is taken.
    """
    here = os.path.realpath(os.getcwd())
    if os.path.join(here, "").startswith(os.path.join(pack, "")):
        raise PackError(
            f"{here} is the pack itself: go to a folder on this computer's "
            f"own disk (cd ~), and there start {path_of(pack, 'start.py')}"
        )
    root = os.path.join(here, NEW)
    if os.path.exists(root) and not os.path.exists(os.path.join(root, LOCK)):
        if not os.path.isdir(root) or os.listdir(root):
            raise PackError(
                f"{root} holds something else: go to another folder, then "
                "start again."
            )
    return root


def platform_name() -> str:
    """Return what packs call this machine, for example "linux_x86_64"."""
    machine = (platform.system(), platform.machine())
    return PLATFORMS.get(machine, "_".join(machine).lower())


def python_versions(pack: str) -> list[tuple[int, ...]]:
    """Return the Pythons that a pack has packages for on this machine.

    Returns:
        A list such as [(3, 11), (3, 12)], never empty.

    Raises:
        PackError: the pack has no packages for this kind of machine.
    """
    prefix = platform_name() + "-"
    targets = {n.split("/")[1] for n in files(pack) if n.startswith(WHEELS)}
    versions = [
        t[len(prefix) :] for t in sorted(targets) if t.startswith(prefix)
    ]
    if not versions:
        raise PackError(
            f"The pack has no packages for {platform_name()}, only for "
            f"{', '.join(sorted(targets))}: make one with pack --platform "
            f"{platform_name()}, or start here with a network."
        )
    return [tuple(map(int, version.split("."))) for version in versions]


def wheels(pack: str, version: tuple[int, ...]) -> str:
    """Return the folder of the packages for this machine, after a check.

    Raises:
        PackError: there are none for this Python, or one is damaged.
    """
    name = f"{platform_name()}-{'.'.join(map(str, version))}"
    names = [n for n in files(pack) if n.startswith(f"{WHEELS}/{name}/")]
    if not names:
        raise PackError(
            f"The pack has no packages for {name}, the Python of .venv: "
            "rename .venv, or make a pack for that Python."
        )
    print("Checking the pack ...", flush=True)
    require_intact(pack, names)
    return os.path.join(pack, WHEELS, name)
