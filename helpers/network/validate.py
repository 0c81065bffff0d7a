"""Faults that nothing reports, made loud: one function for each.

Each returns nothing where all is well, and raises a `ValueError` that says
what is wrong and what to do where it is not.
"""

from pathlib import Path

import keras
import numpy as np


def pixel_range(pixels):
    """Refuse pixels that Inception v3 was not trained on.

    Args:
        pixels: what enters the base, an array of any shape.

    Raises:
        ValueError: a value lies outside -1 to 1, or all lie between 0
            and 1, as after a division by 255.
    """
    low, high = float(np.min(pixels)), float(np.max(pixels))
    if -1 <= low < 0 and high <= 1:
        return
    raise ValueError(
        f"Pixels from {low:.3g} to {high:.3g} enter the base, and it wants "
        "-1 to 1: give it pixels of 0 to 255 through "
        "Rescaling(1 / 127.5, offset=-1), and scale them nowhere else."
    )


def label_order(ds, labels):
    """Refuse labels that come in another order than the photos do.

    Args:
        ds: batches of pixels and labels, as a model is asked with.
        labels: the labels that its answers shall be compared with, (n,).

    Raises:
        ValueError: the labels of a pass over `ds` are others.
    """
    coming = np.concatenate([np.asarray(its) for _, its in ds])
    labels = np.asarray(labels)
    if len(coming) != len(labels):
        raise ValueError(
            f"{len(coming)} photos come and there are {len(labels)} labels; "
            "take both from the same part."
        )
    apart = int((coming != labels).sum())
    if apart:
        raise ValueError(
            f"{apart} of {len(labels)} photos come with another label than "
            "the list has in their place: ask the model with a dataset that "
            "is not shuffled, such as dataset.batches(part)."
        )


def disjoint_splits(*parts):
    """Refuse parts of a split that have a photo in common.

    Args:
        parts: each a `dataset.Split`.

    Raises:
        ValueError: a photo is in two parts, so it would be judged by a
            model that has seen it.
    """
    seen, double = {}, []
    for split in parts:
        for path, key in zip(split.paths, split.keys, strict=True):
            if seen.setdefault(key, split) is not split:
                double.append(path)
    if double:
        raise ValueError(
            f"Photos in more than one part: {len(double)}, such as "
            f"{Path(double[0]).name}; take all parts from one call of "
            "dataset.split."
        )


def trainable(base):
    """Refuse to go on with a base of which nothing would be trained.

    Raises:
        ValueError: no parameter of the base is trainable.
    """
    if not base.trainable_weights:
        raise ValueError(
            "No parameter of the base is trainable, so training would leave "
            "it as it is: choose a boundary before the last block, on the "
            "layers of the base itself."
        )


def frozen_batchnorm(base):
    """Refuse a base whose BatchNorm layers would move with the training.

    Raises:
        ValueError: a BatchNorm layer is trainable; then training calls it
            in training mode, whatever `training=` says.
    """
    moving = [
        layer.name
        for layer in base.layers
        if isinstance(layer, keras.layers.BatchNormalization)
        and layer.trainable
    ]
    if moving:
        raise ValueError(
            f"{len(moving)} BatchNorm layers of the base, such as "
            f"{moving[0]}, would measure each batch and move: set "
            "layer.trainable = False on them."
        )
