"""Draws a metal part without a defect."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import Generator

from helpers.surfaces.textures import (
    Field,
    blob,
    centred_grid,
    cloud,
    distance_to_line,
    frequencies,
    hairs,
    ramp,
    texture,
    window,
)

Part = dict[str, Any]


def draw_part(rng: Generator, size: int) -> Part:
    """Return a part: a dict of what `_light` needs.

    `height` in pixels, `tone` how bright the metal is, `light` how much of
    it falls where, `gloss` how much glints, `paint` (size, size, 3) the
    colour, `towards` where the light comes from (x, y), `material`.
    """
    materials = {"brushed": _brushed, "cast": _cast, "sanded": _sanded}
    material = list(materials)[rng.integers(len(materials))]
    part: Part = {"material": material}
    materials[material](rng, size, part)
    towards = math.radians(45 + rng.uniform(-12, 12))
    part["towards"] = math.cos(towards), math.sin(towards)
    y, x = centred_grid(size)
    fall = rng.uniform(0.0004, 0.0013)
    part["light"] = part["light"] * (
        1
        - fall * (x * math.cos(towards) + y * math.sin(towards))
        + rng.uniform(0.02, 0.06) * cloud(rng, size, 150)
    )
    warm = rng.normal(0, 0.018)
    tint = np.array([1 + warm, 1, 1 - warm]) * part.pop("tint")
    part["paint"] = np.broadcast_to(
        tint.astype("float32"), (size, size, 3)
    ).copy()
    _harmless(rng, size, part)
    return part


def _brushed(rng: Generator, size: int, part: Part):
    """Add a sheet drawn along a belt: long fine lines, nearly level."""
    tilt = math.radians(rng.normal(0, 2.2))
    down, right = frequencies(size)
    across = down * math.cos(tilt) - right * math.sin(tilt)
    along = right * math.cos(tilt) + down * math.sin(tilt)
    run, width = rng.uniform(60, 160), rng.uniform(1.0, 1.8)
    lines = texture(
        rng,
        np.exp(-np.abs(along) * run) * np.exp(-((across * width) ** 2) * 3),
    )
    bands = texture(
        rng, np.exp(-np.abs(along) * 300 - (np.abs(across) * 14) ** 2)
    )
    angles = tilt + np.deg2rad(rng.normal(0, 0.5, 32))
    bright = hairs(rng, size, 220, (30, 190), angles)
    dark = hairs(rng, size, 160, (20, 150), angles)
    depth = rng.uniform(0.045, 0.08)
    part["tone"] = rng.uniform(0.5, 0.72) * (
        1 + depth * lines + 0.02 * bands + 0.09 * bright - 0.1 * dark
    )
    part["height"] = (rng.uniform(0.02, 0.05) * lines).astype("float32")
    part["gloss"] = 0.5
    y, x = centred_grid(size)
    light = np.ones((size, size), "float32")
    for _ in range(rng.integers(1, 3)):  # a lamp shows across the lines
        lamp = x - rng.uniform(-170, 170) + y * rng.uniform(-0.12, 0.12)
        width = rng.uniform(45, 130)
        light += rng.uniform(0.08, 0.3) * np.exp(-((lamp / width) ** 2))
    part["light"] = light
    part["tint"] = np.array([0.985, 0.995, 1.01])


def _cast(rng: Generator, size: int, part: Part):
    """Add a skin as it comes from the mould: grainy, dull and dark."""
    down, right = frequencies(size)
    wave = np.hypot(down, right)
    grain = rng.uniform(4.5, 8.5)
    bumps = texture(rng, np.exp(-((wave * grain) ** 2)) * wave)
    fine = texture(rng, np.exp(-((wave * 1.7) ** 2)) * wave)
    rough = rng.uniform(0.28, 0.5)
    # Grains are round on top with narrow valleys between.
    part["height"] = rough * (-np.abs(bumps) * 1.2 + 0.22 * fine)
    part["tone"] = rng.uniform(0.33, 0.5) * (
        1
        + 0.05 * fine
        - 0.05 * np.abs(bumps)
        + 0.05 * cloud(rng, size, rng.uniform(30, 60))
    )
    part["gloss"] = 0.12
    part["light"] = np.ones((size, size), "float32")
    part["tint"] = np.array([1.01, 0.995, 0.97])


def _sanded(rng: Generator, size: int, part: Part):
    """Add a face gone over with a sander: short lines in all directions."""
    down, right = frequencies(size)
    shape = np.broadcast_shapes(down.shape, right.shape)
    strength = np.zeros(shape, "float32")
    for angle in rng.uniform(0, math.pi, 7):
        along = right * math.cos(angle) + down * math.sin(angle)
        across = down * math.cos(angle) - right * math.sin(angle)
        strength += np.exp(
            -np.abs(along) * rng.uniform(10, 30) - (across * 2.2) ** 2
        )
    lines = texture(rng, strength)
    angles = rng.uniform(0, math.pi, 64)
    bright = hairs(rng, size, 900, (6, 42), angles)
    dark = hairs(rng, size, 800, (6, 36), angles)
    part["tone"] = rng.uniform(0.46, 0.66) * (
        1
        + rng.uniform(0.03, 0.05) * lines
        + 0.12 * bright
        - 0.13 * dark
        + 0.025 * cloud(rng, size, 45)
    )
    part["height"] = (0.04 * lines).astype("float32")
    part["gloss"] = 0.3
    y, x = centred_grid(size)
    at_x, at_y = rng.uniform(-150, 150, 2).tolist()
    width = rng.uniform(80, 160)
    glow = ((x - at_x) ** 2 + (y - at_y) ** 2) / width**2
    part["light"] = 1 + rng.uniform(0.05, 0.22) * np.exp(-glow)
    part["tint"] = np.array([1.0, 1.0, 0.99])


def _harmless(rng: Generator, size: int, part: Part):
    """Add what any part may show and no inspector minds.

    Each kind looks a little like one of the defects. How many there are
    goes with the area of the canvas.
    """
    more = (size / 300) ** 2
    tone = part["tone"]
    y, x = centred_grid(size)

    def anywhere():
        return rng.uniform(-size / 2, size / 2, 2)

    # A drilled hole with a chamfer.
    for _ in range(rng.poisson(0.12 * more)):
        at, r = anywhere(), rng.uniform(11, 24)
        box, near_x, near_y = window(size, at, 1.5 * r)
        q = np.hypot(near_x, near_y) / r
        wall = rng.uniform(1.15, 1.3)
        fresh = ramp(q, 0.9, 1.0) * (1 - ramp(q, wall - 0.05, wall + 0.02))
        tone[box] *= (0.12 + 0.88 * ramp(q, 0.95, 1.02)) * (1 + 0.3 * fresh)
        cone = rng.uniform(0.4, 0.7) * r
        part["height"][box] += cone * (np.clip(q, 1, wall) - wall)
    # Dust: single specks, sometimes a sprinkle of them; and lint.
    specks = [anywhere() for _ in range(rng.poisson(5 * more))]
    for _ in range(rng.poisson(0.3 * more)):
        at, spread = anywhere(), rng.uniform(12, 45)
        specks += list(at + rng.normal(0, spread, (rng.integers(6, 18), 2)))
    for at in specks:
        _fleck(rng, tone, at, rng.uniform(0.6, 1.7), (0.65, 0.8, 1.2, 1.35))
    for _ in range(rng.poisson(0.5 * more)):
        curve = np.linspace(0, rng.normal(0, 1.6), 12)
        curve = curve + 0.4 * np.sin(curve * 2) + rng.uniform(0, 2 * math.pi)
        steps = np.stack([np.cos(curve), np.sin(curve)], 1)
        steps *= rng.uniform(1.5, 6)  # pixels
        d, _ = distance_to_line(size, anywhere() + steps.cumsum(0), 3)
        fibre = np.exp(-np.square(d / rng.uniform(0.7, 1.1)))
        tone *= 1 + rng.choice([-0.25, -0.15, 0.2]) * fibre
    # Tool marks: a few faint lines side by side.
    if rng.random() < 0.4:
        angle = rng.normal(0, 0.06)
        across = (
            y * math.cos(angle)
            - x * math.sin(angle)
            + rng.normal(0, 2e-4) * x**2
            - rng.uniform(-120, 120)
        )
        pitch, width = rng.uniform(7, 16), rng.uniform(20, 55)
        ridge = np.sin(across * (2 * math.pi / pitch))
        ridge *= np.exp(-np.square(across / width))
        tone *= 1 + rng.uniform(0.015, 0.05) * ridge
    # Rubbed places: broad pale streaks that took nothing off. They come
    # from the belt, so they run level like the brushed lines.
    for _ in range(rng.poisson(0.6 * more)):
        angle, length = rng.normal(0, 0.08), rng.uniform(30, 80)
        ahead = length * np.array([math.cos(angle), math.sin(angle)])
        at = anywhere()
        d, along = distance_to_line(size, [at - ahead, at, at + ahead], 14)
        fade = np.square(4 * along * (1 - along))
        streak = np.exp(-np.square(d / rng.uniform(1.8, 4.5))) * fade
        tone *= 1 + rng.uniform(0.08, 0.2) * streak
    # Reflections of something in the room: soft and without an edge.
    if rng.random() < 0.4:
        q = blob(rng, size, anywhere(), rng.uniform(30, 80), 0.1, 3.0)
        part["light"] *= 1 + rng.uniform(0.06, 0.22) * np.exp(-np.square(q))
    # The face is never quite flat.
    if rng.random() < 0.5:
        scale = rng.uniform(50, 100)
        swell = rng.uniform(0.008, 0.024) * scale * cloud(rng, size, scale)
        part["height"] += swell
    # Patches of another grain: a little brighter or darker, no more.
    for _ in range(rng.poisson(0.5 * more)):
        q = blob(rng, size, anywhere(), rng.uniform(20, 60), 0.4, 2.0)
        tone *= 1 + rng.normal(0, 0.05) * (1 - ramp(q, 0.4, 1.5))
    # A film of something: no edge, hardly any colour.
    if rng.random() < 0.4:
        q = blob(rng, size, anywhere(), rng.uniform(30, 90), 0.3, 2.0)
        film = 1 - ramp(q, 0.3, 1.5)
        warm = rng.uniform(-0.04, 0.04)
        part["paint"][..., 0] *= 1 + warm * film
        part["paint"][..., 2] *= 1 - warm * film
    # Tiny pores in a casting, single and shallow.
    if part["material"] == "cast":
        for _ in range(rng.poisson(4 * more)):
            _fleck(rng, tone, anywhere(), rng.uniform(0.9, 2.0), (0.7, 0.8))


def _fleck(
    rng: Generator,
    tone: Field,
    middle: Field,
    radius: float,
    factors: Sequence[float],
):
    """Make a soft round spot of a field darker or brighter, in place."""
    box, x, y = window(len(tone), middle, 2 * radius + 1)
    spot = np.exp(-np.square(np.square(np.hypot(x, y) / radius)))
    tone[box] *= 1 + (rng.choice(factors) - 1) * spot
