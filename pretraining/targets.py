"""What each head is asked of each place in a picture.

We drew the pictures, so we know which mark lies where. Of what the camera
made of them, three histograms are asked, too: colours, brightness with
contrast, and edges. Without these a network learns to overlook colour and
light, because no mark depends on them, but photos of real things do.

Source of asking for histograms: Wei et al., "Masked Feature Prediction for
Self-Supervised Visual Pre-Training" (2022),
https://arxiv.org/abs/2112.09133.
"""

import numpy as np
from scipy import ndimage

# Blocks with a head: how much it counts, pixels between the places of the
# block, and the first pixel of the first place, as Inception v3's strides
# and unpadded layers make them. Early blocks learn first, and they learn
# only if somebody asks them.
TAPS = {
    "mixed2": (0.4, 8, 9),
    "mixed5": (0.6, 16, 13),
    "mixed7": (0.8, 16, 13),
    "mixed8": (1.2, 32, 21),
    "mixed10": (1.0, 32, 21),
}
COLOURS, TONES, EDGES = 64, 36, 16
HISTOGRAMS = (COLOURS, TONES, EDGES)
ENOUGH = 12  # pixels of a mark that make a place a marked one


def wanted(pixels, masks, grounds, marks):
    """Return what the heads should say, one array for each of `TAPS`.

    Args:
        pixels: float32 (n, size, size, 3), 0 to 255.
        masks: bool (n, size, size), True where the mark is.
        grounds, marks: whole numbers (n,); mark 0 is none.

    Returns:
        float32 (n, height, width, 3 + 116): the ground; the mark, 0 where
        there is none; how much the mark counts, 0 where there is too little
        of it to tell; and three histograms, each with the sum 1.
    """
    codes = _codes(pixels)
    made = {}
    for _, stride, first in TAPS.values():
        if (stride, first) not in made:
            made[stride, first] = _cells(
                codes, masks, grounds, marks, stride, first
            )
    return [made[stride, first] for _, stride, first in TAPS.values()]


def _codes(pixels):
    """Return which bin of each histogram every second pixel falls in."""
    pixels = pixels[:, ::2, ::2]
    steps = np.minimum(pixels // 64, 3).astype("int64")
    colour = steps @ np.array([16, 4, 1])
    tone = pixels.mean(-1)
    mean = ndimage.uniform_filter(tone, (0, 5, 5))
    square = ndimage.uniform_filter(tone**2, (0, 5, 5))
    contrast = np.sqrt(np.maximum(square - mean**2, 0))
    bright = np.minimum(mean // 43, 5).astype("int64")
    rough = np.digitize(contrast, [2.5, 5, 10, 20, 38])
    down = np.diff(tone, axis=1, append=tone[:, -1:])
    right = np.diff(tone, axis=2, append=tone[:, :, -1:])
    edge = np.log2(np.hypot(down, right) + 1) * 2
    return (
        colour,
        bright * 6 + rough,
        np.minimum(edge, EDGES - 1).astype("int64"),
    )


def _cells(codes, masks, grounds, marks, stride, first):
    count, size = masks.shape[:2]
    rows = _places(size, stride)
    inside = slice(first, first + rows * stride)
    shape = (count, rows, stride, rows, stride)
    covered = masks[:, inside, inside].reshape(shape).sum((2, 4))
    marked = covered >= ENOUGH
    made = np.zeros((count, rows, rows, 3 + sum(HISTOGRAMS)), "float32")
    made[..., 0] = grounds[:, None, None]
    made[..., 1] = marked * marks[:, None, None]
    clear = marked | (covered == 0)
    # Marked places are few; together they count as much as the others.
    some, none = marked.sum(), (clear & ~marked).sum()
    made[..., 2] = np.where(
        marked, 0.5 / max(some, 1), clear * 0.5 / max(none, 1)
    ) * (count * rows * rows)
    half, begin = stride // 2, first // 2
    inside = slice(begin, begin + rows * half)
    place = np.arange(count * rows * rows).reshape(count, rows, 1, rows, 1)
    at = 3
    for code, bins in zip(codes, HISTOGRAMS, strict=True):
        code = code[:, inside, inside].reshape(count, rows, half, rows, half)
        total = np.bincount(
            (place * bins + code).ravel(), minlength=count * rows**2 * bins
        )
        made[..., at : at + bins] = (
            total.reshape(count, rows, rows, bins) / half**2
        )
        at += bins
    return made


def _places(size, stride):
    """Return how many places a side Inception v3 has at this stride."""
    side = (size - 3) // 2 + 1  # the first convolution
    side = (side - 2 - 3) // 2 + 1  # the second, and the first pooling
    side = (side - 2 - 3) // 2 + 1  # the fourth, and the second pooling
    while stride > 8:
        side, stride = (side - 3) // 2 + 1, stride // 2
    return side
