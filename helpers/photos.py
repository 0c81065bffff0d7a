"""From a folder of photos to checked, split and batched photos.

A folder holds one folder for each class, and the photos of the class in it.
Nothing in it is ever changed: a photo that would hurt is left out of the
lists made here, and named.
"""

import collections
import csv
import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from helpers.files import WORK, atomic

SIZE = 299  # pixels on each side, what Inception v3 was made for
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")  # what Keras lists
FEW = 20  # photos of a class below which a result says little
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Photo:
    """One photo: its file, class, content hash and size in pixels."""

    path: Path
    class_name: str
    sha256: str
    width: int
    height: int


@dataclass(frozen=True)
class Problem:
    """What is wrong with a file or a class, and what to do.

    `files` is how many files it is about.
    """

    name: str
    problem: str
    left_out: bool
    advice: str
    files: int = 1


@dataclass(frozen=True)
class Folder:
    """A checked folder: the photos fit for use, and the problems found."""

    path: Path
    class_names: tuple
    photos: tuple
    problems: tuple

    def counts(self):
        """Return {class name: number of photos fit for use}."""
        counted = collections.Counter(p.class_name for p in self.photos)
        return {name: counted[name] for name in self.class_names}

    def report(self):
        """Print classes, counts, sizes and every problem."""
        left_out = sum(p.files for p in self.problems if p.left_out)
        print(
            f"{len(self.photos)} photos of {len(self.class_names)} classes "
            f"fit for use, {left_out} files left out"
        )
        for name, count in self.counts().items():
            print(f"  {name:<16} {count:>6}")
        sizes = sorted({(p.width, p.height) for p in self.photos})
        (w, h), (wide, high) = sizes[0], sizes[-1]
        print(
            f"sizes: {w}×{h} pixels"
            + (f" to {wide}×{high}" if len(sizes) > 1 else ", all alike")
        )
        for p in self.problems:
            out = "left out" if p.left_out else "kept"
            print(f"- {p.name}: {p.problem} ({out}). {p.advice}")
        if not self.problems:
            print("nothing to mend")


@dataclass(frozen=True)
class Part:
    """Photos of one part of a split.

    `paths` is a list of n file names, `labels` an int64 array of shape (n,)
    with places in `class_names`, `keys` a list of n content hashes.
    """

    name: str
    class_names: tuple
    paths: list
    labels: np.ndarray
    keys: list

    def __len__(self):
        return len(self.paths)

    def take(self, places):
        """Return a part of the photos at these places, in their order."""
        return Part(
            self.name,
            self.class_names,
            [self.paths[place] for place in places],
            self.labels[places],
            [self.keys[place] for place in places],
        )


def check(folder):
    """Read every file of a folder of class folders; return a `Folder`.

    Each photo is decoded once, by the function that training uses, so what
    passes here does not stop an epoch there.

    Args:
        folder: the folder that holds the class folders.

    Raises:
        ValueError: the folder is missing, or there are not at least two
            classes with a photo.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise ValueError(
            f"{folder}: there is no such folder; give the folder that holds "
            "one folder of photos for each class."
        )
    photos, problems = [], []
    # The bar shows only where the wait is worth one.
    files = tqdm(
        sorted(folder.glob("*/*")),
        desc="reading the folder",
        unit="file",
        file=sys.stdout,
        delay=5,
    )
    for file in files:
        if file.name.startswith(".") or not file.is_file():
            continue
        found = _read(file)
        (photos if isinstance(found, Photo) else problems).append(found)
    photos, doubles = _without_doubles(photos)
    problems += doubles
    class_names = tuple(sorted({p.class_name for p in photos}))
    if len(class_names) < 2:
        raise ValueError(
            f"{folder}: found {len(class_names)} class folders with photos "
            "in them, and telling classes apart takes two; put the photos "
            "of each class into a folder of its own in here."
        )
    for name, count in collections.Counter(
        p.class_name for p in photos
    ).items():
        if count < FEW:
            problems.append(
                Problem(
                    name,
                    f"only {count} photos",
                    False,
                    f"Add photos until there are {FEW} or more.",
                )
            )
    return Folder(folder, class_names, tuple(photos), tuple(problems))


def _read(file):
    """Return the `Photo` in a file, or the `Problem` with it."""
    name = f"{file.parent.name}/{file.name}"
    if file.suffix.lower() not in SUFFIXES:
        return Problem(
            name,
            f"{file.suffix or 'no suffix'} is not read here",
            True,
            f"Save it as one of {' '.join(SUFFIXES)} to use it.",
        )
    content = file.read_bytes()
    try:
        height, width = tf.io.decode_image(
            content, channels=3, expand_animations=False
        ).shape[:2]
    except tf.errors.InvalidArgumentError:
        what = "cannot be decoded" if content else "the file is empty"
        return Problem(
            name, what, True, "Copy it again from where it came from."
        )
    key = hashlib.sha256(content).hexdigest()
    return Photo(file, file.parent.name, key, width, height)


def _without_doubles(photos):
    """Return the photos without exact copies, and a `Problem` for each."""
    same = collections.defaultdict(list)
    for photo in photos:
        same[photo.sha256].append(photo)
    kept, problems = [], []
    for copies in same.values():
        names = [f"{p.class_name}/{p.path.name}" for p in copies]
        if len({p.class_name for p in copies}) > 1:
            problems.append(
                Problem(
                    " = ".join(names),
                    "the same picture under two labels",
                    True,
                    "Delete the copy in the wrong class to use the other.",
                    len(names),
                )
            )
            continue
        kept.append(copies[0])
        problems += [
            Problem(name, f"a copy of {names[0]}", True, "Nothing to do.")
            for name in names[1:]
        ]
    return kept, problems


def place(key, shares):
    """Return the part that a content hash belongs to.

    The hash alone decides: a photo keeps its part when others are added,
    when it is renamed, and on any machine; copies always fall together.
    The idea is that of TensorFlow's retrain.py, which hashed file names.

    Args:
        key: SHA-256 of the file as a hex string.
        shares: three positive numbers, the shares of `PARTS`.
    """
    point = int(key[:15], 16) / 16**15 * sum(shares)
    if point < shares[0]:
        return PARTS[0]
    return PARTS[1] if point < shares[0] + shares[1] else PARTS[2]


def split(found, shares):
    """Split a checked folder; return the parts train, validation and test.

    The photos of a part are in the order of their hashes, which is fixed
    and mixes the classes. The split is written down as a manifest (see
    `manifest_path`).

    Args:
        found: a `Folder` from `check`.
        shares: three positive numbers, for example (60, 20, 20).

    Raises:
        ValueError: shares are not three positive numbers, or a part would
            lack a class.
    """
    if len(shares) != 3 or min(shares) <= 0:
        raise ValueError(
            f"SHARES is {shares}; give three positive numbers for train, "
            "validation and test, such as (60, 20, 20)."
        )
    rows = [(place(p.sha256, shares), p) for p in found.photos]
    parts = []
    for name in PARTS:
        photos = sorted(
            (p for part, p in rows if part == name), key=lambda p: p.sha256
        )
        missing = set(found.class_names) - {p.class_name for p in photos}
        if missing:
            raise ValueError(
                f"{found.path}: the {name} part has no photo of "
                f"{', '.join(sorted(missing))}; add photos of that class."
            )
        parts.append(_part(name, found.class_names, photos))
    with atomic(manifest_path(found)) as manifest:
        with open(manifest, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["part", "class", "file", "sha256"])
            for part, p in rows:
                writer.writerow([part, p.class_name, p.path.name, p.sha256])
    return parts


def _part(name, class_names, photos):
    labels = [class_names.index(p.class_name) for p in photos]
    return Part(
        name,
        class_names,
        [str(p.path) for p in photos],
        np.array(labels, "int64"),
        [p.sha256 for p in photos],
    )


def manifest_path(found):
    """Return where the split of a folder is written down (a CSV file)."""
    where = hashlib.sha256(str(found.path.resolve()).encode()).hexdigest()
    return WORK / "splits" / f"{found.path.name}-{where[:8]}.csv"


def whole(folder, class_names):
    """Return all photos of a folder as one `Part` named after the folder.

    Args:
        folder: a folder of class folders, as for `check`.
        class_names: the classes that the labels count in.

    Raises:
        ValueError: as `check`, or the folder has other classes.
    """
    found = check(folder)
    if found.class_names != tuple(class_names):
        raise ValueError(
            f"{folder}: its classes are {', '.join(found.class_names)}, not "
            f"{', '.join(class_names)}; give a folder with the same classes."
        )
    return _part(found.path.name, found.class_names, found.photos)


def pixels(path):
    """Read a photo as 299×299 pixels.

    Args:
        path: a file name, as a string or a scalar string tensor.

    Returns:
        A uint8 tensor of shape (299, 299, 3), values 0-255, RGB.
    """
    photo = tf.io.decode_image(
        tf.io.read_file(path), channels=3, expand_animations=False
    )
    photo = tf.image.resize(photo, (SIZE, SIZE), antialias=True)
    photo = tf.cast(tf.round(photo), tf.uint8)
    return tf.ensure_shape(photo, (SIZE, SIZE, 3))


def array(paths):
    """Read some photos into memory: uint8 (n, 299, 299, 3), 0-255.

    Args:
        paths: a list of n file names.
    """
    return np.stack([pixels(path) for path in paths])


def dataset(part, batch_size=16):
    """Return a part as batches of pixels and labels, in its order.

    This is the pipeline that lesson 01 builds, without its shuffling. After
    the first pass the pixels stay in memory, 0.27 MB a photo.

    Args:
        part: a `Part`.
        batch_size: photos in a batch.

    Returns:
        A `tf.data.Dataset` of (uint8 (b, 299, 299, 3) 0-255, int64 (b,)).
    """
    ds = _decoded(part).cache()
    return ds.batch(batch_size).prefetch(2).with_options(no_autotuning())


def single_pass(part, batch_size=16):
    """Return what `dataset` does, for one pass: nothing stays in memory."""
    ds = _decoded(part).batch(batch_size).prefetch(2)
    return ds.with_options(no_autotuning())


def no_autotuning():
    """Return `tf.data.Options` under which a pass ends when it is done.

    The autotuner of tf.data wakes 10, 20, 40, ... milliseconds after a pass
    began, and (TensorFlow 2.21) a pass that is done often waits for it to
    wake once more: up to as long as the pass took.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def _decoded(part):
    ds = tf.data.Dataset.from_tensor_slices((part.paths, part.labels))
    return ds.map(_labelled_pixels, num_parallel_calls=os.cpu_count())


def _labelled_pixels(path, label):
    return pixels(path), label
