"""Saves the models and features of the lessons in one file, or loads them.

Without FILE, a ZIP file is made of the default photos, the models and results
of lessons 02 to 04, and cached features. With FILE, what is missing here is
taken from it; nothing is replaced.
"""

import argparse
import hashlib
import json
import os
import sys
import zipfile
from pathlib import Path

from helpers import (
    checkpoints,
    downloads,
    features,
    network,
    paths,
    results,
    setup,
    shared,
    surfaces,
)
from helpers.dataset import scan, splits
from helpers.features import storage
from helpers.network import weights
from helpers.surfaces import render
from tools import pack
from tools._venv import COMMAND

LESSONS = ("02_frozen_baseline", "03_fine_tuning", "04_augmentation")


def main(argv: list[str]) -> int:
    """Make an archive or load one; return the exit code."""
    parser = argparse.ArgumentParser(prog="checkpoints", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="to be loaded")
    parser.add_argument("--out", type=Path, help="where to make it")
    args = parser.parse_args(argv)
    try:
        if args.file:
            _load(args.file)
        else:
            path = make(args.out)
            print(
                f"{paths.shown(path)}: {path.stat().st_size / 1e6:.0f} MB. "
                f"Elsewhere, load it with {COMMAND} checkpoints {path.name}"
            )
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _load(path: Path) -> None:
    note, added = checkpoints.add(path)
    print(
        f"{len(added)} of {len(note['files'])} files were added, and what was "
        "here is kept. Lessons 05 to 07 need not run earlier ones; 03 to 08 "
        f"find features, which were computed in {note['dtype']}. Figures show "
        "the results of 02 to 04 as well."
    )
    name, choice = note["weights"], weights.read_choice()
    if choice is None or choice.name != name:
        print(
            f"All this is for the weights {name}: {COMMAND} --weights {name}"
        )


def make(out: Path | None = None) -> Path:
    """Make an archive, and return its path.

    Args:
        out: a file, or a folder in which it gets the name that lessons look
            for; by default that in data/.

    Raises:
        ValueError: a lesson was not run.
        helpers.paths.WriteError: it can't be written.
    """
    setup.tensorflow()
    os.environ.pop(shared.VARIABLE, None)  # what is in data/ counts
    name, photos = weights.choose().name, render.folder()
    missing = [x for x in LESSONS if not results.is_of(x, name, photos)]
    if missing:
        raise ValueError(
            f"Run all cells of {', '.join(missing)} first: there is no model "
            f"of the default photos from the weights {name}."
        )
    files = pack.pictures() | _features(photos)
    for path in map(paths.model_path, LESSONS):
        files[f"data/work/models/{path.name}"] = path
    digests = {name: downloads.digest(path) for name, path in files.items()}
    dtype = network.fastest_dtype().removeprefix("mixed_")
    note = {"weights": name, "dtype": dtype, "files": digests}
    usual = checkpoints.archive(name)
    if out is None:
        out = usual
    elif out.is_dir():
        out = out / usual.name
    with (
        paths.atomic(out) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for inside, path in files.items():
            archive.write(path, inside)
        for path in (results.entry_path(x, name) for x in LESSONS):
            # On other machines the photos are in another folder.
            entry = json.loads(path.read_bytes()) | {"photos": ""}
            content = json.dumps(entry).encode()
            inside = checkpoints.RESULTS + path.name
            archive.writestr(inside, content)
            digests[inside] = hashlib.sha256(content).hexdigest()
        archive.writestr(checkpoints.LIST, json.dumps(note))
    return out


def _features(photos: Path) -> dict[str, Path]:
    """Return the features to keep, {name in the archive: path}.

    They are those of all sets of photos at the cut of lessons 03 to 08.
    Augmented copies are left out: they would double the size.
    """
    model, _ = network.saving.load(paths.model_path(LESSONS[-1]))
    _, lower, _ = model.layers
    parts = splits.split(scan.check(photos), render.FRACTIONS)
    parts += [surfaces.shifted_split(photos, part) for part in parts[1:]]
    files = {}
    for part in parts:
        maps = features.extract(lower, part)
        assert isinstance(maps, storage.ChunkedArray)
        for path in maps.paths:
            files[f"data/work/features/{path.name}"] = path
    return files
