"""Checkpoints: what lessons have trained and computed, in one ZIP file.

It holds the default photos, models, results and cached features under their
names in the project and, in `LIST`, the SHA-256 of each. `start.py
checkpoints` makes it.
"""

import json
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

from tqdm import tqdm

from helpers import downloads, paths, shared

LIST = "checkpoints.json"
PHOTOS, RESULTS = "data/surfaces/", "data/work/results/"
# Where the archives of a release are, and the SHA-256 of each, by the weights;
# `start.py publish` writes both.
ADDRESS = ""
SHA256: dict[str, str] = {}
# No part of a name begins with a dot, so that none leads elsewhere.
_NAME = re.compile(
    r"data/(?:surfaces|work/(?:models|features|results))(?:/\w[\w.-]*)+"
)


def archive(weights_name: str) -> Path:
    """Return where the archive for these weights is, or would be."""
    return paths.data() / f"checkpoints-{weights_name}.zip"


def photos() -> Path:
    """Return where the default photos are, or will be."""
    surfaces = shared.find("surfaces") or paths.data() / "surfaces"
    return (surfaces / "photos").resolve()


def add_released(weights_name: str) -> None:
    """Add the archive in the shared folder, in data/ or of the release.

    What goes wrong is printed, since the lessons can do without.
    """
    path = archive(weights_name)
    path = shared.find(path.name) or path
    try:
        if not path.is_file():
            if weights_name not in SHA256:
                return
            address = f"{ADDRESS}/{path.name}"
            downloads.fetch(address, path, SHA256[weights_name])
        add(path)
        print(f"Models of lessons 02 to 04 were taken from {path.name}.")
    except (ValueError, paths.WriteError) as error:
        print(f"Without checkpoints: {error}")


def add(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Put what an archive holds in its place; keep all that is there.

    Returns:
        What `LIST` says: `weights`, the name of those that the lessons
        started from; `dtype`, in which the features were computed; `files`,
        {name: SHA-256}. And the names of the files that were added.

    Raises:
        ValueError: it is no whole archive of checkpoints, a file in it is
            damaged or would lead elsewhere, or other default photos are here.
        helpers.paths.WriteError: the disk is full or may not be written.
    """
    try:
        with zipfile.ZipFile(path) as file:
            note = json.loads(file.read(LIST))
            digests = note["files"]
            targets = {name: _target(name) for name in digests}
            for name, target in targets.items():
                if name.startswith(PHOTOS) and target.is_file():
                    _require_same(target, digests[name])
            added = [name for name in targets if not targets[name].exists()]
            for name in tqdm(added, path.name, unit="file", file=sys.stdout):
                _extract(file, name, targets[name], digests[name])
    except (
        zipfile.BadZipFile,
        KeyError,
        FileNotFoundError,
        IsADirectoryError,
        PermissionError,  # what Windows says of a folder
    ) as error:
        raise ValueError(
            f"{path}: not a whole archive of checkpoints ({error}); copy or "
            "download it again."
        ) from None
    return note, added


def _target(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no file of the lessons, so nothing was taken from "
            "this archive; get one from the release."
        )
    folder, _, rest = name.removeprefix("data/").partition("/")
    return (paths.work() if folder == "work" else paths.data() / folder) / rest


def _require_same(photo: Path, expected: str) -> None:
    if downloads.digest(photo) != expected:
        raise ValueError(
            f"{paths.shown(photo)} is not the photo that the checkpoints were "
            f"made of: move {paths.shown(paths.data() / 'surfaces')} away and "
            "load them again."
        )


def _extract(
    file: zipfile.ZipFile, name: str, target: Path, expected: str
) -> None:
    with paths.atomic(target) as temporary:
        with file.open(name) as source, open(temporary, "wb") as copy:
            shutil.copyfileobj(source, copy)
        if downloads.digest(temporary) != expected:
            raise ValueError(
                f"{name} is not what the list in the archive says; copy or "
                "download the archive again."
            )
        if name.startswith(RESULTS):  # which name the folder of the photos
            entry = json.loads(temporary.read_bytes())
            entry["photos"] = str(photos())
            temporary.write_text(json.dumps(entry), encoding="utf-8")
