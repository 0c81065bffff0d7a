"""Draws out-of-distribution images: what a camera shows without a part.

Ten kinds, from the lens cap to a page of text. They are simple on purpose,
and none of them looks like a surface; a classifier that knows a handful of
classes still has to name one for each.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from helpers.surfaces.textures import SIZE

EACH = 6  # images of a kind


def ood_images(seed: int = 0) -> tuple[NDArray[np.uint8], list[str]]:
    """Return images of no class (out of distribution), and what each shows.

    Args:
        seed: an integer from 0 on; another one gives other images.

    Returns:
        uint8 (60, 299, 299, 3), 0-255, and a list of 60 names of kinds.
    """
    images, names = [], []
    for number, (name, draw) in enumerate(KINDS.items()):
        for index in range(EACH):
            rng = np.random.default_rng([seed, number, index])
            light = draw(rng) + rng.normal(0, 2, (SIZE, SIZE, 3))
            images.append(np.clip(light, 0, 255).astype("uint8"))
            names.append(name)
    return np.stack(images), names


def _colour(rng: Generator):
    return rng.uniform(20, 235, 3)


def _grid():
    """Return the coordinates of all pixels, y and x, (299, 299, 1), 0-1."""
    grid = np.mgrid[:SIZE, :SIZE] / SIZE
    return grid[..., None]


def _mixed(first: NDArray, second: NDArray, fraction: NDArray):
    return first + (second - first) * fraction


def _lens_cap(rng: Generator):
    return np.full((SIZE, SIZE, 3), rng.uniform(0, 12))


def _glare(rng: Generator):
    y, x = _grid()
    distance = np.hypot(y - rng.uniform(), x - rng.uniform())
    return 255 - rng.uniform(10, 90) * distance * np.ones(3)


def _snow(rng: Generator):
    return rng.uniform(0, 255, (SIZE, SIZE, 3))


def _sky(rng: Generator):
    y, x = _grid()
    angle = rng.uniform(0, 2 * np.pi)
    fraction = 0.5 + 0.5 * (
        np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5)
    )
    return _mixed(_colour(rng), _colour(rng), fraction)


def _stripes(rng: Generator):
    y, x = _grid()
    angle, count = rng.uniform(0, np.pi), rng.uniform(4, 20)
    wave = np.sin(2 * np.pi * count * (np.cos(angle) * x + np.sin(angle) * y))
    return _mixed(_colour(rng), _colour(rng), wave > 0)


def _checks(rng: Generator):
    y, x = _grid()
    count = rng.integers(4, 16)
    odd = (np.floor(count * y) + np.floor(count * x)) % 2
    return _mixed(_colour(rng), _colour(rng), odd)


def _rings(rng: Generator):
    y, x = _grid()
    distance = np.hypot(2 * (y - rng.uniform()), x - rng.uniform())
    wave = np.sin(2 * np.pi * rng.uniform(8, 25) * distance)
    return _mixed(
        np.array([95, 60, 30]), np.array([190, 140, 90]), 0.5 + wave / 2
    )


def _leaves(rng: Generator):
    rough = Image.fromarray(rng.integers(0, 256, (9, 9, 3), "uint8"))
    smooth = rough.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return np.asarray(smooth, float)


def _washers(rng: Generator):
    image = Image.new("RGB", (SIZE, SIZE), tuple(map(int, _colour(rng))))
    pen = ImageDraw.Draw(image)
    for _ in range(rng.integers(3, 9)):
        (x, y), radius = rng.uniform(0, SIZE, 2), rng.uniform(15, 60)
        for size, grey in ((radius, 170), (radius / 2, 40)):
            box = (x - size, y - size, x + size, y + size)
            pen.ellipse(box, fill=(grey,) * 3)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(1)), float)


def _text(rng: Generator):
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
