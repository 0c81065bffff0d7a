"""However photos are sorted into folders, it is said what was found."""

import io
import json
import unicodedata
import zipfile

import numpy as np
import pytest
from PIL import Image

from helpers.dataset import layouts, scan
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
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
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
        scan.check(folder)
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
    assert scan.check(folder).class_names == ("bus", "car", "train")


def test_class_folders_inside_splits_are_shown(fill):
    names = [f"{s}/{c}" for s in ("train", "val") for c in ("good", "bent")]
    sentence = refused(fill(dict.fromkeys(names, 2)))
    assert "inside the splits" in sentence
    assert "train/ 4 (bent/ 2, good/ 2), val/ 4 (bent/ 2, good/ 2)" in sentence


def test_a_split_beside_the_class_folders_is_told(fill):
    folder = fill({"good": 3, "bent": 3, "test/good": 2, "test/bent": 2})
    found = scan.check(folder)
    assert found.counts() == {"bent": 3, "good": 3}
    about = {p.name: p for p in found.problems}
    assert "a split that was set aside" in about["test/"].problem
    assert about["test/"].files == found.excluded() == 4


def test_folders_of_other_names_in_a_class_are_no_split(fill):
    found = scan.check(fill({"good": 3, "bent": 3, "test/more": 2}))
    told = {p.name: p.problem for p in found.problems}
    assert told["test/more/"] == "a folder inside a class folder"
    assert "not a class" in told["test/"]


@pytest.mark.parametrize(
    "names",
    [
        ("dev", "train"), ("train_set", "test_set"), ("Training", "holdout"),
        ("trainval", "test"), ("train", "test", "unlabeled"),
        ("1_train", "2_eval"), ("Validierung", "test images"),
    ],
)  # fmt: skip
def test_other_names_of_splits_are_not_taken_for_classes(fill, names):
    assert "splits of a data set" in refused(fill(dict.fromkeys(names, 3)))


@pytest.mark.parametrize("name", ["test", "trainval", "Unsorted", "predict"])
def test_a_class_named_as_a_split_or_as_unsorted_is_told(fill, name):
    found = scan.check(fill({"good": 25, "bent": 25, name: 25}))
    (problem,) = found.problems
    assert (problem.name, problem.excluded) == (f"{name}/", False)
    assert "taken as a class, though" in problem.problem


def test_classes_that_only_begin_as_splits_do_are_not_told(fill):
    names = ("tester", "validated", "trainer", "device", "evaluate")
    assert scan.check(fill(dict.fromkeys(names, 20))).problems == ()


@pytest.mark.parametrize(
    "names",
    [("good", "bent", "other"), ("Good", "BENT"), ("good",)],
)
@pytest.mark.parametrize("outer", ["test", "test_images", "masks"])
def test_folders_named_as_the_classes_are_not_to_be_moved_into_one_class(
    fill, outer, names
):
    inner = {f"{outer}/{name}": 2 for name in names}
    found = scan.check(fill({"good": 20, "bent": 20} | inner))
    (problem,) = found.problems
    assert (problem.name, problem.excluded) == (f"{outer}/", True)
    assert problem.files == 2 * len(names)
    assert "named as the classes" in problem.problem
    split = outer != "masks"
    assert problem.problem.startswith("a split") == split
    assert ("not masks" in problem.advice) != split


# --- Other layouts ---------------------------------------------------------


def test_a_folder_too_high_is_told_with_the_right_one(fill):
    folder = fill({"my_parts/good": 3, "my_parts/bent": 3})
    put(folder / "__MACOSX" / "my_parts" / "good" / "._1.jpg", b"\0\5\x16\7")
    put(folder / "README.txt", b"read me")
    sentence = refused(folder)
    assert "my_parts/ 6 (bent/ 3, good/ 3)" in sentence
    right = sentence.rpartition("give ")[2].rstrip(".")
    assert scan.check(right).class_names == ("bent", "good")


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


def test_a_single_split_with_classes_in_it_is_the_folder_to_give(fill):
    folder = fill({"train/good": 2, "train/bent": 2})
    assert refused(folder).endswith(f"; give {folder / 'train'}.")
    assert scan.check(folder / "train").class_names == ("bent", "good")


def test_a_photo_beside_the_folder_to_give_changes_nothing(fill):
    folder = fill({"my/good": 2, "my/bent": 2, ".": 1})
    assert refused(folder).endswith(f"; give {folder / 'my'}.")


@pytest.mark.parametrize("form", ["{}/{}", "{1}/{0}"])
def test_an_export_for_object_detection_is_told(fill, form):
    splits = ("train", "val")
    folder = fill({form.format("images", split): 3 for split in splits})
    for split in splits:
        put(folder / form.format("labels", split) / "0.txt", b"0 .5 .5 .1 .1")
    assert "object detection; export the data set again" in refused(folder)


def test_splits_in_one_folder_are_not_the_folder_to_give(fill):
    folder = fill({"images/train": 3, "images/val": 3})
    sentence = refused(folder)
    assert "splits of a data set" in sentence and "give" not in sentence


def test_all_tables_that_may_hold_the_labels_are_named(fill):
    folder = fill({"train": 2, "test": 2})
    for name in ("train", "test"):
        put(folder / name / "_classes.csv", b"filename,good\n")
    assert "(test/_classes.csv, train/_classes.csv may" in refused(folder)


def test_a_class_folder_is_told_from_pictures_to_sort(fill):
    folder = fill({"good": 1, "bent": 3})
    assert "1 picture lies right in it" in refused(folder / "good")
    assert "give the folder that it lies in" in refused(folder / "good")


def test_empty_class_folders_are_named(fill):
    folder = fill({})
    (folder / "bent").mkdir()
    assert "only empty folders (bent/)" in refused(folder)
    fill({"good": 3})
    assert "good/ 3 (none in bent/)" in refused(folder)


def test_links_to_folders_around_them_count_no_file(fill):
    folder = fill({"good": 20, "bent": 20})
    (folder / "self").symlink_to(".")
    (folder / "up").symlink_to("..")
    (folder / "good" / "around").symlink_to(folder)
    found = scan.check(folder)
    assert {p.name: p.problem for p in found.problems} == dict.fromkeys(
        ("self/", "up/", "good/around/"), "a link to a folder that it lies in"
    )
    assert found.excluded() == 0 and found.class_names == ("bent", "good")


def test_links_to_folders_elsewhere_are_classes(fill, tmp_path):
    folder = fill({"good": 20, "../elsewhere": 20})
    (folder / "bent").symlink_to(tmp_path / "elsewhere")
    assert scan.check(folder).counts() == {"bent": 20, "good": 20}


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
    assert "only one folder holds photos, good/ 4 (2 pictures" in sentence
    assert "beside it)" in sentence


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
    said = capsys.readouterr().err
    assert "my_parts.zip: a broken archive, not" in said
    assert "copy it again" in said


@pytest.mark.parametrize(
    "names, told",
    [
        ((), "an empty archive"),
        (("README.txt",), "an archive without photos"),
        (("1.jpg", "2.jpg"), "an archive with 2 pictures right in it"),
        (("train/a/1.jpg", "val/a/2.jpg"), "an archive with the splits train"),
        (("good\\1.jpg",), "an archive with good/ 1 in it"),
        (("\x1b[31m\u202e/1.jpg",), r"with \x1b[31m\u202e/ 1 in it"),
    ],
)
def test_an_archive_is_told_for_what_it_is(tmp_path, names, told):
    path = tmp_path / "my_parts.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    assert told in refused(path)


@pytest.mark.parametrize("end", [".tar.zst", ".zipx", ".zip.001", ".7z"])
def test_archives_are_known_by_their_names(fill, end):
    folder = fill({})
    put(folder / f"photos{end}", b"PK\3\4")
    assert ": an archive, not a folder; unpack" in refused(
        folder / f"photos{end}"
    )
    assert f"it holds no photos, but photos{end}; unpack" in refused(folder)


def test_a_missing_folder_with_a_line_break_leaves_one_line(tmp_path):
    with pytest.raises(ValueError) as caught:
        scan.check(tmp_path / "no\n\x1bsuch")
    assert r"no\n\x1bsuch: there is no such" in str(caught.value)


def test_a_file_instead_of_a_folder_is_told(fill):
    folder = fill({".": 1})
    put(folder / "notes.txt", b"to do")
    with pytest.raises(ValueError, match="0.jpg: a single picture, not a"):
        scan.check(folder / "0.jpg")
    with pytest.raises(ValueError, match="notes.txt: a file, not a folder"):
        scan.check(folder / "notes.txt")


def test_a_missing_folder_is_told_with_where_it_was_looked_for(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError) as caught:
        scan.check("my_photos")
    assert f"at {tmp_path / 'my_photos'};" in str(caught.value)


# --- Photos of which none can be used --------------------------------------


def test_photos_that_cannot_be_read_are_the_cause(fill, capsys):
    folder = fill({})
    for name in ("good", "bent"):
        for number in range(3):
            put(folder / name / f"{number}.HEIC", HEIC)
    sentence = refused(folder)
    assert "bent/ or good/ can be used: HEIC is not read here (6 files)" in (
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
    about = {p.name: p.problem for p in scan.check(folder).problems}
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
    ".recycle", ".@__thumb", ".snapshot", ".zfs", "~snapshot", "RECYCLER",
    ".tmp.drivedownload", "_gsdata_", "found.000", "iPod Photo Cache",
    "CaptureOne", "Lightroom Previews.lrdata", ".SynologyWorkingDirectory",
)  # fmt: skip


def test_leavings_of_systems_are_no_class_and_are_named(fill, capsys):
    folder = fill({"good": 25, "bent": 25, "good/.ipynb_checkpoints": 1})
    fill(dict.fromkeys(LEFT_BEHIND, 2))
    fill({"bent/.recycle": 1})
    for name in (".DS_Store", "good/Thumbs.db", "good/._1.jpg", "desktop.ini"):
        put(folder / name, b"x")
    found = scan.check(folder)
    assert found.counts() == {"bent": 25, "good": 25}
    assert found.problems == ()
    files = {f"{name}/": 2 for name in LEFT_BEHIND}
    files[".ipynb_checkpoints/"] = files[".recycle/"] = 3
    single = (".DS_Store", "Thumbs.db", "._*", "desktop.ini")
    assert found.passed_over == files | dict.fromkeys(single, 1)
    assert check.main([str(folder)]) == 0
    said = capsys.readouterr().out
    assert "ignored: 58 files" in said and ".ipynb_checkpoints/ 3" in said


def test_a_name_with_a_dot_first_is_a_class_or_a_photo(fill):
    folder = fill({".22_LR": 3, "9mm": 2})
    put(folder / "9mm" / ".hidden.jpg", photo(999))
    found = scan.check(folder)
    assert found.counts() == {".22_LR": 3, "9mm": 3}
    assert found.passed_over == {}


def test_classes_that_recycling_is_about_are_classes(fill):
    names = ("Recycle Bin", "recycled", "recycle", "snapshot", "thumb")
    found = scan.check(fill(dict.fromkeys(names, 2)))
    assert found.class_names == tuple(sorted(names))
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
    found = scan.check(folder)
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
    found = scan.check(folder)
    assert found.passed_over == {}
    assert {p.name: p.problem for p in found.problems} == {
        "good/empty.heic": "the file is empty",
        "good/page.jpg": "a web page, not a photo",
        "good/photo.txt": "a JPEG, but Keras ignores files ending in .txt",
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
        ("Hund /", "'Hund ' and 'Hund' differ only in spaces"),
        (f"{composed}/", f"{composed!r} and {decomposed!r} differ only in the "
         "Unicode form of their letters"),
        ("hund/", "'hund' and 'Hund' differ only in upper and lower case"),
        ("katze/", "'katze' and 'Katze' differ only in upper and lower case"),
    ]  # fmt: skip
    assert layouts.lookalikes(["Katze", "Katzen", "Kätze", "10", "1"]) == []


def test_look_alike_classes_stay_apart_and_are_told(fill):
    found = scan.check(fill({"Katze": 25, "katze ": 25}))
    assert found.class_names == ("Katze", "katze ")
    (problem,) = found.problems
    assert not problem.excluded
    assert problem.problem.endswith("only in spaces and upper and lower case")


@pytest.mark.parametrize(
    "name, other, difference",
    [
        ("zw\u200b", "zw", "invisible characters"),
        ("a  b", "a b", "spaces"),
        ("good.", "good", "a full stop at the end"),
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
    assert problem.problem.endswith(f"differ only in {difference}")
    assert layouts.lookalikes(["a b", "ab", "v1.0", "v10", "m2", "m3"]) == []


def test_the_smallest_and_largest_photos_are_those_by_area(fill, capsys):
    folder = fill({"good": 2, "bent": 2})
    for width, height in ((90, 2000), (300, 100), (100, 300)):
        file = folder / "good" / f"{width}.png"
        Image.new("RGB", (width, height), (width % 256, 0, 0)).save(file)
    scan.check(folder).report()
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
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    drawn = [photo(number) for number in range(500)]
    rng = np.random.default_rng(0)
    counted = refused = 0
    for number in range(250):
        folder = tmp_path / str(number)
        links = grow(rng, folder, drawn)
        try:
            found = scan.check(folder)
        except ValueError as error:
            assert str(error).startswith(str(folder))
            assert "\n" not in str(error)
            refused += 1
            continue
        if links:  # what lies behind one may be counted twice
            continue
        counted += 1
        passed_over = sum(found.passed_over.values())
        said = len(found.photos) + found.excluded() + passed_over
        assert said == layouts.count_files(folder)
    assert counted > 20 and refused > 20
