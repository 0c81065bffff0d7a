"""Makes views of drawn pictures, many at a time.

A view is a turned, enlarged or reduced window of a picture, in another
light, partly covered by another picture. Two views of one picture differ in
all that should not matter, so a network can be asked which views belong
together (`network.Pupil`). All this is done where the network computes.

Source of covering: dead leaves, of which Baradad et al., "Learning to see
by looking at noise" (2021), https://arxiv.org/abs/2106.05963, make pictures
to learn from.
"""

from typing import Any

import keras
from keras import ops

TURN = 3.1416  # radians, either way
ZOOM = (-0.35, 0.4)  # logarithm of picture pixels for one of the view
COVERED = (0.4, 2.4)  # standard deviations: about a third, and none


def view(
    images: Any,
    masks: Any,
    size: int,
    even: float,
    seed: keras.random.SeedGenerator,
) -> tuple[Any, Any]:
    """Return one view of each picture.

    Args:
        images: uint8 (n, side, side, 3).
        masks: uint8 (n, side, side), 1 where a picture's mark is.
        size: pixels on each side of a view, less than `side`.
        even: 0 to 1, how far the contrast of all views is made the same.

    Returns:
        Pixels, float32 (n, size, size, 3), 0 to 255, and where the mark is,
        float32 (n, size, size), 0 to 1.
    """
    both = ops.concatenate(
        [ops.cast(images, "float32"), ops.cast(masks, "float32")[..., None]],
        axis=-1,
    )
    both = _window(both, size, seed)
    return _lit(both[..., :3], even, seed), both[..., 3]


def cover(pixels: Any, seed: keras.random.SeedGenerator) -> tuple[Any, Any]:
    """Cover a part of each view by the view before it.

    Args:
        pixels: float32 (n, size, size, 3), 0 to 255.

    Returns:
        Pixels as before, and what is covered, float32 (n, size, size), 1
        where the other view shows. What is covered is a few large blots.
    """
    count, size = pixels.shape[:2]
    blots = keras.random.normal((count, 5, 5, 1), seed=seed)
    blots = ops.image.resize(blots, (size, size), "bicubic")[..., 0]
    level = keras.random.uniform((count, 1, 1), *COVERED, seed=seed)
    covered = ops.cast(blots > level, "float32")
    other = ops.roll(pixels, 1, axis=0)
    pixels = ops.where(covered[..., None] > 0, other, pixels)
    return _taken(pixels, seed), covered


def _window(images, size, seed):
    """Turn, mirror, enlarge or reduce; cut out, wholly inside if it can."""
    count, side = images.shape[:2]
    angle = keras.random.uniform((count,), -TURN, TURN, seed=seed)
    zoom = ops.exp(keras.random.uniform((count,), *ZOOM, seed=seed))
    mirror = ops.sign(keras.random.uniform((count,), -1, 1, seed=seed))
    cos, sin = zoom * ops.cos(angle), zoom * ops.sin(angle)
    half = (size - 1) / 2
    reach = ops.maximum(side / 2 - half * (ops.abs(cos) + ops.abs(sin)), 8)
    places = keras.random.uniform((2, count), -1, 1, seed=seed) * reach
    places = places + (side - 1) / 2
    a, b = cos * mirror, -sin
    c, d = sin * mirror, cos
    zero = ops.zeros((count,))
    turn = ops.stack(
        [
            a, b, places[0] - (a + b) * half,
            c, d, places[1] - (c + d) * half,
            zero, zero,
        ],
        axis=1,
    )  # fmt: skip
    turned = ops.image.affine_transform(
        images, turn, interpolation="bilinear", fill_mode="reflect"
    )
    return turned[:, :size, :size]


def _lit(pixels, even, seed):
    """Vary contrast, brightness and colours."""
    shape = (pixels.shape[0], 1, 1, 1)
    mean = ops.mean(pixels, (1, 2, 3), keepdims=True)
    std = ops.std(pixels, (1, 2, 3), keepdims=True)
    gain = (50 / (std + 4)) ** even
    gain = gain * ops.exp(0.2 * keras.random.normal(shape, seed=seed))
    level = mean * (1 - even) + 127 * even
    level = level + 14 * keras.random.normal(shape, seed=seed)
    tint = keras.random.normal((*shape[:3], 3), seed=seed)
    pixels = _mixed(pixels - mean, seed) * gain + level
    pixels = pixels * ops.exp(0.08 * tint)
    return ops.clip(pixels, 0, 255)


def _mixed(pixels, seed):
    """Mix red, green and blue in half of the views."""
    count = pixels.shape[0]
    part = ops.relu(keras.random.uniform((count, 1, 1), -1, 1, seed=seed))
    mix = keras.random.normal((count, 3, 3), seed=seed) * 0.7
    mix = (1 - part) * ops.eye(3) + part * mix
    return ops.einsum("nhwc,ncd->nhwd", pixels, mix)


def _taken(pixels, seed):
    """Take half of the views a little out of focus, with a grainy film."""
    shape = (pixels.shape[0], 1, 1, 1)
    soft = ops.average_pool(pixels, 3, 1, "same")
    blur = ops.relu(keras.random.uniform(shape, -1, 1, seed=seed))
    grain = 6 * ops.relu(keras.random.uniform(shape, -1, 1, seed=seed))
    noise = keras.random.normal(pixels.shape, seed=seed)
    pixels = pixels + blur * (soft - pixels) + grain * noise
    return ops.clip(pixels, 0, 255)
