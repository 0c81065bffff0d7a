"""Grad-CAM as lesson 06 writes it, for notebooks that only use it."""

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf


def heatmaps(
    upper: keras.Model,
    average: keras.Layer,
    head: keras.Sequential,
    features: npt.ArrayLike,
    classes: npt.ArrayLike,
) -> npt.NDArray[np.float32]:
    """Return how much each position of the last block adds to a score.

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
    Gradient-based Localization" (2017). The score is taken before the
    softmax; evidence against a class counts as 0.

    Args:
        upper: the model from the cached features to the last block.
        average: the layer that averages over its positions.
        head: layers, of which the last is a `Dense` one with softmax.
        features: those of n photos, (n, rows, columns, channels).
        classes: integers (n,), the class of each score.

    Returns:
        (n, 8, 8), not negative.
    """
    *hidden, last = head.layers
    maps = tf.cast(upper(np.asarray(features, np.float32)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        x = average(maps)
        for layer in hidden:
            x = layer(x)
        scores = x @ last.kernel + last.bias
        chosen = tf.gather(scores, classes, axis=1, batch_dims=1)
    gradients = tape.gradient(chosen, maps)
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy()
