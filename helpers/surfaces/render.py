"""Draws the default pictures: machined metal parts under inspection.

Six classes of surfaces, on parts of three materials (brushed, cast, sanded),
as a fixed camera would see them: always the same way up, lit from the upper
left, unevenly, through a lens that darkens the corners and is not quite in
focus. Every picture is drawn by a few rules and random numbers, and none is
a photo of a real part.

Two sets of 299×299 RGB JPEG files come out:

- `photos`: 130 of each class. Which part of the split a photo belongs to
  follows from the hash of its bytes, and each class has exactly 60 training,
  20 validation and 50 test photos. No chance would give that: every file
  carries a take number in its JPEG comment, and it is counted up until the
  hash falls into the part that the photo was meant for. That changes the
  bytes and not one pixel.
- `remounted`: 50 more of each class, all new parts, after somebody took the
  camera off and put it back otherwise: turned, perhaps mirrored, closer or
  farther and not focused again, with half of the light or less.

The true place of each defect lies beside them as a mask.
"""

import functools
import hashlib
import io
import math
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from tqdm import tqdm

from helpers import paths, shared
from helpers.paths import atomic, shown

CLASS_NAMES = ("clean", "crack", "dent", "pits", "scratch", "stain")
MATERIALS = ("brushed", "cast", "sanded")
FRACTIONS = (60, 20, 50)  # photos of a class for train, validation, test
SETS = {
    "photos": sum(FRACTIONS),
    "remounted": FRACTIONS[2],
}  # photos of a class
EDITION = 2  # of the pictures; to be raised when `draw` gives other ones
MARK = "edition.txt"  # holds it, beside the sets
SIZE = 299  # pixels on each side of a photo
QUALITY = 92  # of the JPEG files
# How strong a defect is drawn: the grain of a casting hides a weak one.
STRENGTH = {"brushed": 1.1, "cast": 1.65, "sanded": 1.1}
LIGHT = (0.25, 0.5)  # how much of it a remounted camera gets
END = {".jpg": b"\xff\xd9", ".png": b"IEND\xaeB`\x82"}  # of a whole file


# --- The folders ----------------------------------------------------------


def folder(seed=0):
    """Return the folder of the default photos; draw those that are missing.

    It holds one folder for each of `CLASS_NAMES` with 130 photos. Photos
    that are there and whole are kept, so a stopped run goes on where it was.

    Args:
        seed: a whole number from 0 on. Another seed gives other parts, in
            a folder of its own (`data/surfaces-SEED`).

    Returns:
        The `pathlib.Path` of the folder.

    Raises:
        ValueError: `seed` is no whole number from 0 on, or what is there
            was drawn by another version of this project.
    """
    return _complete("photos", seed)


def shifted_folder(seed=0):
    """Return the folder of photos taken after the camera was remounted.

    It holds 50 new parts of each class, seen at any angle, perhaps mirrored,
    0.75 to 1.3 times as large, with 0.25 to 0.5 of the light.

    Args, returns and raises as `folder`.
    """
    return _complete("remounted", seed)


def mask(photo_path):
    """Return where the true mask of a photo is, or None for a clean part.

    The mask is a PNG of the photo's size with one channel: 255 where the
    defect is, 0 elsewhere.

    Args:
        photo_path: a file in the folder that `folder` or `remounted` gave.

    Returns:
        A `pathlib.Path`, or None where the class is `clean`.

    Raises:
        ValueError: the file is not in one of these folders.
    """
    photo = Path(photo_path)
    class_name, set_name = photo.parent.name, photo.parent.parent.name
    if class_name not in CLASS_NAMES or set_name not in SETS:
        raise ValueError(
            f"{photo}: there is no mask for this file; give a photo from "
            "surfaces.folder() or surfaces.shifted_folder()."
        )
    if class_name == "clean":
        return None
    masks = photo.parents[2] / _mask_folder(set_name)
    return masks / class_name / f"{photo.stem}.png"


def _mask_folder(set_name):
    return "masks" if set_name == "photos" else f"{set_name}-masks"


def _place(seed):
    """Return the folder that holds the sets of a seed."""
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ValueError(
            f"seed is {seed!r}; give a whole number from 0 on, such as 0."
        )
    return paths.data() / (f"surfaces-{seed}" if seed else "surfaces")


def _complete(set_name, seed):
    """Draw what a set lacks, with a progress bar; return its folder.

    Where the whole set and its masks are shared, nothing is drawn.
    """
    place = _place(seed)
    drawn = shared.find(place.name)
    if drawn and not _missing(drawn, set_name):
        return drawn / set_name
    require_edition(place)
    missing = _missing(place, set_name)
    if not missing:
        return place / set_name
    with atomic(place / MARK) as temporary:
        temporary.write_text(f"{EDITION}\n", encoding="utf-8")
    for class_name in CLASS_NAMES:
        (place / set_name / class_name).mkdir(parents=True, exist_ok=True)
        if class_name != "clean":
            masks = place / _mask_folder(set_name) / class_name
            masks.mkdir(parents=True, exist_ok=True)
    # Threads are enough: NumPy and Pillow let go of the interpreter while
    # they count, and threads start the same way in notebooks and scripts.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        done = [
            pool.submit(_write_one, place, set_name, *one, seed)
            for one in missing
        ]
        bar = tqdm(done, desc=f"drawing {set_name}", file=sys.stdout)
        try:
            for one in bar:
                one.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return place / set_name


def require_edition(place):
    """Refuse a folder of pictures that are not noted to be today's.

    Args:
        place: the folder of the sets, such as data/surfaces; it may be
            missing.

    Raises:
        ValueError: there are sets in it, and no note or that of others.
    """
    mark = place / MARK
    drawn = any((place / set_name).is_dir() for set_name in SETS)
    noted = mark.read_text("utf-8").strip() if mark.is_file() else None
    if drawn and noted != str(EDITION):
        raise ValueError(
            f"{shown(place)}: its {MARK} does not say that these pictures "
            "are those of this version of the workbook, and what the lessons "
            "say might not fit them. Move the folder away, or delete it if "
            "nothing in it is yours, and run this again; then they are drawn "
            "anew."
        )


def _missing(place, set_name):
    """Return (class name, index) of each photo that a set lacks."""
    return [
        (class_name, index)
        for class_name in CLASS_NAMES
        for index in range(SETS[set_name])
        if not _is_there(place, set_name, class_name, index)
    ]


def _file(place, set_name, class_name, index):
    return place / set_name / class_name / f"{class_name}-{index:03d}.jpg"


def _is_there(place, set_name, class_name, index):
    photo = _file(place, set_name, class_name, index)
    its_mask = mask(photo)
    return _is_whole(photo) and (its_mask is None or _is_whole(its_mask))


def _is_whole(path):
    """Return whether a file is there and ends as its format ends."""
    end = END[path.suffix]
    try:
        with open(path, "rb") as file:
            file.seek(-len(end), os.SEEK_END)
            return file.read() == end
    except OSError:
        return False


def _write_one(place, set_name, class_name, index, seed):
    image, where = draw(class_name, index, seed, set_name)
    photo = _file(place, set_name, class_name, index)
    its_mask = mask(photo)
    if its_mask is not None:
        content = io.BytesIO()
        Image.fromarray(where).convert("L").save(content, "PNG")
        _write(place, its_mask, content.getvalue())
    _write(place, photo, _jpeg(image, set_name, class_name, index, seed))


def _write(place, path, content):
    # The part that is being written lies outside the class folders, since
    # Keras would take it for a photo if the computer stopped here.
    with atomic(path, place) as temporary:
        temporary.write_bytes(content)


def _jpeg(image, set_name, class_name, index, seed):
    """Return the bytes of a JPEG file whose hash suits the photo's part."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=QUALITY)
    content = content.getvalue()
    wanted = _bounds(set_name, class_name, index, seed)
    take = 0
    while True:
        take += 1
        text = f"drawn by helpers/surfaces/render.py, take {take}".encode()
        # A JPEG file begins with a mark of two bytes; a comment may follow.
        comment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text
        taken = content[:2] + comment + content[2:]
        point = int(hashlib.sha256(taken).hexdigest()[:15], 16) / 16**15
        if wanted[0] <= point < wanted[1]:
            return taken


def _bounds(set_name, class_name, index, seed):
    """Return between which two numbers the hash of a photo has to fall."""
    if set_name != "photos":
        return 0, 1
    order = np.random.default_rng([seed, CLASS_NAMES.index(class_name)])
    turn = order.permutation(sum(FRACTIONS))[index]
    ends = np.cumsum((0,) + FRACTIONS)
    part = np.searchsorted(ends, turn, side="right") - 1
    return ends[part] / ends[-1], ends[part + 1] / ends[-1]


# --- One photo ------------------------------------------------------------


def draw(class_name, index=0, seed=0, set_name="photos", defect=True):
    """Draw one photo.

    Each photo has random numbers of its own, so it does not matter which
    others are drawn, or when.

    Args:
        class_name: one of `CLASS_NAMES`.
        index: the number of the part, from 0 on.
        seed: as for `folder`.
        set_name: "photos" or "remounted".
        defect: False draws the same part in the same light without its
            defect. The mask still says where the defect would be.

    Returns:
        The photo, uint8 of shape (299, 299, 3), RGB; and the mask, bool of
        shape (299, 299), True where the defect is, all False for `clean`.

    Raises:
        ValueError: there is no such class or set, or a negative number.
    """
    if class_name not in CLASS_NAMES:
        raise ValueError(
            f"{class_name!r} is no class of the surfaces; give one of "
            f"{', '.join(CLASS_NAMES)}."
        )
    if set_name not in SETS:
        raise ValueError(
            f"{set_name!r} is no set of the surfaces; give one of "
            f"{', '.join(SETS)}."
        )
    if index < 0:
        raise ValueError(
            f"index is {index}; parts are counted from 0 on: give 0 or more."
        )
    _place(seed)  # a wrong seed is named there
    key = [seed, list(SETS).index(set_name), CLASS_NAMES.index(class_name)]
    of_part, of_defect, of_camera = (
        np.random.default_rng([*key, index, n]) for n in range(3)
    )
    view = _view(of_camera, set_name)
    # What is drawn is larger than what the camera sees: no empty corners.
    # Sizes with small factors make a fast Fourier transform.
    seen = SIZE * np.abs(view["matrix"]).sum(1).max()
    size = 32 * math.ceil((seen + 2) / 32)
    part = _part(of_part, size)
    where = np.zeros((size, size), bool)
    if class_name != "clean":
        changed = DEFECTS[class_name](of_defect, part, view)
        where = changed.pop("where")
        if defect:
            strength = STRENGTH[part["material"]]
            for name, value in changed.items():
                part[name] = part[name] + strength * (value - part[name])
    return _photograph(of_camera, part, where, view, set_name)


def _view(rng, set_name):
    """Return how the camera sees the canvas.

    A dict: `matrix` (2, 2) takes pixels from the middle of the photo to
    pixels from the middle of the canvas, `blur` is how far out of focus it
    is in pixels, `gain` how much of the light there is.
    """
    blur = rng.uniform(0.45, 1.0)
    if set_name == "photos":
        gain = rng.uniform(0.94, 1.06)
        return {"matrix": np.eye(2), "blur": blur, "gain": gain}
    angle, zoom = rng.uniform(0, 2 * math.pi), rng.uniform(0.75, 1.3)
    turn = np.array(
        [
            [np.cos(angle), -np.sin(angle)],
            [np.sin(angle), np.cos(angle)],
        ]
    )
    if rng.random() < 0.5:
        turn[:, 0] *= -1
    return {
        "matrix": turn / zoom,
        # Nobody focused again for the new distance.
        "blur": blur + 2 * abs(math.log(zoom)),
        "gain": rng.uniform(*LIGHT),
    }


def _photograph(rng, part, where, view, set_name):
    """Light a part and take its photo; return the photo and the mask."""
    scene = Image.fromarray(_light(part))
    size = scene.width
    scene_mask = Image.fromarray(where.astype("uint8") * 255)
    if set_name == "photos":
        edge = (size - SIZE) // 2
        box = (edge, edge, edge + SIZE, edge + SIZE)
        seen, seen_mask = scene.crop(box), scene_mask.crop(box)
    else:
        m = view["matrix"]
        middle = size / 2 - m @ (SIZE / 2, SIZE / 2)
        data = (*m[0], middle[0], *m[1], middle[1])
        how = ((SIZE, SIZE), Image.Transform.AFFINE, data)
        seen = scene.transform(*how, resample=Image.Resampling.BICUBIC)
        seen_mask = scene_mask.transform(
            *how, resample=Image.Resampling.BILINEAR
        )
    seen = seen.filter(ImageFilter.GaussianBlur(view["blur"]))
    photo = np.asarray(seen, "float32")
    y, x = _middle_grid(SIZE)
    aim_x, aim_y = rng.uniform(-12, 12, 2).tolist()
    far = ((x - aim_x) ** 2 + (y - aim_y) ** 2) / (SIZE / 2) ** 2
    corners = view["gain"] * (1 - rng.uniform(0.06, 0.16) * far)
    photo = photo * corners[..., None]
    # Shot noise grows with the root of the light; read-out noise stays.
    grain = rng.uniform(1.2, 2.6) + 0.12 * np.sqrt(photo)
    noise = rng.standard_normal(photo.shape, "float32")
    photo = np.clip(photo + grain * noise + 0.5, 0, 255).astype("uint8")
    return photo, np.asarray(seen_mask) > 127


def _light(part):
    """Return the lit part, uint8 of shape (size, size, 3)."""
    height = part["height"]
    # The slope towards the light: one side of a hollow is bright, the
    # other dark.
    down = np.diff(height, axis=0, append=height[-1:])
    right = np.diff(height, axis=1, append=height[:, -1:])
    slope = part["towards"][0] * right + part["towards"][1] * down
    lit = part["light"] * part["tone"] * (1 + np.tanh(slope))
    lit += part["gloss"] * np.square(np.maximum(slope, 0))
    # Bright light saturates softly, as a camera's tone curve has it.
    lit /= np.sqrt(np.sqrt(1 + np.square(np.square(lit))))
    lit = lit[..., None] * part["paint"] * 255
    return np.clip(lit, 0, 255, out=lit).astype("uint8")


# --- Building blocks ------------------------------------------------------


@functools.cache
def _middle_grid(size):
    """Return pixels from the middle: y (size, 1) and x (1, size)."""
    line = np.arange(size, dtype="float32") - (size - 1) / 2
    return line[:, None], line[None, :]


@functools.cache
def _waves(size):
    """Return cycles a pixel for `numpy.fft.irfft2`: down and right."""
    return (
        np.fft.fftfreq(size).astype("float32")[:, None],
        np.fft.rfftfreq(size).astype("float32")[None, :],
    )


def _texture(rng, strength):
    """Return random texture with mean 0 and standard deviation 1.

    Args:
        rng: random numbers.
        strength: how much there is of each wave, as `_waves` orders them.
    """
    size = len(strength)
    shape = strength.shape
    wave = np.empty(shape, "complex64")
    wave.real = rng.standard_normal(shape, "float32")
    wave.imag = rng.standard_normal(shape, "float32")
    wave *= strength
    wave[0, 0] = 0
    made = np.fft.irfft2(wave, (size, size)).astype("float32")
    return made / made.std()


def _cloud(rng, size, scale):
    """Return smooth random hills about `scale` pixels wide, about -2 to 2."""
    few = rng.standard_normal((max(2, round(size / scale)) + 3,) * 2)
    hills = Image.fromarray(few.astype("float32"))
    edge = len(few) / (len(few) - 2)  # the outermost hills are cut off
    wide = round(size * edge)
    hills = hills.resize((wide, wide), Image.Resampling.BICUBIC)
    cut = (wide - size) // 2
    return np.asarray(hills)[cut : cut + size, cut : cut + size]


def _hairs(rng, size, count, length, angles):
    """Return fine straight lines, 0 to 1, of shape (size, size).

    Args:
        rng: random numbers.
        size: of the canvas.
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
    long = rng.uniform(*length, count) * fine
    ink = (255 * rng.uniform(0.2, 1, count) ** 2).astype(int)
    step = long[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    lines = np.concatenate([ends - step / 2, ends + step / 2], 1)
    for line, colour in zip(lines.tolist(), ink.tolist(), strict=True):
        pen.line(line, fill=colour)
    return np.asarray(sheet.reduce(fine), "float32") / 128


def _ramp(value, low, high):
    """Return 0 below `low`, 1 above `high`, smooth between (low < high)."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _near_line(size, points, reach):
    """Return how far each pixel is from a line through points.

    Args:
        size: of the canvas.
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
        place = (begun + t * long) / starts[-1]
        along[box] = np.where(nearer, place, along[box])
    return distance, along


def _blob(rng, size, middle, radius, rough, stretch=1.4):
    """Return an irregular round patch: 0 in its middle, 1 at its edge.

    Args:
        rng: random numbers.
        size: of the canvas.
        middle: x and y in pixels from the middle of the canvas.
        radius: in pixels.
        rough: how far the edge swings in and out; 0 is an ellipse.
        stretch: the most that the patch is longer than wide.
    """
    coarse = 4  # it is smooth, so every fourth pixel tells enough
    y, x = _middle_grid(size // coarse)
    spot = (x * coarse - float(middle[0])) + 1j * (
        y * coarse - float(middle[1])
    )
    longer = math.sqrt(rng.uniform(1, stretch))
    spot *= np.exp(1j * rng.uniform(0, math.pi))
    spot = spot.real / longer + 1j * spot.imag * longer
    away = np.abs(spot) + 1e-3
    spot /= away
    edge, turned = 1.0, 1.0
    for n in range(1, 7):
        turned = turned * spot
        swing = rough * rng.normal() / n
        if n > 1:  # the first would only shift the patch
            phase = np.exp(1j * rng.uniform(0, 2 * math.pi))
            edge = edge + swing * (turned * phase).real
    patch = away / (radius * np.maximum(edge, 0.4))
    patch = Image.fromarray(patch.astype("float32"))
    return np.asarray(patch.resize((size, size), Image.Resampling.BICUBIC))


def _window(size, middle, reach):
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


# --- A part without a defect ----------------------------------------------


def _part(rng, size):
    """Return a part: a dict of what `_light` needs.

    `height` in pixels, `tone` how bright the metal is, `light` how much of
    it falls where, `gloss` how much glints, `paint` (size, size, 3) the
    colour, `towards` where the light comes from (x, y), `material`.
    """
    material = MATERIALS[rng.integers(len(MATERIALS))]
    part = {"material": material}
    {"brushed": _brushed, "cast": _cast, "sanded": _sanded}[material](
        rng, size, part
    )
    towards = math.radians(45 + rng.uniform(-12, 12))
    part["towards"] = math.cos(towards), math.sin(towards)
    y, x = _middle_grid(size)
    fall = rng.uniform(0.0004, 0.0013)
    part["light"] = part["light"] * (
        1
        - fall * (x * math.cos(towards) + y * math.sin(towards))
        + rng.uniform(0.02, 0.06) * _cloud(rng, size, 150)
    )
    warm = rng.normal(0, 0.018)
    tint = np.array([1 + warm, 1, 1 - warm]) * part.pop("tint")
    part["paint"] = np.broadcast_to(
        tint.astype("float32"), (size, size, 3)
    ).copy()
    _harmless(rng, size, part)
    return part


def _brushed(rng, size, part):
    """Add a sheet drawn along a belt: long fine lines, nearly level."""
    tilt = math.radians(rng.normal(0, 2.2))
    down, right = _waves(size)
    across = down * math.cos(tilt) - right * math.sin(tilt)
    along = right * math.cos(tilt) + down * math.sin(tilt)
    run, width = rng.uniform(60, 160), rng.uniform(1.0, 1.8)
    lines = _texture(
        rng,
        np.exp(-np.abs(along) * run) * np.exp(-((across * width) ** 2) * 3),
    )
    bands = _texture(
        rng, np.exp(-np.abs(along) * 300 - (np.abs(across) * 14) ** 2)
    )
    angles = tilt + np.deg2rad(rng.normal(0, 0.5, 32))
    bright = _hairs(rng, size, 220, (30, 190), angles)
    dark = _hairs(rng, size, 160, (20, 150), angles)
    depth = rng.uniform(0.045, 0.08)
    part["tone"] = rng.uniform(0.5, 0.72) * (
        1 + depth * lines + 0.02 * bands + 0.09 * bright - 0.1 * dark
    )
    part["height"] = (rng.uniform(0.02, 0.05) * lines).astype("float32")
    part["gloss"] = 0.5
    y, x = _middle_grid(size)
    light = np.ones((size, size), "float32")
    for _ in range(rng.integers(1, 3)):  # a lamp shows across the lines
        lamp = x - rng.uniform(-170, 170) + y * rng.uniform(-0.12, 0.12)
        width = rng.uniform(45, 130)
        light += rng.uniform(0.08, 0.3) * np.exp(-((lamp / width) ** 2))
    part["light"] = light
    part["tint"] = np.array([0.985, 0.995, 1.01])


def _cast(rng, size, part):
    """Add a skin as it comes from the mould: grainy, dull and dark."""
    down, right = _waves(size)
    wave = np.hypot(down, right)
    grain = rng.uniform(4.5, 8.5)
    bumps = _texture(rng, np.exp(-((wave * grain) ** 2)) * wave)
    fine = _texture(rng, np.exp(-((wave * 1.7) ** 2)) * wave)
    rough = rng.uniform(0.28, 0.5)
    # Grains are round on top with narrow valleys between.
    part["height"] = rough * (-np.abs(bumps) * 1.2 + 0.22 * fine)
    part["tone"] = rng.uniform(0.33, 0.5) * (
        1
        + 0.05 * fine
        - 0.05 * np.abs(bumps)
        + 0.05 * _cloud(rng, size, rng.uniform(30, 60))
    )
    part["gloss"] = 0.12
    part["light"] = np.ones((size, size), "float32")
    part["tint"] = np.array([1.01, 0.995, 0.97])


def _sanded(rng, size, part):
    """Add a face gone over with a sander: short lines in all directions."""
    down, right = _waves(size)
    strength = 0
    for angle in rng.uniform(0, math.pi, 7):
        along = right * math.cos(angle) + down * math.sin(angle)
        across = down * math.cos(angle) - right * math.sin(angle)
        strength += np.exp(
            -np.abs(along) * rng.uniform(10, 30) - (across * 2.2) ** 2
        )
    lines = _texture(rng, strength)
    angles = rng.uniform(0, math.pi, 64)
    bright = _hairs(rng, size, 900, (6, 42), angles)
    dark = _hairs(rng, size, 800, (6, 36), angles)
    part["tone"] = rng.uniform(0.46, 0.66) * (
        1
        + rng.uniform(0.03, 0.05) * lines
        + 0.12 * bright
        - 0.13 * dark
        + 0.025 * _cloud(rng, size, 45)
    )
    part["height"] = (0.04 * lines).astype("float32")
    part["gloss"] = 0.3
    y, x = _middle_grid(size)
    at_x, at_y = rng.uniform(-150, 150, 2).tolist()
    wide = rng.uniform(80, 160)
    glow = ((x - at_x) ** 2 + (y - at_y) ** 2) / wide**2
    part["light"] = 1 + rng.uniform(0.05, 0.22) * np.exp(-glow)
    part["tint"] = np.array([1.0, 1.0, 0.99])


def _harmless(rng, size, part):
    """Add what any part may show and no inspector minds.

    Each kind looks a little like one of the defects. How many there are
    goes with the area of the canvas.
    """
    more = (size / 300) ** 2
    tone = part["tone"]
    y, x = _middle_grid(size)

    def anywhere():
        return rng.uniform(-size / 2, size / 2, 2)

    # A drilled hole with a chamfer.
    for _ in range(rng.poisson(0.12 * more)):
        at, r = anywhere(), rng.uniform(11, 24)
        box, near_x, near_y = _window(size, at, 1.5 * r)
        q = np.hypot(near_x, near_y) / r
        wall = rng.uniform(1.15, 1.3)
        fresh = _ramp(q, 0.9, 1.0) * (1 - _ramp(q, wall - 0.05, wall + 0.02))
        tone[box] *= (0.12 + 0.88 * _ramp(q, 0.95, 1.02)) * (1 + 0.3 * fresh)
        cone = rng.uniform(0.4, 0.7) * r
        part["height"][box] += cone * (np.clip(q, 1, wall) - wall)
    # Dust: single specks, sometimes a sprinkle of them; and lint.
    places = [anywhere() for _ in range(rng.poisson(5 * more))]
    for _ in range(rng.poisson(0.3 * more)):
        at, wide = anywhere(), rng.uniform(12, 45)
        places += list(at + rng.normal(0, wide, (rng.integers(6, 18), 2)))
    for at in places:
        _fleck(rng, tone, at, rng.uniform(0.6, 1.7), (0.65, 0.8, 1.2, 1.35))
    for _ in range(rng.poisson(0.5 * more)):
        curve = np.linspace(0, rng.normal(0, 1.6), 12)
        curve = curve + 0.4 * np.sin(curve * 2) + rng.uniform(0, 2 * math.pi)
        steps = np.stack([np.cos(curve), np.sin(curve)], 1)
        steps *= rng.uniform(1.5, 6)  # pixels
        d, _ = _near_line(size, anywhere() + steps.cumsum(0), 3)
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
        pitch, wide = rng.uniform(7, 16), rng.uniform(20, 55)
        ridge = np.sin(across * (2 * math.pi / pitch))
        ridge *= np.exp(-np.square(across / wide))
        tone *= 1 + rng.uniform(0.015, 0.05) * ridge
    # Rubbed places: broad pale streaks that took nothing off. They come
    # from the belt, so they run level like the brushed lines.
    for _ in range(rng.poisson(0.6 * more)):
        angle, long = rng.normal(0, 0.08), rng.uniform(30, 80)
        ahead = long * np.array([math.cos(angle), math.sin(angle)])
        at = anywhere()
        d, along = _near_line(size, [at - ahead, at, at + ahead], 14)
        fade = np.square(4 * along * (1 - along))
        streak = np.exp(-np.square(d / rng.uniform(1.8, 4.5))) * fade
        tone *= 1 + rng.uniform(0.08, 0.2) * streak
    # Reflections of something in the room: soft and without an edge.
    if rng.random() < 0.4:
        q = _blob(rng, size, anywhere(), rng.uniform(30, 80), 0.1, 3.0)
        part["light"] *= 1 + rng.uniform(0.06, 0.22) * np.exp(-np.square(q))
    # The face is never quite flat.
    if rng.random() < 0.5:
        scale = rng.uniform(50, 100)
        swell = rng.uniform(0.008, 0.024) * scale * _cloud(rng, size, scale)
        part["height"] += swell
    # Patches of another grain: a little brighter or darker, no more.
    for _ in range(rng.poisson(0.5 * more)):
        q = _blob(rng, size, anywhere(), rng.uniform(20, 60), 0.4, 2.0)
        tone *= 1 + rng.normal(0, 0.05) * (1 - _ramp(q, 0.4, 1.5))
    # A film of something: no edge, hardly any colour.
    if rng.random() < 0.4:
        q = _blob(rng, size, anywhere(), rng.uniform(30, 90), 0.3, 2.0)
        film = 1 - _ramp(q, 0.3, 1.5)
        warm = rng.uniform(-0.04, 0.04)
        part["paint"][..., 0] *= 1 + warm * film
        part["paint"][..., 2] *= 1 - warm * film
    # Tiny pores in a casting, single and shallow.
    if part["material"] == "cast":
        for _ in range(rng.poisson(4 * more)):
            _fleck(rng, tone, anywhere(), rng.uniform(0.9, 2.0), (0.7, 0.8))


def _fleck(rng, tone, middle, radius, factors):
    """Make a soft round spot of a field darker or brighter, in place."""
    box, x, y = _window(len(tone), middle, 2 * radius + 1)
    spot = np.exp(-np.square(np.square(np.hypot(x, y) / radius)))
    tone[box] *= 1 + (rng.choice(factors) - 1) * spot


# --- The defects ----------------------------------------------------------
# Each takes random numbers, a part and a view, and returns what it changes:
# the new `height`, `tone` or `paint`, and `where` the defect is.


def _spot(rng, view, reach=0.34):
    """Return a place on the canvas that the camera is sure to see."""
    return view["matrix"] @ (rng.uniform(-reach, reach, 2) * SIZE)


def _crack(rng, part, view):
    """A crack wanders, forks and thins out; it is dark to the bottom."""
    size = len(part["tone"])
    tone, height = part["tone"].copy(), part["height"].copy()
    where = np.zeros((size, size), bool)
    length = rng.uniform(40, 90)
    wide = rng.uniform(0.9, 1.8)
    dark = rng.uniform(0.32, 0.72)
    heading = rng.uniform(0, 2 * math.pi)
    trunk = _wander(rng, length, heading)
    trunk += _spot(rng, view, 0.26) - trunk.mean(0)
    lines = [(trunk, wide)]
    for _ in range(rng.integers(0, 4)):
        fork = rng.integers(len(trunk) // 5, len(trunk) - 3)
        away = rng.choice([-1, 1]) * rng.uniform(0.5, 1.1)
        course = np.arctan2(*(trunk[fork + 2] - trunk[fork])[::-1])
        branch = _wander(rng, length * rng.uniform(0.15, 0.45), course + away)
        lines.append((trunk[fork] + branch, wide * rng.uniform(0.5, 0.8)))
    for number, (points, width) in enumerate(lines):
        d, along = _near_line(size, points, 8)
        if number:
            taper = 1 - along
        else:
            taper = np.sqrt(np.clip(4 * along * (1 - along), 0, 1))
        width = np.maximum(width * (0.35 + 0.65 * taper), 0.3)
        inside = np.exp(-np.square(d / width)) * (0.45 + 0.55 * taper)
        tone *= 1 - dark * inside
        height -= 0.8 * dark * inside * width
        where |= d < width + 1.2
    return {"tone": tone, "height": height, "where": where}


def _wander(rng, length, heading):
    """Return a jagged way of about `length` pixels, float (n, 2)."""
    steps = rng.uniform(3, 9, max(4, round(length / 6)))
    turns = rng.normal(0, 0.16, len(steps)).cumsum()
    course = heading + turns + rng.normal(0, 0.42, len(steps))
    way = steps[:, None] * np.stack([np.cos(course), np.sin(course)], 1)
    return np.concatenate([[[0, 0]], way.cumsum(0)])


def _scratch(rng, part, view):
    """A scratch is straight and thin, with a bright and a dark edge."""
    size = len(part["tone"])
    tone, height = part["tone"].copy(), part["height"].copy()
    where = np.zeros((size, size), bool)
    # It comes from handling, across the line and the brushed grain.
    angle = rng.uniform(0.35, math.pi - 0.35)
    # In a rough skin only a deep one is a scratch.
    deep = 1.6 if part["material"] == "cast" else 1.0
    middle = _spot(rng, view, 0.26)
    for _ in range(rng.choice([1, 1, 2, 3])):
        length = rng.uniform(36, 80)
        course = angle + rng.normal(0, 0.05)
        t = np.linspace(-0.5, 0.5, 14)
        bow = rng.normal(0, 0.03) * (t**2 - 0.1)
        ahead = np.array([np.cos(course), np.sin(course)])
        aside = np.array([-ahead[1], ahead[0]])
        points = length * (t[:, None] * ahead + bow[:, None] * aside)
        points += middle + aside * rng.uniform(-16, 16)
        d, along = _near_line(size, points, 8)
        press = _ramp(along, 0, 0.15) * (1 - _ramp(along, 0.6, 1.0) * 0.8)
        press = press * (0.8 + 0.2 * np.sin(along * rng.uniform(9, 40)))
        width = rng.uniform(1.0, 1.9)
        core = np.exp(-np.square(d / width)) * press
        burr = np.exp(-np.square((d - 1.8 * width) / width)) * press
        tone *= 1 + rng.uniform(0.16, 0.36) * core - 0.12 * burr
        height += deep * rng.uniform(0.4, 0.75) * (0.4 * burr - core)
        where |= (d < width + 1.5) & (press > 0.08)
    return {"tone": tone, "height": height, "where": where}


def _dent(rng, part, view):
    """A dent is a shallow bowl: dark towards the light, bright beyond."""
    size = len(part["tone"])
    radius = rng.uniform(15, 28)
    q = _blob(rng, size, _spot(rng, view), radius, 0.07, 1.7)
    deep = rng.uniform(0.095, 0.19) * radius
    bowl = -deep * np.square(1 - np.square(np.minimum(q, 1)))
    rim = 0.12 * deep * np.exp(-np.square((q - 1.05) / 0.14))
    # What was hit is pressed smooth.
    smooth = 1 - 0.35 * (1 - _ramp(q, 0.6, 1.0))
    return {
        "height": part["height"] * smooth + bowl + rim,
        "where": q < 1.08,
    }


def _pits(rng, part, view):
    """Pits are small dark holes, many together."""
    size = len(part["tone"])
    tone, height = part["tone"].copy(), part["height"].copy()
    where = np.zeros((size, size), bool)
    middle, spread = _spot(rng, view, 0.3), rng.uniform(6, 14)
    shade = rng.uniform(0.6, 1.0)
    for _ in range(rng.integers(5, 14)):
        at = middle + rng.normal(0, spread, 2)
        radius = rng.uniform(1.4, 2.3) + rng.exponential(0.9)
        box, x, y = _window(size, at, 2.5 * radius + 3)
        turn, longer = rng.uniform(0, math.pi), rng.uniform(1, 1.35)
        u = x * math.cos(turn) + y * math.sin(turn)
        v = y * math.cos(turn) - x * math.sin(turn)
        near = np.hypot(u / longer, v * longer) / radius
        hole = np.exp(-np.square(np.square(near)))
        tone[box] *= 1 - shade * rng.uniform(0.35, 0.7) * hole
        height[box] -= radius * rng.uniform(0.2, 0.45) * hole
        where[box] |= near < 1 + 1.2 / radius
    return {"tone": tone, "height": height, "where": where}


def _stain(rng, part, view):
    """A stain colours the metal, most of all where its edge dried."""
    size = len(part["tone"])
    colours = np.array(
        [
            [0.80, 0.67, 0.52],  # rust
            [0.72, 0.66, 0.58],  # oil
            [0.70, 0.75, 0.86],  # heat
            [0.70, 0.70, 0.71],  # water
            [0.86, 0.79, 0.62],  # varnish
        ]
    )
    colour = rng.choice(colours) * rng.uniform(0.96, 1.04, 3)
    middle, radius = _spot(rng, view), rng.uniform(12, 26)
    ragged = rng.uniform(0.05, 0.12) * _cloud(rng, size, 18)
    body_of, ring_of = rng.uniform(0.26, 0.62), rng.uniform(0.18, 0.5)
    amount = np.zeros((size, size), "float32")
    where = np.zeros((size, size), bool)
    drops = [(middle, radius)]
    for _ in range(rng.poisson(0.8)):
        away = rng.normal(0, 1, 2)
        away *= radius * rng.uniform(1.1, 1.6) / np.hypot(*away)
        drops.append((middle + away, radius * rng.uniform(0.08, 0.3)))
    for at, r in drops:
        q = _blob(rng, size, at, r, 0.22, 1.8) + ragged
        edge = 4 / r
        body = 1 - _ramp(q, 1 - edge, 1 + edge)
        ring = np.exp(-np.square((q - 1 + edge) / (0.6 * edge + 0.03)))
        amount = np.maximum(amount, body_of * body + ring_of * ring)
        where |= q < 1 + edge / 2
    amount *= 1 + 0.18 * _cloud(rng, size, 30)
    amount = np.clip(amount, 0, 1)[..., None]
    paint = part["paint"] * (1 - amount * (1 - colour.astype("float32")))
    return {"paint": paint.astype("float32"), "where": where}


DEFECTS = {
    "crack": _crack,
    "dent": _dent,
    "pits": _pits,
    "scratch": _scratch,
    "stain": _stain,
}
