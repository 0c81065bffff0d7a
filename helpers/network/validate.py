"""Checks against silent mistakes: each raises a `ValueError` that says so."""

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from helpers.dataset import splits


def pixel_range(pixels: npt.ArrayLike) -> None:
    """Refuse an input of the base outside -1 to 1, of any shape.

    So are pixels that all lie between 0 and 1, as after a division by 255.
    """
    low, high = float(np.min(pixels)), float(np.max(pixels))
    if -1 <= low < 0 and high <= 1:
        return
    raise ValueError(
        f"Pixels from {low:.3g} to {high:.3g} enter the base, which expects "
        "-1 to 1: scale pixels of 0 to 255 once, with "
        "Rescaling(1 / 127.5, offset=-1)."
    )


def disjoint_splits(*all_splits: splits.Split) -> None:
    """Refuse splits with a photo in common: it would be seen before a test."""
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
    """Refuse a base of which no parameter is trainable."""
    if not base.trainable_weights:
        raise ValueError(
            "No parameter of the base is trainable, so training would leave "
            "it as it is: choose a boundary before the last block, on the "
            "layers of the base itself."
        )


def frozen_batchnorm(base: keras.Model) -> None:
    """Refuse a base with a trainable BatchNorm layer.

    Training would run that in training mode, whatever `training=` says.
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
