"""Every file that would hurt is named, with what and what to do."""

import os
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from format_cases import CASES
from make_photos import (
    FRACTIONS,
    noise,
    png,
    png_file,
    png_of_16_bits,
    problems,
    put,
    saved,
    two_classes,
)
from PIL import Image

from helpers.dataset import decoding, exclusions, scan, splits


def of_depth(seed, depth):
    """A PNG of 16 bits whose largest value needs this many of them."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 2**depth, (80, 80, 1), "uint16")
    pixels[0, 0] = 2**depth - 1
    return png_of_16_bits(pixels)


JPEG = saved(noise(0), "JPEG")
PNG = png(1)
BMP = saved(noise(17), "BMP")
# More than `format_cases.CASES` has.
GOOD = {
    "SHOUTED.JPG": saved(noise(3), "JPEG"),
    "grey.bmp": saved(noise(18, mode="L"), "BMP"),
    "clear.bmp": saved(noise(19, mode="RGBA"), "BMP"),
    "фото – 写真 🌸 (1).jpg": saved(noise(14), "JPEG"),
    "square.jpg": saved(noise(15, (75, 75)), "JPEG"),
    "long.jpg": saved(noise(16, (80, 240)), "JPEG"),
    "photo.jfif": saved(noise(49), "JPEG"),
}
EXCLUDED = {  # name: content, words of the problem or of the advice
    "empty.jpg": (b"", "empty"),
    "half.jpg": (JPEG[: len(JPEG) // 2], "damaged or cut off"),
    "half.png": (PNG[: len(PNG) // 2], "damaged or cut off"),
    "half.bmp": (BMP[: len(BMP) // 2], "damaged or cut off"),
    "head.jpg": (JPEG[:20], "damaged or cut off"),
    "head.png": (PNG[:8], "damaged or cut off"),
    "heic.jpg": (b"\0\0\0\x18ftypmif1" + bytes(99), "damaged"),
    "scan.jp2": (b"\0\0\0\x0cjP  " + bytes(99), "damaged"),
    "noise.jpg": (b"\x01" * 999, "any known format"),
    "text.jpg": (b"not a photo at all", "any known format"),
    "page.jpg": (b"<html>Not found</html>", "web page"),
    "denied.jpg": (b"<?xml version='1.0'?><Error/>", "web page"),
    "drawing.png": (b"<svg xmlns=''></svg>", "really SVG"),
    "other.jpg": (b"\0\0\0\x18ftypxxxx" + bytes(99), "ISO media"),
    "bomb.png": (
        png_file(30_000, 30_000, 8, 3, bytes(999)), "89 million pixels"
    ),
    "long bomb.png": (
        png_file(2**31 - 1, 1, 8, 3, bytes(999)), "89 million pixels"
    ),
    **{
        name: (case.content, case.result)
        for name, case in CASES.items()
        if case.pixels is None
    },
}  # fmt: skip
PRINT = saved(noise(52, mode="CMYK"), "JPEG")
KEPT = {
    "jpeg.png": (saved(noise(50), "JPEG"), "JPEG with the wrong"),
    "photo": (saved(noise(44), "JPEG"), "JPEG with no file"),
    "print.jpg": (PRINT, "CMYK"),
    "tiny.jpg": (saved(noise(54, (74, 90)), "JPEG"), "75 pixels"),
    "strip.jpg": (saved(noise(55, (80, 241)), "JPEG"), "as wide"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    return two_classes(tmp_path, monkeypatch)


def test_every_kind_of_bad_file_is_named_and_good_ones_are_not(folder):
    bad = EXCLUDED | KEPT
    put(folder / "a", {name: content for name, (content, _) in bad.items()})
    put(folder / "b", GOOD)
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    found = scan.check(folder).problems
    missed = {
        name
        for name, (_, words) in bad.items()
        if not any(
            p.name == f"a/{name}"
            and words in f"{p.problem}. {p.advice}"
            and p.excluded == (name in EXCLUDED)
            and p.advice
            for p in found
        )
    }
    assert missed == set()
    assert {p.name for p in found} == {f"a/{name}" for name in bad}
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
        found = problems(scan.check(folder))
    assert found == {
        "a/gone.jpg": "a link that leads nowhere",
        "a/loop.jpg": "a link that leads to itself",
        "a/pipe.jpg": "not a file",
        "a/socket.jpg": "not a file",
    }


def test_folders_in_the_wrong_place_and_loose_files_are_named(folder):
    put(folder, {"loose.jpg": JPEG})
    put(folder / "c", {})
    put(folder / "d", {f"{i}.tga": bytes(99) for i in range(3)})
    put(folder / "e", {".DS_Store": b"x", "labels.csv": b"x"})
    checked = scan.check(folder)
    found = {p.name: p for p in checked.problems}
    assert "not in a class folder" in found["loose.jpg"].problem
    assert all("not a class" in found[f"{name}/"].problem for name in "cde")
    assert "TGA is not read here (3 files)" in found["d/"].problem
    assert "Fix its files as described above" in found["d/"].advice
    assert "Add photos" in found["e/"].advice
    assert checked.class_names == ("a", "b")


def refuse(monkeypatch, method, error, is_refused):
    """Let a method of `pathlib.Path` fail for some paths."""
    real = getattr(Path, method)

    def call(path, **options):
        if is_refused(path):
            raise error
        return real(path, **options)

    monkeypatch.setattr(Path, method, call)


@pytest.mark.parametrize(
    ("method", "error", "words"),
    [
        ("stat", PermissionError(13, "no"), "you may not read it"),
        ("read_bytes", PermissionError(13, "no"), "you may not read it"),
        ("read_bytes", OSError(5, "broken disk"), "read (broken disk)"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    folder, monkeypatch, method, error, words
):
    refuse(monkeypatch, method, error, lambda path: path.name == "3.png")
    found = scan.check(folder).problems
    assert [p.name for p in found] == ["a/3.png", "b/3.png"]
    assert all(p.excluded and words in p.problem for p in found)


@pytest.mark.skipif(sys.platform != "linux", reason="names are UTF-8 there")
def test_a_name_that_is_not_utf8_is_printed_and_written(folder, capsys):
    put(folder / "a", {os.fsdecode(b"caf\xe9.png"): PNG})
    put(folder / os.fsdecode(b"d\xe9p\xf4t"), {"1.png": JPEG})
    put(folder / "a" / os.fsdecode(b"inner\xe9"), {"1.png": JPEG})
    put(folder, {os.fsdecode(b"loose\xe9.png"): JPEG})
    checked = scan.check(folder)
    found = problems(checked)
    assert found["a/caf\\udce9.png"] == "its name is not UTF-8"
    assert found["d\\udce9p\\udcf4t/1.png"] == "its name is not UTF-8"
    assert "no photo" in found["d\\udce9p\\udcf4t/"]
    assert "a/inner\\udce9/1.png" in found and "loose\\udce9.png" in found
    assert len(checked.photos) == 50 and all(map(str.isascii, found))
    checked.report()
    assert "caf\\udce9.png" in capsys.readouterr().out
    assert "caf\\udce9.png,yes" in listed(folder)
    splits.split(checked, FRACTIONS)


def test_uneven_and_small_classes_are_named(folder):
    put(folder / "a", {f"m{i}.png": png(5000 + i) for i in range(195)})
    expected = {23: None, 22: "10 times as many", 19: "only 19 photos"}
    for count, words in expected.items():
        for i in range(25 - count):
            (folder / "b" / f"{i}.png").unlink(missing_ok=True)
        found = problems(scan.check(folder))
        assert words in found["b/"] if words else found == {}


# --- 16 bits a colour -------------------------------------------------------


@pytest.mark.parametrize(
    ("of_a", "of_b", "differ", "by_class"),
    [
        ((12, 12), (12, 12), False, False),
        ((10, 12), (10, 12), True, False),
        ((12, 12), (16, 16), True, True),
    ],
)
def test_different_depths_are_one_line_and_one_depth_is_no_alarm(
    folder, of_a, of_b, differ, by_class, capsys
):
    for name, depths in (("a", of_a), ("b", of_b)):
        deep = [of_depth(ord(name) + i, d) for i, d in enumerate(depths)]
        put(folder / name, {f"d{i}.png": c for i, c in enumerate(deep)})
    black = png_of_16_bits(np.zeros((80, 80, 1), "uint16"))
    put(folder / "a", {"black.png": black})
    for _ in range(2):  # the second time from the cache
        scan.check(folder).report()
        out = capsys.readouterr().out
        assert out.count("16 bits a colour") == 1 and "black" not in out
        assert ("read at different depths" in out) == differ
        assert ("gives the class away" in out) == by_class


# --- The list of exclusions -------------------------------------------------


def listed(folder):
    return exclusions.path(folder).read_text(encoding="utf-8-sig")


def change(folder, old, new):
    text = listed(folder)
    assert old in text
    exclusions.path(folder).write_text(
        text.replace(old, new), encoding="utf-8-sig"
    )


def add(folder, lines):
    with open(exclusions.path(folder), "a", encoding="utf-8") as file:
        file.write(lines)


def used(folder):
    """The names of the photos that are used."""
    return {photo.name for photo in scan.check(folder).photos}


@pytest.fixture
def doubled(folder):
    """A photo that stands in both classes."""
    whole = (folder / "a" / "0.png").read_bytes()
    (folder / "b" / "copy.png").write_bytes(whole)
    scan.check(folder)
    return folder


def test_leaving_out_can_be_undone_in_the_list(doubled):
    assert len(used(doubled)) == 49
    change(doubled, "a/0.png,yes", "a/0.png,no")
    for _ in range(2):  # and it stays so
        checked = scan.check(doubled)
        assert checked.counts() == {"a": 25, "b": 25}
        excluded = {p.name: p.excluded for p in checked.problems}
        assert excluded == {"a/0.png": False, "b/copy.png": True}


def test_a_file_can_be_left_out_by_the_list(doubled):
    add(doubled, "a/7.png,yes\nb/gone.png,yes\n")
    for _ in range(2):
        checked = scan.check(doubled)
        assert "a/7.png" not in {p.name for p in checked.photos}
        assert problems(checked)["a/7.png"] == "excluded by you"
    assert "b/gone.png,yes" in listed(doubled)
    change(doubled, "a/7.png,yes", "a/7.png,no")
    assert "a/7.png" in used(doubled)


def test_a_file_with_two_problems_has_one_line(folder):
    exif = Image.Exif()
    exif[decoding.ORIENTATION] = 6
    both = saved(noise(9, mode="CMYK"), "JPEG", exif=exif)
    put(folder / "a", {"both.jpg": both})
    scan.check(folder)
    assert listed(folder).count("both.jpg") == 1
    change(folder, "a/both.jpg,no", "a/both.jpg,yes")
    assert scan.check(folder).excluded() == 1
    assert "a/both.jpg" not in used(folder)


def test_a_new_problem_is_not_excused_by_an_old_line(folder):
    put(folder / "a", {"print.jpg": PRINT})
    scan.check(folder)
    assert "a/print.jpg,no,colours for print" in listed(folder)
    put(folder / "b", {"again.jpg": PRINT})
    assert not used(folder) & {"a/print.jpg", "b/again.jpg"}


def test_a_broken_file_is_used_when_it_was_replaced_not_when_listed(folder):
    put(folder / "a", {"empty.jpg": b""})
    scan.check(folder)
    change(folder, "a/empty.jpg,yes", "a/empty.jpg,no")
    (problem,) = scan.check(folder).problems
    assert problem.excluded
    put(folder / "a", {"empty.jpg": JPEG})
    assert scan.check(folder).problems == ()
    assert "empty" not in listed(folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"file,excluded\na/0.png,perhaps\n", "of a/0.png is 'perhaps'"),
        ("file,excluded\ncafé.png,yes\n".encode("cp1252"), "not a CSV file"),
        (b'file,excluded\n"a/0.png,yes\n', "not a CSV file in UTF-8"),
    ],
)
def test_a_list_that_cannot_be_understood_is_refused(doubled, content, words):
    path = exclusions.path(doubled)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as error:
        scan.check(doubled)
    assert path.name in str(error.value)
    assert path.read_bytes() == content


def test_choices_outlast_that_a_photo_is_away(doubled):
    change(doubled, "a/0.png,yes", "a/0.png,no")
    add(doubled, "a/7.png,yes\n")
    before = scan.check(doubled)
    assert before.counts() == {"a": 24, "b": 25}
    (doubled / "a").rename(doubled.parent / "away")
    put(doubled / "c", {"0.png": PNG})
    assert scan.check(doubled).class_names == ("b", "c")
    assert "a/7.png,yes" in listed(doubled)
    (doubled / "c").rename(doubled.parent / "c")
    (doubled.parent / "away").rename(doubled / "a")
    assert scan.check(doubled) == before


def test_a_list_is_written_only_when_it_changes(doubled, monkeypatch):
    written = []
    real = exclusions.atomic

    def atomic(path):
        written.append(path)
        return real(path)

    monkeypatch.setattr(exclusions, "atomic", atomic)
    scan.check(doubled)
    assert written == []
    put(doubled / "a", {"empty.jpg": b""})
    scan.check(doubled)
    assert written == [exclusions.path(doubled)]


def test_a_report_names_a_few_of_many(folder, capsys):
    put(folder / "a", {f"e{i}.jpg": b"" for i in range(9)})
    scan.check(folder).report()
    out = capsys.readouterr().out
    assert "a/e0.jpg, a/e1.jpg, a/e2.jpg and 6 more: the file is" in out
    assert "9 files excluded" in out and exclusions.path(folder).name in out
    for i in range(1, 9):
        (folder / "a" / f"e{i}.jpg").unlink()
    scan.check(folder).report()
    assert "1 file excluded" in capsys.readouterr().out
