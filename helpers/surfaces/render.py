"""Renders the default photos: synthetic metal parts under inspection.

Six classes of surfaces, on parts of three materials (brushed, cast, sanded),
as a fixed camera would see them: always the same way up, lit from the upper
left, unevenly, through a lens that darkens the corners and is not quite in
focus.

Three sets of 299×299 RGB JPEG files come out, with a mask of each defect:

- `photos`: 160 of each class, of which the hash of their bytes puts exactly
  60 into training, 50 into validation and 50 into the test set.
- `remounted-validation` and `remounted`: 50 more of each class in each, all
  new parts, after the camera was remounted: seen at any angle, perhaps
  mirrored, 0.75 to 1.3 times as large, less sharp, with 0.3 to 0.6 of the
  light, which has another colour, and compressed more.
"""

import collections
import hashlib
import io
import itertools
import math
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from tqdm import tqdm

from helpers import paths, shared
from helpers.surfaces import defects, parts
from helpers.surfaces.textures import SIZE, centred_grid

CLASS_NAMES = ("clean", "crack", "dent", "pits", "scratch", "stain")
FRACTIONS = (60, 50, 50)  # photos of a class for train, validation, test
# Photos of a class; the order of the sets decides their random draws.
SETS = {"photos": sum(FRACTIONS), "remounted": 50, "remounted-validation": 50}
EDITION = 4  # of the photos; to be raised when `draw` gives other ones
EDITION_FILE = "edition.txt"  # beside the sets
QUALITY = {"photos": 92, "remounted": 85, "remounted-validation": 85}  # JPEG
# How strong a defect is drawn: the grain of a casting hides a weak one.
STRENGTH = {"brushed": 1.1, "cast": 1.65, "sanded": 1.1}
LIGHT = (0.3, 0.6)  # the fraction of it that a remounted camera gets
CAST = (0.9, 1.1)  # the factor of each colour for a remounted camera


# --- The folders ----------------------------------------------------------


def folder() -> Path:
    """Return the folder of the default photos; render those that are missing.

    It holds one folder for each of `CLASS_NAMES` with 160 photos. Photos
    that are there are kept, so an interrupted run continues where it
    stopped.

    Raises:
        ValueError: the photos there are of another version of this project.
    """
    return _complete("photos")


def shifted_folder(set_name: str = "remounted") -> Path:
    """Return the folder of photos taken after the camera was remounted.

    It holds 50 photos of each class. Returns and raises as `folder`.

    Args:
        set_name: "remounted", or "remounted-validation" for photos of other
            parts, to choose models with.
    """
    return _complete(set_name)


def all_folders() -> None:
    """Render whatever is missing of all sets. Raises as `folder`."""
    for set_name in SETS:
        _complete(set_name)


def mask(photo_path: str | Path) -> Path:
    """Return where the true mask of a rendered photo is.

    The mask is a PNG of the photo's size with one channel: 255 where the
    defect is, 0 elsewhere. Clean parts and photos of your own have none.
    """
    photo = Path(photo_path)
    set_folder = photo.parent.parent
    masks = "masks"
    if set_folder.name != "photos":
        masks = f"{set_folder.name}-masks"
    return set_folder.parent / masks / photo.parent.name / f"{photo.stem}.png"


def require_edition(sets_folder: Path) -> None:
    """Refuse photos of another version of this project.

    Args:
        sets_folder: the folder of the sets, such as data/surfaces; it may be
            missing.

    Raises:
        ValueError: there are sets in it, of another edition or of none.
    """
    exists = any((sets_folder / set_name).is_dir() for set_name in SETS)
    if exists and not _is_this_edition(sets_folder):
        raise ValueError(
            f"{paths.shown(sets_folder)}: {EDITION_FILE} does not say that "
            "these photos belong to this version of the workbook. Move the "
            "folder away, or delete it if nothing in it is yours, and run "
            "this again; then they are rendered anew."
        )


def _is_this_edition(sets_folder: Path):
    file = sets_folder / EDITION_FILE
    return file.is_file() and file.read_text("utf-8").strip() == str(EDITION)


def _complete(set_name: str):
    """Render the missing photos of a set; return its folder.

    Where the whole set and its masks are shared, nothing is rendered.
    """
    shared_folder = shared.find("surfaces")
    if shared_folder and not _is_this_edition(shared_folder):
        print(
            "surfaces in the shared folder is of another version of this "
            "project; it is ignored."
        )
    elif shared_folder and not _missing(shared_folder / set_name):
        return shared_folder / set_name
    set_folder = paths.data() / "surfaces" / set_name
    require_edition(set_folder.parent)
    missing = _missing(set_folder)
    if missing:
        _render(set_folder, missing)
    return set_folder


def _missing(set_folder: Path):
    """Return (class name, index, path) of each photo that a set lacks."""
    missing = []
    for class_name in CLASS_NAMES:
        for index in range(SETS[set_folder.name]):
            photo = set_folder / class_name / f"{class_name}-{index:03d}.jpg"
            files = [photo] if class_name == "clean" else [photo, mask(photo)]
            if not all(file.is_file() for file in files):
                missing.append((class_name, index, photo))
    return missing


def _render(set_folder: Path, missing: list[tuple[str, int, Path]]):
    """Render missing photos and their masks, with a progress bar."""
    sets_folder, set_name = set_folder.parent, set_folder.name

    def write(class_name: str, index: int, photo: Path):
        image, defect = draw(class_name, index, set_name)
        if class_name != "clean":
            content = io.BytesIO()
            Image.fromarray(defect).convert("L").save(content, "PNG")
            _write(sets_folder, mask(photo), content.getvalue())
        hash_range = (0, 1)
        if set_name == "photos":
            hash_range = _hash_range(class_name, index)
        file = _jpeg(image, QUALITY[set_name], *hash_range)
        _write(sets_folder, photo, file)

    with paths.atomic(sets_folder / EDITION_FILE) as temporary:
        temporary.write_text(f"{EDITION}\n", encoding="utf-8")
    # Threads are enough, as NumPy and Pillow release Python's lock, and they
    # start the same way in notebooks and scripts.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        written = pool.map(write, *zip(*missing, strict=True))
        title = f"rendering {set_name}"
        progress = tqdm(written, title, len(missing), file=sys.stdout)
        try:
            collections.deque(progress, maxlen=0)
        finally:
            pool.shutdown(cancel_futures=True)


def _write(sets_folder: Path, path: Path, content: bytes):
    # The temporary file lies outside the class folders, since Keras would
    # take it for a photo if the computer stopped here.
    with paths.atomic(path, sets_folder) as temporary:
        temporary.write_bytes(content)


def _hash_range(class_name: str, index: int):
    """Return between which numbers the hash of a photo puts it in its split.

    That is what gives each class exactly `FRACTIONS`.
    """
    rng = np.random.default_rng([0, CLASS_NAMES.index(class_name)])
    rank = rng.permutation(sum(FRACTIONS))[index]
    ends = np.cumsum((0, *FRACTIONS))
    split = np.searchsorted(ends, rank, side="right") - 1
    return ends[split] / ends[-1], ends[split + 1] / ends[-1]


def _jpeg(image: NDArray[np.uint8], quality: int, low: float, high: float):
    """Return a JPEG file whose hash, as a number 0-1, is from low to high.

    The comment counts up until it is, which changes no pixel. Its text
    decides the order of the photos too, so it must stay as it is.
    """
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    content = buffer.getvalue()
    for take in itertools.count(1):
        text = f"drawn by helpers/surfaces.py, take {take}".encode()
        # A JPEG file begins with a mark of two bytes; a comment may follow.
        comment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text
        file = content[:2] + comment + content[2:]
        point = int(hashlib.sha256(file).hexdigest()[:15], 16) / 16**15
        if low <= point < high:
            return file


# --- One photo ------------------------------------------------------------


def draw(
    class_name: str,
    index: int = 0,
    set_name: str = "photos",
    defect: bool = True,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draw one photo.

    Each photo has random seeds of its own, so it does not depend on which
    others are drawn.

    Args:
        index: number of the part, from 0 on.
        defect: False draws the same part in the same light without its
            defect. The mask still says where the defect would be.

    Returns:
        The photo, uint8 of shape (299, 299, 3), RGB; and the mask, bool of
        shape (299, 299), True where the defect is, all False for `clean`.
    """
    key = [0, list(SETS).index(set_name), CLASS_NAMES.index(class_name)]
    part_rng, defect_rng, camera_rng = (
        np.random.default_rng([*key, index, n]) for n in range(3)
    )
    view = _view(camera_rng, set_name)
    # What is drawn is larger than what the camera sees: no empty corners.
    # Sizes with small factors make a fast Fourier transform.
    seen = SIZE * np.abs(view["matrix"]).sum(1).max()
    size = 32 * math.ceil((seen + 2) / 32)
    part = parts.draw_part(part_rng, size)
    where = np.zeros((size, size), bool)
    if class_name != "clean":
        fields = ("height", "tone", "paint")
        defective = part | {name: part[name].copy() for name in fields}
        add_defect = defects.DEFECTS[class_name]
        where = add_defect(defect_rng, defective, view["matrix"])
        strength = STRENGTH[part["material"]] if defect else 0
        for name in fields:
            part[name] += strength * (defective[name] - part[name])
    return _photograph(camera_rng, part, where, view, set_name)


def _view(rng: Generator, set_name: str):
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
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    if rng.random() < 0.5:
        turn[:, 0] *= -1
    return {
        "matrix": turn / zoom,
        # Nobody focused again for the new distance.
        "blur": blur + abs(math.log(zoom)),
        "gain": rng.uniform(*LIGHT),
    }


def _photograph(
    rng: Generator,
    part: parts.Part,
    where: NDArray[np.bool_],
    view: dict[str, Any],
    set_name: str,
):
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
    y, x = centred_grid(SIZE)
    aim_x, aim_y = rng.uniform(-12, 12, 2).tolist()
    far = ((x - aim_x) ** 2 + (y - aim_y) ** 2) / (SIZE / 2) ** 2
    corners = view["gain"] * (1 - rng.uniform(0.06, 0.16) * far)
    photo = photo * corners[..., None]
    if set_name != "photos":
        photo = photo * rng.uniform(*CAST, 3).astype("float32")
    # Shot noise grows with the root of the light; read-out noise stays.
    grain = rng.uniform(1.2, 2.6) + 0.12 * np.sqrt(photo)
    noise = rng.standard_normal(photo.shape, "float32")
    photo = np.clip(photo + grain * noise + 0.5, 0, 255).astype("uint8")
    return photo, np.asarray(seen_mask) > 127


def _light(part: parts.Part):
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
