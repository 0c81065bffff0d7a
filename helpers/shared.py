"""What many learners read and none writes: photos, weights, features.

The environment variable WORKBOOK_SHARED names a folder laid out like data/.
What a lesson would render, download or compute is looked for there first;
what it lacks goes into the learner's own data/. `fill` makes the folder and
records a digest of each entry, so that nothing damaged is used. Cached
features need none: their names and checksums do the same.
"""

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from helpers.paths import atomic

VARIABLE = "WORKBOOK_SHARED"
DIGESTS = "digests.json"
FEATURES = "work/features"


def folder() -> Path | None:
    """Return the shared folder, or None if there is none."""
    path = os.environ.get(VARIABLE)
    if not path:
        return None
    if not os.path.isdir(path):  # nor one that may be read
        _print_missing(path)
        return None
    return Path(path)


@functools.cache
def _print_missing(path: Path):
    print(
        f"{VARIABLE} names {path}, and there is no such folder: everything "
        "is computed for you alone."
    )


def find(name: str) -> Path | None:
    """Return where the shared folder holds a file or a folder, or None.

    If it is there but damaged, a line says so.

    Args:
        name: its path within data/, such as "work/weights/some.h5".
    """
    shared_folder = folder()
    if shared_folder is None:
        return None
    path = shared_folder / name
    try:
        digests = json.loads((shared_folder / DIGESTS).read_text("utf-8"))
        if name not in digests:
            return None
        if digests[name] == _digest(path):
            return path
    except FileNotFoundError:
        if not path.exists():
            return None
    except (OSError, ValueError, TypeError):
        pass
    print_ignored(name)
    return None


def print_ignored(name: str) -> None:
    """Say that an entry of the shared folder is not used."""
    print(
        f"{name} in the shared folder is damaged, or of another version of "
        "this project; it is ignored."
    )


def fill(
    shared_folder: str | Path,
    data: Path,
    work: Path,
    weights: Iterable[Path] = (),
) -> None:
    """Copy what lessons rendered, fetched and computed into a shared folder.

    Entries of the same name are replaced, in one step each.

    Args:
        shared_folder: made if it isn't there.
        data: the data/ of who ran the lessons.
        work: the folder in place of data/work.
        weights: files of weights elsewhere, such as in Keras' cache.

    Raises:
        ValueError: `shared_folder` holds something else.
        helpers.paths.WriteError: it can't be written.
    """
    shared_folder = Path(shared_folder)
    if shared_folder.is_dir() and any(shared_folder.iterdir()):
        if not (shared_folder / DIGESTS).is_file():
            raise ValueError(
                f"{shared_folder}: this folder holds something else; name an "
                "empty one, or one that was filled before."
            )
    sources = {name: data / name for name in ("surfaces", "flower_photos")}
    sources["work/dtype.json"] = work / "dtype.json"
    # A dot begins the name of what is only partly written.
    for path in [*sorted((work / "weights").glob("[!.]*.h5")), *weights]:
        sources[f"work/weights/{path.name}"] = path
    digests = {}
    for name, path in sources.items():
        if path.exists():
            _copy(path, shared_folder / name)
            digests[name] = _digest(shared_folder / name)
    for path in sorted((work / "features").glob("[!.]*.npy")):
        _copy(path, shared_folder / FEATURES / path.name)
    with atomic(shared_folder / DIGESTS) as temporary:
        temporary.write_text(json.dumps(digests, indent=1), encoding="utf-8")
    for path in [shared_folder, *shared_folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def _copy(source: Path, target: Path):
    with atomic(target) as temporary:
        if source.is_dir():
            shutil.copytree(source, temporary)
        else:
            shutil.copyfile(source, temporary)


def _digest(path: Path):
    """Return the SHA-256 of a file, or of all names and files of a folder."""
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    digest = hashlib.sha256()
    for file in files:
        if file.is_file():
            with open(file, "rb") as content:
                file_digest = hashlib.file_digest(content, "sha256")
            name = file.relative_to(path).as_posix()
            digest.update(f"{name} {file_digest.hexdigest()}\n".encode())
    return digest.hexdigest()
