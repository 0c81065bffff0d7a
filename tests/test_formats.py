"""Pictures of every kind are read with the colours that they show."""

import functools

import format_cases
import numpy as np
import pytest
import tensorflow as tf
from format_cases import (
    CASES,
    SCENE,
    gradient,
    rgb,
    swapped_profile,
    tiff_file,
)
from layout_cases import README
from make_photos import noise, png_of_16_bits, put, saved, two_classes
from PIL import Image

from helpers.dataset import (
    check_cache,
    decoding,
    photo_file,
    pipeline,
    pixel_cache,
    scan,
    splits,
)


def pixels_of(content):
    return decoding.decode(content).pixels


def worst(content, expected):
    """The largest difference between decoded and expected pixels."""
    return np.abs(pixels_of(content) - expected.astype("int16")).max()


# --- Kinds of files ----------------------------------------------------------

READ = {name: case for name, case in CASES.items() if case.pixels is not None}


@pytest.mark.parametrize("name", READ)
def test_each_kind_is_read_with_its_colours(name, tmp_path):
    case = READ[name]
    assert worst(case.content, case.pixels) <= case.tolerance
    (tmp_path / name).write_bytes(case.content)
    photo, notes = photo_file.look(tmp_path / name, name, "a")
    assert (photo.height, photo.width) == case.pixels.shape[:2]
    notes += scan.bit_depths([photo])
    told = [f"{note.problem}. {note.advice}" for note in notes]
    told = [sentence[0].upper() + sentence[1:] for sentence in told]
    assert told == [case.result] * bool(case.result)


def test_the_table_of_formats_is_that_of_the_tests():
    assert format_cases.table() in README.read_text("utf-8")


def test_a_name_does_not_decide_what_is_read(tmp_path):
    for name, words in {
        "photo.png": "HEIC with the wrong file extension",
        "photo": "HEIC with no file extension",
        "photo.jpg_large": "HEIC with the wrong file extension",
        "photo.HEIC": None,
    }.items():
        (tmp_path / name).write_bytes(saved(SCENE, "HEIF", quality=95))
        photo, notes = photo_file.look(tmp_path / name, name, "a")
        assert photo and [n.problem for n in notes] == [words] * bool(words)


@pytest.mark.parametrize("name", [n for n in CASES if n not in READ])
def test_what_converts_other_kinds_is_named(name):
    with pytest.raises(decoding.UnusableError) as caught:
        photo_file.read(CASES[name].content, name)
    assert caught.value.advice == CASES[name].result


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("float32", "32-bit floating-point values"),
        ("float64", "64-bit floating-point values"),
        ("int16", "16-bit signed values"),
        ("int32", "32-bit signed values"),
        ("uint32", "32-bit unsigned values"),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_tiff_of_other_values_is_named(kind, words, channels):
    value = 2**20 if kind == "uint32" else -5
    content = tiff_file(np.full((80, 80, channels), value, kind))
    with pytest.raises(decoding.UnusableError, match=f"TIFF with {words} is"):
        photo_file.read(content, "a.tif")


@pytest.mark.parametrize(
    ("kind", "name", "command"),
    [
        ("HEIF", "photo.heic", "pip install pillow-heif"),
        ("AVIF", "photo.avif", "pip install 'pillow>=11.3'"),
    ],
)
def test_a_missing_package_is_named(kind, name, command, monkeypatch):
    content = saved(SCENE, kind)
    photo_file.read(content, name)
    monkeypatch.delitem(Image.OPEN, kind)
    with pytest.raises(decoding.UnusableError, match=f"Run {command}"):
        photo_file.read(content, name)


# --- Colours -----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF"])
def test_colours_are_converted_to_srgb(kind):
    swapped = rgb(SCENE)[..., [1, 0, 2]]
    options = {} if kind in ("PNG", "TIFF") else {"quality": 95}
    content = saved(SCENE, kind, icc_profile=swapped_profile(), **options)
    assert worst(content, swapped) <= 14
    plain = saved(SCENE, kind, **options)
    assert worst(plain, swapped) > 200


def test_the_profile_of_a_transparent_picture_keeps_what_is_transparent():
    image = SCENE.convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 60, 90))
    content = saved(image, "PNG", icc_profile=swapped_profile())
    expected = rgb(SCENE)[..., [1, 0, 2]]
    expected[:, :60] = 255
    assert worst(content, expected) <= 3


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_profile_that_is_damaged_or_of_another_kind_is_ignored(mode):
    image = SCENE.convert(mode)
    plain = pixels_of(saved(image, "TIFF"))
    for profile in (b"rubbish", swapped_profile()[:200]):
        content = saved(image, "TIFF", icc_profile=profile)
        assert np.array_equal(pixels_of(content), plain)
    content = saved(image, "TIFF", icc_profile=swapped_profile())
    same = np.array_equal(pixels_of(content), plain)
    assert same == (mode != "RGB")


def test_what_is_transparent_is_white():
    clear = SCENE.convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 60, 90))
    expected = rgb(SCENE)
    expected[:, :60] = 255
    few = SCENE.quantize(64)
    few.info["transparency"] = few.getpixel((0, 0))
    grey = clear.convert("LA")
    cases = {
        "rgba": (saved(clear, "PNG"), expected),
        "webp": (saved(clear, "WEBP", lossless=True), expected),
        "grey": (saved(grey, "PNG"), None),
        "palette": (saved(few, "PNG"), None),
        "gif": (saved(few, "GIF"), None),
    }
    for name, (content, pixels) in cases.items():
        picture = decoding.decode(content)
        assert (picture.pixels[0, 0] == 255).all(), name
        assert (picture.pixels[80, 110] < 250).all(), name
        assert [what for what, _ in picture.notes] == ["transparent in places"]
        if pixels is not None:
            assert worst(content, pixels) <= 2, name
    half = SCENE.copy()
    half.putalpha(128)
    mixed = (rgb(SCENE) * 128.0 + 255 * 127) / 255
    assert worst(saved(half, "PNG"), mixed) <= 1


# --- 16 bits a colour --------------------------------------------------------


@pytest.mark.parametrize("save", [
    png_of_16_bits,
    tiff_file,
    lambda pixels: tiff_file(pixels, ">"),
    lambda pixels: tiff_file(pixels, compressed=True),
])  # fmt: skip
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [8, 10, 12, 14, 16])
def test_16_bits_are_read_as_deep_as_their_values(channels, depth, save):
    if channels == 2 and save is not png_of_16_bits:
        save = png_of_16_bits
    rng = np.random.default_rng([channels, depth])
    expected = rng.integers(0, 256, (80, 90, channels), "uint8")
    expected[0, 0] = 255
    lower = rng.integers(0, 2 ** (depth - 8), expected.shape)
    values = (expected.astype("uint16") << (depth - 8)) + lower
    if channels in (2, 4):  # what is transparent says nothing of the depth
        values[..., -1] = 2**16 - 1
    picture = decoding.decode(save(values.astype("uint16")))
    colours = expected[..., :1] if channels < 3 else expected[..., :3]
    assert (picture.pixels == colours).all()
    assert picture.depth == depth


@pytest.mark.parametrize(
    ("largest", "bits"), [(255, 8), (256, 10), (1024, 12), (4096, 14)]
)
def test_the_largest_value_decides_the_depth(largest, bits):
    content = png_of_16_bits(np.full((80, 80, 1), largest, "uint16"))
    assert pixels_of(content).max() == largest >> (bits - 8)


def test_a_black_picture_has_no_depth():
    content = png_of_16_bits(np.zeros((80, 80, 3), "uint16"))
    assert decoding.decode(content).depth is None
    assert not pixels_of(content).any()


# --- Which side is up --------------------------------------------------------

WAYS = (
    "FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE",
    "ROTATE_90", "TRANSVERSE", "ROTATE_270",
)  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF", "AVIF"]
)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright_whichever_way_it_was_held(
    kind, orientation
):
    stored = SCENE
    if orientation > 1:
        way = WAYS[orientation - 2]
        stored = SCENE.transpose(Image.Transpose[way])
    exif = Image.Exif()
    exif[decoding.ORIENTATION] = orientation
    options = {} if kind in ("PNG", "TIFF") else {"quality": 95}
    content = saved(stored, kind, exif=exif.tobytes(), **options)
    picture = decoding.decode(content)
    assert (picture.width, picture.height) == SCENE.size
    assert worst(content, rgb(SCENE)) <= 14
    if kind != "HEIF":  # which is turned by its own decoder
        turned = ["stored turned (EXIF)"] * (orientation > 1)
        assert [what for what, _ in picture.notes] == turned


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_a_wrong_orientation_turns_nothing(value):
    exif = Image.Exif()
    exif[decoding.ORIENTATION] = value
    content = saved(SCENE, "PNG", exif=exif)
    assert decoding.decode(content).notes == []
    assert worst(content, rgb(SCENE)) == 0


# --- Large pictures ----------------------------------------------------------


@functools.cache
def large(kind, **options):
    """The bytes of a picture that is large enough, HEIC encoded once."""
    return saved(gradient(1350, 1200), kind, **options)


PROGRESSIVE = {"progressive": True}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *((kind, {}) for kind in ("JPEG", "PNG", "TIFF", "HEIF")),
        ("JPEG", PROGRESSIVE),
    ],
)
def test_a_large_picture_is_decoded_smaller_and_looks_the_same(kind, options):
    picture = decoding.decode(large(kind, **options))
    assert (picture.width, picture.height) == (1350, 1200)
    assert picture.pixels.shape == (600, 675, 3)
    whole = gradient(1350, 1200).resize((299, 299), Image.Resampling.BILINEAR)
    pixels = decoding.resize(picture.pixels).astype("int16")
    assert np.abs(pixels - np.asarray(whole)).max() <= 3


@pytest.mark.parametrize("options", [{}, PROGRESSIVE])
def test_a_large_jpeg_that_is_cut_off_is_refused(options):
    whole = large("JPEG", **options)
    for cut in np.linspace(10, len(whole) - 3, 9).astype(int):
        with pytest.raises(decoding.UnusableError, match="damaged or cut off"):
            photo_file.read(whole[:cut], "large.jpg")


def test_a_large_mpo_is_its_first_picture():
    image = gradient(1350, 1200)
    content = saved(image, "MPO", save_all=True, append_images=[noise(3)])
    small = np.asarray(image.resize((299, 299)))
    pixels = decoding.resize(pixels_of(content)).astype("int16")
    assert np.abs(pixels - small).max() <= 3


# --- Damaged files -----------------------------------------------------------


@pytest.mark.parametrize("name", READ)
def test_a_damaged_file_is_a_photo_or_named(name, tmp_path):
    """Broken photos: no crash, no hang, no file without a word."""
    whole = READ[name].content
    rng = np.random.default_rng(0)
    used = 0
    for number in range(60):
        content = bytearray(whole)
        # Half of the damage falls on the header, where it does most.
        reach = min(len(whole), 64 if number % 2 else len(whole))
        for offset in rng.integers(0, reach, rng.integers(1, 9)):
            content[offset] = rng.integers(256)
        if number % 5 == 0:
            del content[rng.integers(len(content)) :]
        file = tmp_path / f"{number} {name}"
        file.write_bytes(content)
        photo, found = photo_file.look(file, file.name, "a")
        assert (photo is None) == any(p.excluded for p in found), file
        if photo:
            used += 1
            assert pipeline.load_photo(str(file)).shape == (299, 299, 3)
        else:
            with pytest.raises(ValueError, match=file.name):
                pipeline.load_photo(str(file))
    assert used < 60


@pytest.mark.parametrize("name", [
    name for name in READ
    # Of several pictures the first may be whole.
    if not name.startswith(("camera", "moving", "pages"))
])  # fmt: skip
def test_a_file_that_is_cut_off_is_refused(name):
    whole = READ[name].content
    for length in (20, len(whole) // 3, len(whole) // 2):
        with pytest.raises(decoding.UnusableError, match="damaged or cut"):
            photo_file.read(whole[:length], name)


# --- Squares -----------------------------------------------------------------


def test_the_three_shapes_of_a_long_photo():
    stripes = np.zeros((100, 400, 3), "uint8")
    stripes[:, :100, 0] = stripes[:, 100:300, 1] = stripes[:, 300:, 2] = 200
    for pixels, axis in ((stripes, 1), (stripes.transpose(1, 0, 2), 0)):
        squeezed, cropped, padded = (
            decoding.resize(pixels, shape) for shape in decoding.SHAPES
        )
        for square in (squeezed, cropped, padded):
            assert square.shape == (299, 299, 3) and square.dtype == "uint8"
        line = np.take(squeezed, 150, 1 - axis)
        assert line[10].argmax() == 0 and line[290].argmax() == 2
        assert (line[[10, 150, 290]].max(axis=-1) == 200).all()
        assert (cropped == [0, 200, 0]).all()
        line = np.take(padded, 150, 1 - axis)
        assert line[10].argmax() == 0 and line[290].argmax() == 2
        across = np.take(padded, 150, axis)
        bars = (across == 0).all(axis=-1)
        assert bars[:110].all() and bars[-110:].all()
        assert not bars[115:-115].any()


def test_a_square_photo_is_the_same_in_all_shapes():
    pixels = np.asarray(noise(5, (400, 400)))
    first, *others = (decoding.resize(pixels, s) for s in decoding.SHAPES)
    assert all(np.array_equal(first, other) for other in others)


def test_a_shape_that_is_none_is_refused(folder):
    with pytest.raises(ValueError, match="shape is 'round'; give one of sq"):
        decoding.resize(np.asarray(SCENE), "round")
    with pytest.raises(ValueError, match="shape is 'round'"):
        scan.check(folder, shape="round")


# --- Pixels that are kept ----------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two classes with large photos of several kinds."""
    mine = two_classes(tmp_path, monkeypatch, 5)
    put(mine / "a", {
        "large.jpg": large("JPEG"),
        "large.heic": large("HEIF"),
        "large.png": large("PNG"),
    })  # fmt: skip
    return mine


def kept(split):
    """The files of kept pixels, {path of a photo: file}."""
    pairs = zip(split.paths, split.keys, strict=True)
    files = {path: pixel_cache.path(key, split.shape) for path, key in pairs}
    return {path: file for path, file in files.items() if file.exists()}


def checked_split(folder, shape="squeeze"):
    checked = scan.check(folder, shape=shape)
    return splits.split(checked, (60, 20, 20)), checked


@pytest.mark.parametrize("shape", decoding.SHAPES)
def test_kept_pixels_are_those_of_the_photo(folder, shape):
    for split in checked_split(folder, shape)[0]:
        files = kept(split)
        large = [path for path in split.paths if "large" in path]
        assert sorted(files) == sorted(large)
        from_disk = pipeline.load_photos(split.paths, shape)
        for path, pixels in zip(split.paths, from_disk, strict=True):
            with open(path, "rb") as file:
                picture = pixels_of(file.read())
            assert np.array_equal(pixels, decoding.resize(picture, shape))
            graph = tf.data.Dataset.from_tensors(path).map(
                lambda path: pipeline.load_photo(path, shape)
            )
            (in_graph,) = graph.as_numpy_iterator()
            assert np.array_equal(pixels, in_graph)
        batched = np.concatenate([x for x, _ in pipeline.single_pass(split)])
        assert np.array_equal(batched, from_disk)


def test_kept_pixels_are_used_until_the_photo_changes(folder):
    checked = scan.check(folder)
    path = str(folder / "a" / "large.jpg")
    (key,) = [p.sha256 for p in checked.photos if str(p.path) == path]
    file = pixel_cache.path(key, "squeeze")
    before = pipeline.load_photo(path).numpy()
    file.write_bytes(bytes(file.stat().st_size))
    assert not pipeline.load_photo(path).numpy().any()
    assert pipeline.load_photo(path, "crop").numpy().any()
    file.write_bytes(b"cut off")
    assert np.array_equal(pipeline.load_photo(path), before)
    put(folder / "a", {"large.jpg": saved(gradient(1300, 900), "JPEG")})
    changed = pipeline.load_photo(path).numpy()
    assert not np.array_equal(changed, before)


def test_pixels_that_were_not_kept_are_decoded_and_kept(folder):
    scan.check(folder)
    (train, *_), _ = checked_split(folder)
    path = next(iter(kept(train)))
    file = kept(train)[path]
    before = pipeline.load_photo(path).numpy()
    file.unlink()
    assert np.array_equal(pipeline.load_photo(path), before)
    assert file.exists()


def test_the_oldest_pixels_go_when_there_are_too_many(folder, monkeypatch):
    scan.check(folder)
    directory = pixel_cache.path("0", "squeeze").parent
    first = sorted(directory.iterdir(), key=lambda f: f.stat().st_mtime_ns)
    assert len(first) == 3
    monkeypatch.setattr(pixel_cache, "LIMIT", 2 * 299 * 299 * 3)
    scan.check(folder)
    assert sorted(directory.iterdir()) == sorted(first[1:])


def test_an_unreadable_photo_is_named_when_it_is_loaded(tmp_path):
    file = tmp_path / "empty.jpg"
    file.touch()
    with pytest.raises(ValueError, match="empty.jpg: the file is empty. Copy"):
        pipeline.load_photo(str(file))
    ds = tf.data.Dataset.from_tensors(str(file)).map(pipeline.load_photo)
    with pytest.raises(tf.errors.InvalidArgumentError, match="empty.jpg: the"):
        next(iter(ds))
    with pytest.raises(ValueError, match="gone.jpg: there is no such file"):
        pipeline.load_photo(str(tmp_path / "gone.jpg"))


def test_features_of_another_shape_have_another_name(folder):
    (train, *_), _ = checked_split(folder)
    (cropped, *_), _ = checked_split(folder, "crop")
    assert train.keys == cropped.keys and train.key != cropped.key
    assert cropped.take([0]).shape == "crop"
    assert check_cache.path(folder).exists()
