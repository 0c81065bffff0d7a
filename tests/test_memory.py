"""A model that is compiled again and again does not grow."""

import gc
import weakref

import keras
import numpy as np

from helpers import memory


def moments_left(free, times=3):
    """How many of so many optimisers hold on to what they noted.

    Of each, the memory of its last variable is looked for at the end.
    """
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    x, y = np.zeros((1, 3), "float32"), np.zeros((1, 2), "float32")
    old = []
    for _ in range(times):
        model.compile("adam", "mse")
        model.train_on_batch(x, y)
        old.append(weakref.ref(model.optimizer.variables[-1].value.handle))
        free(model)
    gc.collect()
    return sum(ref() is not None for ref in old)


def test_an_optimiser_gives_back_its_memory():
    assert moments_left(lambda model: model.compile()) == 3  # hence this
    assert moments_left(memory.free_training) == 0


def test_a_model_predicts_and_trains_as_before():
    x, y = np.eye(4, 3, dtype="float32"), np.ones((4, 2))
    ends = []
    for free in (memory.free_training, lambda model: None):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        for _ in range(2):
            model.compile("adam", "mse")
            model.fit(x, y, verbose=0)
            free(model)
        ends.append([*model.get_weights(), model.predict(x, verbose=0)])
    for one, other in zip(*ends, strict=True):
        assert np.array_equal(one, other)
