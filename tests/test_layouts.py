"""However photos are sorted into folders, it is said what was found."""

import io
import json
import unicodedata
import zipfile

import numpy as np
import pytest
from PIL import Image

from helpers import layouts, photos
from tools import check

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def photo(seed):
    """The bytes of a JPEG that no other seed gives."""
    pixels = np.random.default_rng(seed).integers(0, 256, (80, 80, 3), "uint8")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def put(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


@pytest.fixture
def fill(tmp_path, monkeypatch):
    """Puts new photos into folders of `mine`: {folder: how many}."""
    monkeypatch.setattr("helpers.files.WORK", tmp_path / "work")
    mine = tmp_path / "mine"
    mine.mkdir()
    seeds = iter(range(10**6))

    def fill(counts):
        for name, count in counts.items():
            for _ in range(count):
                seed = next(seeds)
                put(mine / name / f"{seed}.jpg", photo(seed))
        return mine

    return fill


def refused(folder):
    """The sentence with which a folder is refused."""
    with pytest.raises(layouts.FolderError) as caught:
        photos.check(folder)
    sentence = str(caught.value)
    assert sentence.startswith(str(folder)) and "\n" not in sentence
    return sentence


# --- Splits ----------------------------------------------------------------


def test_splits_are_not_taken_for_classes(fill):
    folder = fill({"train": 6, "Valid": 2, "TEST": 2})
    put(folder / "train" / "_classes.csv", b"filename,good\n")
    sentence = refused(folder)
    assert "TEST/ 2, Valid/ 2, train/ 6" in sentence
    assert "train/_classes.csv may say" in sentence


def test_a_class_may_be_named_train(fill):
    folder = fill({"train": 3, "car": 3, "bus": 3})
    assert photos.check(folder).class_names == ("bus", "car", "train")


def test_class_folders_inside_splits_are_shown(fill):
    names = [f"{s}/{c}" for s in ("train", "val") for c in ("good", "bent")]
    sentence = refused(fill(dict.fromkeys(names, 2)))
    assert "inside the splits" in sentence
    assert "train/ 4 (bent/ 2, good/ 2), val/ 4 (bent/ 2, good/ 2)" in sentence


def test_a_split_beside_the_class_folders_is_told(fill):
    folder = fill({"good": 3, "bent": 3, "test/good": 2, "test/bent": 2})
    found = photos.check(folder)
    assert found.counts() == {"bent": 3, "good": 3}
    about = {p.name: p for p in found.problems}
    assert "a split that was set aside" in about["test/"].problem
    assert about["test/"].files == found.left_out() == 4


def test_folders_of_other_names_in_a_class_are_no_split(fill):
    found = photos.check(fill({"good": 3, "bent": 3, "test/more": 2}))
    told = {p.name: p.problem for p in found.problems}
    assert told["test/more/"] == "a folder inside a class folder"
    assert "not a class" in told["test/"]


# --- Other layouts ---------------------------------------------------------


def test_a_folder_too_high_is_told_with_the_right_one(fill):
    folder = fill({"my_parts/good": 3, "my_parts/bent": 3})
    put(folder / "__MACOSX" / "my_parts" / "good" / "._1.jpg", b"\0\5\x16\7")
    put(folder / "README.txt", b"read me")
    sentence = refused(folder)
    assert "my_parts/ 6 (bent/ 3, good/ 3)" in sentence
    right = sentence.rpartition("give ")[2].rstrip(".")
    assert photos.check(right).class_names == ("bent", "good")


def test_splits_two_folders_deeper_are_told_with_their_folder(fill):
    names = [f"a/b/{s}/{c}" for s in ("train", "test") for c in ("x", "y")]
    folder = fill(dict.fromkeys(names, 2))
    sentence = refused(folder)
    assert sentence.startswith(f"{folder / 'a' / 'b'}: ")
    assert "inside the splits" in sentence


def test_classes_two_folders_deep_are_told(fill):
    folder = fill({"quercus/robur": 2, "quercus/rubra": 2, "acer/rubrum": 2})
    sentence = refused(folder)
    assert "acer/ 2 (rubrum/ 2), quercus/ 4 (robur/ 2, rubra/ 2)" in sentence


def test_photos_without_class_folders_are_told_with_their_table(fill):
    folder = fill({".": 7})
    put(folder / "labels.csv", b"file,label\n")
    sentence = refused(folder)
    assert "7 pictures lie right in it" in sentence
    assert "labels.csv may say" in sentence


def test_a_name_with_a_line_break_leaves_one_line(fill):
    sentence = refused(fill({"two\nlines/a": 1, "two\nlines/b": 1}))
    assert "two\\nlines/ 2 (a/ 1, b/ 1)" in sentence


def test_one_class_is_told_from_none(fill):
    sentence = refused(fill({"good": 4, ".": 2}))
    assert "only one folder holds photos, good/ 4" in sentence
    assert "2 lie beside it" in sentence


def test_an_empty_folder_and_one_without_photos_are_told(fill):
    folder = fill({})
    assert "there is no file in it" in refused(folder)
    for number in range(3):
        put(folder / "a" / f"{number}.npy", b"\x93NUMPY")
    assert "only other files: 3 *.npy" in refused(folder)


def test_an_archive_is_told_with_what_is_in_it(fill, capsys):
    folder = fill({})
    path = folder / "my_parts.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("good/1.jpg", "good/2.jpg", "bent/1.jpg", "._x.jpg"):
            archive.writestr(name, b"")
    assert check.main([str(path)]) == 2
    assert "an archive with bent/ 1, good/ 2 in it" in capsys.readouterr().err
    assert "but my_parts.zip; unpack" in refused(folder)
    path.write_bytes(b"PK\x03\x04")
    assert check.main([str(path)]) == 2
    assert "my_parts.zip: an archive, not" in capsys.readouterr().err


def test_a_file_instead_of_a_folder_is_told(fill):
    folder = fill({".": 1})
    put(folder / "notes.txt", b"to do")
    with pytest.raises(ValueError, match="0.jpg: a single picture, not a"):
        photos.check(folder / "0.jpg")
    with pytest.raises(ValueError, match="notes.txt: a file, not a folder"):
        photos.check(folder / "notes.txt")


def test_a_missing_folder_is_told_with_where_it_was_looked_for(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError) as caught:
        photos.check("my_photos")
    assert f"at {tmp_path / 'my_photos'};" in str(caught.value)


# --- Photos of which none can be used --------------------------------------


def test_photos_that_cannot_be_read_are_the_cause(fill, capsys):
    folder = fill({})
    for name in ("good", "bent"):
        for number in range(3):
            put(folder / name / f"{number}.HEIC", HEIC)
    sentence = refused(folder)
    assert "bent/, good/ can be used: HEIC is not read here (6 files)" in (
        sentence
    )
    assert "magick mogrify -format jpg *.HEIC" in sentence
    assert check.main([str(folder)]) == 2
    said = capsys.readouterr()
    assert "bent/0.HEIC" in said.out and sentence in said.err
    assert check.main([str(folder), "--json"]) == 2
    *rows, last = json.loads(capsys.readouterr().out)
    assert len(rows) == 6 and rows[0]["problem"] == "HEIC is not read here"
    assert last["problem"] == sentence


def test_a_class_that_is_lost_is_named_with_the_cause(fill):
    folder = fill({"good": 3, "bent": 3})
    put(folder / "cracked" / "1.HEIC", HEIC)
    about = {p.name: p.problem for p in photos.check(folder).problems}
    assert about["cracked/"] == (
        "no photo that can be used, so not a class: HEIC is not read here "
        "(1 file)"
    )


def test_the_only_class_left_is_named_with_what_became_of_the_others(fill):
    folder = fill({"good": 3})
    put(folder / "bent" / "1.tif", b"II*\0")
    sentence = refused(folder)
    assert "only good/ has photos that can be used" in sentence
    assert "TIFF is not read here (1 file)" in sentence


# --- What is passed over ---------------------------------------------------

LEFT_BEHIND = (
    "#recycle", "$RECYCLE.BIN", ".Trash-1000", ".Trashes", "@eaDir",
    "__MACOSX", "lost+found", "System Volume Information", ".thumbnails",
    ".ipynb_checkpoints", ".git", ".Spotlight-V100", ".fseventsd",
)  # fmt: skip


def test_leavings_of_systems_are_no_class_and_are_named(fill, capsys):
    folder = fill({"good": 25, "bent": 25, "good/.ipynb_checkpoints": 1})
    fill(dict.fromkeys(LEFT_BEHIND, 2))
    for name in (".DS_Store", "good/Thumbs.db", "good/._1.jpg", "desktop.ini"):
        put(folder / name, b"x")
    found = photos.check(folder)
    assert found.counts() == {"bent": 25, "good": 25}
    assert found.problems == ()
    files = {f"{name}/": 2 for name in LEFT_BEHIND}
    files[".ipynb_checkpoints/"] = 3
    single = (".DS_Store", "Thumbs.db", "._*", "desktop.ini")
    assert found.passed_over == files | dict.fromkeys(single, 1)
    assert check.main([str(folder)]) == 0
    said = capsys.readouterr().out
    assert "passed over: 31 files" in said and ".ipynb_checkpoints/ 3" in said


def test_a_name_with_a_dot_first_is_a_class_or_a_photo(fill):
    folder = fill({".22_LR": 3, "9mm": 2})
    put(folder / "9mm" / ".hidden.jpg", photo(999))
    found = photos.check(folder)
    assert found.counts() == {".22_LR": 3, "9mm": 3}
    assert found.passed_over == {}


def test_files_of_other_programs_beside_photos_hurt_nobody(fill, capsys):
    folder = fill({"good": 25, "bent": 25})
    plist = b'<?xml version="1.0"?><!DOCTYPE plist><plist/>'
    others = {
        "1.AAE": plist, "1.xmp": b"<x:xmpmeta/>", "1.jpg.json": b"{}",
        "1.xml": b"<annotation/>", "1.jpg:Zone.Identifier": b"[Zone]",
        "notes.txt": b"BMW", "data.yaml": b"", "labels.csv": b"BMI,age\n",
        "page.html": b"<html>", "table.xlsx": b"PK\x03\x04", "README": b"hi",
    }  # fmt: skip
    for name, content in others.items():
        put(folder / "good" / name, content)
        put(folder / name, content)
    found = photos.check(folder)
    assert found.problems == ()
    assert sum(found.passed_over.values()) == 2 * len(others)
    assert found.passed_over["*.aae"] == 2
    assert check.main([str(folder)]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_what_is_named_as_a_photo_is_never_passed_over(fill):
    folder = fill({"good": 25, "bent": 25})
    put(folder / "good" / "page.jpg", b"<html>")
    put(folder / "good" / "empty.heic", b"")
    put(folder / "good" / "photo.txt", photo(999))  # named otherwise
    found = photos.check(folder)
    assert found.passed_over == {}
    assert {p.name: p.problem for p in found.problems} == {
        "good/empty.heic": "the file is empty",
        "good/page.jpg": "a web page, not a photo",
        "good/photo.txt": "a JPEG, but with .txt Keras passes it by",
    }


# --- Names -----------------------------------------------------------------


def test_class_names_that_look_alike_are_named():
    composed, decomposed = (
        unicodedata.normalize(form, "Käfer") for form in ("NFC", "NFD")
    )
    names = sorted(
        [composed, decomposed, "Katze", "katze", "Hund", "Hund ", "hund"]
    )
    assert [(p.name, p.problem) for p in layouts.lookalikes(names)] == [
        ("Hund /", "named as 'Hund' but for white space at an end"),
        (f"{composed}/", f"named as {decomposed!r} but for the Unicode form "
         "of its letters (NFC, NFD)"),
        ("hund/", "named as 'Hund' but for upper and lower case"),
        ("katze/", "named as 'Katze' but for upper and lower case"),
    ]  # fmt: skip
    assert layouts.lookalikes(["Katze", "Katzen", "Kätze", "10", "1"]) == []


def test_look_alike_classes_stay_apart_and_are_told(fill):
    found = photos.check(fill({"Katze": 25, "katze ": 25}))
    assert found.class_names == ("Katze", "katze ")
    (problem,) = found.problems
    assert not problem.left_out
    assert "upper and lower case and white space" in problem.problem


def test_the_smallest_and_largest_photos_are_those_by_area(fill, capsys):
    folder = fill({"good": 2, "bent": 2})
    for width, height in ((90, 2000), (300, 100), (100, 300)):
        file = folder / "good" / f"{width}.png"
        Image.new("RGB", (width, height), (width % 256, 0, 0)).save(file)
    photos.check(folder).report()
    assert "sizes: 80×80 pixels to 90×2000" in capsys.readouterr().out


# --- Trees drawn by lot ----------------------------------------------------

FOLDERS = (
    "good", "bent", "train", "test", "valid", "a", ".b", "#recycle",
    "__MACOSX", ".git", "two\nlines", "ü", " ", "lost+found",
)  # fmt: skip
FILES = (
    "1.jpg", "2.JPG", ".3.jpg", "4.heic", "5.xmp", "._1.jpg", ".DS_Store",
    "README", "labels.csv", "pack.zip", "film.mov", "6.png", "7", "8.tif",
)  # fmt: skip


def grow(rng, folder, drawn, depth=0):
    """Draw a tree of folders, files and links; return the links to folders."""
    folder.mkdir()
    links = 0
    for name in rng.choice(FILES, rng.integers(0, 9), replace=False):
        contents = [b"", b"<?xml", HEIC, b"PK\x03\x04", b"some text"]
        contents += [drawn[rng.integers(len(drawn))]] * 5
        (folder / name).write_bytes(contents[rng.integers(len(contents))])
    fewest = 0 if depth else 3
    for name in rng.choice(FOLDERS, fewest + rng.integers(3), replace=False):
        path = folder / name
        if rng.random() < 0.1:
            path.symlink_to((".", "..", name, "nowhere")[rng.integers(4)])
            links += path.is_dir()
        elif depth < 3:
            links += grow(rng, path, drawn, depth + 1)
    return links


def test_every_file_of_a_random_tree_is_counted_or_it_is_refused(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("helpers.files.WORK", tmp_path / "work")
    drawn = [photo(number) for number in range(500)]
    rng = np.random.default_rng(0)
    counted = refused = 0
    for number in range(250):
        folder = tmp_path / str(number)
        links = grow(rng, folder, drawn)
        try:
            found = photos.check(folder)
        except ValueError as error:
            assert str(error).startswith(str(folder))
            assert "\n" not in str(error)
            refused += 1
            continue
        if links:  # what lies behind one may be counted twice
            continue
        counted += 1
        passed_over = sum(found.passed_over.values())
        said = len(found.photos) + found.left_out() + passed_over
        assert said == layouts.count_files(folder)
    assert counted > 20 and refused > 20
