"""Checks against silent mistakes: each raises a `ValueError` that says so."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from helpers.dataset import splits


def pixel_range(pixels: npt.ArrayLike) -> None:
    """Refuse pixels that Inception v3 was not trained on.

    Args:
        pixels: the input of the base, an array of any shape.

    Raises:
        ValueError: a value lies outside -1 to 1, or all lie between 0
            and 1, as after a division by 255.
    """
    low, high = float(np.min(pixels)), float(np.max(pixels))
    if -1 <= low < 0 and high <= 1:
        return
    raise ValueError(
        f"Pixels from {low:.3g} to {high:.3g} enter the base, which takes "
        "-1 to 1: give it pixels of 0 to 255 through "
        "Rescaling(1 / 127.5, offset=-1), and scale them nowhere else."
    )


def label_order(
    ds: Iterable[tuple[Any, npt.ArrayLike]], labels: npt.ArrayLike
) -> None:
    """Refuse labels in another order than that of the photos.

    Args:
        ds: batches of pixels and labels, the input of `Model.predict`.
        labels: the labels to compare its predictions with, (n,).

    Raises:
        ValueError: the labels of a pass over `ds` are others.
    """
    actual = np.concatenate([np.asarray(batch) for _, batch in ds])
    expected = np.asarray(labels)
    if len(actual) != len(expected):
        raise ValueError(
            f"There are {len(actual)} photos and {len(expected)} labels; "
            "take both from the same split."
        )
    wrong = int((actual != expected).sum())
    if wrong:
        raise ValueError(
            f"{wrong} of {len(expected)} photos come with another label than "
            "the list has at their index: predict on a dataset that is not "
            "shuffled, such as dataset.batches(split)."
        )


def disjoint_splits(*all_splits: splits.Split) -> None:
    """Refuse splits that have a photo in common.

    Raises:
        ValueError: a photo is in two splits, so a model that has seen it
            would be tested on it.
    """
    seen: dict[str, splits.Split] = {}
    shared = [
        path
        for split in all_splits
        for path, key in zip(split.paths, split.keys, strict=True)
        if seen.setdefault(key, split) is not split
    ]
    if shared:
        raise ValueError(
            f"Photos in more than one split: {len(shared)}, such as "
            f"{Path(shared[0]).name}; take all splits from one call of "
            "dataset.split."
        )


def trainable(base: keras.Model) -> None:
    """Refuse a base that training would leave as it is.

    Raises:
        ValueError: no parameter of the base is trainable.
    """
    if not base.trainable_weights:
        raise ValueError(
            "No parameter of the base is trainable, so training would leave "
            "it as it is: choose a boundary before the last block, on the "
            "layers of the base itself."
        )


def frozen_batchnorm(base: keras.Model) -> None:
    """Refuse a base whose BatchNorm statistics would change in training.

    Raises:
        ValueError: a BatchNorm layer is trainable; then training calls it
            in training mode, whatever `training=` says.
    """
    names = [
        layer.name
        for layer in base.layers
        if isinstance(layer, keras.layers.BatchNormalization)
        and layer.trainable
    ]
    if names:
        raise ValueError(
            f"{len(names)} BatchNorm layers of the base, such as {names[0]}, "
            "would use the statistics of each batch and change: set "
            "layer.trainable = False on them."
        )
