"""Makes a trained base ready for retraining.

python -m pretraining.recalibrate FOLDER

reads FOLDER/checkpoint.npz and writes FOLDER/recalibrated.npz. Two things
are set from pictures of the size and contrast of real use:

- batch norm statistics, as those of the training are of smaller pictures
  with another contrast;
- the thresholds of the last block: each feature is silent at most places,
  so that the mean over a photo tells where it is not.
"""

import argparse
from pathlib import Path

import numpy as np

from helpers.files import atomic
from pretraining import pictures, probe

SIZE = 299
BATCH, BATCHES = 16, 12
LAST = "mixed10"
SILENT = 0.8  # of all places, for each feature of the last block


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


def sharpen(base, batches, silent=SILENT):
    """Set the thresholds of the features of the last block.

    Args:
        base: a Keras model with a block named `LAST`; changed in place.
        batches: float32 pixels from -1 to 1, one array a batch.
        silent: the share of places at which a feature shall be 0.
    """
    import keras

    norms = _feeding(base.get_layer(LAST))
    model = keras.Model(base.input, [norm.output for norm in norms])
    said = [model.predict_on_batch(pixels) for pixels in batches]
    for norm, values in zip(norms, zip(*said, strict=True), strict=True):
        values = np.concatenate(values).reshape(-1, norm.beta.shape[0])
        threshold = np.quantile(values, silent, axis=0)
        norm.beta.assign(np.asarray(norm.beta) - threshold)


def _before(layer):
    """Return the layer whose output a layer takes."""
    return layer.input._keras_history.operation


def _feeding(layer):
    """Return the batch norm layers that a block is put together from."""
    found = []
    for tensor in layer.input:
        before = tensor._keras_history.operation
        if isinstance(before.input, list):
            found += _feeding(before)
        else:
            found.append(_before(before))
    return found


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
    batches = list(drawn())
    recalibrate(base, batches)
    sharpen(base, batches)
    arrays = {
        f"base-{number:03d}": np.asarray(variable)
        for number, variable in enumerate(base.weights)
    }
    out = folder / "recalibrated.npz"
    with atomic(out) as part:
        np.savez(part, **arrays)
    print(out)


if __name__ == "__main__":
    main()
