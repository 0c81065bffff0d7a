"""Draws things of a material: a bottle of glass, a crumpled sheet of foil.

A thing has a form, which says which way its skin faces at each pixel, and a
material, which says what that does to the light. Both are drawn anew each
time; nothing of it is a photo.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage

from helpers.surfaces.textures import centred_grid, ramp
from pretraining import canvas

# --- Forms ----------------------------------------------------------------
# Each returns where the thing is, 0 to 1 (size, size); the way its skin
# faces, x and y (0, 0 towards the camera; `thing` cuts the length to 1); and
# coordinates on it, in pixels.


def _tube(rng, size):
    """A can, a bottle or a cup: round about its length."""
    u, v, angle = canvas.through(rng, size, 0.4)
    radius = rng.uniform(0.12, 0.3) * size
    long = radius * rng.uniform(1.1, 3)
    kind = rng.integers(3)
    if kind == 0:  # a can
        r = radius * np.ones_like(u)
    elif kind == 1:  # a bottle: the neck thins out
        neck = rng.uniform(0.25, 0.5)
        begin = rng.uniform(0.2, 0.6) * long
        fall = ramp(u, begin, begin + radius * rng.uniform(0.4, 1.2))
        r = radius * (1 - (1 - neck) * fall)
    else:  # a cup
        r = radius * (1 + rng.uniform(-0.3, 0.3) * u / long)
    ends = np.clip((long - np.abs(u)) / (0.2 * radius), 0, 1)
    r = r * np.sqrt(1 - (1 - ends) ** 2) + 1e-3
    across = np.clip(v / r, -1, 1)
    inside = (1 - ramp(np.abs(v) - r, -0.7, 0.7)) * (ends > 0)
    dent = _creased(rng, size) if rng.random() < 0.3 else (0, 0)
    x = -np.sin(angle) * across + 0.6 * dent[0]
    y = np.cos(angle) * across + 0.6 * dent[1]
    return inside, x, y, u, np.arcsin(across) * radius


def _creased(rng, size):
    """Return the slopes of creased sheet: flat facets, sharp folds."""
    y, x = centred_grid(size)
    height = np.zeros((size, size), "float32")
    for _ in range(rng.integers(6, 16)):
        angle = rng.uniform(0, 2 * np.pi)
        far = x * np.cos(angle) + y * np.sin(angle)
        far = far + 0.05 * size * canvas.noise(rng, size, 0.3 * size)
        at = rng.uniform(-0.45, 0.45) * size
        height += rng.uniform(-0.25, 0.25) * np.abs(far - at)
    return canvas.slopes(ndimage.gaussian_filter(height, rng.uniform(0.6, 2)))


def _crumpled(rng, size):
    """A crumpled sheet."""
    at, radius = canvas.spot(rng, size, 0.12), rng.uniform(0.25, 0.55) * size
    count = rng.integers(5, 12)
    corners = canvas.corners(rng, at, radius, count, jitter=0.25)
    inside = canvas.fill(size, [corners])
    right, down = _creased(rng, size)
    sharp = rng.uniform(0.5, 1.4)
    u, v, _ = canvas.turned(rng, size)
    return inside, right * sharp, down * sharp, u + 9 * right, v + 9 * down


def _flat(rng, size):
    """A flat or bent piece with four corners."""
    u, v, angle = canvas.through(rng, size, 0.4)
    long, wide = rng.uniform(0.2, 0.5, 2) * size
    v = v + rng.uniform(-0.3, 0.3) * u
    inside = (1 - ramp(np.abs(u) - long, -0.7, 0.7)) * (
        1 - ramp(np.abs(v) - wide, -0.7, 0.7)
    )
    bend = rng.uniform(-0.5, 0.5) * u / long + rng.normal(0, 0.2)
    return inside, np.cos(angle) * bend, np.sin(angle) * bend, u, v


def _carton(rng, size):
    """A box of which three faces show."""
    at = canvas.spot(rng, size, 0.1)
    angle = rng.uniform(0, 6.3) + np.array([0, 2.1, 4.2])
    angle = angle + rng.normal(0, 0.2, 3)
    edge = np.stack([np.cos(angle), np.sin(angle)], 1)
    edge *= rng.uniform(0.2, 0.4, (3, 1)) * size
    inside = np.zeros((size, size), "float32")
    x, y, u, v = (np.zeros((size, size), "float32") for _ in range(4))
    down, right = centred_grid(size)
    for n in range(3):
        a, b = edge[n], edge[(n + 1) % 3]
        face = canvas.fill(size, [[at, at + a, at + a + b, at + b]])
        towards = (a + b) / np.hypot(*(a + b)) * 0.7
        over = face > 0.5
        x[over], y[over] = towards
        solve = np.linalg.inv(np.stack([a, b], 1))
        u_face = solve[0, 0] * (right - at[0]) + solve[0, 1] * (down - at[1])
        v_face = solve[1, 0] * (right - at[0]) + solve[1, 1] * (down - at[1])
        u[over] = (u_face * np.hypot(*a))[over]
        v[over] = (v_face * np.hypot(*b))[over]
        inside = np.maximum(inside, face)
    return inside, x, y, u, v


def _bag(rng, size):
    """Something soft and plump, with folds."""
    radius = rng.uniform(0.25, 0.45) * size
    at = canvas.spot(rng, size, 0.12)
    q = canvas.blob(rng, size, at, radius, 0.15, 2.0)
    y, x = centred_grid(size)
    bulge = np.minimum(q, 1) ** 2
    far = np.hypot(x - at[0], y - at[1]) + 1
    fold = canvas.grain(rng, size, rng.uniform(0, np.pi), 60, 7)
    right, down = canvas.slopes(fold)
    deep = rng.uniform(0.3, 1.5)
    return (
        1 - ramp(q, 0.97, 1.03),
        bulge * (x - at[0]) / far + deep * right,
        bulge * (y - at[1]) / far + deep * down,
        x + 8 * right,
        y + 8 * down,
    )


FORMS = (_tube, _crumpled, _flat, _carton, _bag)


# --- Light ----------------------------------------------------------------


def _lamps(rng, x, y, soft):
    """Return the lamps that a mirror shows which faces x, y.

    soft: how much larger than usual the lamps are.
    """
    z = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    x, y = 2 * z * x, 2 * z * y
    total = np.zeros(np.broadcast(x, y).shape, "float32")
    for _ in range(rng.integers(1, 4)):
        at, wide = rng.uniform(-1, 1, 2), rng.uniform(0.1, 0.5, 2) + soft
        bright, turn = rng.uniform(0.5, 1.6), rng.uniform(0, np.pi)
        u = (x - at[0]) * np.cos(turn) + (y - at[1]) * np.sin(turn)
        v = (y - at[1]) * np.cos(turn) - (x - at[0]) * np.sin(turn)
        far = (u / wide[0]) ** 4 + (v / wide[1]) ** 4
        total += bright * np.exp(-far)
    return total


def _shade(rng, x, y):
    """Return how much light a matt skin sends back, about 0.3 to 1.1."""
    lamp = rng.normal(0, 0.5, 2)
    z = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    lit = (z + lamp[0] * x + lamp[1] * y) / np.sqrt(1 + lamp @ lamp)
    return rng.uniform(0.2, 0.45) + 0.7 * np.maximum(lit, 0)


# --- Materials ------------------------------------------------------------
# Each returns the light of the skin (size, size, 3), and how much of what
# lies behind is seen through it: a number, one a colour, or one a pixel too.


def _print(rng, size, u, v):
    """Return what is printed on a thing: blocks, lines of text, or none."""
    made = np.ones((size, size, 3), "float32")
    for _ in range(rng.integers(0, 4)):
        a, b = rng.uniform(-0.3, 0.3, 2) * size
        long, wide = rng.uniform(0.05, 0.3, 2) * size
        over = (np.abs(u - a) < long) & (np.abs(v - b) < wide)
        if rng.random() < 0.5:  # lines of text
            line = rng.uniform(4, 9)
            over &= (v / line) % 1 < 0.5
            over &= np.sin(u * 1.7) + np.sin(u * 0.9 + v // line) > -0.6
        made[over] = rng.uniform(0.05, 1, 3)
    return made


def _cardboard(rng, size, x, y, u, v):
    """Brown, matt, ribbed."""
    colour = np.array([0.68, 0.52, 0.36]) * rng.uniform(0.75, 1.25)
    ribs = 1 + rng.uniform(0, 0.06) * np.sin(u * 2 * np.pi / rng.uniform(4, 9))
    ribs = ribs + 0.03 * canvas.noise(rng, size, 1.5)
    made = (_shade(rng, x, y) * ribs)[..., None] * colour
    if rng.random() < 0.5:
        made = made * _print(rng, size, u, v)
    return made, 0


def _paper(rng, size, x, y, u, v):
    """White or pale, matt, often printed."""
    colour = rng.uniform(0.82, 1.0) * rng.uniform(0.9, 1.0, 3)
    made = _shade(rng, x, y)[..., None] * colour
    return made * _print(rng, size, u, v), 0


def _plastic(rng, size, x, y, u, v):
    """Coloured, with soft lights on it; sometimes a little clear."""
    colour = rng.uniform(0.05, 1, 3)
    made = _shade(rng, x, y)[..., None] * colour
    if rng.random() < 0.5:
        made = made * _print(rng, size, u, v)
    light = rng.uniform(0.3, 0.8) * _lamps(rng, x, y, 0.15)
    clear = rng.uniform(0.2, 0.7) if rng.random() < 0.4 else 0
    return made * (1 - clear) + light[..., None], clear


def _metal(rng, size, x, y, u, v):
    """A mirror of the room: hard lights beside dark."""
    room = 0.15 + _lamps(rng, x, y, 0) + 0.6 * _lamps(rng, x, y, 0.4)
    colour = 1 - rng.uniform(0, 0.12, 3)
    if rng.random() < 0.3:
        colour = rng.uniform(0.1, 1, 3)
    made = room[..., None] * colour
    if rng.random() < 0.5:
        made = made * _print(rng, size, u, v)
    return made, 0


def _glass(rng, size, x, y, u, v):
    """Clear in the middle, dark or bright at the rim, with hard lights."""
    tints = [[1, 1, 1], [0.55, 0.8, 0.5], [0.6, 0.38, 0.15], [0.6, 0.8, 0.9]]
    tint = np.array(tints[rng.integers(4)]) * rng.uniform(0.75, 1)
    rim = np.clip(x**2 + y**2, 0, 1) ** rng.uniform(1, 3)
    dark = 1 - rng.uniform(0.3, 0.9) * rim
    light = 0.9 * _lamps(rng, x, y, -0.06)
    body = 0.15 * tint * _shade(rng, x, y)[..., None]
    return body + light[..., None], dark[..., None] * tint


def _film(rng, size, x, y, u, v):
    """Thin film: clear, with fine bright folds."""
    light = rng.uniform(0.5, 1) * _lamps(rng, x * 1.3, y * 1.3, 0)
    colour = 1 - rng.uniform(0, 0.25, 3)
    haze = rng.uniform(0.05, 0.4)
    body = haze * _shade(rng, x, y)[..., None] * colour
    return body + light[..., None] * 0.8, (1 - haze) * colour


MATERIALS = (_cardboard, _paper, _plastic, _metal, _glass, _film)


def thing(
    form: Callable, material: Callable
) -> Callable[[np.random.Generator, int, dict], None]:
    """Return the mark that lays a thing on the ground."""

    def mark(
        rng: np.random.Generator, size: int, scene: dict[str, Any]
    ) -> None:
        inside, x, y, u, v = form(rng, size)
        steep = np.maximum(np.hypot(x, y), 1)
        x, y = x / steep, y / steep
        skin, clear = material(rng, size, x, y, u, v)
        fall = rng.uniform(-0.06, 0.06, 2) * size
        shadow = ndimage.shift(inside, fall, order=0)
        shadow = ndimage.gaussian_filter(shadow, 0.02 * size)
        dark = 1 - rng.uniform(0.1, 0.5) * shadow * (1 - inside)
        inside = inside[..., None]
        behind = (scene["tone"] * dark)[..., None] * scene["paint"]
        made = behind * (1 - inside) + inside * (skin + clear * behind)
        scene["paint"] = made.astype("float32")
        scene["tone"] = np.ones((size, size), "float32")
        scene["height"] = scene["height"] * (1 - inside[..., 0])

    return mark
