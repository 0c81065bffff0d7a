"""The exercises of lesson 09."""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from helpers.exercises.engine import Exercise, Test, Wrong

ask = partial(Exercise, "09_scale_out")

PHOTOS, COUNT, INDEX = 70, 4, 1
OWN = [*range(INDEX, PHOTOS, COUNT)]


def _dealt(function: Callable[..., Any]) -> Any:
    """Return the batches of a worker, and how many photos it has decoded."""
    decoded = []

    def decode(path: tf.Tensor) -> tf.Tensor:
        def note(number: Any) -> Any:
            decoded.append(int(number))
            return number

        photo = tf.numpy_function(note, [path], tf.int64)
        return tf.ensure_shape(photo, ())

    ds = function(tf.data.Dataset.range(PHOTOS), decode, INDEX, COUNT)
    if not isinstance(ds, tf.data.Dataset):
        return ds  # the blank, or no dataset
    return [np.atleast_1d(x) for x in ds.as_numpy_iterator()], len(decoded)


def _has(sizes: list[int], decoded: int) -> Test:
    """Return a test for the sizes of the first batches, and the work."""
    return lambda value: (
        [len(batch) for batch in value[0][: len(sizes)]] == sizes
        and value[1] == decoded
    )


q1 = ask(
    1,
    value=_dealt,
    fill="ds.shard(count, index).map(decode).batch(16)",
    right=lambda value: (
        [len(batch) for batch in value[0]] == [16, len(OWN) - 16]
        and np.concatenate(value[0]).tolist() == OWN
        and value[1] == len(OWN)
    ),
    wrong=(
        Wrong(
            "ds.map(decode).shard(count, index).batch(16)",
            _has([16, len(OWN) - 16], PHOTOS),
            "Each worker decodes all photos here, and throws most of them "
            "away. Divide first, then decode.",
        ),
        Wrong(
            "ds.map(decode).batch(16).shard(count, index)",
            _has([16], PHOTOS),
            "That divides finished batches: each worker decodes all photos "
            "for them. Divide first, then decode.",
        ),
        Wrong(
            "ds.shard(count, index).map(decode)",
            _has([1, 1], len(OWN)),
            "Its own photos, and nothing decoded in vain; but one by one. "
            "The network takes batches.",
        ),
        Wrong(
            "ds.shard(index, count).map(decode).batch(16)",
            lambda error: isinstance(error, Exception),
            "`shard` takes the number of workers first, then which of them "
            "this one is.",
        ),
    ),
    clue="`tf.data.Dataset.shard` takes every n-th element, as `[index::"
    "count]` does. Which step should come first, so that nothing is decoded "
    "in vain?",
    more="Whatever comes before `shard` is done by every worker. So it stands "
    "directly after the list of files.",
)


class _Strategy:
    """Stands in for a strategy of four devices, and for what it trains."""

    num_replicas_in_sync = 4

    def __init__(self) -> None:
        self._is_inside = False
        self.trained: Any = None

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        self._is_inside = True
        yield
        self._is_inside = False

    def build(self) -> "_Model":
        return _Model(self, self._is_inside)


class _Model:
    def __init__(self, strategy: _Strategy, is_inside: bool) -> None:
        self._strategy, self._is_inside = strategy, is_inside

    def fit(
        self, x: Any, y: Any = None, batch_size: int = 32, **_: Any
    ) -> None:
        if isinstance(x, tf.data.Dataset):
            batch_size = len(next(iter(x))[0])
        self._strategy.trained = self._is_inside, batch_size


def _trained(function: Callable[..., Any]) -> Any:
    """Return whether a model was made in the scope, and its batch size."""
    strategy = _Strategy()
    result = function(strategy.build, strategy, np.zeros(256), np.zeros(256))
    return strategy.trained or result


SCOPE = "with strategy.scope():\n        model = build()\n    "
FIT = "model.fit(x, y, batch_size=32{})"
ALL = " * strategy.num_replicas_in_sync"

q2 = ask(
    2,
    value=_trained,
    fill=SCOPE + FIT.format(ALL),
    right=lambda trained: trained == (True, 128),
    wrong=(
        Wrong(
            "model = build()\n    " + FIT.format(ALL),
            lambda trained: not trained[0],
            "The model is made outside the scope, so its weights are on one "
            "device only, and the others have nothing to do.",
        ),
        Wrong(
            SCOPE + FIT.format(""),
            lambda trained: trained == (True, 32),
            "`batch_size` is that of all devices together: of four, each "
            "would have 8 photos in a step.",
        ),
        Wrong(
            SCOPE + FIT.format(" // strategy.num_replicas_in_sync"),
            lambda trained: trained == (True, 8),
            "`fit` divides the batch among the devices itself: of four, each "
            "would have 2 photos in a step.",
        ),
    ),
    clue="What is made under `with strategy.scope():` has a copy on each "
    "device. `strategy.num_replicas_in_sync` says how many there are, and "
    "`fit` divides `batch_size` among them.",
    more="A larger batch takes fewer steps in an epoch, so the learning rate "
    "has to be found anew.",
)


def _saving(callbacks: Any, *_: Any) -> Any:
    """Return {class: when it saves} of callbacks, or a blank in them."""
    given = callbacks if isinstance(callbacks, list | tuple) else [callbacks]
    if not all(isinstance(c, keras.callbacks.Callback) for c in given):
        return callbacks
    return {type(c).__name__: getattr(c, "save_freq", None) for c in given}


BACKUP = "BackupAndRestore"

q3 = ask(
    3,
    value=_saving,
    fill='[keras.callbacks.BackupAndRestore("backup", save_freq=100)]',
    right=lambda saving: 1 <= saving[BACKUP] <= 100,
    wrong=(
        Wrong(
            '[keras.callbacks.ModelCheckpoint("model.keras", save_freq=100)]',
            lambda saving: "ModelCheckpoint" in saving and len(saving) == 1,
            "It writes a file that nothing reads: the same call of `fit` "
            "would begin anew. Which callback also restores?",
        ),
        Wrong(
            '[keras.callbacks.BackupAndRestore("backup")]',
            lambda saving: saving[BACKUP] == "epoch",
            "By default it saves at the end of an epoch, and here an epoch "
            "is long: all its steps may be lost.",
        ),
        Wrong(
            '[keras.callbacks.BackupAndRestore("backup", save_freq=1000)]',
            lambda saving: saving[BACKUP] > 100,
            "Between two saves a failure loses up to `save_freq` steps.",
        ),
    ),
    clue="`keras.callbacks.BackupAndRestore` takes a folder; its `save_freq` "
    "is a number of steps.",
    more="It restores the weights, the optimizer state and the number of the "
    "epoch, not that of the step: the epoch is begun anew with these "
    "weights. `scale/train.py` counts steps, so that each photo comes once.",
)


def _most(times: Callable[[int], float]) -> int:
    """Return the most workers of 64 that are busy half of their time."""
    return max(n for n in range(1, 65) if times(n) / n >= 0.5)


def _equals(rule: Callable[..., int]) -> Test:
    """Return a test for a wrong number, unless it is correct by chance."""
    return lambda value, times: value == rule(times) != _most(times)


BUSY = "speed_up(10)(n) / n"

q4 = ask(
    4,
    fill=f"max(n for n in range(1, 65) if {BUSY} >= 0.5)",
    right=lambda value, times: value == _most(times),
    wrong=(
        Wrong(
            "max(range(1, 65), key=speed_up(10))",
            _equals(lambda times: max(range(1, 65), key=times)),
            "That is the fastest, whatever it costs. For how much of a step "
            "does each of these workers only wait?",
        ),
        Wrong(
            f"min(n for n in range(1, 65) if {BUSY} < 0.5)",
            _equals(lambda times: _most(times) + 1),
            "With so many, each already waits for more than half of a step.",
        ),
        Wrong(
            "64 // 2",
            _equals(lambda times: 32),
            "That is half of the workers. The question is for how much of a "
            "step each of them is busy.",
        ),
    ),
    clue="n workers that never waited would be n times as fast. So each is "
    "busy for the fraction `speed_up(10)(n) / n` of a step; try n from 1 to "
    "64.",
    more="Beyond that, more than half of the rent pays for waiting. A larger "
    "batch, or a faster interconnect, moves the limit up.",
)
