"""A model that is compiled and trained again and again does not grow."""

import subprocess
import sys

import keras
import numpy as np
import tensorflow as tf

from helpers import setup
from helpers.paths import ROOT

SIDE = 1500  # of the weights: 9 MB, and Adam has two numbers for each
STATE = 6 * 2 * 4 * SIDE**2 / 1e6  # MB of six trainings
# Prints by how many MB a process grows in six trainings after the first,
# which also loads code.
TRAIN = f"""
import keras, numpy as np, psutil
from helpers import setup
model = keras.Sequential([keras.Input(({SIDE},)), keras.layers.Dense({SIDE})])
x = np.zeros((1, {SIDE}), "float32")
sizes = []
for _ in range(7):
    model.compile("adam", "mse")
    model.train_on_batch(x, x)
    setup.free_training(model)
    sizes.append(psutil.Process().memory_info().rss / 1e6)
print(sizes[-1] - sizes[0])
"""


def test_an_optimizer_gives_back_its_memory():
    done = subprocess.run(
        [sys.executable, "-c", TRAIN],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout.split()[-1]) < 0.3 * STATE


def test_a_model_predicts_and_trains_as_before():
    x, y = np.eye(4, 3, dtype="float32"), np.ones((4, 2))
    ends = []
    for free in (setup.free_training, lambda model: None):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        for _ in range(2):
            model.compile("adam", "mse")
            model.fit(x, y, verbose=0)
            free(model)
        ends.append([*model.get_weights(), model.predict(x, verbose=0)])
    for freed, kept in zip(*ends, strict=True):
        assert np.array_equal(freed, kept)


def test_a_function_that_was_traced_before_still_has_gradients():
    # tf.nn.silu registers a gradient of its own when it is traced.
    silu = tf.function(tf.nn.silu)
    x = tf.constant([0.5, -2.0])
    silu(x)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.train_on_batch(np.zeros((1, 3)), np.zeros((1, 2)))
    setup.free_training(model)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = silu(x)
    sigmoid = 1 / (1 + np.exp(-x.numpy()))
    expected = sigmoid * (1 + x.numpy() * (1 - sigmoid))
    np.testing.assert_allclose(tape.gradient(y, x), expected, rtol=1e-5)
