"""Draws pictures of no class: what a camera shows when no part is there.

Ten kinds, from the lens cap to a page of text. They are simple on purpose,
and none of them looks like a surface; a classifier that knows a handful of
classes still has to name one for each.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = 299  # pixels on each side
EACH = 6  # pictures of a kind


def ood_images(seed=0):
    """Return pictures of no class, and what each shows.

    Args:
        seed: a whole number from 0 on; another one gives other pictures.

    Returns:
        uint8 (60, 299, 299, 3), 0-255, and a list of 60 names of kinds.
    """
    images, names = [], []
    for number, (name, kind) in enumerate(KINDS.items()):
        for one in range(EACH):
            rng = np.random.default_rng([seed, number, one])
            light = kind(rng) + rng.normal(0, 2, (SIZE, SIZE, 3))
            images.append(np.clip(light, 0, 255).astype("uint8"))
            names.append(name)
    return np.stack(images), names


def _colour(rng):
    return rng.uniform(20, 235, 3)


def _places():
    """Return the places of all pixels, y and x, each (299, 299, 1), 0-1."""
    grid = np.mgrid[:SIZE, :SIZE] / SIZE
    return grid[..., None]


def _between(first, second, share):
    return first + (second - first) * share


def _lens_cap(rng):
    return np.full((SIZE, SIZE, 3), rng.uniform(0, 12))


def _glare(rng):
    y, x = _places()
    away = np.hypot(y - rng.uniform(), x - rng.uniform())
    return 255 - rng.uniform(10, 90) * away * np.ones(3)


def _snow(rng):
    return rng.uniform(0, 255, (SIZE, SIZE, 3))


def _sky(rng):
    y, x = _places()
    turn = rng.uniform(0, 2 * np.pi)
    share = 0.5 + 0.5 * (np.cos(turn) * (x - 0.5) + np.sin(turn) * (y - 0.5))
    return _between(_colour(rng), _colour(rng), share)


def _stripes(rng):
    y, x = _places()
    turn, count = rng.uniform(0, np.pi), rng.uniform(4, 20)
    wave = np.sin(2 * np.pi * count * (np.cos(turn) * x + np.sin(turn) * y))
    return _between(_colour(rng), _colour(rng), wave > 0)


def _checks(rng):
    y, x = _places()
    count = rng.integers(4, 16)
    odd = (np.floor(count * y) + np.floor(count * x)) % 2
    return _between(_colour(rng), _colour(rng), odd)


def _rings(rng):
    y, x = _places()
    away = np.hypot(2 * (y - rng.uniform()), x - rng.uniform())
    wave = np.sin(2 * np.pi * rng.uniform(8, 25) * away)
    return _between(
        np.array([95, 60, 30]), np.array([190, 140, 90]), 0.5 + wave / 2
    )


def _leaves(rng):
    rough = Image.fromarray(rng.integers(0, 256, (9, 9, 3), "uint8"))
    smooth = rough.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return np.asarray(smooth, float)


def _washers(rng):
    image = Image.new("RGB", (SIZE, SIZE), tuple(map(int, _colour(rng))))
    pen = ImageDraw.Draw(image)
    for _ in range(rng.integers(3, 9)):
        (x, y), radius = rng.uniform(0, SIZE, 2), rng.uniform(15, 60)
        for size, grey in ((radius, 170), (radius / 2, 40)):
            box = (x - size, y - size, x + size, y + size)
            pen.ellipse(box, fill=(grey,) * 3)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(1)), float)


def _text(rng):
    image = Image.new("RGB", (SIZE, SIZE), (240, 238, 230))
    pen = ImageDraw.Draw(image)
    for y in range(10, SIZE, 16):
        letters = rng.choice(list("abcdefghijklmnopqrstuvwxyz    "), 60)
        pen.text((8, y), "".join(letters), fill=(30, 30, 40))
    return np.asarray(image, float)


KINDS = {
    "lens cap": _lens_cap,
    "glare": _glare,
    "snow": _snow,
    "sky": _sky,
    "stripes": _stripes,
    "checks": _checks,
    "wood": _rings,
    "leaves": _leaves,
    "washers": _washers,
    "text": _text,
}
