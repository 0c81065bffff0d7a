"""A second test set, as if the camera had been remounted."""

import collections
import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from helpers import paths
from helpers.dataset import pipeline, splits
from helpers.surfaces import render


def shifted_test(folder: str | Path, test: splits.Split) -> splits.Split:
    """Return a shifted test set for a folder of photos.

    For the default photos it is `render.shifted_folder`, and if a folder
    `remounted` lies beside your own, that. Otherwise the test photos are
    rotated, flipped, brought closer or taken farther, and dimmed, and kept
    under data/work.

    Args:
        folder: the folder of class folders.
        test: its test set, a `dataset.Split`.

    Returns:
        A `dataset.Split` named "shifted".
    """
    folder = Path(folder).expanduser()
    if folder.resolve() == (paths.data() / "surfaces" / "photos").resolve():
        render.shifted_folder()
    beside = folder.parent / "remounted"
    if beside.is_dir():
        split = splits.whole_folder(beside, test.class_names, test.shape)
        return replace(split, name="shifted")
    labels = [test.class_names[label] for label in test.labels]
    # A corrected label makes another set, as its photo changes folders.
    key = hashlib.sha256(repr([test.key, labels]).encode()).hexdigest()[:16]
    shifted_folder = paths.work() / "remounted" / key / "remounted"
    copies: collections.Counter = collections.Counter()
    for path, label, digest in tqdm(
        list(zip(test.paths, labels, test.keys, strict=True)),
        desc="shifted test set",
        unit="photo",
        file=sys.stdout,
    ):
        # Photos may share a name (a/1.jpg, b/1.jpg), and their content if
        # the user wants it: each copy is shifted in another way.
        copy = copies[digest]
        copies[digest] += 1
        file = shifted_folder / label / f"{digest[:32]}-{copy}.png"
        if not file.is_file():
            rng = np.random.default_rng([int(digest, 16), copy])
            pixels = pipeline.load_photo(path, test.shape).numpy()
            image = _shifted(pixels, rng)
            with paths.atomic(file) as temporary:
                image.save(temporary, "png")
    split = splits.whole_folder(shifted_folder, test.class_names)
    return replace(split, name="shifted")


def _shifted(pixels: NDArray[np.uint8], rng: Generator):
    """Return the photo as another mounting of the camera would show it."""
    side = pipeline.SIZE
    padded = np.pad(pixels, ((side, side), (side, side), (0, 0)), "reflect")
    image = Image.fromarray(padded).rotate(
        rng.uniform(0, 360), Image.Resampling.BILINEAR
    )
    half = side / 2 / rng.uniform(0.75, 1.3)
    middle = 1.5 * side
    box = (middle - half, middle - half, middle + half, middle + half)
    image = image.resize((side, side), Image.Resampling.BILINEAR, box)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    dimmed = np.asarray(image) * rng.uniform(*render.LIGHT)
    return Image.fromarray(dimmed.astype("uint8"))
