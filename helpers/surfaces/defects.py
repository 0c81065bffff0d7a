"""Draws the five kinds of defects.

Each function changes `height`, `tone` or `paint` of a part in place and
returns where the defect is, bool (size, size). `matrix` takes pixels of the
photo to pixels of the canvas (see `render._view`).
"""

import math

import numpy as np
from numpy.random import Generator

from helpers.surfaces.parts import Part
from helpers.surfaces.textures import (
    SIZE,
    Field,
    blob,
    cloud,
    distance_to_line,
    ramp,
    window,
)


def _spot(rng: Generator, matrix: Field, reach: float = 0.34):
    """Return a point on the canvas that lies well inside the photo."""
    return matrix @ (rng.uniform(-reach, reach, 2) * SIZE)


def _crack(rng: Generator, part: Part, matrix: Field):
    """A crack wanders, forks and thins out; it is dark to the bottom."""
    size = len(part["tone"])
    where = np.zeros((size, size), bool)
    length = rng.uniform(40, 90)
    trunk_width = rng.uniform(0.9, 1.8)
    dark = rng.uniform(0.32, 0.72)
    heading = rng.uniform(0, 2 * math.pi)
    trunk = _wander(rng, length, heading)
    trunk += _spot(rng, matrix, 0.26) - trunk.mean(0)
    lines = [(trunk, trunk_width)]
    for _ in range(rng.integers(0, 4)):
        fork = rng.integers(len(trunk) // 5, len(trunk) - 3)
        away = rng.choice([-1, 1]) * rng.uniform(0.5, 1.1)
        course = np.arctan2(*(trunk[fork + 2] - trunk[fork])[::-1])
        branch = _wander(rng, length * rng.uniform(0.15, 0.45), course + away)
        width = trunk_width * rng.uniform(0.5, 0.8)
        lines.append((trunk[fork] + branch, width))
    for number, (points, width) in enumerate(lines):
        d, along = distance_to_line(size, points, 8)
        if number:
            taper = 1 - along
        else:
            taper = np.sqrt(np.clip(4 * along * (1 - along), 0, 1))
        widths = np.maximum(width * (0.35 + 0.65 * taper), 0.3)
        inside = np.exp(-np.square(d / widths)) * (0.45 + 0.55 * taper)
        part["tone"] *= 1 - dark * inside
        part["height"] -= 0.8 * dark * inside * widths
        where |= d < widths + 1.2
    return where


def _wander(rng: Generator, length: float, heading: float):
    """Return a jagged path of about `length` pixels, float (n, 2)."""
    steps = rng.uniform(3, 9, max(4, round(length / 6)))
    turns = rng.normal(0, 0.16, len(steps)).cumsum()
    course = heading + turns + rng.normal(0, 0.42, len(steps))
    path = steps[:, None] * np.stack([np.cos(course), np.sin(course)], 1)
    return np.concatenate([[[0, 0]], path.cumsum(0)])


def _scratch(rng: Generator, part: Part, matrix: Field):
    """A scratch is straight and thin, with a bright and a dark edge."""
    size = len(part["tone"])
    where = np.zeros((size, size), bool)
    # It comes from handling, across the line and the brushed grain.
    angle = rng.uniform(0.35, math.pi - 0.35)
    # In a rough skin only a deep one is a scratch.
    deep = 1.6 if part["material"] == "cast" else 1.0
    middle = _spot(rng, matrix, 0.26)
    for _ in range(rng.choice([1, 1, 2, 3])):
        length = rng.uniform(36, 80)
        course = angle + rng.normal(0, 0.05)
        t = np.linspace(-0.5, 0.5, 14)
        bow = rng.normal(0, 0.03) * (t**2 - 0.1)
        ahead = np.array([np.cos(course), np.sin(course)])
        aside = np.array([-ahead[1], ahead[0]])
        points = length * (t[:, None] * ahead + bow[:, None] * aside)
        points += middle + aside * rng.uniform(-16, 16)
        d, along = distance_to_line(size, points, 8)
        press = ramp(along, 0, 0.15) * (1 - ramp(along, 0.6, 1.0) * 0.8)
        press = press * (0.8 + 0.2 * np.sin(along * rng.uniform(9, 40)))
        width = rng.uniform(1.0, 1.9)
        core = np.exp(-np.square(d / width)) * press
        burr = np.exp(-np.square((d - 1.8 * width) / width)) * press
        part["tone"] *= 1 + rng.uniform(0.16, 0.36) * core - 0.12 * burr
        part["height"] += deep * rng.uniform(0.4, 0.75) * (0.4 * burr - core)
        where |= (d < width + 1.5) & (press > 0.08)
    return where


def _dent(rng: Generator, part: Part, matrix: Field):
    """A dent is a shallow bowl: dark towards the light, bright beyond."""
    radius = rng.uniform(15, 28)
    q = blob(rng, len(part["tone"]), _spot(rng, matrix), radius, 0.07, 1.7)
    deep = rng.uniform(0.095, 0.19) * radius
    bowl = -deep * np.square(1 - np.square(np.minimum(q, 1)))
    rim = 0.12 * deep * np.exp(-np.square((q - 1.05) / 0.14))
    # What was hit is pressed smooth.
    smooth = 1 - 0.35 * (1 - ramp(q, 0.6, 1.0))
    part["height"] = part["height"] * smooth + bowl + rim
    return q < 1.08


def _pits(rng: Generator, part: Part, matrix: Field):
    """Pits are small dark holes, many together."""
    size = len(part["tone"])
    where = np.zeros((size, size), bool)
    middle, spread = _spot(rng, matrix, 0.3), rng.uniform(6, 14)
    shade = rng.uniform(0.6, 1.0)
    for _ in range(rng.integers(5, 14)):
        at = middle + rng.normal(0, spread, 2)
        radius = rng.uniform(1.4, 2.3) + rng.exponential(0.9)
        box, x, y = window(size, at, 2.5 * radius + 3)
        turn, longer = rng.uniform(0, math.pi), rng.uniform(1, 1.35)
        u = x * math.cos(turn) + y * math.sin(turn)
        v = y * math.cos(turn) - x * math.sin(turn)
        near = np.hypot(u / longer, v * longer) / radius
        hole = np.exp(-np.square(np.square(near)))
        part["tone"][box] *= 1 - shade * rng.uniform(0.35, 0.7) * hole
        part["height"][box] -= radius * rng.uniform(0.2, 0.45) * hole
        where[box] |= near < 1 + 1.2 / radius
    return where


STAINS = (
    (0.80, 0.67, 0.52),  # rust
    (0.72, 0.66, 0.58),  # oil
    (0.70, 0.75, 0.86),  # heat
    (0.70, 0.70, 0.71),  # water
    (0.86, 0.79, 0.62),  # varnish
)


def _stain(rng: Generator, part: Part, matrix: Field):
    """A stain colours the metal, most of all where its edge dried."""
    size = len(part["tone"])
    colour = rng.choice(np.array(STAINS)) * rng.uniform(0.96, 1.04, 3)
    middle, radius = _spot(rng, matrix), rng.uniform(12, 26)
    ragged = rng.uniform(0.05, 0.12) * cloud(rng, size, 18)
    body_of, ring_of = rng.uniform(0.26, 0.62), rng.uniform(0.18, 0.5)
    amount = np.zeros((size, size), "float32")
    where = np.zeros((size, size), bool)
    drops = [(middle, radius)]
    for _ in range(rng.poisson(0.8)):
        away = rng.normal(0, 1, 2)
        away *= radius * rng.uniform(1.1, 1.6) / np.hypot(*away)
        drops.append((middle + away, radius * rng.uniform(0.08, 0.3)))
    for at, r in drops:
        q = blob(rng, size, at, r, 0.22, 1.8) + ragged
        edge = 4 / r
        body = 1 - ramp(q, 1 - edge, 1 + edge)
        ring = np.exp(-np.square((q - 1 + edge) / (0.6 * edge + 0.03)))
        amount = np.maximum(amount, body_of * body + ring_of * ring)
        where |= q < 1 + edge / 2
    amount *= 1 + 0.18 * cloud(rng, size, 30)
    amount = np.clip(amount, 0, 1)[..., None]
    part["paint"] *= 1 - amount * (1 - colour.astype("float32"))
    return where


DEFECTS = {
    "crack": _crack,
    "dent": _dent,
    "pits": _pits,
    "scratch": _scratch,
    "stain": _stain,
}
