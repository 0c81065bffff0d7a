"""What a drawn picture is put together from.

Fields of (size, size) numbers: noise, blobs, lines, polygons; and how ink or
paint is laid over a scene. Lengths are pixels; places are x and y in pixels
from the middle.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy import fft

from helpers.surfaces.textures import centred_grid, frequencies

Field = npt.NDArray[np.floating]


def texture(rng: np.random.Generator, size: int, strength: Field) -> Field:
    """Return random texture of mean 0 and deviation 1 from wave strengths."""
    wave = np.empty(strength.shape, "complex64")
    wave.real = rng.standard_normal(strength.shape, "float32")
    wave.imag = rng.standard_normal(strength.shape, "float32")
    wave *= strength
    wave[0, 0] = 0
    made = fft.irfft2(wave, (size, size))
    return made / (made.std() + 1e-6)


def noise(
    rng: np.random.Generator, size: int, scale: float, band: bool = False
) -> Field:
    """Return noise about `scale` pixels wide; `band`: no wider either."""
    down, right = frequencies(size)
    wave = np.hypot(down, right) * scale
    strength = np.exp(-(wave**2))
    return texture(rng, size, strength * wave if band else strength)


def grain(
    rng: np.random.Generator, size: int, angle: float, long: float, wide: float
) -> Field:
    """Return noise drawn out along an angle."""
    down, right = frequencies(size)
    along = (right * np.cos(angle) + down * np.sin(angle)) * long
    across = (down * np.cos(angle) - right * np.sin(angle)) * wide
    return texture(rng, size, np.exp(-np.abs(along) - across**2))


def turned(
    rng: np.random.Generator, size: int, level: float = 0.3
) -> tuple[Field, Field, float]:
    """Return coordinates turned by a random angle, shifted, and the angle.

    level: how often the angle is nearly level or upright.
    """
    angle = rng.uniform(0, np.pi)
    if rng.random() < level:
        angle = rng.integers(2) * np.pi / 2 + rng.normal(0, 0.05)
    y, x = centred_grid(size)
    u = x * np.cos(angle) + y * np.sin(angle) + rng.uniform(0, 200)
    v = y * np.cos(angle) - x * np.sin(angle) + rng.uniform(0, 200)
    return u, v, angle


def through(
    rng: np.random.Generator, size: int, level: float
) -> tuple[Field, Field, float]:
    """Return coordinates turned by a random angle about a place in view."""
    u, v, angle = turned(rng, size, level)
    half = size // 2
    at = spot(rng, size, 0.25)
    u = u - u[half, half] - at[0]
    return u, v - v[half, half] - at[1], angle


def slopes(
    height: Field,
) -> tuple[Field, Field]:
    """Return how steep a height is, to the right and down, per pixel."""
    right = np.diff(height, axis=1, append=height[:, -1:])
    return right, np.diff(height, axis=0, append=height[-1:])


def blob(
    rng: np.random.Generator,
    size: int,
    at: Field,
    radius: float,
    rough: float,
    stretch: float = 1.5,
) -> Field:
    """Return an irregular round patch: 0 in its middle, 1 at its edge."""
    y, x = centred_grid(size)
    x, y = x - at[0], y - at[1]
    turn, longer = rng.uniform(0, np.pi), rng.uniform(1, stretch) ** 0.5
    u = (x * np.cos(turn) + y * np.sin(turn)) / longer
    v = (y * np.cos(turn) - x * np.sin(turn)) * longer
    if rough == 0:
        return np.hypot(u, v) / radius
    angle = np.arctan2(v, u)
    edge = np.ones_like(angle)
    for n in range(2, 6):
        swing = np.float32(rough * rng.normal() / n)
        edge += swing * np.cos(n * angle + np.float32(rng.uniform(0, 6.3)))
    return np.hypot(u, v) / (radius * np.maximum(edge, 0.4))


def spot(rng: np.random.Generator, size: int, reach: float = 0.3) -> Field:
    """Return a place not too near the edge, pixels from the middle."""
    return rng.uniform(-reach, reach, 2) * size


def pen(
    size: int, lines: Sequence[npt.ArrayLike], widths: Sequence[npt.ArrayLike]
) -> Field:
    """Return soft lines through points, float32 0 to 1 (size, size).

    Args:
        lines: list of float (n, 2), pixels from the middle.
        widths: list of widths in pixels, or of arrays with one a step.
    """
    fine = 3
    sheet = Image.new("L", (size * fine, size * fine))
    tool = ImageDraw.Draw(sheet)
    for points, width in zip(lines, widths, strict=True):
        at = ((np.asarray(points) + size / 2) * fine).tolist()
        wide = np.broadcast_to(width, len(at) - 1) * fine
        for a, b, w in zip(at[:-1], at[1:], wide, strict=True):
            tool.line((*a, *b), fill=255, width=max(1, round(w)))
    return np.asarray(sheet.reduce(fine), "float32") / 255


def fill(size: int, polygons: Iterable[npt.ArrayLike]) -> Field:
    """Return filled polygons, float32 0 to 1 (size, size)."""
    fine = 2
    sheet = Image.new("L", (size * fine, size * fine))
    tool = ImageDraw.Draw(sheet)
    for points in polygons:
        at = (np.asarray(points) + size / 2) * fine
        tool.polygon([tuple(p) for p in at.tolist()], fill=255)
    return np.asarray(sheet.reduce(fine), "float32") / 255


def corners(
    rng: np.random.Generator,
    at: Field,
    radius: float,
    count: int,
    inner: float = 1.0,
    jitter: float = 0.0,
) -> Field:
    """Return the corners of a polygon, or of a star if `inner` < 1."""
    if inner < 1:
        count *= 2
    angle = np.arange(count) * 2 * np.pi / count + rng.uniform(0, 6.3)
    far = np.full(count, radius, "float64")
    if inner < 1:
        far[1::2] *= inner
    far *= 1 + jitter * rng.uniform(-1, 1, count)
    return at + far[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)


def straight(
    rng: np.random.Generator,
    at: Field,
    length: float,
    angle: float,
) -> Field:
    """Return a nearly straight line, float (9, 2)."""
    t = np.linspace(-0.5, 0.5, 9)
    aside = rng.normal(0, 0.03) * (t**2 - 0.1)
    ahead = np.array([np.cos(angle), np.sin(angle)])
    return at + length * (
        t[:, None] * ahead + aside[:, None] * np.array([-ahead[1], ahead[0]])
    )


def walk(
    rng: np.random.Generator,
    at: Field,
    length: float,
    step: float,
    wander: float,
    jag: float,
    angle: float | None = None,
) -> Field:
    """Return a line that wanders, centred on `at`, float (n, 2)."""
    count = max(5, int(length / step))
    angle = rng.uniform(0, 6.3) if angle is None else angle
    course = angle + rng.normal(0, wander, count).cumsum()
    course = course + rng.normal(0, jag, count)
    way = (step * np.stack([np.cos(course), np.sin(course)], 1)).cumsum(0)
    return way - way.mean(0) + at


def length(rng: np.random.Generator, size: int) -> float:
    """Return how long a line is, in pixels."""
    return rng.uniform(40, max(70, min(240, size)))


def tint(rng: np.random.Generator, power: float) -> Field:
    """Return what a dye leaves of the light, float (3,), below 1."""
    dye = rng.uniform(0.25, 0.8, 3)
    dye[rng.integers(3)] = rng.uniform(0.75, 1.0)
    return 1 - (1 - dye) * power


def ink(
    rng: np.random.Generator,
    scene: dict[str, Any],
    amount: Field,
    darker: bool | None = None,
) -> None:
    """Lay something darker or brighter over the scene."""
    if darker is None:
        darker = rng.random() < 0.6
    power = scene["power"] * rng.uniform(0.7, 1)
    change = -0.8 * power if darker else 0.6 * power
    scene["tone"] = scene["tone"] * (1 + change * amount)


def cover(
    rng: np.random.Generator,
    scene: dict[str, Any],
    amount: Field,
    colour: Field | None = None,
) -> None:
    """Lay an opaque colour over the scene where `amount` is 1."""
    colour = any_colour(rng) if colour is None else colour
    mean = scene["paint"].mean((0, 1))
    # Not so near the ground's colour that nobody could tell it.
    if np.abs(colour - mean).max() < 0.2:
        colour = np.where(mean > 0.45, mean - 0.3, mean + 0.3)
    amount = (amount * (0.6 + 0.4 * scene["power"]))[..., None]
    flat = (amount[..., 0] * 0.85).astype("float32")
    scene["tone"] = scene["tone"] * (1 - flat) + flat
    scene["height"] = scene["height"] * (1 - flat)
    scene["paint"] = scene["paint"] * (1 - amount) + colour * amount


def any_colour(rng: np.random.Generator) -> Field:
    """Return a colour: grey or pale more often than bright."""
    grey = rng.uniform(0.2, 0.85)
    away = rng.normal(0, 1, 3) * rng.choice([0.02, 0.06, 0.2])
    return np.clip(grey + away - away.mean(), 0.05, 1)
