"""What many learners read and none writes: photos, weights, features.

The environment variable WORKBOOK_SHARED names a folder laid out like data/.
What a lesson would render, download or compute is looked for there first;
what it lacks goes into the learner's own data/. `fill` makes the folder.
"""

import functools
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from helpers.paths import atomic

VARIABLE = "WORKBOOK_SHARED"
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
def _print_missing(path: str):
    print(
        f"{VARIABLE} names {path}, and there is no such folder: everything "
        "is computed for you alone."
    )


def find(name: str) -> Path | None:
    """Return where the shared folder holds a file or a folder, or None.

    Args:
        name: its path within data/, such as "work/weights/some.h5".
    """
    shared_folder = folder()
    if shared_folder and (shared_folder / name).exists():
        return shared_folder / name
    return None


def is_filled(shared_folder: Path) -> bool:
    """Return whether `fill` has made this folder."""
    return (shared_folder / FEATURES).is_dir()


def fill(
    shared_folder: str | Path,
    data: Path,
    work: Path,
    weights: Iterable[Path] = (),
) -> None:
    """Copy what lessons rendered, fetched and computed into a shared folder.

    Entries of the same name are replaced, in one step each.

    Args:
        work: the folder in place of data/work.
        weights: files of weights elsewhere, such as in Keras' cache.

    Raises:
        ValueError: `shared_folder` holds something else.
        helpers.paths.WriteError: it can't be written.
    """
    shared_folder = Path(shared_folder)
    is_used = shared_folder.is_dir() and any(shared_folder.iterdir())
    if is_used and not is_filled(shared_folder):
        raise ValueError(
            f"{shared_folder}: this folder holds something else; name an "
            "empty one, or one that was filled before."
        )
    (shared_folder / FEATURES).mkdir(parents=True, exist_ok=True)
    sources = {name: data / name for name in ("surfaces", "flower_photos")}
    sources["work/dtype.json"] = work / "dtype.json"
    # A dot begins the name of what is only partly written.
    for path in [*sorted((work / "weights").glob("[!.]*.h5")), *weights]:
        sources[f"work/weights/{path.name}"] = path
    for path in sorted((work / "features").glob("[!.]*.npy")):
        sources[f"{FEATURES}/{path.name}"] = path
    for name, path in sources.items():
        if path.exists():
            copy = shutil.copytree if path.is_dir() else shutil.copyfile
            with atomic(shared_folder / name) as temporary:
                copy(path, temporary)
    for path in [shared_folder, *shared_folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
