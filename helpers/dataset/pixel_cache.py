"""Decoded photos on disk, so that no large photo is decoded twice.

A file holds the pixels of one photo as they go into training. Its name tells
the content of the photo, the shape and the code that decoded it.
"""

import contextlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from helpers import paths
from helpers.dataset import decoding
from helpers.dataset.decoding import SIZE, Picture

LIMIT = 2 * 2**30  # bytes of all files together, 8,000 photos
LARGE = 1_000_000  # pixels of a photo; a smaller one is decoded as quickly


def path(sha256: str, shape: str) -> Path:
    """Return the file for a photo of this content hash and shape."""
    name = f"{sha256[:32]}-{shape}-{decoding.version()}.rgb"
    return paths.work() / "pixels" / name


def save(picture: Picture, sha256: str, shape: str) -> None:
    """Keep the pixels of a large picture; a full disk only costs time."""
    if picture.width * picture.height < LARGE:
        return
    pixels = decoding.resize(picture.pixels, shape)
    with (
        contextlib.suppress(OSError),
        paths.atomic(path(sha256, shape)) as temporary,
    ):
        temporary.write_bytes(pixels.tobytes())


def load(sha256: str, shape: str) -> npt.NDArray[np.uint8] | None:
    """Return the pixels kept, uint8 (299, 299, 3), or None."""
    try:
        content = path(sha256, shape).read_bytes()
        pixels = np.frombuffer(content, "uint8")
        return pixels.reshape(SIZE, SIZE, 3)
    except (OSError, ValueError):  # none there, or cut off
        return None


def evict() -> None:
    """Remove the oldest files until all fit into `LIMIT`."""
    paths.evict((paths.work() / "pixels").glob("[!.]*.rgb"), LIMIT)
