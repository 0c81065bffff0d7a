"""Reads the starter weights, which this project trained and ships.

They are the weights of `keras.applications.InceptionV3(include_top=False)`:
kernels with eight bits a weight and a scale for each output channel, batch
norm as floats. How they were made: `pretraining/README.md`; what they are
good for: `data/starter/README.md`.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.lib.npyio import NpzFile

from helpers import downloads
from helpers.paths import ROOT

FILE = ROOT / "data" / "starter" / "inception_v3_starter.npz"
SHA256 = "575f173c2c7785aa5c36ea2bce0ce53b2e27a3220852b2540d20f5ad868fb470"
KERNEL, SCALE = "kernel", "scale"
# As Keras orders the weights within a layer.
SUFFIXES = (KERNEL, "beta", "moving_mean", "moving_variance")


def read(path: str | Path = FILE) -> list[npt.NDArray[np.float32]]:
    """Return the weights in the order of `InceptionV3(...).weights`.

    An array is named after the index of its layer among those that have
    weights, and its role ("007-kernel"): Keras numbers layers differently
    from one model to the next, but keeps their order.

    Args:
        path: the 8-bit file. The SHA-256 of `FILE` is checked.

    Returns:
        376 arrays: for each convolution its kernel of shape (height, width,
        channels in, channels out), for each batch norm its beta, moving mean
        and moving variance.

    Raises:
        ValueError: the file is missing or damaged, or is another file.
    """
    try:
        if path == FILE and downloads.digest(path) != SHA256:
            raise ValueError("another digest")
        with np.load(path, allow_pickle=False) as file:
            return _decode(file)
    except (KeyError, OSError, ValueError, zipfile.BadZipFile, zlib.error):
        raise ValueError(
            f"{path}: missing, damaged, or not a file of starter weights; "
            "fetch it again with the project."
        ) from None


def _decode(file: NpzFile) -> list[npt.NDArray[np.float32]]:
    names = sorted(
        (name for name in file.files if not name.endswith(SCALE)),
        key=lambda name: (name[:3], SUFFIXES.index(name[4:])),
    )
    if not names:
        raise ValueError("no weights")
    arrays = []
    for name in names:
        array = file[name]
        if name[4:] == KERNEL:
            array = array * file[f"{name[:3]}-{SCALE}"]
        arrays.append(array.astype("float32", copy=False))
    return arrays
