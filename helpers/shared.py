"""What many learners read and none writes: pictures, weights, activations.

The environment variable WORKBOOK_SHARED names a folder laid out like data/.
What a lesson would draw, download or compute is looked for there first;
what it lacks goes into the learner's own data/. `fill` makes the folder and
notes a digest of each thing, so that nothing is used that is damaged or was
made by another version of this project. Cached features need no
digest: their names and check sums say the same.
"""

import functools
import hashlib
import json
import os
import shutil
from pathlib import Path

from helpers.paths import ROOT, atomic

VARIABLE = "WORKBOOK_SHARED"
DIGESTS = "digests.json"
ACTIVATIONS = "work/activations"
# What is drawn changes with the code that draws it.
RENDERED_BY = {"surfaces": ROOT / "helpers" / "surfaces.py"}


def folder():
    """Return the shared folder, or None where there is none."""
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    if not os.path.isdir(named):  # nor one that may be read
        _say_missing(named)
        return None
    return Path(named)


@functools.cache
def _say_missing(named):
    print(
        f"{VARIABLE} names {named}, and there is no such folder: everything "
        "is made anew for you alone."
    )


def find(name):
    """Return where the shared folder holds a file or a folder, or None.

    None means that it isn't there; or that it is not what was put there or
    was made by other code than this, then a line says so.

    Args:
        name: its path within data/, such as "work/weights/some.h5".
    """
    place = folder()
    if place is None:
        return None
    try:
        noted = json.loads((place / DIGESTS).read_text(encoding="utf-8"))
        if name not in noted:
            return None
        if noted[name] == _digest(place / name, RENDERED_BY.get(name)):
            return place / name
    except FileNotFoundError:
        if not (place / name).exists():
            return None
    except (OSError, ValueError, TypeError):
        pass
    print(
        f"{name} in the shared folder is damaged, or of another version of "
        "this project; it is passed over."
    )
    return None


def fill(place, data, work, weights=()):
    """Copy what lessons drew, fetched and computed into a shared folder.

    What is there of the same name is replaced, in one step each.

    Args:
        place: the shared folder; made if it isn't there.
        data: the data/ of who ran the lessons, a `pathlib.Path`.
        work: what they use in place of data/work, another.
        weights: files of weights that lie elsewhere, such as in Keras'
            cache.

    Raises:
        ValueError: `place` holds something else.
        helpers.paths.WriteError: it can't be written.
    """
    place = Path(place)
    if place.is_dir() and any(place.iterdir()):
        if not (place / DIGESTS).is_file():
            raise ValueError(
                f"{place}: this folder holds something else; name an empty "
                "one, or one that was filled before."
            )
    found = {name: data / name for name in ("surfaces", "flower_photos")}
    found["work/precision.json"] = work / "precision.json"
    # What begins with a dot is only half written.
    for path in [*sorted((work / "weights").glob("[!.]*.h5")), *weights]:
        found[f"work/weights/{path.name}"] = path
    digests = {}
    for name, path in found.items():
        if path.exists():
            _copy(path, place / name)
            digests[name] = _digest(place / name, RENDERED_BY.get(name))
    for path in sorted((work / "activations").glob("[!.]*.npy")):
        _copy(path, place / ACTIVATIONS / path.name)
    with atomic(place / DIGESTS) as temporary:
        temporary.write_text(json.dumps(digests, indent=1), encoding="utf-8")
    _let_all_read(place)


def _copy(path, to):
    with atomic(to) as temporary:
        if path.is_dir():
            shutil.copytree(path, temporary)
        else:
            shutil.copyfile(path, temporary)


def _let_all_read(place):
    for path in [place, *place.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def _digest(path, source=None):
    """Return the SHA-256 of a file, or of all names and files of a folder.

    Args:
        path: of the file or the folder.
        source: a file of code that counts as well, or None.
    """
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    digest = hashlib.sha256(source.read_bytes() if source else b"")
    for file in files:
        if file.is_file():
            with open(file, "rb") as content:
                its = hashlib.file_digest(content, "sha256").hexdigest()
            name = file.relative_to(path).as_posix()
            digest.update(f"{name} {its}\n".encode())
    return digest.hexdigest()
