"""From lists of photos to decoded, resized and batched pixels."""

import os
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from helpers.dataset import check_cache, photo_file
from helpers.dataset.splits import Split
from helpers.text import one_line

SIZE = 299  # pixels on each side, what Inception v3 was made for
READING = "bit depth"  # changes when `load_photo` gives other pixels


def load_photo(path: str | tf.Tensor) -> tf.Tensor:
    """Read a photo as 299×299 pixels.

    Args:
        path: a file name, as a string or a scalar string tensor.

    Returns:
        A uint8 tensor of shape (299, 299, 3), values 0-255, RGB.
    """
    content = tf.io.read_file(path)
    photo = upright(photo_file.decode(content), content)
    photo = tf.image.resize(photo, (SIZE, SIZE), antialias=True)
    photo = tf.cast(tf.round(photo), tf.uint8)
    return tf.ensure_shape(photo, (SIZE, SIZE, 3))


def upright(photo: tf.Tensor, content: tf.Tensor) -> tf.Tensor:
    """Turn a photo as its camera was held (EXIF); decoding does not.

    Args:
        photo: pixels (height, width, 3).
        content: the bytes of its file, a scalar string tensor.
    """

    def orientation(content: bytes):
        # TensorFlow gives bytes, or an array that holds them.
        content = np.asarray(content, object).item()
        return np.int32(photo_file.orientation(content))

    return tf.switch_case(
        tf.numpy_function(orientation, [content], tf.int32) - 1,
        [
            lambda: photo,
            lambda: photo[:, ::-1],
            lambda: photo[::-1, ::-1],
            lambda: photo[::-1],
            lambda: tf.transpose(photo, (1, 0, 2)),
            lambda: tf.image.rot90(photo, 3),
            lambda: tf.transpose(photo[::-1, ::-1], (1, 0, 2)),
            lambda: tf.image.rot90(photo, 1),
        ],
    )


def load_photos(paths: Iterable[str]) -> npt.NDArray[np.uint8]:
    """Read photos into memory: (n, 299, 299, 3), values 0-255."""
    return np.stack([load_photo(path) for path in paths])


def batches(split: Split, batch_size: int = 16) -> tf.data.Dataset:
    """Return a split as batches of pixels and labels, in its order.

    This is the pipeline that lesson 01 builds, without its shuffling. After
    the first pass the pixels stay in memory, 0.27 MB a photo.

    Returns:
        A `tf.data.Dataset` of (uint8 (b, 299, 299, 3) 0-255, int64 (b,)).

    Raises:
        ValueError: a photo is gone or another one since it was checked.
    """
    ds = _decoded(split).cache().batch(batch_size).prefetch(2)
    return ds.with_options(no_autotuning())


def single_pass(split: Split, batch_size: int = 16) -> tf.data.Dataset:
    """Return what `batches` does, for one pass: nothing stays in memory."""
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
            what = "holds another picture"
        except OSError:
            what = "can no longer be read"
        raise ValueError(
            f"{one_line(path)} {what} since the folder was checked: run the "
            "cell with dataset.check again, and those after it."
        )
    ds = tf.data.Dataset.from_tensor_slices((split.paths, split.labels))
    return ds.map(_load_labelled, num_parallel_calls=os.cpu_count())


def _load_labelled(path: tf.Tensor, label: tf.Tensor):
    return load_photo(path), label
