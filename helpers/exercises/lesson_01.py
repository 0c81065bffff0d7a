"""The exercises of lesson 01."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from helpers.exercises.engine import Exercise, Test, Wrong

ask = partial(Exercise, "01_data_prep")


def _equal(*expected: float) -> Test:
    return lambda values: tuple(values) == expected


def _counts(batches_per_epoch: Callable[[int, int], Any]) -> list[Any]:
    return [batches_per_epoch(*sizes) for sizes in ((360, 32), (320, 32))]


q1 = ask(
    1,
    value=_counts,
    fill="-(-photos // batch_size)",
    right=_equal(12, 10),
    wrong=(
        Wrong(
            "photos // batch_size",
            _equal(11, 10),
            "That leaves out the last batch: 360 photos are 11 batches of 32 "
            "and one of 8.",
        ),
        Wrong(
            "photos // batch_size + 1",
            _equal(12, 11),
            "Where nothing is left over, that is one too many: 320 photos "
            "are exactly 10 batches of 32.",
        ),
        Wrong(
            "photos / batch_size",
            _equal(11.25, 10),
            "That is not a whole number. Round it up.",
        ),
        Wrong(
            "batch_size",
            _equal(32, 32),
            "That is the number of photos in a batch.",
        ),
    ),
    clue="math.ceil rounds up, after import math; so does -(-a // b).",
    more="`len` of a batched tf.data.Dataset gives the same number. Each "
    "batch is one step of the optimizer.",
)


def _texts(text_to_hash: Callable[[str], Any]) -> list[Any]:
    names = ("part17_left.jpg", "part17_right.jpg", "part170_left.jpg")
    return [text_to_hash(name) for name in names]


q2 = ask(
    2,
    value=_texts,
    fill='name.split("_")[0]',
    right=lambda texts: (
        all(isinstance(text, str) for text in texts)
        and texts[0] == texts[1] != texts[2]
    ),
    wrong=(
        Wrong(
            'hash(name.split("_")[0])',
            lambda texts: isinstance(texts[0], int),
            "Python's `hash` of a text differs in each new process, and a "
            "photo would change its split. Return the text.",
        ),
        Wrong(
            'name.split("_")',
            lambda texts: isinstance(texts[0], list),
            "That is a list. `split_of` needs a text.",
        ),
        Wrong(
            "name[:6]",
            lambda texts: texts[0] == texts[1] == texts[2],
            "part17 and part170 have the same text here. The number of "
            "digits varies; cut at the underscore.",
        ),
        Wrong(
            'name.split("_")[1]',
            lambda texts: texts[0] == texts[2],
            "Two parts have the same text: all left views would be in one "
            "split, all right views in another.",
        ),
        Wrong(
            "name",
            lambda texts: texts[0] != texts[1],
            "The two views of part17 have different texts, so they may be "
            "in different splits.",
        ),
    ),
    clue='"part17_left.jpg".split("_") is a list of two texts.',
    more="The text of a group may also be a patient, a video or a site; "
    "choose what new photos in use will not share with the training photos.",
)

_MANY = 960  # 60 batches of 16


def _epochs(pipeline: Callable[[tf.data.Dataset], Any]) -> list[list[Any]]:
    """Return the batches of two epochs of the numbers from 0.

    A second reading goes on counting: only cached numbers come again.
    """
    calls = itertools.count()

    def read(number: NDArray) -> NDArray:
        return number + next(calls) // _MANY * _MANY

    numbers = tf.data.Dataset.range(_MANY).map(
        lambda i: tf.ensure_shape(tf.numpy_function(read, [i], tf.int64), ())
    )
    ds = pipeline(numbers).take(2 * _MANY)  # it may repeat without end
    return [[np.asarray(batch) for batch in ds] for _ in range(2)]


def _is_batched(epochs: list[list[NDArray]]) -> bool:
    return all(batch.shape == (16,) for batch in epochs[0])


def _flat(epoch: list[NDArray]) -> NDArray:
    return np.concatenate([np.atleast_1d(batch) for batch in epoch])


def _members(epoch: list[NDArray]) -> set[tuple[int, ...]]:
    return {tuple(sorted(np.atleast_1d(batch))) for batch in epoch}


q3 = ask(
    3,
    value=_epochs,
    fill="ds.cache().shuffle(1000).batch(16)",
    right=lambda epochs: (
        _is_batched(epochs)
        and all(sorted(_flat(e)) == [*range(_MANY)] for e in epochs)
    ),
    wrong=(
        Wrong(
            "ds.cache().shuffle(1000)",
            lambda epochs: not _is_batched(epochs),
            "The batches do not have 16 photos each: `batch(16)` makes them.",
        ),
        Wrong(
            "ds.cache().batch(16)",
            lambda epochs: np.array_equal(_flat(epochs[0]), range(_MANY)),
            "The photos come in the order of the files, so a batch has "
            "photos of one class only.",
        ),
        Wrong(
            "ds.shuffle(1000).cache().batch(16)",
            lambda epochs: np.array_equal(_flat(epochs[0]), _flat(epochs[1])),
            "Both epochs have the same order. `cache` keeps what comes "
            "before it, so shuffle after it.",
        ),
        Wrong(
            "ds.cache().batch(16).shuffle(1000)",
            lambda epochs: _members(epochs[0]) == _members(epochs[1]),
            "That shuffles whole batches: the same 16 photos stay together. "
            "Shuffle first, then make batches.",
        ),
        Wrong(
            "ds.cache().shuffle(16).batch(16)",
            lambda epochs: all(
                photo < place + 300
                for place, photo in enumerate(_flat(epochs[0]))
            ),
            "No photo from the end of the list comes early. `shuffle` draws "
            "from a buffer; it must hold all photos.",
        ),
        Wrong(
            "ds.shuffle(1000).batch(16)",
            lambda epochs: min(_flat(epochs[1])) >= _MANY,
            "The second epoch reads every file again. `cache`, before "
            "`shuffle`, keeps what was read.",
        ),
    ),
    clue="Three methods, one after the other: keep in memory, mix, group.",
    more="The buffer of `shuffle` holds photos, or only their file names if "
    "you shuffle before reading; the latter suits large folders.",
)


def _ends(layer: keras.layers.Layer) -> NDArray:
    if not isinstance(layer, keras.layers.Layer):
        raise TypeError("a Keras layer is needed, such as Rescaling(…)")
    pixels = np.array([[0.0, 32767.5, 65535.0]], "float32")
    return np.asarray(layer(pixels))[0]


def _close(*expected: float) -> Test:
    return lambda ends: np.allclose(ends, expected, rtol=1e-3, atol=1e-3)


q4 = ask(
    4,
    value=_ends,
    fill="keras.layers.Rescaling(1 / 32767.5, offset=-1)",
    right=_close(-1, 0, 1),
    wrong=(
        Wrong(
            "keras.layers.Rescaling(1 / 127.5, offset=-1)",
            _close(-1, 256, 513),
            "The largest value entering the base is 513: this divisor is for "
            "pixels up to 255.",
        ),
        Wrong(
            "keras.layers.Rescaling(1 / 65535)",
            _close(0, 0.5, 1),
            "That gives 0…1, which is correct for other networks. For this "
            "one black is −1 and middle grey 0.",
        ),
        Wrong(
            "keras.layers.Rescaling(1 / 32767.5)",
            _close(0, 1, 2),
            "That gives 0…2: the correct width, but not centred on 0.",
        ),
        Wrong(
            "keras.layers.Rescaling(32767.5, offset=-1)",
            lambda ends: ends[-1] > 1e6,
            "`Rescaling` multiplies by its first number. Give it 1 divided "
            "by half the range.",
        ),
    ),
    clue="Rescaling(scale, offset) computes pixels * scale + offset.",
    more="Opening a 16-bit image as 8-bit is another trap: some readers cut "
    "off the lower bits, others everything above 255.",
)
