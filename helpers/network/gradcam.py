"""Grad-CAM as lesson 05 writes it, for pages that only use it."""

import numpy as np
import tensorflow as tf


def heatmaps(upper, average, head, answers, classes):
    """Return how much each cell of the last block adds to a score.

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
    Gradient-based Localization" (2017). The score is taken before the
    softmax; what speaks against a class counts as 0.

    Args:
        upper: the model from what is stored to the last block.
        average: the layer that averages over its cells.
        head: a `keras.Sequential` of a hidden layer and one with softmax.
        answers: what is stored of n photos, (n, rows, columns, channels).
        classes: whole numbers (n,), the class that each is asked about.

    Returns:
        float32 (n, 8, 8), not negative.
    """
    hidden, last = head.layers
    maps = tf.cast(upper(np.float32(answers)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        scores = hidden(average(maps)) @ last.kernel + last.bias
        chosen = tf.gather(scores, classes, axis=1, batch_dims=1)
    slopes = tape.gradient(chosen, maps)
    worth = tf.reduce_mean(slopes, axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(worth * maps, axis=-1)).numpy()
