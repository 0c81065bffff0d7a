"""Sets batch norm statistics with the final weights.

python -m pretraining.recalibrate FOLDER

reads FOLDER/checkpoint.npz and writes FOLDER/recalibrated.npz.
"""

import argparse
from pathlib import Path

import numpy as np

from helpers.files import atomic
from pretraining import pictures, probe

SIZE = 299
BATCH, BATCHES = 16, 12


def recalibrate(base, batches):
    """Set each moving mean and variance to its average over the batches.

    Args:
        base: a Keras model; changed in place.
        batches: float32 pixels from -1 to 1, one array a batch.
    """
    import keras

    norms = [
        layer
        for layer in base.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for number, pixels in enumerate(batches):
        for layer in norms:
            layer.momentum = number / (number + 1)  # a plain average
        base(pixels, training=True)


def drawn(seed=299):
    """Draw pictures of the size and contrast of real use, in batches."""
    rng = np.random.default_rng(seed)
    for _ in range(BATCHES):
        images = [pictures.draw(rng, SIZE, 0.2)[0] for _ in range(BATCH)]
        yield np.stack(images).astype("float32") / 127.5 - 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    folder = Path(parser.parse_args().folder)
    base = probe.base_with(folder / "checkpoint.npz")
    recalibrate(base, drawn())
    arrays = {
        f"base-{number:03d}": np.asarray(variable)
        for number, variable in enumerate(base.weights)
    }
    with atomic(folder / "recalibrated.npz") as part:
        np.savez(part, **arrays)
    print(folder / "recalibrated.npz")


if __name__ == "__main__":
    main()
