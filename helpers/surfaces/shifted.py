"""A second test set as after somebody remounted the camera."""

import collections
import hashlib
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from helpers import paths
from helpers.dataset import pipeline, splits
from helpers.paths import atomic
from helpers.surfaces import render


def shifted_test(folder, test):
    """Return a second test set for a folder of photos.

    For the default pictures it is `surfaces.shifted_folder`, and if a folder
    `remounted` lies beside your own, that. Otherwise the test photos are
    turned, flipped, brought closer or taken farther, and dimmed, and kept
    under data/work.

    Args:
        folder: the folder of class folders.
        test: its test part, a `dataset.Split`.

    Returns:
        A `dataset.Split` named "remounted".
    """
    folder = Path(folder).expanduser()
    if folder.resolve() == (paths.data() / "surfaces" / "photos").resolve():
        render.shifted_folder()
    beside = folder.parent / "remounted"
    if beside.is_dir():
        return splits.whole_folder(beside, test.class_names)
    names = [test.class_names[label] for label in test.labels]
    # A mended label makes another set: a picture lies in one class alone.
    key = hashlib.sha256(repr([test.keys, names]).encode()).hexdigest()[:16]
    place = paths.work() / "remounted" / key / "remounted"
    copies = collections.Counter()
    for path, name, digest in tqdm(
        list(zip(test.paths, names, test.keys, strict=True)),
        desc="remounting",
        unit="photo",
        file=sys.stdout,
    ):
        # Two photos may share a name (a/1.jpg, b/1.jpg), and copies that
        # somebody has let in share their content: each is turned otherwise.
        copy = copies[digest]
        copies[digest] += 1
        file = place / name / f"{digest[:32]}-{copy}.png"
        if not file.is_file():
            rng = np.random.default_rng([int(digest, 16), copy])
            with atomic(file) as temporary:
                _turned(pipeline.load_photo(path).numpy(), rng).save(
                    temporary, "png"
                )
    return splits.whole_folder(place, test.class_names)


def _turned(pixels, rng):
    """Return the photo as another mounting of the camera would show it."""
    side = pipeline.SIZE
    wide = np.pad(pixels, ((side, side), (side, side), (0, 0)), "reflect")
    image = Image.fromarray(wide).rotate(
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
