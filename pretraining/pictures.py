"""Draws the pictures that the starter weights learn from.

Each picture is a ground (wood, cloth, tile, paper, ...) with a mark on it
(a thread, a spill, a knot, a polygon, a fractal, ...), under some light and
through some camera. It has two labels: which ground and which mark. None of
the metal surfaces of `helpers.surfaces.render`, and none of its defects,
is drawn here.

Lengths are pixels, and a small picture is a cut-out, not a smaller scene: a
thread is as wide on 96×96 pixels as on 299×299.

Source of the fractals: Kataoka et al., "Pre-training without natural
images" (2020), https://arxiv.org/abs/2101.08515.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from helpers.surfaces.textures import centred_grid, frequencies, ramp
from pretraining import canvas, things

FRACTALS = 24  # classes of fractals


def draw(
    rng: np.random.Generator,
    size: int,
    strong: float,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_], int, int]:
    """Draw one picture.

    Args:
        size: pixels on each side.
        strong: 0 to 1. At 1 every mark is plain to see; at 0 marks may be
            as faint as an inspector can still tell.

    Returns:
        The picture, uint8 (size, size, 3), RGB; where its mark is, bool
        (size, size); the number of its ground in `GROUNDS`; the number of
        its mark, 0 for none.
    """
    ground = int(rng.integers(len(GROUNDS)))
    mark = int(rng.integers(len(MARKS)))
    scene = _scene(rng, size, ground)
    scene["power"] = rng.uniform(0.35 + 0.45 * strong, 1.0)
    before = {name: scene[name].copy() for name in ("tone", "height", "paint")}
    MARKS[mark](rng, size, scene)
    where = _where(before, scene)
    return _photograph(rng, size, scene), where, ground, max(mark - 1, 0)


def _where(before, scene):
    """Return where a mark changed the scene by more than a little."""
    change = np.abs(scene["tone"] - before["tone"])
    change += 0.3 * np.abs(scene["height"] - before["height"])
    change += np.abs(scene["paint"] - before["paint"]).max(-1)
    return change > max(0.25 * change.max(), 0.01)


# --- Light and camera -----------------------------------------------------


def _scene(rng, size, ground):
    """Return an unmarked scene: tone, height, colour and gloss."""
    scene = {
        "tone": np.ones((size, size), "float32"),
        "height": np.zeros((size, size), "float32"),
        "colour": None,
        "gloss": rng.uniform(0, 0.5),
    }
    GROUNDS[ground](rng, size, scene)
    if scene["colour"] is None or rng.random() < 0.4:
        colour = canvas.any_colour(rng)
    else:
        colour = np.asarray(scene["colour"]) * rng.uniform(0.75, 1.2)
        colour = colour * rng.uniform(0.93, 1.07, 3)
    paint = np.broadcast_to(colour.astype("float32"), (size, size, 3))
    scene["paint"] = paint * scene.pop("stain", np.float32(1))
    return scene


def _photograph(rng, size, scene):
    """Light the scene; return the photo."""
    towards = rng.uniform(0, 2 * np.pi)
    right, down = canvas.slopes(scene["height"])
    slope = np.cos(towards) * right + np.sin(towards) * down
    y, x = centred_grid(size)
    fall = rng.uniform(0, 0.0014)
    light = 1 - fall * (x * np.cos(towards) + y * np.sin(towards))
    if rng.random() < 0.5:
        light = light * (
            1 + rng.uniform(0, 0.08) * canvas.noise(rng, size, 120)
        )
    if rng.random() < 0.3:
        at, wide = rng.uniform(-150, 150, 2), rng.uniform(40, 130)
        far = ((x - at[0]) ** 2 + (y - at[1]) ** 2) / wide**2
        light = light * (1 + rng.uniform(0.05, 0.3) * np.exp(-far))
    lit = light * scene["tone"] * (1 + np.tanh(slope))
    lit += scene["gloss"] * np.maximum(slope, 0) ** 2
    photo = np.maximum(lit, 0)[..., None] * scene["paint"]
    photo = photo / (1 + photo**4) ** 0.25 * 255
    blur = rng.uniform(0.3, 1.0)
    photo = ndimage.gaussian_filter(photo, (blur, blur, 0), truncate=2.5)
    grain = rng.uniform(0.5, 3.5)
    photo += grain * rng.standard_normal(photo.shape, "float32")
    return np.clip(photo + 0.5, 0, 255).astype("uint8")


# --- Grounds --------------------------------------------------------------
# Each changes the scene: `tone` (1 is plain), `height` (pixels), `colour`
# (what it often has), `stain` (a colour for each pixel).

WOODS = [[0.6, 0.42, 0.25], [0.75, 0.58, 0.38], [0.4, 0.27, 0.18]]


def _wood(rng, size, scene):
    """Wood along the grain: wavering rings and fine pores."""
    u, v, angle = canvas.turned(rng, size)
    pitch = rng.uniform(9, 30)
    bent = v + pitch * 0.6 * canvas.grain(rng, size, angle, 200, 25)
    rings = np.sin(bent * (2 * np.pi / pitch))
    scene["tone"] = 1 + rng.uniform(0.05, 0.16) * rings
    scene["tone"] += 0.06 * canvas.grain(rng, size, angle, 90, 1.5)
    scene["colour"] = WOODS[rng.integers(3)]


def _boards(rng, size, scene):
    """Boards side by side with dark gaps."""
    u, v, angle = canvas.turned(rng, size)
    pitch = rng.uniform(25, 60)
    gap = np.abs((v / pitch) % 1 - 0.5) * pitch
    scene["tone"] = 1 - rng.uniform(0.4, 0.8) * np.exp(-((gap / 1.3) ** 2))
    scene["tone"] *= 1 + 0.1 * canvas.grain(rng, size, angle, 120, 4)
    scene["colour"] = WOODS[rng.integers(3)]


def _end_grain(rng, size, scene):
    """Year rings round a far middle."""
    y, x = centred_grid(size)
    at = rng.uniform(-size, size, 2)
    far = np.hypot(x - at[0], y - at[1]) + 3 * canvas.noise(rng, size, 40)
    rings = np.sin(far * (2 * np.pi / rng.uniform(6, 16)))
    scene["tone"] = 1 + rng.uniform(0.06, 0.18) * rings
    scene["tone"] += 0.04 * canvas.noise(rng, size, 2)
    scene["colour"] = WOODS[rng.integers(3)]


def _plain_weave(rng, size, scene):
    """Cloth, one over one under."""
    u, v, _ = canvas.turned(rng, size, 0.5)
    k = 2 * np.pi / rng.uniform(5, 12)
    u, v = u * k, v * k + 0.3 * canvas.noise(rng, size, 50)
    weave = np.sin(u) * np.sin(v)
    scene["height"] = rng.uniform(0.3, 0.9) * weave
    scene["tone"] = 1 + 0.12 * weave + 0.05 * canvas.noise(rng, size, 2)


def _twill(rng, size, scene):
    """Cloth with slanted ribs."""
    u, v, _ = canvas.turned(rng, size, 0.5)
    k = 2 * np.pi / rng.uniform(6, 13)
    ribs = np.sin((u + v) * k) + 0.5 * np.sin((u - v) * k * 2)
    scene["tone"] = 1 + rng.uniform(0.08, 0.2) * ribs
    scene["tone"] += 0.04 * canvas.noise(rng, size, 2)
    scene["colour"] = [0.25, 0.33, 0.5]


def _knit(rng, size, scene):
    """Knitting: columns of chevrons."""
    u, v, _ = canvas.turned(rng, size, 0.5)
    pitch = rng.uniform(8, 18)
    fold = np.abs((u / pitch) % 1 - 0.5) * 2
    rows = np.sin((v / pitch * 1.4 + fold) * 2 * np.pi)
    scene["tone"] = 1 + rng.uniform(0.1, 0.25) * rows * (1 - 0.4 * fold)
    scene["tone"] -= 0.2 * (fold > 0.85)


def _leather(rng, size, scene):
    """Leather: plump cells between narrow creases."""
    cells = canvas.noise(rng, size, rng.uniform(6, 14), True)
    scene["height"] = -rng.uniform(0.7, 1.6) * np.exp(-np.abs(cells) * 3)
    scene["tone"] = 1 - 0.25 * np.exp(-np.abs(cells) * 4)
    scene["colour"] = WOODS[rng.integers(3)]


def _tiles(rng, size, scene):
    """Square tiles with grout."""
    u, v, _ = canvas.turned(rng, size, 0.7)
    pitch = rng.uniform(22, 60)
    gap = np.minimum(
        np.abs((u / pitch) % 1 - 0.5), np.abs((v / pitch) % 1 - 0.5)
    )
    line = 1 - ramp(gap * pitch, 0.8, 2.2)
    scene["tone"] = 1 + rng.choice([-0.5, 0.35]) * line
    scene["tone"] += 0.02 * canvas.noise(rng, size, 8)
    scene["height"] = -1.2 * line


def _bricks(rng, size, scene):
    """Bricks in courses, each a little different."""
    u, v, _ = canvas.turned(rng, size, 0.8)
    tall = rng.uniform(14, 28)
    row = np.floor(v / tall)
    long = u / (tall * 2.2) + 0.5 * (row % 2)
    gap = np.minimum(
        (0.5 - np.abs(v / tall - row - 0.5)) * tall,
        (0.5 - np.abs(long % 1 - 0.5)) * tall * 2.2,
    )
    own = np.sin(row * 12.9 + np.floor(long) * 78.2) * 0.12
    line = 1 - ramp(gap, 0.8, 2.2)
    scene["tone"] = (1 + own) * (1 - line) + line * rng.uniform(0.6, 1.5)
    scene["tone"] *= 1 + 0.06 * canvas.noise(rng, size, 2)
    scene["colour"] = [0.6, 0.32, 0.24]


def _paper(rng, size, scene):
    """Paper: almost even, fine fibres."""
    scene["tone"] = 1 + rng.uniform(0.01, 0.04) * canvas.noise(rng, size, 2.5)
    scene["tone"] += 0.01 * canvas.noise(rng, size, 30)
    scene["colour"] = [0.88, 0.86, 0.8]


def _ruled(rng, size, scene):
    """Ruled or squared paper."""
    u, v, _ = canvas.turned(rng, size, 0.6)
    pitch = rng.uniform(9, 24)
    line = np.exp(-((((v / pitch) % 1 - 0.5) * pitch / 0.9) ** 2))
    if rng.random() < 0.5:
        more = np.exp(-((((u / pitch) % 1 - 0.5) * pitch / 0.9) ** 2))
        line = np.maximum(line, more)
    scene["tone"] = 1 - rng.uniform(0.2, 0.5) * line
    scene["tone"] += 0.015 * canvas.noise(rng, size, 2)
    scene["colour"] = [0.9, 0.9, 0.88]


def _plastic(rng, size, scene):
    """Moulded plastic: smooth, with a peel like an orange's."""
    scene["height"] = rng.uniform(0.1, 0.45) * canvas.noise(
        rng, size, rng.uniform(9, 18), True
    )
    scene["gloss"] = rng.uniform(0.3, 0.9)


def _smooth(rng, size, scene):
    """Enamel: nothing but light and a soft gradient."""
    scene["tone"] = 1 + rng.uniform(0, 0.1) * canvas.noise(rng, size, 120)


def _concrete(rng, size, scene):
    """Concrete: clouds of many sizes and some pores."""
    down, right = frequencies(size)
    wave = np.hypot(down, right) + 0.004
    cloud = canvas.texture(rng, size, wave ** -rng.uniform(1.0, 1.6))
    scene["tone"] = 1 + rng.uniform(0.05, 0.12) * cloud
    fine = canvas.noise(rng, size, 3)
    scene["tone"] -= 0.15 * ramp(fine, 2.2, 3)
    scene["colour"] = [0.6, 0.59, 0.56]


def _granite(rng, size, scene):
    """Granite: grains of three tones."""
    a = canvas.noise(rng, size, rng.uniform(4, 9))
    b = canvas.noise(rng, size, rng.uniform(3, 6))
    scene["tone"] = 1 + 0.25 * ramp(a, 0.2, 0.6) - 0.45 * ramp(b, 0.7, 1)
    scene["colour"] = [0.6, 0.55, 0.53]


def _cork(rng, size, scene):
    """Cork: soft crumbs with dark specks."""
    a = canvas.noise(rng, size, rng.uniform(8, 14), True)
    b = canvas.noise(rng, size, rng.uniform(5, 9))
    scene["tone"] = 1 + 0.09 * a - 0.4 * ramp(b, 1.5, 2.2)
    scene["colour"] = [0.72, 0.55, 0.38]


def _corrugated(rng, size, scene):
    """Corrugated board or sheet: even waves of light and shade."""
    u, _, _ = canvas.turned(rng, size)
    wave = np.sin(u * (2 * np.pi / rng.uniform(8, 28)))
    scene["tone"] = 1 + rng.uniform(0.08, 0.3) * wave
    scene["tone"] += 0.03 * canvas.noise(rng, size, 3)
    scene["colour"] = [0.68, 0.53, 0.37]


def _sponge(rng, size, scene):
    """Sponge: round holes everywhere."""
    a = canvas.noise(rng, size, rng.uniform(7, 14), True)
    scene["tone"] = 1 - rng.uniform(0.3, 0.7) * ramp(a, 0.7, 1.3)
    scene["height"] = -2.0 * ramp(a, 0.5, 1.3)
    scene["colour"] = [0.85, 0.75, 0.35]


def _marble(rng, size, scene):
    """Marble: thin veins in a cloud."""
    _, v, _ = canvas.turned(rng, size)
    pitch = rng.uniform(30, 70)
    bent = v + 0.5 * pitch * canvas.noise(rng, size, 60)
    bent = bent + 0.12 * pitch * canvas.noise(rng, size, 14)
    vein = np.exp(-np.abs(np.sin(bent * (np.pi / pitch))) * 7)
    scene["tone"] = 1 - rng.uniform(0.15, 0.45) * vein
    scene["colour"] = [0.85, 0.84, 0.82]


def _fur(rng, size, scene):
    """Fur or grass: fine strokes that turn slowly."""
    angle = rng.uniform(0, np.pi)
    a = canvas.grain(rng, size, angle, 30, 2)
    b = canvas.grain(rng, size, angle + rng.uniform(0.4, 1.2), 30, 2)
    mix = ramp(canvas.noise(rng, size, 40), -0.7, 0.7)
    scene["tone"] = 1 + rng.uniform(0.1, 0.25) * (a * mix + b * (1 - mix))


def _carpet(rng, size, scene):
    """Carpet: loops in crooked rows."""
    u, v, _ = canvas.turned(rng, size)
    k = 2 * np.pi / rng.uniform(7, 12)
    u = u * k + 0.8 * canvas.noise(rng, size, 12)
    v = v * k + 0.8 * canvas.noise(rng, size, 12)
    loops = np.cos(u) + np.cos(v)
    scene["tone"] = 1 + 0.14 * loops
    scene["height"] = 0.4 * loops


def _sand(rng, size, scene):
    """Sand: coarse single grains."""
    scene["tone"] = 1 + rng.uniform(0.08, 0.25) * canvas.noise(rng, size, 1.3)
    scene["colour"] = [0.76, 0.66, 0.48]


def _honeycomb(rng, size, scene):
    """A net of hexagons."""
    u, v, _ = canvas.turned(rng, size)
    k = 2 * np.pi / rng.uniform(10, 24)
    sum_of = (
        np.cos(u * k)
        + np.cos((-0.5 * u + 0.866 * v) * k)
        + np.cos((-0.5 * u - 0.866 * v) * k)
    )
    scene["tone"] = 1 + rng.choice([-1, 1]) * 0.4 * ramp(sum_of, -1.2, -0.4)
    scene["colour"] = [0.7, 0.6, 0.3]


def _checks(rng, size, scene):
    """A chequered pattern."""
    u, v, _ = canvas.turned(rng, size, 0.5)
    k = np.pi / rng.uniform(7, 24)
    flag = np.tanh(6 * np.sin(u * k) * np.sin(v * k))
    scene["tone"] = 1 + rng.uniform(0.12, 0.4) * flag


def _stripes(rng, size, scene):
    """Stripes with sharp edges."""
    u, _, _ = canvas.turned(rng, size)
    wave = np.sin(u * (2 * np.pi / rng.uniform(10, 34)))
    flag = np.tanh(5 * (wave - rng.uniform(-0.5, 0.5)))
    scene["tone"] = 1 + rng.uniform(0.12, 0.4) * flag


def _dotted(rng, size, scene):
    """Round dots in rows."""
    u, v, _ = canvas.turned(rng, size)
    k = 2 * np.pi / rng.uniform(12, 28)
    sum_of = np.cos(u * k) + np.cos(v * k)
    scene["tone"] = 1 + rng.choice([-0.4, 0.35]) * ramp(sum_of, 0.7, 1.2)


def _plaid(rng, size, scene):
    """Crossed stripes of several widths."""
    u, v, _ = canvas.turned(rng, size, 0.6)
    k = 2 * np.pi / rng.uniform(20, 50)
    a = np.tanh(4 * np.sin(u * k)) + 0.5 * np.tanh(4 * np.sin(3 * u * k))
    b = np.tanh(4 * np.sin(v * k)) + 0.5 * np.tanh(4 * np.sin(3 * v * k))
    scene["tone"] = 1 + rng.uniform(0.08, 0.2) * (a + b)
    scene["colour"] = [0.55, 0.3, 0.3]


def _clouds(rng, size, scene):
    """Soft clouds."""
    down, right = frequencies(size)
    wave = np.hypot(down, right) + 0.006
    cloud = canvas.texture(rng, size, wave**-2.2)
    scene["tone"] = 1 + rng.uniform(0.08, 0.25) * cloud


def _camouflage(rng, size, scene):
    """Patches of a few colours."""
    a = canvas.noise(rng, size, rng.uniform(20, 45))
    b = canvas.noise(rng, size, rng.uniform(20, 45))
    stain = np.ones((size, size, 3), "float32")
    for field in (a, b):
        over = ramp(field, 0.25, 0.4)[..., None]
        stain *= 1 - over * rng.uniform(0.1, 0.6, 3)
    scene["stain"] = stain.astype("float32")


def _rubber(rng, size, scene):
    """A mat with raised studs or ribs."""
    u, v, _ = canvas.turned(rng, size, 0.5)
    k = 2 * np.pi / rng.uniform(14, 30)
    studs = ramp(np.cos(u * k) * np.cos(v * k), 0.2, 0.5)
    scene["height"] = rng.uniform(1.2, 3) * studs
    scene["colour"] = [0.25, 0.25, 0.26]


def _crumpled(rng, size, scene):
    """Crumpled paper or foil: facets with sharp folds."""
    height = np.zeros((size, size), "float32")
    y, x = centred_grid(size)
    for _ in range(9):
        angle = rng.uniform(0, 2 * np.pi)
        far = x * np.cos(angle) + y * np.sin(angle)
        height += rng.uniform(0.1, 0.4) * np.abs(
            far - rng.uniform(-0.5, 0.5) * size
        )
    scene["height"] = height * rng.uniform(0.3, 0.9)
    scene["gloss"] = rng.uniform(0.1, 0.9)


def _bark(rng, size, scene):
    """Bark or slate: long ragged ridges."""
    angle = rng.uniform(0, np.pi)
    a = canvas.grain(rng, size, angle, 40, rng.uniform(6, 12))
    scene["height"] = -rng.uniform(1, 2.5) * np.abs(a)
    scene["tone"] = 1 - 0.3 * np.exp(-np.abs(a) * 4)
    scene["colour"] = [0.45, 0.38, 0.3]


def _mesh(rng, size, scene):
    """A wire mesh or net over something dark."""
    u, v, _ = canvas.turned(rng, size)
    k = np.pi / rng.uniform(8, 18)
    wire = np.minimum(np.abs(np.sin(u * k)), np.abs(np.sin(v * k)))
    scene["tone"] = 1 - 0.55 * ramp(wire, 0.15, 0.35)


def _anything(rng, size, scene):
    """A random function of noise of several scales, in any colours.

    Source: Baradad et al., "Learning to see by looking at noise" (2021),
    https://arxiv.org/abs/2106.05963: networks with random weights draw
    pictures that are good to learn from.
    """
    u, v, angle = canvas.turned(rng, size)
    wave = 2 * np.pi / np.exp(rng.uniform(np.log(20), np.log(400)))
    fields = [np.sin(u * wave), np.cos(v * wave)]
    for scale in np.exp(rng.uniform(np.log(4), np.log(120), 3)):
        fields.append(canvas.noise(rng, size, scale))
    long, wide = rng.uniform(20, 120), rng.uniform(3, 15)
    fields.append(canvas.grain(rng, size, angle, long, wide))
    values = np.stack(fields).reshape(len(fields), -1).astype("float32")
    for _ in range(2):
        weights = rng.normal(0, 1, (8, len(values))) / len(values) ** 0.5
        values = weights.astype("float32") @ values
        values += rng.normal(0, 0.7, (8, 1)).astype("float32")
        values = [np.tanh, np.sin, np.abs][rng.integers(3)](1.5 * values)
    paints = rng.normal(0, rng.uniform(0.1, 0.5), (3, 8)).astype("float32")
    stain = (paints @ (values - values.mean(1, keepdims=True))).T
    stain = np.exp(np.clip(stain, -1.5, 0.7))
    scene["stain"] = stain.reshape(size, size, 3)
    if rng.random() < 0.5:
        height = values[0].reshape(size, size)
        scene["height"] = rng.uniform(0, 2) * height


GROUNDS = (
    _wood, _boards, _end_grain, _plain_weave, _twill, _knit, _leather,
    _tiles, _bricks, _paper, _ruled, _plastic, _smooth, _concrete, _granite,
    _cork, _corrugated, _sponge, _marble, _fur, _carpet, _sand, _honeycomb,
    _checks, _stripes, _dotted, _plaid, _clouds, _camouflage, _rubber,
    _crumpled, _bark, _mesh, _anything,
)  # fmt: skip


# --- Marks ----------------------------------------------------------------


def _nothing(rng, size, scene):
    """No mark."""


def _bubble(rng, size, scene):
    """Something under the skin: a smooth dome or hollow, shading only."""
    radius = rng.uniform(16, 58)
    q = canvas.blob(rng, size, canvas.spot(rng, size), radius, 0.1)
    high = rng.uniform(0.1, 0.25) * radius * scene["power"]
    scene["height"] = scene["height"] + rng.choice([-1, 1]) * high * (
        1 - ramp(q, 0.0, 1.0)
    )


def _bubbles(rng, size, scene):
    """Several small domes."""
    for _ in range(rng.integers(3, 8)):
        radius = rng.uniform(6, 14)
        q = canvas.blob(rng, size, canvas.spot(rng, size, 0.4), radius, 0.05)
        high = rng.uniform(0.25, 0.4) * radius * scene["power"]
        scene["height"] = scene["height"] + high * (1 - ramp(q, 0.0, 1.0))


def _wrinkle(rng, size, scene):
    """One or more soft ridges, shading only."""
    u, v, _ = canvas.through(rng, size, 0)
    v = v + 8 * canvas.noise(rng, size, 60)
    wide = rng.uniform(4, 11)
    ridge = np.zeros((size, size), "float32")
    for n in range(rng.integers(1, 4)):
        ridge += np.exp(-(((v - n * wide * 4) / wide) ** 2))
    scene["height"] = scene["height"] + ridge * wide * 0.5 * scene["power"]


def _thread(rng, size, scene):
    """A loose thread: a smooth curving line."""
    at = canvas.spot(rng, size, 0.25)
    line = canvas.walk(rng, at, canvas.length(rng, size), 4, 0.16, 0.0)
    canvas.ink(rng, scene, canvas.pen(size, [line], [rng.uniform(1.2, 3)]))


def _root(rng, size, scene):
    """A dark jagged line with side roots that thin out."""
    at, length = canvas.spot(rng, size, 0.2), canvas.length(rng, size)
    trunk = canvas.walk(rng, at, length, 5, 0.13, 0.4)
    wide = rng.uniform(1.8, 4)
    lines, widths = [trunk], [np.linspace(wide, 0.6, len(trunk) - 1)]
    for _ in range(rng.integers(1, 5)):
        fork = rng.integers(1, len(trunk) - 2)
        course = np.arctan2(*(trunk[fork + 1] - trunk[fork])[::-1])
        course += rng.choice([-1, 1]) * rng.uniform(0.5, 1.1)
        side = canvas.walk(rng, 0, length * 0.35, 4, 0.13, 0.4, course)
        lines.append(side - side[0] + trunk[fork])
        widths.append(np.linspace(wide * 0.6, 0.5, len(side) - 1))
    canvas.ink(rng, scene, canvas.pen(size, lines, widths), True)


def _lightning(rng, size, scene):
    """A jagged line without branches."""
    at = canvas.spot(rng, size, 0.2)
    line = canvas.walk(rng, at, canvas.length(rng, size), 8, 0.1, 0.6)
    canvas.ink(rng, scene, canvas.pen(size, [line], [rng.uniform(1.3, 3)]))


def _stroke(rng, size, scene):
    """A single straight stroke of one tone."""
    at, angle = canvas.spot(rng, size, 0.25), rng.uniform(0, np.pi)
    line = canvas.straight(rng, at, canvas.length(rng, size), angle)
    canvas.ink(rng, scene, canvas.pen(size, [line], [rng.uniform(1.2, 4)]))


def _cut(rng, size, scene):
    """A straight cut: one lip catches the light, the other is in shade."""
    at, angle = canvas.spot(rng, size, 0.25), rng.uniform(0, np.pi)
    line = canvas.straight(rng, at, canvas.length(rng, size), angle)
    groove = canvas.pen(size, [line], [rng.uniform(2, 4.5)])
    groove = ndimage.gaussian_filter(groove, 0.8)
    deep = rng.uniform(1.2, 2.6) * scene["power"]
    scene["height"] = scene["height"] - deep * groove


def _strokes(rng, size, scene):
    """Several strokes side by side."""
    at, angle = canvas.spot(rng, size, 0.2), rng.uniform(0, np.pi)
    aside = np.array([-np.sin(angle), np.cos(angle)])
    lines = [
        canvas.straight(
            rng,
            at + aside * rng.uniform(-25, 25),
            canvas.length(rng, size) * 0.7,
            angle + rng.normal(0, 0.05),
        )
        for _ in range(rng.integers(3, 8))
    ]
    canvas.ink(
        rng, scene, canvas.pen(size, lines, [rng.uniform(1, 2.2)] * len(lines))
    )


def _crossed(rng, size, scene):
    """Strokes that cross each other."""
    at = canvas.spot(rng, size, 0.2)
    lines = [
        canvas.straight(
            rng,
            at + rng.normal(0, 6, 2),
            rng.uniform(35, 90),
            rng.uniform(0, np.pi) if n > 1 else n * 1.5 + rng.normal(0, 0.2),
        )
        for n in range(rng.integers(2, 5))
    ]
    canvas.ink(
        rng, scene, canvas.pen(size, lines, [rng.uniform(1.3, 4)] * len(lines))
    )


def _arc(rng, size, scene):
    """A part of a circle's line."""
    at, radius = canvas.spot(rng, size, 0.2), rng.uniform(15, 45)
    t = np.linspace(0, rng.uniform(1.8, 4), 24) + rng.uniform(0, 6.3)
    line = at + radius * np.stack([np.cos(t), np.sin(t)], 1)
    canvas.ink(rng, scene, canvas.pen(size, [line], [rng.uniform(1.3, 4)]))


def _zigzag(rng, size, scene):
    """A regular zigzag."""
    count = rng.integers(6, 13)
    x = (np.arange(count) - count / 2) * rng.uniform(5, 10)
    y = (np.arange(count) % 2 - 0.5) * rng.uniform(10, 26)
    c, s = np.cos(a := rng.uniform(0, 6.3)), np.sin(a)
    line = canvas.spot(rng, size, 0.2) + np.stack(
        [x * c - y * s, x * s + y * c], 1
    )
    canvas.ink(rng, scene, canvas.pen(size, [line], [rng.uniform(1.3, 3)]))


def _dashes(rng, size, scene):
    """A seam: short stitches in a row."""
    at, angle = canvas.spot(rng, size, 0.2), rng.uniform(0, np.pi)
    line = canvas.walk(rng, at, canvas.length(rng, size), 5, 0.08, 0, angle)
    lines = [line[i : i + 2] for i in range(0, len(line) - 1, 2)]
    canvas.ink(
        rng,
        scene,
        canvas.pen(size, lines, [rng.uniform(1.5, 3.5)] * len(lines)),
    )


def _scribble(rng, size, scene):
    """A pen scribble that curls back on itself."""
    at = canvas.spot(rng, size, 0.2)
    line = canvas.walk(rng, at, rng.uniform(150, 420), 4, 0.45, 0.0)
    canvas.ink(rng, scene, canvas.pen(size, [line], [rng.uniform(1.0, 2.5)]))


def _letters(rng, size, scene):
    """Rows of small signs, as of print."""
    lines, tall = [], rng.uniform(5, 10)
    at = canvas.spot(rng, size, 0.15) - (35, 10)
    for row in range(rng.integers(1, 4)):
        for column in range(rng.integers(4, 10)):
            sign = rng.uniform(-0.5, 0.5, (rng.integers(3, 6), 2))
            place = at + (column * tall * 1.1, row * tall * 1.8)
            lines.append(place + sign * (tall * 0.8, tall))
    canvas.ink(
        rng, scene, canvas.pen(size, lines, [rng.uniform(1, 1.8)] * len(lines))
    )


def _dots(rng, size, at, spread, count, radii):
    """Return soft round dots scattered about a place."""
    y, x = centred_grid(size)
    made = np.zeros((size, size), "float32")
    for _ in range(count):
        c = at + rng.normal(0, spread, 2)
        far = ((x - c[0]) ** 2 + (y - c[1]) ** 2) / rng.uniform(*radii) ** 2
        made = np.maximum(made, np.exp(-(far**2)))
    return made


def _holes(rng, size, scene):
    """Worm holes: many small dark dots together."""
    count, spread = rng.integers(7, 24), rng.uniform(10, 34)
    holes = _dots(rng, size, canvas.spot(rng, size), spread, count, (1.5, 4.2))
    canvas.ink(rng, scene, holes, True)
    scene["height"] = scene["height"] - 0.8 * holes


def _hole(rng, size, scene):
    """A single dark hole."""
    hole = _dots(rng, size, canvas.spot(rng, size), 0, 1, (5, 16))
    canvas.ink(rng, scene, hole, True)
    scene["height"] = scene["height"] - 2 * hole


def _crumbs(rng, size, scene):
    """Bright crumbs strewn about."""
    count, spread = rng.integers(7, 24), rng.uniform(10, 34)
    crumbs = _dots(
        rng, size, canvas.spot(rng, size), spread, count, (1.3, 3.5)
    )
    canvas.ink(rng, scene, crumbs, False)


def _beads(rng, size, scene):
    """Small rings together, as of foam."""
    y, x = centred_grid(size)
    at, made = canvas.spot(rng, size), np.zeros((size, size), "float32")
    for _ in range(rng.integers(4, 11)):
        c, r = at + rng.normal(0, 18, 2), rng.uniform(4, 9)
        far = np.hypot(x - c[0], y - c[1])
        made = np.maximum(made, np.exp(-(((far - r) / 1.2) ** 2)))
    canvas.ink(rng, scene, made)


def _spill(rng, size, scene):
    """A spill: a tinted patch, darker where its edge dried."""
    radius = rng.uniform(15, 58)
    q = canvas.blob(rng, size, canvas.spot(rng, size), radius, 0.3, 1.8)
    q = q + rng.uniform(0.02, 0.1) * canvas.noise(rng, size, 18)
    edge = 4 / radius
    body = rng.uniform(0.3, 0.7) * (1 - ramp(q, 1 - edge, 1 + edge))
    ring = np.exp(-(((q - 1 + edge) / (0.6 * edge + 0.03)) ** 2))
    amount = np.clip(body + rng.uniform(0.1, 0.5) * ring, 0, 1)[..., None]
    tint = canvas.tint(rng, scene["power"])
    scene["paint"] = scene["paint"] * (1 - amount * (1 - tint))


def _soak(rng, size, scene):
    """A soft tinted cloud without an edge."""
    q = canvas.blob(
        rng, size, canvas.spot(rng, size), rng.uniform(18, 50), 0.2, 1.8
    )
    amount = np.exp(-(q**2))[..., None]
    tint = canvas.tint(rng, scene["power"])
    scene["paint"] = scene["paint"] * (1 - amount * (1 - tint))


def _cup_ring(rng, size, scene):
    """A ring as a wet cup leaves it."""
    radius = rng.uniform(14, 45)
    q = (
        canvas.blob(rng, size, canvas.spot(rng, size, 0.2), radius, 0.04, 1.1)
        * radius
    )
    amount = np.exp(-(((q - radius) / rng.uniform(1.2, 4)) ** 2))[..., None]
    tint = canvas.tint(rng, scene["power"])
    scene["paint"] = scene["paint"] * (1 - amount * (1 - tint))


def _splash(rng, size, scene):
    """A drop and its many splashes, opaque."""
    at, radius = canvas.spot(rng, size, 0.2), rng.uniform(7, 18)
    q = canvas.blob(rng, size, at, radius, 0.25)
    amount = 1 - ramp(q, 0.9, 1.1)
    more = _dots(rng, size, at, radius * 1.6, 14, (1.2, 4))
    canvas.cover(rng, scene, np.maximum(amount, more))


def _chip(rng, size, scene):
    """A chip out of the ground: a jagged patch of another tone."""
    corners = canvas.corners(
        rng, canvas.spot(rng, size), rng.uniform(9, 30), 9, 1.0, 0.45
    )
    chip = canvas.fill(size, [corners])
    canvas.ink(rng, scene, chip * 0.6)
    scene["height"] = scene["height"] * (1 - chip) - 2 * chip


def _rubbed(rng, size, scene):
    """A rubbed place: what was rough is smooth."""
    q = canvas.blob(
        rng, size, canvas.spot(rng, size, 0.2), rng.uniform(22, 50), 0.2
    )
    amount = 1 - ramp(q, 0.8, 1.1)
    for name in ("tone", "height"):
        flat = ndimage.gaussian_filter(scene[name], 5)
        scene[name] = scene[name] * (1 - amount) + flat * amount


def _patched(rng, size, scene):
    """A patch of another ground set in."""
    other = _scene(rng, size, int(rng.integers(len(GROUNDS))))
    corners = canvas.corners(
        rng,
        canvas.spot(rng, size, 0.2),
        rng.uniform(18, 40),
        rng.integers(3, 7),
    )
    amount = canvas.fill(size, [corners])
    for name in ("tone", "height"):
        scene[name] = scene[name] * (1 - amount) + other[name] * amount
    amount = amount[..., None]
    scene["paint"] = scene["paint"] * (1 - amount) + other["paint"] * amount


def _knot(rng, size, scene):
    """A knot: rings round an eye."""
    radius = rng.uniform(10, 30)
    q = canvas.blob(rng, size, canvas.spot(rng, size), radius, 0.08, 1.9)
    rings = np.sin(q * rng.uniform(9, 18)) * np.exp(-(q**2))
    eye = np.exp(-((q * 2.2) ** 4))
    canvas.ink(rng, scene, 0.45 * rings + 0.7 * eye, True)


def _shifted(rng, size, scene):
    """An error in the weave: a band in which the ground is displaced."""
    u, v, _ = canvas.through(rng, size, 0.5)
    wide = rng.uniform(6, 16)
    band = np.exp(-((v / wide) ** 4)) * 255 > 127
    by = int(rng.integers(4, 12))
    for name in ("tone", "height"):
        moved = np.roll(scene[name], (by, by), (0, 1))
        scene[name] = np.where(band, moved, scene[name]).astype("float32")
    canvas.ink(rng, scene, band * 0.25)


def _polygon(count, inner=1.0):
    def mark(rng, size, scene):
        """A filled or outlined polygon or star."""
        at, radius = canvas.spot(rng, size, 0.2), rng.uniform(14, 40)
        corners = canvas.corners(rng, at, radius, count, inner, 0.08)
        if rng.random() < 0.5:
            amount = canvas.fill(size, [corners])
        else:
            line = np.concatenate([corners, corners[:2]])
            amount = canvas.pen(size, [line], [rng.uniform(1.5, 5)])
        canvas.cover(rng, scene, amount)

    return mark


def _disc(rng, size, scene):
    """A filled ellipse."""
    q = canvas.blob(
        rng, size, canvas.spot(rng, size), rng.uniform(12, 38), 0, 2.5
    )
    canvas.cover(rng, scene, 1 - ramp(q, 0.95, 1.05))


def _sphere(rng, size, scene):
    """A shaded ball with a highlight and a shadow."""
    at, radius = canvas.spot(rng, size, 0.2), rng.uniform(15, 42)
    y, x = centred_grid(size)
    x, y = (x - at[0]) / radius, (y - at[1]) / radius
    far = np.hypot(x, y)
    shadow = 1 - 0.5 * np.exp(-(((x - 0.4) ** 2 + (y - 0.5) ** 2) ** 2))
    scene["tone"] = scene["tone"] * shadow
    amount = 1 - ramp(far, 0.97, 1.03)
    canvas.cover(rng, scene, amount)
    z = np.sqrt(np.clip(1 - far**2, 0, 1))
    shade = np.clip(0.5 * z - 0.45 * x - 0.5 * y, 0, 1)
    shade = 0.35 + 0.8 * shade + 1.2 * shade**20
    scene["tone"] = scene["tone"] * (1 - amount + amount * shade)


def _cylinder(rng, size, scene):
    """A shaded tube or bottle."""
    u, v, _ = canvas.through(rng, size, 0.3)
    wide, long = rng.uniform(9, 26), rng.uniform(35, 90)
    across = v / wide
    amount = 1 - ramp(np.abs(across), 0.96, 1.04)
    amount = amount * (1 - ramp(np.abs(u), long - 1, long + 1))
    canvas.cover(rng, scene, amount)
    lamp = rng.uniform(-0.6, 0.6)
    shade = np.sqrt(np.clip(1 - across**2, 0, 1))
    shade = 0.35 + 0.7 * shade + 0.7 * np.exp(-(((across - lamp) * 5) ** 2))
    scene["tone"] = scene["tone"] * (1 - amount + amount * shade)


def _box(rng, size, scene):
    """A box seen at a slant: three faces of three tones."""
    at, r = canvas.spot(rng, size, 0.15), rng.uniform(16, 38)
    turn = rng.uniform(0, 6.3)
    angle = turn + np.array([0, 2.1, 4.2]) + rng.normal(0, 0.2, 3)
    edge = r * np.stack([np.cos(angle), np.sin(angle)], 1)
    colour = canvas.any_colour(rng)
    for n, tone in enumerate(rng.permutation([0.5, 0.85, 1.25])):
        a, b = edge[n], edge[(n + 1) % 3]
        face = canvas.fill(size, [[at, at + a, at + a + b, at + b]])
        canvas.cover(rng, scene, face, np.clip(colour * tone, 0, 1))


def _leaf(rng, size, scene):
    """A pointed leaf with a rib."""
    length, angle = rng.uniform(35, 85), rng.uniform(0, 6.3)
    t = np.linspace(0, 1, 16)
    wide = length * rng.uniform(0.15, 0.3) * np.sin(np.pi * t**0.8)
    x = np.concatenate([t, t[::-1]]) * length - length / 2
    y = np.concatenate([wide, -wide[::-1]])
    c, s = np.cos(angle), np.sin(angle)
    edge = canvas.spot(rng, size, 0.2) + np.stack(
        [x * c - y * s, x * s + y * c], 1
    )
    canvas.cover(rng, scene, canvas.fill(size, [edge]))
    rib = canvas.pen(size, [edge[[0, 15]]], [1.5])
    scene["tone"] = scene["tone"] * (1 - 0.4 * rib)


def _fractal(number):
    """Return the mark that draws a fractal of this class."""
    of_class = np.random.default_rng([2020, number])
    while True:
        count = int(of_class.integers(2, 5))
        maps = of_class.uniform(-1, 1, (count, 2, 3))
        size_of = np.linalg.svd(maps[:, :, :2], compute_uv=False)
        if 0.75 < size_of[:, 0].mean() < 0.95 and size_of.max() < 1:
            break
    weight = np.abs(np.linalg.det(maps[:, :, :2])) + 0.02
    weight = weight / weight.sum()

    def mark(rng, size, scene):
        """A fractal of an iterated function system, coloured."""
        its = maps + rng.normal(0, 0.02, maps.shape)
        points = np.zeros((400, 2))
        seen = []
        for step in range(36):
            pick = rng.choice(count, 400, p=weight)
            m = its[pick]
            points = np.einsum("nij,nj->ni", m[:, :, :2], points)
            points = points + m[:, :, 2]
            if step > 6:
                seen.append(points)
        seen = np.concatenate(seen)
        seen = seen - seen.mean(0)
        seen = seen / (np.abs(seen).max() + 1e-6)
        c, s = np.cos(a := rng.uniform(-0.5, 0.5)), np.sin(a)
        seen = seen @ np.array([[c, s], [-s, c]])
        if rng.random() < 0.5:
            seen[:, 0] *= -1
        at = seen * rng.uniform(40, 62) + canvas.spot(rng, size, 0.12)
        at = (at + size / 2).astype(int)
        at = at[((at >= 0) & (at < size)).all(1)]
        hits = np.bincount(at[:, 1] * size + at[:, 0], minlength=size**2)
        hits = np.log1p(hits.reshape(size, size).astype("float32"))
        hits = ndimage.gaussian_filter(hits, 0.7)
        amount = np.clip(hits / 0.9, 0, 1)
        canvas.cover(rng, scene, amount)
        glow = hits / (hits.max() + 1e-6) - 0.5
        scene["tone"] = scene["tone"] * (1 + 0.7 * amount * glow)

    return mark


MARKS = (
    _nothing, _nothing, _bubble, _bubbles, _wrinkle, _thread, _root,
    _lightning, _stroke, _cut, _strokes, _crossed, _arc, _zigzag, _dashes,
    _scribble, _letters, _holes, _hole, _crumbs, _beads, _spill, _soak,
    _cup_ring, _splash, _chip, _rubbed, _patched, _knot, _shifted,
    _polygon(3), _polygon(4), _polygon(6), _polygon(5, 0.45), _disc,
    _sphere, _cylinder, _box, _leaf,
    *(
        things.thing(form, material)
        for form in things.FORMS
        for material in things.MATERIALS
    ),
    *(_fractal(number) for number in range(FRACTALS)),
)  # fmt: skip
