"""Grad-CAM shows where the evidence is, as the function of lesson 06 does."""

import ast

import keras
import nbformat
import numpy as np
import tensorflow as tf

from helpers import paths
from helpers.network import gradcam


def network(channels, hidden, classes):
    """Return an upper part that changes nothing, pooling and a head."""
    inputs = keras.Input((4, 4, channels))
    upper = keras.Model(inputs, keras.layers.Activation("linear")(inputs))
    head = keras.Sequential(
        [
            keras.Input((channels,)),
            keras.layers.Dense(hidden, activation="relu"),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )
    return upper, keras.layers.GlobalAveragePooling2D(), head


def test_grad_cam_shows_where_the_evidence_is():
    upper, average, head = network(2, 2, 2)
    eye, zero = np.eye(2), np.zeros(2)
    head.set_weights([eye, zero, eye, zero])  # channel 0 for class 0, 1 for 1
    maps = np.zeros((1, 4, 4, 2))
    maps[0, 1, 2, 0] = maps[0, 3, 0, 1] = 1
    for chosen, position in ((0, (1, 2)), (1, (3, 0))):
        (heat,) = gradcam.heatmaps(upper, average, head, maps, [chosen])
        assert np.unravel_index(heat.argmax(), heat.shape) == position
        assert (heat > 0).sum() == 1  # no evidence at the other position


def test_grad_cam_is_that_of_lesson_06():
    path = paths.ROOT / "notebooks" / "06_explain.ipynb"
    (source,) = (
        cell.source
        for cell in nbformat.read(path, as_version=4).cells
        if "def grad_cam" in cell.source
    )
    (function,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    )
    keras.utils.set_random_seed(0)
    upper, average, head = network(8, 6, 3)
    hidden, last = head.layers
    lesson = {"keras": keras, "tf": tf, "average": average}
    lesson |= {"hidden": hidden, "last": last}
    exec(ast.unparse(function), lesson)
    maps = np.random.default_rng(0).random((5, 4, 4, 8), "float32")
    classes = np.array([0, 1, 2, 0, 1])
    total = lesson["grad_cam"](tf.constant(maps), classes)
    heat = gradcam.heatmaps(upper, average, head, maps, classes)
    np.testing.assert_allclose(heat, np.maximum(total, 0), rtol=1e-5)
    assert heat.max() > 0


def test_grad_cam_takes_any_head_that_ends_in_a_dense_layer():
    upper, average, deep = network(2, 2, 2)
    linear = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(2, activation="softmax")]
    )
    dropped = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(2, activation="relu"),
            keras.layers.Dropout(0.9),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    eye, zero = np.eye(2), np.zeros(2)
    linear.set_weights([eye, zero])
    for head in (deep, dropped):
        head.set_weights([eye, zero, eye, zero])
    maps = np.random.default_rng(0).random((3, 4, 4, 2))
    expected = gradcam.heatmaps(upper, average, deep, maps, [0, 1, 0])
    for head in (linear, dropped):
        heat = gradcam.heatmaps(upper, average, head, maps, [0, 1, 0])
        np.testing.assert_allclose(heat, expected, rtol=1e-5)
