"""Textures, soft shapes and distances, of which the parts are drawn.

The canvas is a square of `size` pixels; x and y are pixels from its middle.
"""

import functools
import math

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

SIZE = 299  # pixels on each side of a photo
Field = NDArray  # float, one number for each pixel


@functools.cache
def centred_grid(size: int) -> tuple[Field, Field]:
    """Return pixels from the middle: y (size, 1) and x (1, size)."""
    line = np.arange(size, dtype="float32") - (size - 1) / 2
    return line[:, None], line[None, :]


@functools.cache
def frequencies(size: int) -> tuple[Field, Field]:
    """Return cycles per pixel for `numpy.fft.irfft2`: down and right."""
    return (
        np.fft.fftfreq(size).astype("float32")[:, None],
        np.fft.rfftfreq(size).astype("float32")[None, :],
    )


def texture(rng: Generator, strength: Field) -> Field:
    """Return random texture with mean 0 and standard deviation 1.

    Args:
        strength: how much there is of each wave, as `frequencies` orders them.
    """
    size = len(strength)
    shape = strength.shape
    wave = np.empty(shape, "complex64")
    wave.real = rng.standard_normal(shape, "float32")
    wave.imag = rng.standard_normal(shape, "float32")
    wave *= strength
    wave[0, 0] = 0
    field = np.fft.irfft2(wave, (size, size)).astype("float32")
    return field / _deviation(field.ravel())


def _deviation(values: Field) -> np.float32:
    """Return the standard deviation of values, shape (n,).

    It has the same bits in all versions of NumPy, and so have the photos:
    `values.std()` has not, because NumPy added up in another order before
    version 2.3.
    """
    differences = values - _sum(values) / np.float32(len(values))
    return np.sqrt(_sum(differences**2) / np.float32(len(values)))


def _sum(values: Field) -> np.float32:
    if len(values) <= 8192:  # NumPy's buffer: up to here, all versions agree
        return values.sum()
    middle = len(values) // 16 * 8
    return _sum(values[:middle]) + _sum(values[middle:])


def cloud(rng: Generator, size: int, scale: float) -> Field:
    """Return smooth random hills about `scale` pixels wide, about -2 to 2."""
    few = rng.standard_normal((max(2, round(size / scale)) + 3,) * 2)
    hills = Image.fromarray(few.astype("float32"))
    edge = len(few) / (len(few) - 2)  # the outermost hills are cut off
    width = round(size * edge)
    hills = hills.resize((width, width), Image.Resampling.BICUBIC)
    cut = (width - size) // 2
    return np.asarray(hills)[cut : cut + size, cut : cut + size]


def hairs(
    rng: Generator,
    size: int,
    count: int,
    length: tuple[float, float],
    angles: Field,
) -> Field:
    """Return fine straight lines, 0 to 1, of shape (size, size).

    Args:
        count: of lines on a square of 300×300 pixels.
        length: two numbers, the least and the most, in pixels.
        angles: one angle for each line is drawn from these (radians).
    """
    fine = 2  # drawn larger and shrunk, so that lines have smooth edges
    sheet = Image.new("L", (size * fine, size * fine))
    pen = ImageDraw.Draw(sheet)
    count = int(count * (size / 300) ** 2)
    ends = rng.uniform(0, size, (count, 2)) * fine
    angle = rng.choice(angles, count)
    lengths = rng.uniform(*length, count) * fine
    ink = (255 * rng.uniform(0.2, 1, count) ** 2).astype(int)
    step = lengths[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    lines = np.concatenate([ends - step / 2, ends + step / 2], 1)
    for line, colour in zip(lines.tolist(), ink.tolist(), strict=True):
        pen.line(line, fill=colour)
    return np.asarray(sheet.reduce(fine), "float32") / 128


def ramp(value: Field, low: Field | float, high: Field | float) -> Field:
    """Return 0 below `low`, 1 above `high`, smooth between (low < high)."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def distance_to_line(
    size: int, points: ArrayLike, reach: float
) -> tuple[Field, Field]:
    """Return how far each pixel is from a line through points.

    Args:
        points: float (n, 2), x and y in pixels from the middle.
        reach: pixels farther away than this are not measured.

    Returns:
        Two float32 arrays (size, size): the distance in pixels (`reach`
        where it is farther), and the place of the nearest point along the
        line, 0 at its first point and 1 at its last.
    """
    distance = np.full((size, size), reach, "float32")
    along = np.zeros((size, size), "float32")
    points = np.asarray(points, "float32") + (size - 1) / 2
    steps = np.diff(points, axis=0)
    lengths = np.maximum(np.hypot(*steps.T), 1e-3)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    for start, step, long, begun in zip(
        points, steps, lengths, starts, strict=False
    ):
        low = np.minimum(start, start + step) - reach
        high = np.maximum(start, start + step) + reach + 2
        x0, y0 = np.clip(low.astype(int), 0, size)
        x1, y1 = np.clip(high.astype(int), 0, size)
        if x0 >= x1 or y0 >= y1:
            continue
        x = np.arange(x0, x1, dtype="float32")[None, :] - start[0]
        y = np.arange(y0, y1, dtype="float32")[:, None] - start[1]
        t = np.clip((x * step[0] + y * step[1]) / long**2, 0, 1)
        d = np.hypot(x - t * step[0], y - t * step[1])
        box = (slice(y0, y1), slice(x0, x1))
        nearer = d < distance[box]
        distance[box] = np.where(nearer, d, distance[box])
        position = (begun + t * long) / starts[-1]
        along[box] = np.where(nearer, position, along[box])
    return distance, along


def blob(
    rng: Generator,
    size: int,
    middle: Field,
    radius: float,
    rough: float,
    stretch: float = 1.4,
) -> Field:
    """Return an irregular round patch: 0 in its middle, 1 at its edge.

    Args:
        middle: x and y in pixels from the middle of the canvas.
        radius: in pixels.
        rough: how far the edge swings in and out; 0 is an ellipse.
        stretch: the most that the patch is longer than wide.
    """
    coarse = 4  # it is smooth, so every fourth pixel tells enough
    y, x = centred_grid(size // coarse)
    spot = (x * coarse - float(middle[0])) + 1j * (
        y * coarse - float(middle[1])
    )
    longer = math.sqrt(rng.uniform(1, stretch))
    spot *= np.exp(1j * rng.uniform(0, math.pi))
    spot = spot.real / longer + 1j * spot.imag * longer
    away = np.abs(spot) + 1e-3
    spot /= away
    edge, power = np.ones_like(away), np.ones_like(spot)
    for n in range(1, 7):
        power = power * spot
        swing = rough * rng.normal() / n
        if n > 1:  # the first would only shift the patch
            phase = np.exp(1j * rng.uniform(0, 2 * math.pi))
            edge = edge + swing * (power * phase).real
    patch = away / (radius * np.maximum(edge, 0.4))
    image = Image.fromarray(patch.astype("float32"))
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))


def window(
    size: int, middle: Field, reach: float
) -> tuple[tuple[slice, slice], Field, Field]:
    """Return the pixels at most `reach` from a place on the canvas.

    Returns:
        The two slices of them, and their x (1, w) and y (h, 1) in pixels
        from the place; both are empty where it lies outside.
    """
    at = np.asarray(middle) + (size - 1) / 2
    low = np.clip((at - reach).astype(int), 0, size)
    high = np.clip((at + reach + 2).astype(int), 0, size)
    x = np.arange(low[0], high[0], dtype="float32") - np.float32(at[0])
    y = np.arange(low[1], high[1], dtype="float32") - np.float32(at[1])
    box = slice(low[1], high[1]), slice(low[0], high[0])
    return box, x[None, :], y[:, None]
