"""Every file that would hurt is named, with what and what to do."""

import io
import os
import socket
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from helpers.dataset import exclusions, photo_file, pipeline, scan, splits


def noise(seed, size=(96, 120), mode="RGB"):
    """A noise picture that no other seed gives, as a PIL image."""
    shape = {"L": size, "RGBA": (*size, 4), "CMYK": (*size, 4)}
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, shape.get(mode, (*size, 3)), "uint8")
    return Image.fromarray(pixels, mode if mode in shape else "RGB")


def saved(image, kind, **options):
    """The bytes of a file of this kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[photo_file.ORIENTATION] = orientation
    return saved(noise(20 + orientation), "JPEG", exif=exif)


def chunk(kind, content):
    """A chunk of a PNG file."""
    sized = kind + content
    return (
        struct.pack(">I", len(content))
        + sized
        + struct.pack(">I", zlib.crc32(sized))
    )


def bomb(width, height):
    """A PNG of a few bytes that claims to be huge."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def deep():
    """A PNG with 16 bits a colour."""
    rows = np.random.default_rng(9).integers(0, 2**16, (80, 80), "uint16")
    return saved(Image.fromarray(rows), "PNG")


def png_of_16_bits(pixels):
    """A PNG of uint16 values: grey, grey and alpha, RGB or RGBA."""
    height, width, channels = pixels.shape
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def see_through():
    image = noise(10, mode="RGBA")
    image.putalpha(0)
    return saved(image, "PNG")


def solid():
    image = noise(11, mode="RGBA")
    image.putalpha(255)
    return saved(image, "PNG")


def short(image):
    """A BMP with 16 bits for all three colours."""
    whole = bytearray(saved(image, "BMP"))
    rows = np.asarray(image).astype("uint16") >> 3
    packed = rows[..., 0] << 10 | rows[..., 1] << 5 | rows[..., 2]
    struct.pack_into("<H", whole, 28, 16)
    struct.pack_into("<I", whole, 34, packed.nbytes)
    return bytes(whole[:54]) + packed[::-1].tobytes()


def frames(kind):
    some = [noise(seed).convert("P") for seed in (30, 31)]
    return saved(some[0], kind, save_all=True, append_images=some[1:])


JPEG = saved(noise(0), "JPEG")
PNG = saved(noise(1), "PNG")
BMP = saved(noise(17), "BMP")
GOOD = {
    "photo.jpg": saved(noise(2), "JPEG"),
    "SHOUTED.JPG": saved(noise(3), "JPEG"),
    "photo.jpeg": saved(noise(4), "JPEG", progressive=True),
    "photo.png": saved(noise(5), "PNG"),
    "photo.gif": saved(noise(6).convert("P"), "GIF"),
    "photo.bmp": saved(noise(7), "BMP"),
    "grey.bmp": saved(noise(18, mode="L"), "BMP"),
    "clear.bmp": saved(noise(19, mode="RGBA"), "BMP"),
    "grey.jpg": saved(noise(8, mode="L"), "JPEG"),
    "grey.png": saved(noise(12, mode="L"), "PNG"),
    "solid.png": solid(),
    "upright.jpg": turned(1),
    "with spaces (1).jpg": saved(noise(13), "JPEG"),
    "фото – 写真 🌸.jpg": saved(noise(14), "JPEG"),
    "square.jpg": saved(noise(15, (75, 75)), "JPEG"),
    "long.jpg": saved(noise(16, (80, 240)), "JPEG"),
    "camera.jpg": saved(
        noise(65), "MPO", save_all=True, append_images=[noise(66, (80, 80))]
    ),
}
BAD = {  # name: content, part of the problem, left out or kept
    "empty.jpg": (b"", "empty", True),
    "half.jpg": (JPEG[: len(JPEG) // 2], "damaged or cut off", True),
    "half.png": (PNG[: len(PNG) // 2], "damaged or cut off", True),
    "head.jpg": (JPEG[:20], "damaged or cut off", True),
    "head.png": (PNG[:8], "damaged or cut off", True),
    "noise.jpg": (b"\x01" * 999, "any kind", True),
    "zeros.jpg": (bytes(5000), "any kind", True),
    "text.jpg": (b"not a photo at all", "any kind", True),
    "page.jpg": (b"<html>Not found</html>", "web page", True),
    "doctype.jpg": (b"\xef\xbb\xbf\n<!DOCTYPE html>", "web page", True),
    "denied.jpg": (b"<?xml version='1.0'?><Error/>", "web page", True),
    "drawing.png": (b"<svg xmlns=''></svg>", "really SVG", True),
    "photo.webp": (saved(noise(40), "WEBP"), "files ending in .webp", True),
    "photo.tiff": (saved(noise(41), "TIFF"), "TIFF is not read", True),
    "tiff.jpg": (saved(noise(42), "TIFF"), "really TIFF", True),
    "photo.jfif": (saved(noise(43), "JPEG"), "files ending in .jfif", True),
    "photo": (saved(noise(44), "JPEG"), "without a suffix", True),
    "photo.jpg.download": (saved(noise(45), "JPEG"), "unfinished", True),
    "photo.crdownload": (saved(noise(67), "JPEG"), "unfinished", True),
    "photo.jpg~": (saved(noise(68), "JPEG"), "a backup copy", True),
    "photo.bak": (saved(noise(69), "JPEG"), "a backup copy", True),
    "film.thm": (saved(noise(71), "JPEG"), "a camera's thumbnail", True),
    "photo.tga": (bytes(99), "TGA is not read", True),
    "sky.fits": (b"SIMPLE  =", "FITS is not read", True),
    "scan.nii.gz": (b"\x1f\x8b", "NII.GZ is not read", True),
    "film.avi": (b"RIFF\0\0\0\0AVI ", "AVI is not read", True),
    "photos.rar": (b"Rar!\x1a\7", "RAR is not read", True),
    "photos.zipx": (b"PK\3\4", "ZIP is not read", True),
    ".IMG_1.HEIC.icloud": (b"bplist00", "still in iCloud", True),
    "photo.heic": (b"\0\0\0\x18ftypheic" + bytes(99), "HEIC", True),
    "heic.jpg": (b"\0\0\0\x18ftypmif1" + bytes(99), "HEIC", True),
    "photo.avif": (b"\0\0\0\x18ftypavif" + bytes(99), "AVIF", True),
    "live.mov": (b"\0\0\0\x18ftypqt  " + bytes(99), "MOV", True),
    "film.mp4": (b"\0\0\0\x18ftypisom" + bytes(99), "MP4", True),
    "other.jpg": (b"\0\0\0\x18ftypxxxx" + bytes(99), "ISO media", True),
    "scan.pdf": (b"%PDF-1.7" + bytes(99), "PDF", True),
    "photos.zip": (b"PK\x03\x04" + bytes(99), "ZIP", True),
    "photo.jxl": (b"\xff\x0a" + bytes(99), "JPEG XL", True),
    "few.bmp": (saved(noise(46).convert("P"), "BMP"), "BMP of a kind", True),
    "two.bmp": (saved(noise(47).convert("1"), "BMP"), "BMP of a kind", True),
    "short.bmp": (short(noise(48)), "BMP of a kind", True),
    "half.bmp": (BMP[: len(BMP) // 2], "damaged or cut off", True),
    "bomb.png": (bomb(30_000, 30_000), "89 million pixels", True),
    "long bomb.png": (bomb(2**31 - 1, 1), "89 million pixels", True),
    "jpeg.png": (saved(noise(50), "JPEG"), "JPEG under another", False),
    "webp.jpg": (saved(noise(51), "WEBP"), "WebP under another", False),
    "print.jpg": (saved(noise(52, mode="CMYK"), "JPEG"), "CMYK", False),
    "deep.png": (deep(), "16-bit PNG, read as 16 bits", False),
    "moving.jpg": (frames("WEBP"), "an animated WebP", True),
    "scan.dcm": (bytes(128) + b"DICM", "DICOM is not read", True),
    "raw.nef": (b"MM\0*" + bytes(99), "camera raw is not read", True),
    "scan.jp2": (b"\0\0\0\x0cjP  " + bytes(99), "JPEG 2000", True),
    "layers.psd": (b"8BPS" + bytes(99), "Photoshop", True),
    "face.pgm": (b"P5\n1 1\n255\n0", "PGM is not read", True),
    "see.png": (see_through(), "transparent", False),
    "few.png": (saved(noise(53).convert("P"), "PNG"), "palette", False),
    "moving.gif": (frames("GIF"), "animated", False),
    "moving.png": (frames("PNG"), "animated", False),
    "tiny.jpg": (saved(noise(54, (74, 90)), "JPEG"), "75 pixels", False),
    "strip.jpg": (saved(noise(55, (80, 241)), "JPEG"), "as wide", False),
    **{
        f"turned{n}.jpg": (turned(n), "stored turned", False)
        for n in range(2, 9)
    },
}


def put(folder, content_of):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in content_of.items():
        (folder / name).write_bytes(content)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two classes of good photos."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    for number, name in enumerate("ab"):
        put(
            tmp_path / "mine" / name,
            {
                f"{i}.png": saved(noise(100 * number + 1000 + i), "PNG")
                for i in range(25)
            },
        )
    return tmp_path / "mine"


def problems(folder):
    """{name: its `Problem`s} of a checked folder."""
    found = {}
    for problem in scan.check(folder).problems:
        found.setdefault(problem.name, []).append(problem)
    return found


def test_forty_kinds_of_bad_files_are_named_and_good_ones_are_not(folder):
    assert len(BAD) >= 40
    put(folder / "a", {name: content for name, (content, *_) in BAD.items()})
    put(folder / "b", GOOD)
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    found = problems(folder)
    wrong = {
        name: found.get(f"a/{name}")
        for name, (_, says, out) in BAD.items()
        if not any(
            says in p.problem and p.excluded == out and p.advice
            for p in found.get(f"a/{name}", [])
        )
    }
    assert wrong == {}
    assert set(found) == {f"a/{name}" for name in BAD}
    assert {p: p.read_bytes() for p in before} == before


def test_what_is_no_file_is_named(folder):
    inside = folder / "a"
    (inside / "gone.jpg").symlink_to(inside / "nowhere.jpg")
    (inside / "loop.jpg").symlink_to("loop.jpg")
    (inside / "good.jpg").symlink_to(folder.parent / "elsewhere.jpg")
    (folder.parent / "elsewhere.jpg").write_bytes(JPEG)
    os.mkfifo(inside / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(inside / "socket.jpg"))
        found = problems(folder)
    says = {name: its[0].problem for name, its in found.items()}
    assert says == {
        "a/gone.jpg": "a link that leads nowhere",
        "a/loop.jpg": "a link that leads to itself",
        "a/pipe.jpg": "not a file",
        "a/socket.jpg": "not a file",
    }


def test_folders_in_the_wrong_place_and_loose_files_are_named(folder):
    put(folder / "a" / "more" / "deeper", {"1.jpg": JPEG, "2.jpg": PNG})
    (folder / "a" / "round").symlink_to(folder)
    put(folder, {"loose.jpg": JPEG})
    put(folder / "c", {})
    put(folder / "d", {"empty.jpg": b""})
    put(folder / "e", {".DS_Store": b"x"})
    found = problems(folder)
    assert found["a/more/"][0].files == 2
    assert "a link to a folder" in found["a/round/"][0].problem
    assert "of no class" in found["loose.jpg"][0].problem
    for name in "cde":
        assert "no photo" in found[f"{name}/"][0].problem
    assert scan.check(folder).class_names == ("a", "b")


def test_notes_of_the_system_are_passed_over(folder):
    notes = {".DS_Store": b"x", "Thumbs.db": b"x", "desktop.ini": b"x"}
    put(folder / "a", notes)
    put(folder, notes)
    put(folder / ".ipynb_checkpoints", {"1.jpg": JPEG})
    assert problems(folder) == {}


def test_a_file_that_may_not_be_looked_at_is_no_broken_link(
    folder, monkeypatch
):
    look = Path.stat

    def refuse(path, **options):
        if path.name == "3.png" and path.parent.name == "a":
            raise PermissionError(13, "no")
        return look(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    (problem,) = problems(folder)["a/3.png"]
    assert problem.problem == "you may not look at it"
    assert problem.excluded


@pytest.mark.parametrize("call", ["is_dir", "iterdir", "lstat"])
def test_a_folder_that_may_not_be_looked_into_is_named(
    folder, monkeypatch, call
):
    look = getattr(Path, call)

    def refuse(path, **options):
        if folder in (path, path.parent if call == "lstat" else None):
            raise PermissionError(13, "no")
        return look(path, **options)

    monkeypatch.setattr(Path, call, refuse)
    with pytest.raises(ValueError, match="mine: you may not look into it"):
        scan.check(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="names are UTF-8 there")
def test_a_name_that_is_not_utf8_is_told_and_written(folder, capsys):
    put(folder / "a", {os.fsdecode(b"caf\xe9.png"): PNG})
    put(folder / os.fsdecode(b"d\xe9p\xf4t"), {"1.png": JPEG})
    put(folder / "a" / os.fsdecode(b"inner\xe9"), {})
    put(folder, {os.fsdecode(b"loose\xe9.png"): JPEG})
    found = scan.check(folder)
    told = {p.name: p.problem for p in found.problems}
    assert told["a/caf\\udce9.png"] == "its name is not UTF-8"
    assert told["d\\udce9p\\udcf4t/1.png"] == "its name is not UTF-8"
    assert "no photo" in told["d\\udce9p\\udcf4t/"]
    assert "a/inner\\udce9/" in told and "loose\\udce9.png" in told
    assert len(found.photos) == 50
    found.report()
    assert "caf\\udce9.png" in capsys.readouterr().out
    assert "caf\\udce9.png,yes" in listed(folder)
    assert all(p.name.isascii() for p in found.problems)
    splits.split(found, (60, 20, 20))


@pytest.mark.parametrize("error", [PermissionError(13, "no"), OSError(5, "x")])
def test_a_file_that_cannot_be_read_is_named(folder, monkeypatch, error):
    read = Path.read_bytes

    def refuse(path):
        if path.name == "3.png":
            raise error
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    found = problems(folder)
    assert set(found) == {"a/3.png", "b/3.png"}
    assert all(its[0].excluded for its in found.values())
    assert "read" in found["a/3.png"][0].problem


def test_a_folder_that_cannot_be_looked_into_is_named(folder, monkeypatch):
    put(folder / "c", {"1.jpg": JPEG})
    look = Path.iterdir

    def refuse(path):
        if path.name == "c":
            raise PermissionError
        return look(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert "may not look" in problems(folder)["c/"][0].problem


def test_uneven_and_small_classes_are_named(folder):
    put(
        folder / "a",
        {f"m{i}.png": saved(noise(5000 + i), "PNG") for i in range(225)},
    )
    assert "10 times as many" in problems(folder)["b/"][0].problem
    (folder / "b" / "0.png").unlink()
    assert "10 times as many" in problems(folder)["b/"][0].problem
    for i in range(1, 6):
        (folder / "b" / f"{i}.png").unlink()
    assert "only 19 photos" in problems(folder)["b/"][0].problem


def test_a_class_whose_files_need_work_is_told_what_its_cause_is(folder):
    put(folder / "c", {f"{i}.tga": bytes(99) for i in range(3)})
    put(folder / "d", {"labels.csv": b"x"})
    found = problems(folder)
    assert "TGA is not read here (3 files)" in found["c/"][0].problem
    assert "what is said about its files" in found["c/"][0].advice
    assert "Add photos" in found["d/"][0].advice


def test_a_photo_saved_anew_is_nearly_the_same(folder):
    smooth = noise(7, (9, 12)).resize((400, 300), Image.Resampling.BICUBIC)
    put(
        folder / "a",
        {
            "first.jpg": saved(smooth, "JPEG", quality=95),
            "second.jpg": saved(smooth.resize((200, 150)), "JPEG", quality=60),
            "other.jpg": saved(smooth.rotate(180), "JPEG"),
        },
    )
    (name,) = found = problems(folder)
    assert name == "a/second.jpg"
    assert found[name][0].problem == "nearly the same picture as a/first.jpg"
    assert not found[name][0].excluded


def test_a_fuzzed_file_is_a_photo_or_named(tmp_path):
    """600 broken photos: no crash, no hang, no file passed over."""
    kinds = {
        "jpg": saved(noise(60, (80, 80)), "JPEG"),
        "png": saved(noise(61, (80, 80)), "PNG"),
        "gif": saved(noise(62, (80, 80)).convert("P"), "GIF"),
        "bmp": saved(noise(63, (80, 80)), "BMP"),
        "webp.jpg": saved(noise(64, (80, 80)), "WEBP"),
        "deep.png": deep(),
    }
    rng = np.random.default_rng(0)
    outcomes = {"used": 0, "left out": 0}
    for suffix, whole in kinds.items():
        for number in range(100):
            content = bytearray(whole)
            # Half of the damage falls on the header, where it does most.
            reach = min(len(whole), 64 if number % 2 else len(whole))
            for place in rng.integers(0, reach, rng.integers(1, 9)):
                content[place] = rng.integers(256)
            if number % 5 == 0:
                del content[rng.integers(len(content)) :]
            file = tmp_path / f"{number}.{suffix}"
            file.write_bytes(content)
            photo, its = photo_file.look(file)
            left_out = [p for p in its if p.excluded]
            assert (photo is None) == (len(left_out) == 1), file
            assert all(p.name.endswith(file.name) for p in its)
            outcomes["used" if photo else "left out"] += 1
            if photo:
                pixels = pipeline.load_photo(str(file))
                assert pixels.shape == (299, 299, 3)
    assert min(outcomes.values()) > 100, outcomes


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [8, 10, 12, 14, 16])
def test_16_bits_are_read_as_deep_as_their_values(channels, depth):
    rng = np.random.default_rng([channels, depth])
    right = rng.integers(0, 256, (80, 90, channels), "uint8")
    right[0, 0] = 255
    lower = rng.integers(0, 2 ** (depth - 8), right.shape)
    values = (right.astype("uint16") << (depth - 8)) + lower
    if channels in (2, 4):  # what is transparent says nothing of the depth
        values[..., -1] = 2**16 - 1
    content = png_of_16_bits(values.astype("uint16"))
    colours = right[..., :1] if channels < 3 else right[..., :3]
    expected = np.broadcast_to(colours, (80, 90, 3))
    assert np.array_equal(photo_file.decode(content), expected)


def test_12_bits_in_a_png_of_16_are_read_as_the_same_photo_of_8(folder):
    image = noise(70, mode="L")
    deep = Image.fromarray(np.asarray(image, "uint16") * 16)
    put(folder / "a", {"8 bits.png": saved(image, "PNG")})
    put(folder / "b", {"12 bits.png": saved(deep, "PNG")})
    found = scan.check(folder)
    says = [p.problem for p in found.problems if p.name == "b/12 bits.png"]
    assert "16-bit PNG, read as 12 bits" in says
    assert ["b/12 bits.png", "a/8 bits.png"] in [
        [photo.name, other.name] for photo, other in found.near_duplicates
    ]
    # As training reads them: in a graph.
    paths = [
        str(folder / "a" / "8 bits.png"),
        str(folder / "b" / "12 bits.png"),
    ]
    ds = tf.data.Dataset.from_tensor_slices(paths).map(pipeline.load_photo)
    eight, twelve = ds.as_numpy_iterator()
    assert np.array_equal(eight, twelve) and eight.max() > 200
    assert np.array_equal(pipeline.load_photos(paths)[1], twelve)


def of_depth(seed, depth):
    """A PNG of 16 bits whose largest value needs this many of them."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 2**depth, (80, 80, 1), "uint16")
    pixels[0, 0] = 2**depth - 1
    return png_of_16_bits(pixels)


@pytest.mark.parametrize("depths", [(12, 12), (10, 12), (12, 16)])
def test_different_depths_are_one_line_and_one_depth_is_no_alarm(
    folder, depths, capsys
):
    for place, name in enumerate("ab"):
        put(
            folder / name,
            {
                f"deep{i}.png": of_depth(
                    i + 10 * place, depths[place if depths[1] == 16 else i]
                )
                for i in range(2)
            }
            | {"black.png": png_of_16_bits(np.zeros((80, 80, 1), "uint16"))},
        )
    (folder / "b" / "black.png").unlink()
    for _ in range(2):  # the second time from the cache
        scan.check(folder).report()
        said = capsys.readouterr().out
        assert said.count("16-bit PNG") == 1 and "black" not in said
        apart = "read at different depths" in said
        assert apart == (depths != (12, 12))
        # The depth is the class only where each class has one of its own.
        assert ("gives the class away" in said) == (depths == (12, 16))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_a_png_is_decoded_as_pillow_does(mode):
    image = noise(80).convert(mode)
    if mode == "RGBA":
        image.putalpha(noise(81, mode="L"))
    right = np.asarray(image.convert("RGB"))
    assert np.array_equal(photo_file.decode(saved(image, "PNG")), right)


def test_a_photo_is_turned_upright_whichever_way_it_was_held(tmp_path):
    wide = Image.fromarray(
        np.repeat(
            np.kron([[255, 90], [170, 10]], np.ones((60, 80))).astype("uint8")[
                ..., None
            ],
            3,
            axis=-1,
        )
    )
    wide.save(tmp_path / "1.png")
    upright = pipeline.load_photo(str(tmp_path / "1.png")).numpy().astype(int)
    way_of = Image.Transpose
    held = {
        2: way_of.FLIP_LEFT_RIGHT,
        3: way_of.ROTATE_180,
        4: way_of.FLIP_TOP_BOTTOM,
        5: way_of.TRANSPOSE,
        6: way_of.ROTATE_90,
        7: way_of.TRANSVERSE,
        8: way_of.ROTATE_270,
    }
    for orientation, way in held.items():
        exif = Image.Exif()
        exif[photo_file.ORIENTATION] = orientation
        file = tmp_path / f"{orientation}.png"
        wide.transpose(way).save(file, exif=exif)
        assert photo_file.orientation(file.read_bytes()) == orientation
        pixels = pipeline.load_photo(str(file)).numpy().astype(int)
        assert np.abs(pixels - upright).max() <= 1, orientation


# --- The list --------------------------------------------------------------


def listed(folder):
    return exclusions.path(folder).read_text(encoding="utf-8-sig")


def change(folder, old, new):
    text = listed(folder)
    assert old in text
    exclusions.path(folder).write_text(
        text.replace(old, new), encoding="utf-8-sig"
    )


@pytest.fixture
def doubled(folder):
    """A photo that stands in both classes."""
    whole = (folder / "a" / "0.png").read_bytes()
    (folder / "b" / "copy.png").write_bytes(whole)
    scan.check(folder)
    return folder


def test_leaving_out_can_be_undone_in_the_list(doubled):
    assert len(scan.check(doubled).photos) == 49
    change(doubled, "a/0.png,yes", "a/0.png,no")
    for _ in range(2):  # and it stays so
        found = scan.check(doubled)
        assert found.counts() == {"a": 25, "b": 25}
        says = {p.name: p.excluded for p in found.problems}
        assert says == {"a/0.png": False, "b/copy.png": True}


def test_a_file_can_be_left_out_by_the_list(doubled):
    path = exclusions.path(doubled)
    with open(path, "a", encoding="utf-8") as file:
        file.write("a/7.png,yes\nb/gone.png,yes\n")
    for _ in range(2):
        found = scan.check(doubled)
        assert "a/7.png" not in {p.name for p in found.photos}
        assert "left out by you" in {p.problem for p in found.problems}
    change(doubled, "a/7.png,yes", "a/7.png,no")
    assert "a/7.png" in {p.name for p in scan.check(doubled).photos}


def test_a_file_with_two_problems_has_one_line(folder):
    exif = Image.Exif()
    exif[photo_file.ORIENTATION] = 6
    both = saved(noise(9, mode="CMYK"), "JPEG", exif=exif)
    put(folder / "a", {"both.jpg": both})
    scan.check(folder)
    assert listed(folder).count("both.jpg") == 1
    change(folder, "a/both.jpg,no", "a/both.jpg,yes")
    found = scan.check(folder)
    assert found.excluded() == 1
    assert "a/both.jpg" not in {p.name for p in found.photos}


def test_a_new_problem_is_not_excused_by_an_old_line(folder):
    put(folder / "a", {"print.jpg": BAD["print.jpg"][0]})
    scan.check(folder)
    assert "a/print.jpg,no,colours for print" in listed(folder)
    put(folder / "b", {"again.jpg": BAD["print.jpg"][0]})
    found = scan.check(folder)
    left_out = {p.name for p in found.problems if p.excluded}
    assert left_out == {"a/print.jpg", "b/again.jpg"}


def test_the_list_does_not_make_a_broken_file_whole(folder):
    put(folder / "a", {"empty.jpg": b""})
    scan.check(folder)
    change(folder, "a/empty.jpg,yes", "a/empty.jpg,no")
    (problem,) = scan.check(folder).problems
    assert problem.excluded


def test_a_file_that_was_mended_is_used_again(folder):
    put(folder / "a", {"empty.jpg": b""})
    scan.check(folder)
    put(folder / "a", {"empty.jpg": JPEG})
    assert scan.check(folder).problems == ()
    assert "empty" not in listed(folder)


def test_a_list_that_cannot_be_understood_is_refused(doubled):
    change(doubled, "a/0.png,yes", "a/0.png,perhaps")
    with pytest.raises(ValueError, match="left_out of a/0.png is 'perhaps'"):
        scan.check(doubled)


@pytest.mark.parametrize(
    "content",
    [
        "file,left_out\ncafé.png,yes\n".encode("cp1252"),
        b'file,left_out\n"a/0.png,yes\n',
    ],
)
def test_a_list_that_is_no_csv_in_utf8_is_refused(doubled, content):
    path = exclusions.path(doubled)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a CSV file in UTF-8") as error:
        scan.check(doubled)
    assert path.name in str(error.value)
    assert path.read_bytes() == content


def test_choices_outlast_that_a_photo_is_away(doubled):
    change(doubled, "a/0.png,yes", "a/0.png,no")
    with open(exclusions.path(doubled), "a", encoding="utf-8") as file:
        file.write("a/7.png,yes\n")
    before = scan.check(doubled)
    assert before.counts() == {"a": 24, "b": 25}
    (doubled / "a").rename(doubled.parent / "away")
    put(doubled / "c", {"0.png": PNG})
    assert scan.check(doubled).class_names == ("b", "c")
    assert "a/7.png,yes" in listed(doubled)
    (doubled / "c" / "0.png").unlink()
    (doubled / "c").rmdir()
    (doubled.parent / "away").rename(doubled / "a")
    assert scan.check(doubled) == before


def test_a_list_is_written_only_when_it_changes(doubled, monkeypatch):
    def refuse(path):
        raise AssertionError(f"{path} is written")

    monkeypatch.setattr(exclusions, "atomic", refuse)
    scan.check(doubled)
    put(doubled / "a", {"empty.jpg": b""})
    with pytest.raises(AssertionError, match="is written"):
        scan.check(doubled)


def test_a_report_names_a_few_of_many(folder, capsys):
    put(folder / "a", {f"e{i}.jpg": b"" for i in range(9)})
    scan.check(folder).report()
    said = capsys.readouterr().out
    assert "a/e0.jpg, a/e1.jpg, a/e2.jpg and 6 more: the file is" in said
    assert "9 files left out" in said
    for i in range(1, 9):
        (folder / "a" / f"e{i}.jpg").unlink()
    scan.check(folder).report()
    assert "1 file left out" in capsys.readouterr().out
    assert "left_out" in said
