"""Reads a pack, the folder that tools/pack.py makes, and copies from it.

Only the standard library is imported, and Python 3.7 can read this file:
see start.py. Files of a pack have names relative to its folder, with `/` on
every system. pip verifies the packages of a pack, by the hashes in the lock.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from typing import Any

# {"files": {name: SHA-256}, without the packages,
#  "targets": [such as "linux_x86_64-3.12"]}
MANIFEST = "MANIFEST.json"
READ_FIRST = "READ_ME_FIRST.txt"
LOCK = "requirements.lock"
EDITION = "data/surfaces/edition.txt"  # see helpers/surfaces/render.py
WHEELS = "wheels"  # the folder of the packages
NEW = "inception-workbook"  # the workbook that is made from a pack
PLATFORMS = {
    ("Linux", "x86_64"): "linux_x86_64",
    ("Linux", "aarch64"): "linux_aarch64",
    ("Windows", "AMD64"): "win_amd64",
    ("Darwin", "arm64"): "macosx_arm64",
}


class PackError(Exception):
    """One sentence: what is wrong with a pack and what to do."""


def is_pack(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, MANIFEST))


def manifest(pack: str) -> dict[str, Any]:
    """Return the manifest of a pack."""
    try:
        with open(os.path.join(pack, MANIFEST), encoding="utf-8") as file:
            content = json.load(file)
        for name in [*content["files"], *content["targets"]]:
            # A file must not be written outside the folder.
            if name.startswith("/") or ":" in name or "\\" in name:
                raise ValueError(name)
            if ".." in name.split("/"):
                raise ValueError(name)
        return content
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise PackError(
            f"{pack} is not a complete pack: it has no readable {MANIFEST}, "
            "which is written last. Check that it is the right folder, or "
            "make or copy the pack again."
        ) from None


def path_of(folder: str, name: str) -> str:
    """Return the path of the file `name` of a pack in a folder."""
    return os.path.join(folder, *name.split("/"))


def digest(path: str) -> str | None:
    """Return the SHA-256 of a file as a hex string, or None."""
    sha256 = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for chunk in iter(lambda: file.read(2**20), b""):
                sha256.update(chunk)
    except OSError:
        return None  # missing, or on a stick that can't be read
    return sha256.hexdigest()


def copy_missing(pack: str, root: str) -> None:
    """Copy the files of a pack that the folder `root` lacks.

    Files that exist stay as they are. Where there are pictures already, the
    note of the edition of the pack's pictures is not copied: it would be
    wrong for them.

    Raises:
        PackError: the pack is damaged, or of another version than `root`.
    """
    files = manifest(pack)["files"]
    lock = os.path.join(root, LOCK)
    if os.path.exists(lock) and digest(lock) != files.get(LOCK):
        raise PackError(
            f"The pack {pack} is of another version than {root}: go to "
            "another folder, and there start with the start.py of the pack."
        )
    skipped = {READ_FIRST}
    for pictures in ("photos", "remounted", "remounted-validation"):
        if os.path.isdir(os.path.join(root, "data", "surfaces", pictures)):
            skipped.add(EDITION)
    missing = [
        name
        for name in files
        if name not in skipped and not os.path.lexists(path_of(root, name))
    ]
    if missing:
        print(f"Copying {len(missing)} files to {root} ...", flush=True)
    for name in missing:
        if digest(path_of(pack, name)) != files[name]:
            raise PackError(
                f"{path_of(pack, name)}: damaged or missing in the pack; "
                "copy it again from where the pack was made, then start "
                "again."
            )
    # The lock first: by it `new_folder` recognises the folder.
    for name in sorted(missing, key=lambda name: name != LOCK):
        target = path_of(root, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(path_of(pack, name), target + ".part")
        os.replace(target + ".part", target)


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
        raise PackError(
            f"{root} holds something else: go to another folder, then start "
            "again."
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
    targets = [t.rsplit("-", 1) for t in manifest(pack)["targets"]]
    versions = [v for machine, v in targets if machine == platform_name()]
    if not versions:
        raise PackError(
            f"The pack has no packages for {platform_name()}, only for "
            f"{', '.join(sorted({machine for machine, _ in targets}))}: make "
            f"one with pack --platform {platform_name()}, or start here with "
            "a network."
        )
    return [tuple(map(int, version.split("."))) for version in versions]
