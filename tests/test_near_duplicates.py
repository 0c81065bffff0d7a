"""Near-duplicates, augmented copies and films are found, and nothing else."""

import io
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from make_photos import FRACTIONS, saved
from PIL import Image, ImageDraw, ImageEnhance

from helpers.dataset import near_duplicates, photo_file, scan, splits


def noisy(rng, pixels, noise=3):
    """An image of these pixels (height, width[, 3]) with a camera's noise."""
    pixels = pixels + rng.normal(0, noise, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype("uint8")).convert("RGB")


def scene(rng):
    """A colourful scene: no two have anything in common."""
    coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), "uint8"))
    image = coarse.resize((200, 150), Image.Resampling.BICUBIC)
    return noisy(rng, np.asarray(image, float))


def small_thing(rng):
    """A small thing somewhere on a white ground."""
    image = Image.new("RGB", (400, 400), "white")
    x, y, r = *rng.integers(60, 340, 2), rng.integers(10, 16)
    pen = ImageDraw.Draw(image)
    draw = pen.ellipse if rng.random() < 0.5 else pen.rectangle
    draw([int(x - r), int(y - r), int(x + r), int(y + r)], (90, 90, 100))
    return image


def xray(rng):
    """A chest: dark lungs of slightly different sizes, ribs, a spine."""
    y, x = np.mgrid[0:400, 0:400] / 400
    pixels = 110 * np.exp(-(((x - 0.5) / 0.35) ** 4))
    for side in (-1, 1):
        width, height = rng.uniform((0.08, 0.24), (0.14, 0.34))
        middle = 0.5 + side * rng.uniform(0.15, 0.21)
        lung = ((x - middle) / width) ** 4 + ((y - 0.5) / height) ** 4
        pixels -= rng.uniform(50, 90) * np.exp(-lung)
    for top in np.linspace(0.2, 0.8, 9) + rng.normal(0, 0.01, 9):
        rib = (y - top - 0.25 * abs(x - 0.5)) / 0.012
        pixels += 10 * np.exp(-(rib**2)) * (abs(x - 0.5) < 0.36)
    pixels += 60 * np.exp(-(((x - 0.5) / 0.05) ** 2)) + 20
    return noisy(rng, pixels)


def dark(rng):
    """Some lamps in the night."""
    y, x = np.mgrid[0:300, 0:300] / 300
    pixels = np.full((300, 300, 3), 4.0)
    for _ in range(4):
        right, down = rng.uniform(0.1, 0.9, 2)
        lamp = np.exp(-((x - right) ** 2 + (y - down) ** 2) / 0.005)
        pixels += rng.uniform(15, 60, 3) * lamp[..., None]
    return noisy(rng, pixels)


def jpeg(image, quality):
    return Image.open(io.BytesIO(saved(image, "JPEG", quality=quality)))


def half(image):
    return image.resize([side // 2 for side in image.size])


def a_moment_later(image):
    return noisy(np.random.default_rng(99), np.asarray(image, float))


KINDS = [scene, small_thing, xray, dark]
AGAIN = {
    "compressed": lambda image: jpeg(image, 40),
    "smaller and poorer": lambda image: jpeg(half(image), 60),
    "larger": lambda image: image.resize([2 * side for side in image.size]),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.08),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.92),
    "more contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.1),
    "the next frame": a_moment_later,
}


def photo(image, name):
    """A checked photo of an image; its class is before the slash."""
    path = Path("mine", *name.split("/"))
    pixels = np.asarray(image.convert("RGB"))
    thumbnail = photo_file.make_thumbnail(pixels)
    class_name = path.parent.name
    return photo_file.Photo(
        path, name, class_name, name, *image.size, thumbnail
    )


def names(pairs):
    return [(first.name, other.name) for first, other in pairs]


@pytest.fixture
def save(tmp_path, monkeypatch):
    """Saves an image in a folder of class folders."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))

    def write(image, name):
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, quality=90)
        return tmp_path / "mine"

    return write


@pytest.mark.parametrize("draw", KINDS)
def test_a_photo_saved_again_is_found(draw):
    images = [draw(np.random.default_rng(seed)) for seed in range(5)]
    checked = [photo(image, f"a/{i}") for i, image in enumerate(images)]
    expected = [(f"b/{i}", f"a/{i}") for i in range(5)]
    for change, again in AGAIN.items():
        copies = [
            photo(again(image), f"b/{i}") for i, image in enumerate(images)
        ]
        pairs = near_duplicates.find(checked + copies)
        assert names(pairs) == expected, change


@pytest.mark.parametrize("draw", KINDS)
def test_different_photos_of_one_kind_are_not_the_same(draw):
    rng = np.random.default_rng(0)
    checked = [photo(draw(rng), f"a/{i}") for i in range(40)]
    assert near_duplicates.find(checked) == []
    assert near_duplicates.groups(checked) == ([], [])


def test_things_that_differ_in_colour_alone_are_not_the_same():
    images = []
    for colour in ("red", "blue"):
        image = scene(np.random.default_rng(0))
        ImageDraw.Draw(image).ellipse([75, 50, 100, 75], colour)
        images.append(image)
    red, blue, again = *images, jpeg(images[0], 80)
    checked = [photo(red, "a/1"), photo(blue, "b/1"), photo(again, "a/2")]
    assert names(near_duplicates.find(checked)) == [("a/2", "a/1")]


@pytest.mark.parametrize("tone", [0, 128, 255])
def test_photos_without_any_detail_are_compared(tone):
    plain = photo(Image.new("RGB", (90, 80), (tone, tone, tone)), "a/1")
    different = photo(scene(np.random.default_rng(0)), "a/2")
    assert near_duplicates.find([plain, different]) == []


def of_one_camera(count):
    """Photos of one scene that differ by a little noise."""
    image = scene(np.random.default_rng(0))
    pixels = np.asarray(image.resize((32, 32)), float)
    rng = np.random.default_rng(1)
    for number in range(count):
        noise = rng.uniform(0.5, 20)
        yield photo(noisy(rng, pixels, noise), f"a/{number}")


def test_a_near_duplicate_comes_with_the_earliest_photo_it_is_like(
    monkeypatch,
):
    checked = list(of_one_camera(60))
    expected = []
    for number, later in enumerate(checked):
        for earlier in checked[:number]:
            if near_duplicates.find([earlier, later]):
                expected.append((later.name, earlier.name))
                break
    monkeypatch.setattr(near_duplicates, "BLOCK", 25)
    assert names(near_duplicates.find(checked)) == expected
    assert 10 < len(expected) < 55


def test_photos_of_a_fixed_camera_fit_into_memory():
    checked = list(of_one_camera(1600))
    tracemalloc.start()
    near_duplicates.find(checked)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40_000 * len(checked)  # all pairs would take 150,000 each


def washer(rng, cracked):
    """A washer as a fixed camera sees it: only noise and a crack differ."""
    image = Image.new("L", (600, 600), 200)
    pen = ImageDraw.Draw(image)
    pen.ellipse([100, 100, 500, 500], fill=120)
    pen.ellipse([220, 220, 380, 380], fill=200)
    if cracked:
        x, y = (int(at) for at in rng.integers(140, 200, 2) + 60)
        pen.line([x, y, x + 30, y + 40], fill=40, width=3)
    return noisy(rng, np.asarray(image.convert("RGB"), float), 5)


def test_defects_before_a_fixed_camera_are_one_line_with_nothing_to_do(
    save, capsys
):
    for number in range(40):
        image = washer(np.random.default_rng(number), number % 2)
        name = f"{('ok', 'crack')[number % 2]}/{number * 7919 % 997:x}.jpg"
        folder = save(image, name)
    checked = scan.check(folder)
    (problem,) = checked.problems
    assert problem.name == "mine/" and not problem.excluded
    assert "39 of 40 photos look nearly the same" in problem.problem
    assert "nothing to do" in problem.advice
    splits.split(checked, FRACTIONS)
    out = capsys.readouterr().out
    assert "unless they show different objects in front of a fixed" in out


def test_near_duplicates_with_different_labels_are_never_to_be_deleted(save):
    for number in range(40):
        image = scene(np.random.default_rng(number))
        save(image, f"{'ab'[number % 2]}/{number}.jpg")
        if number < 20:  # a/0 again in a, b/1 again in a, and so on
            folder = save(half(image), f"a/again {number}.jpg")
    found = scan.check(folder).problems
    across = [p for p in found if "another label" in p.problem]
    within = [p for p in found if "nearly the same photo as a/" in p.problem]
    assert len(across) == len(within) == len(found) / 2 == 10
    assert all("Check both labels" in p.advice for p in across)
    assert all("count as one group" in p.advice for p in within)
    assert not any(p.excluded for p in found)
    for p in found:  # names the photo that it is the same as
        number = re.search(r"\d+", p.name)[0]
        assert re.search(rf"/(again )?{number}\.jpg", p.problem)


# --- Augmented copies and films, by their names ------------------------------


def film(rng, count, step=6):
    """Frames of a camera that moves; the light flickers a little."""
    coarse = Image.fromarray(rng.integers(0, 256, (6, 14, 3), "uint8"))
    wide = coarse.resize((440, 200), Image.Resampling.BICUBIC)
    for frame in range(count):
        view = wide.crop((step * frame, 0, step * frame + 260, 200))
        light = 1 + 0.05 * np.sin(frame)
        yield noisy(rng, np.asarray(view, float) * light)


def check_and_split(folder, pattern):
    """The one problem of a folder; what is alike is in one split.

    A group of the pattern is what the names of these photos share.
    """
    checked = scan.check(folder)
    split_of = {}
    for split in splits.split(checked, FRACTIONS):
        assert set(split.labels) == {0, 1}
        for name in split.names:
            shared = re.search(pattern, name)[0]
            assert split_of.setdefault(shared, split.name) == split.name
    (problem,) = checked.problems
    assert problem.name == "mine/" and not problem.excluded
    return problem


@pytest.mark.parametrize("augmented", [True, False])
def test_augmented_copies_are_one_line_and_an_export_without_is_none(
    save, augmented
):
    for class_name in "ab":
        for number in range(20):
            rng = np.random.default_rng([number, ord(class_name)])
            image = scene(rng)
            mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            copies = [image, mirrored, image.rotate(12)]
            for copy in copies if augmented else copies[:1]:
                name = f"IMG_{number}_jpg.rf.{rng.bytes(16).hex()}.jpg"
                folder = save(copy, f"{class_name}/{name}")
    if augmented:
        problem = check_and_split(folder, r"./IMG_\d+_")
        assert "120 files look like augmented copies of 40" in problem.problem
    else:
        assert scan.check(folder).problems == ()


@pytest.mark.parametrize("step", [0, 2, 6])
def test_films_are_one_line_and_not_one_for_each_frame(save, step):
    for class_name in "ab":
        for number in (1, 2, 3):
            rng = np.random.default_rng([number, ord(class_name)])
            for i, image in enumerate(film(rng, 15, step)):
                name = f"film{number}_{i:04d}.jpg"
                folder = save(image, f"{class_name}/{name}")
    problem = check_and_split(folder, r"./film\d")
    words = "90 files look like consecutive frames of 6 videos, such"
    assert words in problem.problem


NAMES = {
    "Roboflow": "film{film}_mp4-{frame:04d}_jpg.rf.{hash}",
    "Android": "{frame:05d}IMG_{frame:05d}_BURST2024050112{film:04d}",
    "Pixel": "PXL_2024050112{film:02d}{frame:02d}123.BURST-{frame:02d}",
    "camera last": "frame{frame}_cam{film}",
}


@pytest.mark.parametrize("is_film", [True, False])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_films_are_found_by_the_names_that_programs_give(name, is_film):
    checked = []
    for class_name in "ab":
        for number in (1, 2):
            rng = np.random.default_rng([number, ord(class_name)])
            images = film(rng, 15) if is_film else map(scene, [rng] * 15)
            for frame, image in enumerate(images):
                stem = name.format(
                    film=number, frame=frame, hash=rng.bytes(16).hex()
                )
                checked.append(photo(image, f"{class_name}/{stem}.jpg"))
    copies, films = near_duplicates.groups(checked)
    assert copies == []
    assert [len(frames) for frames in films] == [15] * 4 * is_film


def test_one_film_is_told_in_the_singular(save):
    for frame, image in enumerate(film(np.random.default_rng(0), 15)):
        save(image, f"a/film_{frame:04d}.jpg")
    for number in range(20):
        image = scene(np.random.default_rng(number + 1))
        folder = save(image, f"b/img_{number:04d}.jpg")
    checked = scan.check(folder)
    problem, *_, few = checked.problems
    assert "frames of 1 video, such as a/film_0000" in problem.problem
    assert few.name == "a/" and "are all in 1 group of nearly" in few.problem
    for split in splits.split(checked, FRACTIONS):  # with a film in all
        assert set(split.labels) == {0, 1}


def of_one_jig(rng):
    """A thing at another place of a jig that is always the same."""
    image = scene(np.random.default_rng(1))
    x, y = (int(at) for at in rng.integers(30, 120, 2))
    ImageDraw.Draw(image).ellipse([x, y, x + 20, y + 20], "black")
    return image


@pytest.mark.parametrize(
    ("draw", "name"),
    [
        (scene, "img{:03d}"),
        (scene, "photo.rf.album{:03d}"),  # a word after rf is no hash
        (of_one_jig, "img{:03d}"),
    ],
)
def test_numbered_photos_of_different_things_are_no_film(draw, name):
    rng = np.random.default_rng(0)
    checked = [
        photo(draw(rng), f"{'ab'[i % 2]}/{name.format(i)}.jpg")
        for i in range(60)
    ]
    assert near_duplicates.groups(checked) == ([], [])
