"""Near-duplicates and augmented copies are found, and nothing else."""

import io
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from make_photos import FRACTIONS, saved
from PIL import Image, ImageDraw, ImageEnhance

from helpers.dataset import duplicates, photo_file, scan, splits


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
        pairs = duplicates.find(checked + copies)
        assert names(pairs) == expected, change


@pytest.mark.parametrize("draw", KINDS)
def test_different_photos_of_one_kind_are_not_the_same(draw):
    rng = np.random.default_rng(0)
    checked = [photo(draw(rng), f"a/{i}") for i in range(40)]
    assert duplicates.find(checked) == []


def test_things_that_differ_in_colour_alone_are_not_the_same():
    images = []
    for colour in ("red", "blue"):
        image = scene(np.random.default_rng(0))
        ImageDraw.Draw(image).ellipse([75, 50, 100, 75], colour)
        images.append(image)
    red, blue, again = *images, jpeg(images[0], 80)
    checked = [photo(red, "a/1"), photo(blue, "b/1"), photo(again, "a/2")]
    assert names(duplicates.find(checked)) == [("a/2", "a/1")]


@pytest.mark.parametrize("tone", [0, 128, 255])
def test_photos_without_any_detail_are_compared(tone):
    plain = photo(Image.new("RGB", (90, 80), (tone, tone, tone)), "a/1")
    different = photo(scene(np.random.default_rng(0)), "a/2")
    assert duplicates.find([plain, different]) == []


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
            if duplicates.find([earlier, later]):
                expected.append((later.name, earlier.name))
                break
    monkeypatch.setattr(duplicates, "BLOCK", 25)
    assert names(duplicates.find(checked)) == expected
    assert 10 < len(expected) < 55


def test_photos_of_a_fixed_camera_fit_into_memory():
    checked = list(of_one_camera(1600))
    tracemalloc.start()
    duplicates.find(checked)
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


def test_duplicates_with_different_labels_are_never_to_be_deleted(save):
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


# --- Augmented copies, by their names ------------------------------


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
    checked = scan.check(folder)
    if not augmented:
        assert checked.problems == ()
        return
    split_of = {}
    for split in splits.split(checked, FRACTIONS):
        assert set(split.labels) == {0, 1}
        for name in split.names:
            original = re.search(r"./IMG_\d+_", name)[0]
            assert split_of.setdefault(original, split.name) == split.name
    (problem,) = checked.problems
    assert problem.name == "mine/" and not problem.excluded
    assert "120 files look like augmented copies of 40" in problem.problem


def test_a_word_after_rf_is_no_hash():
    rng = np.random.default_rng(0)
    images = [scene(rng) for _ in range(4)]
    checked = [
        photo(image, f"a/photo.rf.album{i % 2}.jpg")
        for i, image in enumerate(images)
    ]
    assert duplicates.near(Path("mine"), checked)[1:] == ({}, [])


def test_a_class_of_one_original_is_split_photo_by_photo(save):
    for i in range(15):
        image = scene(np.random.default_rng(i))
        save(image, f"a/one.rf.{i:020d}.jpg")
        save(scene(np.random.default_rng(i + 99)), f"b/{i}.jpg")
    folder = save(scene(np.random.default_rng(200)), "b/last.jpg")
    checked = scan.check(folder)
    few = [p for p in checked.problems if p.name == "a/"]
    assert "are all in 1 group of nearly" in few[-1].problem
    for split in splits.split(checked, FRACTIONS):
        assert set(split.labels) == {0, 1}
