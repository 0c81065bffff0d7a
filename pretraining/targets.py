"""What each head is asked of each place in a picture.

We drew the pictures, so we know which mark lies where. Of what the camera
made of them, three histograms are asked, too: colours, brightness with
contrast, and edges. Without these a network learns to overlook colour and
light, because no mark depends on them, but photos of real things do.

Source of asking for histograms: Wei et al., "Masked Feature Prediction for
Self-Supervised Visual Pre-Training" (2022),
https://arxiv.org/abs/2112.09133.
"""

from typing import Any

from keras import ops

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
WHOLE = 0.8  # of a place must show one picture, to be asked for its ground


def wanted(
    pixels: Any, masks: Any, covered: Any, grounds: Any, marks: Any
) -> dict[str, dict[str, Any]]:
    """Return what the heads should say, for each of `TAPS`.

    Args:
        pixels: float32 (n, size, size, 3), 0 to 255.
        masks: float32 (n, size, size), above 0.5 where the mark is.
        covered: float32 (n, size, size), 1 where the picture before shows
            (before the first: the last), as `views.cover` makes it.
        grounds, marks: whole numbers (n,); mark 0 is none.

    Returns:
        A dict for each of `TAPS`, each of shape (n, height, width, ...):
        `ground` and `mark`, int32, 0 for no mark; `ground_worth` and
        `mark_worth`, float32, how much they count, 0 where too little is
        seen to tell; `histograms`, a list of three, each with the sum 1.
    """
    codes = _codes(pixels)
    masks = ops.cast(masks > 0.5, "float32")
    own = masks * (1 - covered)
    other = ops.roll(masks, 1, axis=0) * covered
    made = {}
    for _, stride, first in TAPS.values():
        if (stride, first) not in made:
            cells = _Cells(pixels.shape[1], stride, first)
            made[stride, first] = _asked(
                cells, codes, own, other, covered, grounds, marks
            )
    return {name: made[tap[1:]] for name, tap in TAPS.items()}


def _asked(cells, codes, own, other, covered, grounds, marks):
    def chosen(first: Any, labels: Any) -> Any:
        labels = labels[:, None, None]
        return ops.where(first, labels, ops.roll(labels, 1, axis=0))

    share = cells.mean(covered)
    own, other = cells.mean(own), cells.mean(other)
    seen = (own + other) * cells.stride**2
    marked = ops.cast(seen >= ENOUGH, "float32")
    mark = chosen(own >= other, marks) * ops.cast(marked, marks.dtype)
    clear = ops.cast(seen < 0.5, "float32")
    # Marked places are few; together they count as much as the others.
    count = ops.cast(ops.size(marked), "float32") / 2
    worth = marked * count / ops.maximum(ops.sum(marked), 1)
    worth = worth + clear * count / ops.maximum(ops.sum(clear), 1)
    whole = (share <= 1 - WHOLE) | (share >= WHOLE)
    return {
        "ground": chosen(share < 0.5, grounds),
        "ground_worth": ops.cast(whole, "float32"),
        "mark": mark,
        "mark_worth": worth,
        "histograms": [
            cells.mean(ops.one_hot(code, bins), every=2)
            for code, bins in zip(codes, HISTOGRAMS, strict=True)
        ],
    }


def _codes(pixels):
    """Return which bin of each histogram every second pixel falls in."""
    pixels = pixels[:, ::2, ::2]
    steps = ops.cast(ops.clip(pixels // 64, 0, 3), "int32")
    colour = steps[..., 0] * 16 + steps[..., 1] * 4 + steps[..., 2]
    tone = ops.mean(pixels, -1, keepdims=True)
    mean = ops.average_pool(tone, 5, 1, "same")
    square = ops.average_pool(tone**2, 5, 1, "same")
    contrast = ops.sqrt(ops.maximum(square - mean**2, 0))
    bright = ops.cast(ops.clip(mean // 43, 0, 5), "int32")
    rough = sum(
        ops.cast(contrast >= level, "int32") for level in (2.5, 5, 10, 20, 38)
    )
    down = tone - ops.concatenate([tone[:, 1:], tone[:, -1:]], 1)
    right = tone - ops.concatenate([tone[:, :, 1:], tone[:, :, -1:]], 2)
    edge = ops.log2(ops.sqrt(down**2 + right**2) + 1) * 2
    edge = ops.cast(ops.clip(edge, 0, EDGES - 1), "int32")
    return colour, (bright * 6 + rough)[..., 0], edge[..., 0]


class _Cells:
    """The places of a block, and what lies in each."""

    def __init__(self, size, stride, first):
        self.rows = _places(size, stride)
        self.stride, self.first = stride, first

    def mean(self, values: Any, every: int = 1) -> Any:
        """Return the mean over each place.

        Args:
            values: (n, size, size) or (n, size, size, bins), a value for
                each pixel or for every second one (`every`=2).
        """
        side, first = self.stride // every, self.first // every
        inside = slice(first, first + self.rows * side)
        values = ops.cast(values, "float32")[:, inside, inside]
        shape = (-1, self.rows, side, self.rows, side, *values.shape[3:])
        return ops.mean(ops.reshape(values, shape), (2, 4))


def _places(size, stride):
    """Return how many places a side Inception v3 has at this stride."""
    side = (size - 3) // 2 + 1  # the first convolution
    side = (side - 2 - 3) // 2 + 1  # the second, and the first pooling
    side = (side - 2 - 3) // 2 + 1  # the fourth, and the second pooling
    while stride > 8:
        side, stride = (side - 3) // 2 + 1, stride // 2
    return side
