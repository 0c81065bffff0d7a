"""A model that is compiled and trained again and again does not grow."""

import keras
import numpy as np
import psutil
import tensorflow as tf

from helpers import memory

SIDE = 1500  # of the weights: 9 MB, and Adam notes two numbers for each


def growth(free, times=6):
    """Return by how many MB the process grows in so many trainings."""
    model = keras.Sequential([keras.Input((SIDE,)), keras.layers.Dense(SIDE)])
    x = np.zeros((1, SIDE), "float32")
    sizes = []
    for _ in range(times + 1):
        model.compile("adam", "mse")
        model.train_on_batch(x, x)
        free(model)
        memory.trim()
        sizes.append(psutil.Process().memory_info().rss / 1e6)
    return sizes[-1] - sizes[0]  # the first training also loads code


def test_an_optimizer_gives_back_its_memory():
    moments = 6 * 2 * 4 * SIDE**2 / 1e6
    assert growth(lambda model: model.compile()) > 0.6 * moments
    assert growth(memory.free_training) < 0.4 * moments


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


def test_a_function_that_was_traced_before_still_has_gradients():
    # tf.nn.silu registers a gradient of its own when it is traced.
    silu = tf.function(tf.nn.silu)
    x = tf.constant([0.5, -2.0])
    silu(x)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.train_on_batch(np.zeros((1, 3)), np.zeros((1, 2)))
    memory.free_training(model)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = silu(x)
    sigmoid = 1 / (1 + np.exp(-x.numpy()))
    expected = sigmoid * (1 + x.numpy() * (1 - sigmoid))
    np.testing.assert_allclose(tape.gradient(y, x), expected, rtol=1e-5)
