"""The photos of a split, as if the camera had been remounted."""

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


def shifted_split(folder: str | Path, split: splits.Split) -> splits.Split:
    """Return a shifted version of the validation or test set of a folder.

    For the default photos it is `render.shifted_folder`, photos of other
    parts. If a folder `remounted` (for the test set) or
    `remounted-validation` lies beside your own, it is that. Otherwise the
    photos of the split are rotated, flipped, brought closer or taken
    farther, dimmed, tinted and compressed, and kept under data/work.

    Returns:
        A `dataset.Split` named "shifted" and the name of the split.
    """
    folder, name = Path(folder).expanduser(), f"shifted {split.name}"
    set_name = "remounted"
    if split.name != "test":
        set_name += f"-{split.name}"
    if folder.resolve() == (paths.data() / "surfaces" / "photos").resolve():
        render.shifted_folder(set_name)
    beside = folder.parent / set_name
    if beside.is_dir():
        whole = splits.whole_folder(beside, split.class_names, split.shape)
        return replace(whole, name=name)
    labels = [split.class_names[label] for label in split.labels]
    # A corrected label makes another set, as its photo changes folders.
    key = hashlib.sha256(repr([split.key, labels]).encode()).hexdigest()[:16]
    shifted_folder = paths.work() / "remounted" / key / "remounted"
    for path, label, digest in tqdm(
        list(zip(split.paths, labels, split.keys, strict=True)),
        desc=name,
        unit="photo",
        file=sys.stdout,
    ):
        file = shifted_folder / label / f"{digest[:32]}-0.jpg"
        if not file.is_file():
            rng = np.random.default_rng([int(digest, 16), 0])
            pixels = pipeline.load_photo(path, split.shape).numpy()
            image = _shifted(pixels, rng)
            with paths.atomic(file) as temporary:
                image.save(
                    temporary, "jpeg", quality=render.QUALITY["remounted"]
                )
    whole = splits.whole_folder(shifted_folder, split.class_names)
    return replace(whole, name=name)


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
    light = rng.uniform(*render.LIGHT) * rng.uniform(*render.CAST, 3)
    return Image.fromarray((np.asarray(image) * light).astype("uint8"))
