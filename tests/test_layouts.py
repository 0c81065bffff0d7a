"""However photos are sorted into folders, it is said what was found."""

import json
import unicodedata
import zipfile

import numpy as np
import pytest
from make_photos import noise, problems, put, saved
from PIL import Image

from helpers.dataset import layouts, scan
from tools import check

RAW = b"\0\0\0\x18ftypcrx \0\0\0\0mif1heic"


def jpeg(seed):
    return saved(noise(seed), "JPEG")


@pytest.fixture
def fill(tmp_path, monkeypatch):
    """Puts new photos into folders of `mine`: {folder: how many}."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    mine = tmp_path / "mine"
    mine.mkdir()
    seeds = iter(range(10**6))

    def fill(counts):
        for name, count in counts.items():
            numbers = [next(seeds) for _ in range(count)]
            put(mine / name, {f"{n}.jpg": jpeg(n) for n in numbers})
        return mine

    return fill


def refused(folder):
    """The sentence with which a folder is refused."""
    with pytest.raises(layouts.FolderError) as caught:
        scan.check(folder)
    sentence = str(caught.value)
    assert sentence.startswith(str(folder)) and "\n" not in sentence
    return sentence


def nested(outer, inner, count=2):
    return {f"{o}/{i}": count for o in outer for i in inner}


CLASSES = ("bent", "good")

# --- Folders that are refused -----------------------------------------------


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"train": 6, "Valid": 2, "TEST": 2}, "TEST/ 2, Valid/ 2, train/ 6"),
        (nested(("train", "val"), CLASSES), "inside the splits of a data set: "
         "train/ 4 (bent/ 2, good/ 2), val/ 4 (bent/ 2, good/ 2)"),
        (nested(("a/b/train", "a/b/test"), "xy"), "/a/b: the class folders "
         "lie inside the splits"),
        ({"quercus/robur": 2, "quercus/rubra": 2, "acer/rubrum": 2},
         "deeper than in one folder for each class: acer/ 2 (rubrum/ 2), "
         "quercus/ 4 (robur/ 2, rubra/ 2)"),
        (nested(("my",), CLASSES) | {".": 1}, "mine/my."),
        (nested(("train",), CLASSES), "mine/train."),
        (nested(("images",), ("train", "val")), "splits of a data set, not"),
        ({".": 7}, "7 pictures lie right in it"),
        ({".": 1}, "1 picture lies right in it and none in a class folder; "
         "put the photos of each class into a folder of its own, or, if this "
         "is one class, give the folder that it lies in"),
        (nested(("two\nlines",), "ab", 1), "two\\nlines/ 2 (a/ 1, b/ 1)"),
        ({"good": 4, ".": 2, "bent": 0}, "only one folder holds photos, good/ "
         "4 (2 pictures beside it, none in bent/)"),
        ({"bent": 0}, "there is no file in it, only empty folders (bent/)"),
        ({}, "there is no file in it; give"),
    ],
)  # fmt: skip
def test_another_layout_is_refused_with_what_was_found(fill, counts, words):
    assert words in refused(fill(counts))


@pytest.mark.parametrize(
    "names",
    [
        ("dev", "train"), ("train_set", "test_set"), ("Training", "holdout"),
        ("trainval", "test"), ("train", "test", "unlabeled"),
        ("1_train", "2_eval"), ("Validierung", "test images"),
    ],
)  # fmt: skip
def test_splits_are_not_taken_for_classes(fill, names):
    assert "splits of a data set" in refused(fill(dict.fromkeys(names, 3)))


def test_a_folder_too_high_is_refused_with_the_right_one(fill):
    folder = fill(nested(("my_parts",), CLASSES))
    put(folder / "__MACOSX" / "my_parts" / "good", {"._1.jpg": b"\0\5\x16\7"})
    put(folder, {"README.txt": b"read me"})
    sentence = refused(folder)
    assert "my_parts/ 4 (bent/ 2, good/ 2)" in sentence
    inner = sentence.rpartition("give ")[2].rstrip(".")
    assert scan.check(inner).class_names == CLASSES


def test_tables_that_may_hold_the_labels_are_named(fill):
    folder = fill({"train": 2, "test": 2})
    for name in ("train", "test"):
        put(folder / name, {"_classes.csv": b"filename,good\n"})
    words = "(test/_classes.csv, train/_classes.csv may say which photo"
    assert words in refused(folder)


@pytest.mark.parametrize("form", ["{}/{}", "{1}/{0}"])
def test_an_export_for_object_detection_is_refused(fill, form):
    splits = ("train", "val")
    folder = fill({form.format("images", split): 3 for split in splits})
    for split in splits:
        put(folder / form.format("labels", split), {"0.txt": b"0 .5 .5 .1"})
    assert "object detection; export the data set again" in refused(folder)


def test_a_folder_of_other_files_is_refused(fill):
    folder = fill({})
    put(folder / "a", {f"{i}.npy": b"\x93NUMPY" for i in range(3)})
    assert "only other files: 3 *.npy" in refused(folder)


def write_zip(path, names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("good/1.jpg", "good/2.jpg", "bent/1.jpg", "._x.jpg"),
         "an archive with bent/ 1, good/ 2 in it, not a folder; unpack it"),
        ((), "an empty archive, not a folder; give"),
        (("README.txt",), "an archive without photos"),
        (("1.jpg", "2.jpg"), "an archive with 2 pictures right in it"),
        (("train/a/1.jpg", "val/a/2.jpg"), "an archive with the splits train"),
        (("good\\1.jpg",), "an archive with good/ 1 in it"),
        (("\x1b[31m\u202e/1.jpg",), r"with \x1b[31m\u202e/ 1 in it"),
    ],
)  # fmt: skip
def test_a_zip_is_refused_with_what_is_in_it(tmp_path, names, words):
    write_zip(tmp_path / "my_parts.zip", names)
    assert words in refused(tmp_path / "my_parts.zip")
    assert "but my_parts.zip; unpack it and give" in refused(tmp_path)


@pytest.mark.parametrize("end", [".tar.zst", ".zipx", ".zip.001", ".7z"])
def test_archives_are_known_by_their_names(fill, end):
    folder = fill({})
    put(folder, {f"photos{end}": b"PK\3\4"})
    sentence = refused(folder / f"photos{end}")
    assert ": an archive, not a folder; unpack" in sentence
    assert f"it holds no photos, but photos{end}; unpack" in refused(folder)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "broken.zip",
            "a broken archive, not a folder; copy it again, unpack",
        ),
        ("0.jpg", "a single picture, not a folder"),
        ("notes.txt", "a file, not a folder"),
        ("no\n\x1bsuch", r"no\n\x1bsuch: there is no such folder"),
    ],
)
def test_what_is_no_folder_is_refused(tmp_path, name, words):
    put(tmp_path, {"broken.zip": b"PK\3\4", "0.jpg": b"x", "notes.txt": b"x"})
    with pytest.raises(layouts.FolderError) as caught:
        scan.check(tmp_path / name)
    assert words in str(caught.value)


def test_photos_that_cannot_be_read_are_the_cause(fill, capsys):
    folder = fill({})
    for name in CLASSES:
        put(folder / name, {f"{i}.CR3": RAW for i in range(3)})
    sentence = refused(folder)
    words = "bent/ or good/ can be used: camera raw is not read here (6 files)"
    assert words in sentence
    assert "darktable" in sentence
    assert check.main([str(folder)]) == 2
    printed = capsys.readouterr()
    assert "bent/0.CR3" in printed.out and sentence in printed.err
    assert check.main([str(folder), "--json"]) == 2
    *rows, last = json.loads(capsys.readouterr().out)
    assert (
        len(rows) == 6 and rows[0]["problem"] == "camera raw is not read here"
    )
    assert last["problem"] == sentence


def test_the_only_class_left_is_named_with_what_became_of_the_others(fill):
    folder = fill({"good": 3})
    put(folder / "bent", {"1.psd": b"8BPS"})
    sentence = refused(folder)
    assert "only good/ has photos that can be used" in sentence
    assert "Photoshop is not read here (1 file)" in sentence


# --- Folders beside the classes ---------------------------------------------


@pytest.mark.parametrize(
    "inner", [(*CLASSES, "x"), ("Good", "BENT"), ("good",)]
)
@pytest.mark.parametrize(
    ("outer", "is_split"),
    [("test", True), ("test_images", True), ("masks", False)],
)
def test_folders_named_as_the_classes_are_not_to_be_moved_into_one_class(
    fill, outer, is_split, inner
):
    counts = dict.fromkeys(CLASSES, 20) | nested((outer,), inner)
    checked = scan.check(fill(counts))
    (problem,) = checked.problems
    assert (problem.name, problem.excluded) == (f"{outer}/", True)
    assert problem.files == checked.excluded() == 2 * len(inner)
    assert "named as the classes" in problem.problem
    assert problem.problem.startswith("a split that was set") == is_split
    assert ("not masks" in problem.advice) != is_split


def test_a_folder_with_others_or_with_photos_is_no_split(fill):
    counts = {"good": 3, "bent": 3, "test/more": 2, "val/good": 2, "val": 2}
    found = problems(scan.check(fill(counts)))
    assert found["test/more/"] == "a folder inside a class folder"
    assert found["val/good/"] == "a folder inside a class folder"
    assert "not a class" in found["test/"]


@pytest.mark.parametrize("name", ["test", "trainval", "Unsorted", "predict"])
def test_a_class_named_as_a_split_or_as_unsorted_is_kept_and_named(fill, name):
    checked = scan.check(fill({"good": 20, "bent": 20, name: 20}))
    (problem,) = checked.problems
    assert (problem.name, problem.excluded) == (f"{name}/", False)
    assert "taken as a class, though" in problem.problem
    assert name in checked.class_names


def test_classes_that_only_begin_as_splits_do_are_no_problem(fill):
    names = ("tester", "validated", "trainer", "device", "evaluate")
    assert scan.check(fill(dict.fromkeys(names, 20))).problems == ()


def test_links_to_folders_around_them_count_no_file(fill):
    folder = fill({"good": 20, "bent": 20})
    (folder / "self").symlink_to(".")
    (folder / "up").symlink_to("..")
    (folder / "good" / "around").symlink_to(folder)
    checked = scan.check(folder)
    assert problems(checked) == dict.fromkeys(
        ("self/", "up/", "good/around/"), "a link to a folder that it lies in"
    )
    assert checked.excluded() == 0 and checked.class_names == CLASSES


def test_links_to_folders_elsewhere_are_classes(fill, tmp_path):
    folder = fill({"good": 20, "../elsewhere": 20})
    (folder / "bent").symlink_to(tmp_path / "elsewhere")
    assert scan.check(folder).counts() == {"bent": 20, "good": 20}


# --- What is ignored --------------------------------------------------------

LEFT_BEHIND = (
    "#recycle", "$RECYCLE.BIN", ".Trash-1000", ".Trashes", "@eaDir",
    "__MACOSX", "lost+found", "System Volume Information", ".thumbnails",
    ".ipynb_checkpoints", ".git", ".Spotlight-V100", ".fseventsd",
    ".recycle", ".@__thumb", ".snapshot", ".zfs", "~snapshot", "RECYCLER",
    ".tmp.drivedownload", "_gsdata_", "found.000", "iPod Photo Cache",
    "CaptureOne", "Lightroom Previews.lrdata", ".SynologyWorkingDirectory",
)  # fmt: skip


def test_leavings_of_systems_are_no_class_and_are_counted(fill, capsys):
    folder = fill({"good": 20, "bent": 20, "good/.ipynb_checkpoints": 1})
    fill(dict.fromkeys(LEFT_BEHIND, 2) | {"bent/.recycle": 1})
    put(folder, {".DS_Store": b"x", "desktop.ini": b"x"})
    put(folder / "good", {"Thumbs.db": b"x", "._1.jpg": b"x"})
    checked = scan.check(folder)
    assert checked.counts() == {"bent": 20, "good": 20}
    assert checked.problems == ()
    files = {f"{name}/": 2 for name in LEFT_BEHIND}
    files[".ipynb_checkpoints/"] = files[".recycle/"] = 3
    single = (".DS_Store", "Thumbs.db", "._*", "desktop.ini")
    assert checked.ignored == files | dict.fromkeys(single, 1)
    assert check.main([str(folder)]) == 0
    out = capsys.readouterr().out
    assert "ignored: 58 files" in out and ".ipynb_checkpoints/ 3" in out


def test_names_that_only_resemble_leavings_are_classes_and_photos(fill):
    names = ("Recycle Bin", "recycled", "recycle", "snapshot", "thumb",
             ".22_LR")  # fmt: skip
    folder = fill(dict.fromkeys(names, 2))
    put(folder / "thumb", {".hidden.jpg": jpeg(999)})
    checked = scan.check(folder)
    assert checked.counts() == dict.fromkeys(names, 2) | {"thumb": 3}
    assert checked.ignored == {}


def test_files_of_other_programs_beside_photos_hurt_nobody(fill, capsys):
    folder = fill({"good": 20, "bent": 20})
    plist = b'<?xml version="1.0"?><!DOCTYPE plist><plist/>'
    others = {
        "1.AAE": plist, "1.xmp": b"<x:xmpmeta/>", "1.jpg.json": b"{}",
        "1.xml": b"<annotation/>", "1.jpg:Zone.Identifier": b"[Zone]",
        "notes.txt": b"BMW", "data.yaml": b"", "labels.csv": b"BMI,age\n",
        "page.html": b"<html>", "table.xlsx": b"PK\x03\x04", "README": b"hi",
    }  # fmt: skip
    put(folder / "good", others)
    put(folder, others)
    checked = scan.check(folder)
    assert checked.problems == ()
    assert sum(checked.ignored.values()) == 2 * len(others)
    assert checked.ignored["*.aae"] == 2
    assert check.main([str(folder)]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_what_is_or_should_be_a_photo_is_never_ignored(fill):
    folder = fill({"good": 20, "bent": 20})
    put(
        folder / "good",
        {"page.jpg": b"<html>", "empty.heic": b"", "photo.txt": jpeg(999)},
    )
    checked = scan.check(folder)
    assert checked.ignored == {}
    assert problems(checked) == {
        "good/empty.heic": "the file is empty",
        "good/page.jpg": "a web page, not a photo",
        "good/photo.txt": "JPEG with the wrong file extension",
    }


# --- Names ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "other", "difference"),
    [
        (unicodedata.normalize("NFD", "Käfer"), "Käfer",
         "the Unicode form of their letters"),
        ("zw\u200b", "zw", "invisible characters"),
        ("a  b", "a b", "spaces"),
        ("good.", "good", "a full stop at the end"),
        ("katze", "Katze", "upper and lower case"),
        ("\uff47ood", "good", "the Unicode form of their letters"),
        ("\ufb01le", "file", "the Unicode form of their letters"),
        ("Good ", "good.", "a full stop at the end, spaces and upper and "
         "lower case"),
    ],
)  # fmt: skip
def test_names_that_only_look_the_same_are_named_with_the_difference(
    name, other, difference
):
    (problem,) = layouts.lookalikes([other, name])
    assert problem.name == f"{name}/"
    assert problem.problem.endswith(f"differ only in {difference}")


def test_look_alike_classes_stay_apart_and_others_are_no_problem(fill):
    checked = scan.check(fill({"Katze": 20, "katze ": 20, "Katzen": 20}))
    assert checked.class_names == ("Katze", "Katzen", "katze ")
    ((name, words),) = problems(checked).items()
    assert name == "katze /" and words.endswith("spaces and upper and lower "
                                                "case")  # fmt: skip
    names = ["Katze", "Kätze", "10", "1", "a b", "ab", "v1.0", "v10"]
    assert layouts.lookalikes(names) == []


def test_the_smallest_and_largest_photos_are_those_by_area(fill, capsys):
    folder = fill({"good": 2, "bent": 2})
    for width, height in ((90, 2000), (300, 100), (100, 300)):
        image = Image.new("RGB", (width, height), (width % 256, 0, 0))
        image.save(folder / "good" / f"{width}.png")
    scan.check(folder).report()
    assert "sizes: 90×80 pixels to 90×2000" in capsys.readouterr().out


# --- Random trees -----------------------------------------------------------

FOLDERS = (
    "good", "bent", "train", "test", "valid", "a", ".b", "#recycle",
    "__MACOSX", ".git", "two\nlines", "ü", " ", "lost+found",
)  # fmt: skip
FILES = (
    "1.jpg", "2.JPG", ".3.jpg", "4.heic", "5.xmp", "._1.jpg", ".DS_Store",
    "README", "labels.csv", "pack.zip", "film.mov", "6.png", "7", "8.tif",
)  # fmt: skip


def grow(rng, folder, photos, depth=0):
    """Make a tree of folders, files and links; return the links to folders."""
    folder.mkdir()
    links = 0
    for name in rng.choice(FILES, rng.integers(0, 9), replace=False):
        contents = [b"", b"<?xml", RAW, b"PK\x03\x04", b"some text"]
        contents += [photos[rng.integers(len(photos))]] * 5
        (folder / name).write_bytes(contents[rng.integers(len(contents))])
    fewest = 0 if depth else 3
    for name in rng.choice(FOLDERS, fewest + rng.integers(3), replace=False):
        path = folder / name
        if rng.random() < 0.1:
            path.symlink_to((".", "..", name, "nowhere")[rng.integers(4)])
            links += path.is_dir()
        elif depth < 3:
            links += grow(rng, path, photos, depth + 1)
    return links


def test_every_file_of_a_random_tree_is_counted_or_it_is_refused(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    photos = [jpeg(number) for number in range(200)]
    rng = np.random.default_rng(0)
    counted = refused = 0
    for number in range(80):
        folder = tmp_path / str(number)
        links = grow(rng, folder, photos)
        try:
            checked = scan.check(folder)
        except ValueError as error:
            assert str(error).startswith(str(folder))
            assert "\n" not in str(error)
            refused += 1
            continue
        if links:  # what lies behind one may be counted twice
            continue
        counted += 1
        ignored = sum(checked.ignored.values())
        total = len(checked.photos) + checked.excluded() + ignored
        assert total == layouts.count_files(folder)
    assert counted > 8 and refused > 8
