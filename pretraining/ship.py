"""Writes float weights as the 8-bit file that is shipped.

python -m pretraining.ship FOLDER/checkpoint.npz [FILE]
"""

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from helpers.network import starter
from helpers.paths import atomic


def write(
    layers: Sequence[dict[str, npt.NDArray[np.floating]]], path: Path
) -> str:
    """Write the weights of a base; return the SHA-256 of the file.

    Args:
        layers: for each layer with weights, in order, a dict from what the
            weight is ("kernel", "beta", "moving_mean", "moving_variance")
            to its float array.
        path: of the file, ending in .npz.
    """
    arrays = {}
    for place, layer in enumerate(layers):
        for suffix, array in layer.items():
            array = np.asarray(array, "float32")
            if suffix == starter.KERNEL:
                steps, scale = eight_bit(array)
                arrays[f"{place:03d}-{starter.SCALE}"] = scale
                array = steps
            arrays[f"{place:03d}-{suffix}"] = array
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def eight_bit(
    kernel: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return a kernel as int8 steps, and the step of each output channel.

    Args:
        kernel: float32 (height, width, channels in, channels out).

    Returns:
        int8 of the same shape, from -127 to 127, and float32 (channels
        out,): their product is within half a step of the kernel.
    """
    scale = np.abs(kernel).max((0, 1, 2)) / 127
    scale = np.where(scale > 0, scale, 1).astype("float32")
    return np.rint(kernel / scale).astype("int8"), scale


def layers_of(base: keras.Model) -> list[dict[str, npt.NDArray[np.floating]]]:
    """Return the weights of a Keras model as `write` takes them."""
    return [
        {v.name: np.asarray(v) for v in layer.weights}
        for layer in base.layers
        if layer.weights
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", help="the checkpoint of a run")
    parser.add_argument("file", nargs="?", default=starter.FILE)
    args = parser.parse_args()
    base = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    with np.load(args.weights) as arrays:
        base.set_weights([arrays[name] for name in sorted(arrays.files)])
    print(write(layers_of(base), Path(args.file)))


if __name__ == "__main__":
    main()
