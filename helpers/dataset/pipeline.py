"""From lists of photos to decoded, resized and batched pixels."""

import functools
import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from helpers.dataset import check_cache
from helpers.dataset.decoding import SIZE, UnusableError
from helpers.dataset.splits import Split
from helpers.text import one_line

READING = "Pillow"  # changes when `load_photo` gives other pixels


def load_photo(path: str | tf.Tensor, shape: str = "squeeze") -> tf.Tensor:
    """Read a photo as 299×299 pixels.

    Args:
        path: a file name, as a string or a scalar string tensor.
        shape: what becomes of a long photo: "squeeze" stretches it into the
            square, "crop" cuts its ends off, "pad" adds black bars.

    Returns:
        A uint8 tensor of shape (299, 299, 3), values 0-255, RGB.

    Raises:
        ValueError: the file can't be read as a photo; within `tf.data`, a
            tf.errors.InvalidArgumentError that says so.
    """
    if isinstance(path, str):
        return tf.constant(_load(path, shape))
    load = functools.partial(_load, shape=shape)
    photo = tf.numpy_function(load, [path], tf.uint8)
    return tf.ensure_shape(photo, (SIZE, SIZE, 3))


def _load(path: Any, shape: str) -> npt.NDArray[np.uint8]:
    # TensorFlow gives bytes, or an array that holds them.
    file = os.fsdecode(np.asarray(path, object).item())
    try:
        return check_cache.pixels(file, shape)
    except UnusableError as error:
        raise ValueError(one_line(f"{file}: {error}")) from None


def load_photos(
    paths: Iterable[str], shape: str = "squeeze"
) -> npt.NDArray[np.uint8]:
    """Read photos into memory: (n, 299, 299, 3), values 0-255."""
    return np.stack([_load(path, shape) for path in paths])


def single_pass(split: Split, batch_size: int = 16) -> tf.data.Dataset:
    """Return a split as batches of pixels and labels, in its order.

    It is meant for one pass: nothing stays in memory.

    Returns:
        A `tf.data.Dataset` of (uint8 (b, 299, 299, 3) 0-255, int64 (b,)).

    Raises:
        ValueError: a photo is gone or another one since it was checked.
    """
    ds = _decoded(split).batch(batch_size).prefetch(2)
    return ds.with_options(no_autotuning())


def no_autotuning() -> tf.data.Options:
    """Return options under which a pass ends when it is done.

    The autotuner of tf.data wakes 10, 20, 40, ... milliseconds after a pass
    began, and (TensorFlow 2.21) a pass that is done often waits for it to
    wake once more: up to as long as the pass took.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def _decoded(split: Split):
    """Return pixels and labels of photos that nobody changed since."""
    for path, key in zip(split.paths, split.keys, strict=True):
        try:
            if check_cache.is_unchanged(path, key):
                continue
            what = "holds another photo"
        except OSError:
            what = "can no longer be read"
        raise ValueError(
            f"{one_line(path)} {what} since the folder was checked: run the "
            "cell with dataset.check again, and those after it."
        )

    def load(path: tf.Tensor, label: tf.Tensor):
        return load_photo(path, split.shape), label

    ds = tf.data.Dataset.from_tensor_slices((split.paths, split.labels))
    return ds.map(load, num_parallel_calls=os.cpu_count())
