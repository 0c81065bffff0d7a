"""Photos are taken as people have them sorted, or it is said what to do."""

import hashlib
import json
import os
import unicodedata
import zipfile
from pathlib import PurePosixPath

import layout_cases
import numpy as np
import pytest
from clone import contents
from make_photos import FRACTIONS, noise, problems, put, saved
from PIL import Image

from helpers.dataset import (
    corrections,
    layouts,
    photo_file,
    scan,
    splits,
)
from tools import check

CLASSES = ("bent", "good")


def jpeg(seed):
    return saved(noise(seed), "JPEG")


@pytest.fixture
def fill(tmp_path, monkeypatch):
    """Puts new photos into `mine`: {folder, or name with {}: how many}."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    mine = tmp_path / "mine"
    mine.mkdir()
    seeds = iter(range(10**6))

    def fill(counts):
        for name, count in counts.items():
            name = name if "{}" in name else f"{name}/{{}}.jpg"
            for number in range(count):
                path = mine / name.format(number)
                kind = {".jpg": "JPEG", ".png": "PNG"}[path.suffix]
                put(path.parent, {path.name: saved(noise(next(seeds)), kind)})
        return mine

    return fill


def write(folder, texts):
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def refused(folder, **options):
    """The sentence with which a folder is refused; nothing is changed."""
    before = contents(folder) if folder.is_dir() else None
    with pytest.raises(layouts.FolderError) as caught:
        scan.check(folder, **options)
    assert before is None or contents(folder) == before
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def nested(outer, inner, count=2):
    return {f"{o}/{i}": count for o in outer for i in inner}


# --- Layouts that are taken -------------------------------------------------


def command(folder, options):
    """The arguments of the command line that are those of `scan.check`."""
    named = {"class_pattern": "class", "group_pattern": "group"}
    return [
        str(folder),
        *(f"--{named.get(k, k)}={value}" for k, value in options.items()),
    ]


@pytest.mark.parametrize("case", layout_cases.CASES, ids=lambda c: c.layout)
def test_a_layout_gives_its_classes_and_splits(fill, case, capsys):
    folder = fill(case.photos)
    write(folder, case.texts)
    before = contents(folder)
    assert check.main(command(folder, case.options)) in (0, 1)
    assert case.words in capsys.readouterr().out
    checked = scan.check(folder, **case.options)
    assert checked.counts() == case.counts
    parts = splits.split(checked, FRACTIONS)
    names = [name for part in parts for name in part.names]
    assert sorted(names) == sorted(photo.name for photo in checked.photos)
    assert len(set(names)) == len(names) == sum(case.counts.values())
    assert all((folder / name).is_file() for name in names)
    sizes = {part.name: len(part) for part in parts}
    assert sizes | case.splits == sizes and min(sizes.values()) > 0
    for part in parts:
        assert {part.class_names[i] for i in part.labels} == {*case.counts}
    assert contents(folder) == before


def test_the_table_of_layouts_in_the_documentation_is_of_these_cases():
    assert layout_cases.table() in layout_cases.README.read_text("utf-8")


def test_splits_of_the_folder_hold_their_own_photos(fill):
    folder = fill(nested(("train", "val", "test"), CLASSES, 4))
    put(folder / "test", {"unsorted.jpg": jpeg(10**6)})
    fill({"unlabeled": 3})
    checked = scan.check(folder)
    for part in splits.split(checked, FRACTIONS):
        outer = {name.partition("/")[0] for name in part.names}
        assert outer == {"val" if part.name == "validation" else part.name}
    left_out = problems(checked)
    assert left_out["test/unsorted.jpg"] == "not in a class folder"
    assert left_out["unlabeled/"].startswith("no class folders in it")
    assert checked.excluded() == 4


def test_a_table_gives_groups_and_splits(fill):
    folder = fill({".": 40})
    lines = [
        f"{n},{CLASSES[n % 2]},part{n // 4},{('train', 'val')[n // 4 % 2]}"
        for n in range(40)
    ]
    write(folder, {"my.csv": "\n".join(["id,target,group,split", *lines])})
    checked = scan.check(folder, labels="my.csv")
    train, validation, test = splits.split(checked, FRACTIONS)
    assert len(validation) == 20 and len(train) + len(test) == 20
    for part in (train, validation, test):
        assert len(part) % 4 == 0 and set(part.labels) == {0, 1}


def test_a_table_of_patients_and_of_ones_and_zeros(fill):
    folder = fill({".": 40})
    lines = [f"{n},p{n // 4},{n % 2:.1f},{1 - n % 2:.1f}" for n in range(40)]
    write(folder, {"my.csv": "\n".join(["image,Patient ID,odd,even", *lines])})
    checked = scan.check(folder, labels="my.csv")
    assert checked.counts() == {"even": 20, "odd": 20}
    assert {p.group for p in checked.photos} == {f"p{n}" for n in range(10)}


def test_a_table_of_label_studio_is_found(fill):
    folder = fill({"upload": 40})
    lines = [f"{n},{CLASSES[n % 2]},/data/upload/1/{n}.jpg" for n in range(40)]
    write(folder, {"project.csv": "\n".join(["id,choice,image", *lines])})
    assert scan.check(folder).counts() == {"bent": 20, "good": 20}


def test_a_table_elsewhere_names_files_of_deeper_folders(fill, tmp_path):
    folder = fill({"x/1": 20, "x/2": 20, "y": 5})
    lines = [f"x\\1\\{n}.jpg,a\nC:/2/x/2/{n}.jpg,b" for n in range(20)]
    write(tmp_path, {"t.csv": "\n".join(["Path,Class", *lines])})
    with pytest.raises(layouts.FolderError, match="row 3: C:/2/x/2/0.jpg may"):
        scan.check(folder, labels=str(tmp_path / "t.csv"))
    lines = [line.replace("C:/2/", "") for line in lines]
    write(tmp_path, {"t.csv": "\n".join(["Path,Class", *lines])})
    checked = scan.check(folder, labels=str(tmp_path / "t.csv"))
    assert checked.counts() == {"a": 20, "b": 20}
    assert problems(checked)["y/0.jpg"] == "not listed in t.csv"


def test_labels_are_corrected_in_any_layout(fill):
    folder = fill({"bent_{}.jpg": 20, "good_{}.jpg": 20})
    options = {"class_pattern": r"^([a-z]+)_"}
    train, *_ = splits.split(scan.check(folder, **options), FRACTIONS)
    wrong, right = train.names[0], 1 - train.labels[0]
    was = train.class_names[train.labels[0]]
    corrections.note(folder, wrong, train.class_names[right], was)
    corrections.apply(folder)
    train, *_ = splits.split(scan.check(folder, **options), FRACTIONS)
    assert train.labels[train.names.index(wrong)] == right
    corrections.note(folder, wrong, was, train.class_names[right])
    assert corrections.noted(folder) == {}


def test_two_photos_of_one_number_are_no_mask_of_each_other(fill):
    counts = {"good/{}.jpg": 3, "good/a{}.png": 5, "good/{}.png": 2, "bent": 9}
    assert scan.check(fill(counts)).counts() == {"bent": 9, "good": 10}


def test_classes_named_as_masks_are_classes(fill):
    counts = {"mask": 9, "no_mask": 9, "masks/{}.png": 9}
    names = scan.check(fill(counts)).class_names
    assert names == ("mask", "masks", "no_mask")


# --- Groups -----------------------------------------------------------------


def test_photos_of_a_group_are_in_one_split(fill):
    folder = fill({"bent/part{}_b.jpg": 20, "good/part{}_g.jpg": 20})
    for name, letters in (("good", "xyz"), ("bent", "uvw")):
        fill({f"{name}/part{{}}_{letter}.jpg": 20 for letter in letters})
    checked = scan.check(folder, group_pattern=r"(part\d+)_")
    assert "160 photos are in 20 groups" in checked.notes[0]
    seen = {}
    for part in splits.split(checked, FRACTIONS):
        assert set(part.labels) == {0, 1}
        for name in part.names:
            group = name.partition("/")[2].partition("_")[0]
            assert seen.setdefault(group, part.name) == part.name
    assert len(seen) == 20 and set(seen.values()) == {*layouts.SPLITS}


def test_a_class_of_two_groups_is_named_and_not_split(fill):
    folder = fill({"bent/a1_{}.jpg": 10, "bent/a2_{}.jpg": 10})
    fill({f"good/{letter}0_{{}}.jpg": 5 for letter in "abcd"})
    checked = scan.check(folder, group_pattern=r"^(..)_")
    what = "its photos are all in 2 groups, and each of the three splits"
    assert problems(checked)["bent/"].startswith(what)
    with pytest.raises(ValueError, match="bent has 20 photos in 2 groups"):
        splits.split(checked, FRACTIONS)


def test_a_group_may_be_in_the_path(fill):
    folder = fill({f"{c}/p{n}": 4 for c in CLASSES for n in range(6)})
    checked = scan.check(folder, group_pattern=r"(p\d)/")
    assert "48 photos are in 6 groups" in checked.notes[-1]
    for part in splits.split(checked, FRACTIONS):
        groups = [name.split("/")[1] for name in part.names]
        assert {groups.count(group) for group in groups} == {8}


def test_a_group_in_two_splits_of_the_folder_is_told(fill):
    folder = fill({f"{s}/{c}/p{{}}_{s}.jpg": 5 for s in ("train", "test")
                   for c in CLASSES})  # fmt: skip
    checked = scan.check(folder, group_pattern=r"(p\d)")
    what = "photos of 5 groups, such as those of p0, are in more than one of"
    assert problems(checked)["mine/"].startswith(what)
    assert not any("stay in one split" in note for note in checked.notes)


# --- ZIP files --------------------------------------------------------------


@pytest.fixture
def pack(fill, tmp_path):
    """Packs {name: content} into a ZIP file."""

    def pack(content_of, **options):
        path = tmp_path / "my_parts.zip"
        with zipfile.ZipFile(path, "w", **options) as archive:
            for name, content in content_of.items():
                archive.writestr(name, content)
        return path

    return pack


@pytest.mark.parametrize("slash", ["/", "\\"])
def test_a_zip_is_unpacked_once_and_taken(pack, tmp_path, slash, capsys):
    photos = {
        f"my_parts{slash}{name}{slash}{i}.jpg": jpeg(40 * number + i)
        for number, name in enumerate(CLASSES)
        for i in range(20)
    }
    path = pack(photos | {"__MACOSX/._1.jpg": b"\0\5\x16\7"})
    before = path.read_bytes()
    assert check.main([str(path)]) == 0
    checked = scan.check(path)
    assert checked.counts() == dict.fromkeys(CLASSES, 20)
    assert checked.path.is_relative_to(tmp_path / "work")
    times = {p: p.stat().st_mtime_ns for p in checked.path.rglob("*")}
    corrections.note(path, checked.photos[0].name, "good", "bent")
    corrections.apply(path)
    assert scan.check(path).counts() == {"bent": 19, "good": 21}
    assert {p: p.stat().st_mtime_ns for p in times} == times
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 3
    put(tmp_path / "downloads", {"my_parts.zip": before})
    assert "my_parts.zip itself" in refused(tmp_path / "downloads")


def test_a_zip_writes_nothing_outside(pack, tmp_path):
    names = ("../x.jpg", "a/../../y.jpg", "/z.jpg", "bent/1.jpg", "good/1.jpg")
    checked = scan.check(pack({n: jpeg(i) for i, n in enumerate(names)}))
    assert {"bent", "good"} <= {*checked.class_names}
    outside = {p.name for p in tmp_path.iterdir()}
    assert outside == {"mine", "work", "my_parts.zip"}


def test_a_broken_zip_is_refused_and_nothing_is_left(pack, tmp_path):
    path = pack({"good/1.jpg": jpeg(1), "bent/1.jpg": jpeg(2)})
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"xxxx" + whole[104:])
    assert "a broken archive" in refused(path)
    assert not any((tmp_path / "work" / "unpacked").iterdir())
    path.write_bytes(whole[:-30])
    assert "copy it again" in refused(path)
    locked = whole[:6] + b"\1" + whole[7:]  # in the first header ...
    at = locked.index(b"PK\1\2") + 8  # ... and in the directory
    path.write_bytes(locked[:at] + b"\1" + locked[at + 1 :])
    assert "password required" in refused(path)


def test_a_zip_that_python_does_not_unpack_is_refused(pack, tmp_path):
    path = pack({"good/1.jpg": jpeg(1), "bent/1.jpg": jpeg(2)})
    packed = path.read_bytes()
    deflate64 = packed[:8] + b"\x09" + packed[9:]  # in the first header ...
    at = packed.index(b"PK\1\2") + 10  # ... and in the directory
    path.write_bytes(deflate64[:at] + b"\x09" + deflate64[at + 1 :])
    assert "it can't be unpacked here (That compression" in refused(path)
    path = pack({f"good/{'x' * 300}.jpg": jpeg(1)})
    sentence = refused(path)
    assert sentence.startswith(f"{path}: it can't be unpacked here (")
    assert "unpack it yourself" in sentence and ".part-" not in sentence
    assert not any((tmp_path / "work" / "unpacked").iterdir())


# --- Folders that are refused -----------------------------------------------


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"train": 6, "Valid": 2, "TEST": 2}, "10 pictures in it, not sorted "
         "into two classes or more: TEST/ 2, Valid/ 2, train/ 6. What works:"),
        (nested(("train", "val"), ("images",)),
         "train/ 2 (images/ 2), val/ 2 (images/ 2)"),
        ({".": 7}, "7 pictures right in it. What works: a folder of photos "
         "for each class; train/ and test/ with a folder for each class in"),
        ({"two\nlines": 2}, "two\\nlines/ 2"),
        ({"good": 4, ".": 2, "bent": 0}, "2 pictures right in it, good/ 4"),
        ({"a_{}.jpg": 4, "b_{}.jpg": 4}, "would give 2 classes: a 4, b 4; to "
         'use them write class_pattern=r"^(.+)_\\d+" in dataset.check (CLASS '
         "in lesson 08), or --class '^(.+)_\\d+' after"),
        ({"x/a{}.jpg": 4, "x/b{}.jpg": 4}, "2 classes: a 4, b 4"),
        ({"train/a.{}.jpg": 4, "train/b.{}.jpg": 4, "test1/{}.jpg": 3},
         "would give 2 classes: a 4, b 4; to use them write class_pattern"),
        ({"a": 1}, "1 picture in it, not sorted"),
        ({"bent": 0}, "there is no file in it, only empty folders (bent/)"),
        ({}, "there is no file in it; give"),
    ],
)  # fmt: skip
def test_another_layout_is_refused_with_the_tree(fill, counts, words):
    folder = fill(counts)
    for name in counts:
        if "{}" not in name:
            (folder / name).mkdir(exist_ok=True)
    sentence = refused(folder)
    assert sentence.startswith(str(folder)) and words in sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,label\n0.jpg,a\n9.jpg,b\n8.jpg,b\n", "row 3: there is no "
         "photo 9.jpg (1 more row like this); add it or delete the row"),
        ("file,price\n0.jpg,3\n", "no column is called label, only file, "
         "price; name the columns file and label"),
        ("label;x\na;3\n", "no column is called file, only label, x"),
        ("file,label\n0.jpg,a\n1.jpg,\n", "row 3: '1.jpg' has the label ''"),
        ("file,label\n0.jpg,a\n1.jpg,../b\n", "a label without slashes"),
        ("file,label\n0.jpg,a\n0,b\n", "0.jpg has another label in row 2"),
        ("file,label,split\n0.jpg,a,x\n1.jpg,b,test\n", "the split 'x' is "
         "none of train, validation, test"),
        ("", "not a CSV file in UTF-8 that can be read; save the table as "),
        ("file,a,b\n0.jpg,1.0,0.0\n1.jpg,1.0,1.0\n", "is called label"),
    ],
)  # fmt: skip
def test_a_bad_table_is_one_sentence(fill, text, words, capsys):
    folder = fill({".": 3})
    write(folder, {"my.csv": text})
    sentence = refused(folder, labels="my.csv")
    assert "my.csv" in sentence and words in sentence
    assert check.main([str(folder), "--labels", "my.csv"]) == 2
    assert sentence in capsys.readouterr().err
    assert "my.csv" in refused(folder) or "split" in words


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"class_pattern": "("}, "class pattern '(' is no regular expression"),
        ({"class_pattern": "a"}, "class pattern 'a' has no group in paren"),
        ({"class_pattern": "(x)"}, "class pattern '(x)' is in no name of a "
         "photo, such as '"),
        ({"group_pattern": "(x"}, r"write one such as '(part\d+)_'."),
        ({"group_pattern": "()"}, "is in no name"),
        ({"labels": "no.csv"}, "no.csv: there is no such file"),
        ({"labels": "no.csv", "class_pattern": "(x)"}, "give one of them"),
        ({"shape": "round"}, "shape is 'round'; give one of squeeze, crop"),
    ],
)  # fmt: skip
def test_a_bad_option_is_one_sentence(fill, options, words, capsys):
    folder = fill(dict.fromkeys(CLASSES, 3))
    assert words in refused(folder, **options)
    assert check.main(command(folder, options)) == 2
    printed = capsys.readouterr()
    assert words in printed.err and printed.out == ""


def test_a_table_that_fits_only_in_part_is_named(fill):
    folder = fill({".": 3})
    write(folder, {"a.csv": "file,label\n0.jpg,a\n7.jpg,b\n"})
    assert "No use is made of" in refused(folder)
    assert "a.csv, row 3: there is no photo 7.jpg" in refused(folder)


def test_of_two_tables_that_fit_one_is_to_be_chosen(fill):
    folder = fill({".": 2})
    table = "file,label\n0.jpg,a\n1.jpg,b\n"
    write(folder, {"a.csv": table, "b.csv": table.replace("a\n", "c\n")})
    assert "a.csv, b.csv may be tables of labels; give one" in refused(folder)
    assert scan.check(folder, labels="b.csv").class_names == ("b", "c")


@pytest.mark.parametrize("name", ["labels.json", "labels.xlsx"])
def test_labels_in_other_files_are_to_be_saved_as_a_table(fill, name):
    folder = fill({".": 3})
    assert "save them as a CSV file" not in refused(folder)
    put(folder, {name: b"PK\3\4" if name.endswith("xlsx") else b"{}"})
    words = f"in *{PurePosixPath(name).suffix}, save them as a CSV file"
    assert words in refused(folder)


def test_an_export_for_object_detection_is_refused(fill):
    folder = fill({"images/train": 3, "images/val": 3})
    write(folder, {f"labels/{split}/0.txt": "0 .5" for split in ("train", "")})
    assert "object detection; export the data set again" in refused(folder)


def test_a_folder_of_other_files_is_refused(fill):
    folder = fill({})
    put(folder / "a", {f"{i}.npy": b"\x93NUMPY" for i in range(3)})
    assert "only other files: 3 *.npy" in refused(folder)


@pytest.mark.parametrize("end", [".tar.zst", ".zipx", ".zip.001", ".7z"])
def test_archives_are_known_by_their_names(fill, end):
    folder = fill({})
    put(folder, {f"photos{end}": b"PK\3\4"})
    assert ": an archive that is not opened" in refused(
        folder / f"photos{end}"
    )
    assert f"it holds no photos, but photos{end}; unpack" in refused(folder)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken.zip", "a broken archive (File is not a zip file); copy it"),
        ("0.jpg", "a single picture, not a folder"),
        ("notes.txt", "a file, not a folder"),
        ("no\n\x1bsuch", r"no\n\x1bsuch: there is no such folder"),
    ],
)
def test_what_is_no_folder_is_refused(tmp_path, name, words):
    put(tmp_path, {"broken.zip": b"PK\3\4", "0.jpg": b"x", "notes.txt": b"x"})
    assert words in refused(tmp_path / name)


def test_photos_that_cannot_be_read_are_the_cause(fill, capsys):
    folder = fill({})
    for name in CLASSES:
        put(folder / name, {f"{i}.jpg": b"<html>" for i in range(3)})
    sentence = refused(folder)
    assert (
        "no photo can be used: a web page, not a photo (6 files)" in sentence
    )
    assert check.main([str(folder)]) == 2
    printed = capsys.readouterr()
    assert "bent/0.jpg" in printed.out and sentence in printed.err
    assert check.main([str(folder), "--json"]) == 2
    *rows, last = json.loads(capsys.readouterr().out)
    assert len(rows) == 6 and rows[0]["problem"] == "a web page, not a photo"
    assert last["problem"] == sentence


def test_the_only_class_left_is_named_with_what_became_of_the_others(fill):
    folder = fill({"good": 3})
    put(folder / "bent", {"1.jpg": b""})
    sentence = refused(folder)
    assert "only good has photos that can be used" in sentence
    assert "the file is empty (1 file)" in sentence


def test_folders_that_may_not_be_opened_are_named(fill, monkeypatch):
    folder = fill({"bent": 3, "good": 3, "c": 1})
    scandir, locked = os.scandir, folder / "c"

    def refuse(path):
        if str(path) == str(locked):
            raise PermissionError(13, "no", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    checked = scan.check(folder)
    assert "c/" in [p.name for p in checked.problems if p.excluded]
    words = "you have no permission to open it"
    assert words in [p.problem for p in checked.problems]
    locked = folder
    with pytest.raises(layouts.FolderError, match=f"mine: {words}"):
        scan.check(folder)


# --- Folders beside the classes ---------------------------------------------


@pytest.mark.parametrize("inner", [("Good", "BENT"), ("good",)])
def test_folders_named_as_the_classes_are_no_class(fill, inner):
    counts = dict.fromkeys(CLASSES, 20) | nested(("copies",), inner)
    checked = scan.check(fill(counts))
    (problem,) = checked.problems
    assert (problem.name, problem.excluded) == ("copies/", True)
    assert problem.files == checked.excluded() == 2 * len(inner)
    assert "named as the others here" in problem.problem


@pytest.mark.parametrize("name", ["test", "trainval", "Unsorted", "predict"])
def test_a_class_named_as_a_split_or_as_unsorted_is_kept_and_named(fill, name):
    checked = scan.check(fill({"good": 20, "bent": 20, f"{name}/more": 20}))
    (problem,) = checked.problems
    assert (problem.name, problem.excluded) == (f"{name}/", False)
    assert "taken as a class, though" in problem.problem
    assert name in checked.class_names


def test_classes_that_only_begin_as_splits_do_are_no_problem(fill):
    names = ("tester", "validated", "trainer", "device", "evaluate")
    assert scan.check(fill(dict.fromkeys(names, 20))).problems == ()


def test_a_copy_of_the_splits_inside_them_is_left_out(fill):
    folder = fill(nested(("train", "test"), CLASSES, 10))
    fill({f"copy/{s}/{c}": 3 for s in ("train", "test") for c in CLASSES})
    checked = scan.check(folder)
    assert checked.counts() == {"bent": 20, "good": 20}
    assert checked.excluded() == 12 and "copy/" in problems(checked)


def test_a_folder_around_the_splits_beside_another_is_named(fill):
    counts = nested(("data/train", "data/test"), CLASSES, 10)
    checked = scan.check(fill(counts | {"sample": 20}))
    what = "taken as a class, though it holds test/, train/"
    assert problems(checked) == {"data/": what}


def test_links_to_folders_around_them_count_no_file(fill):
    folder = fill({"good": 20, "bent": 20})
    (folder / "self").symlink_to(".")
    (folder / "up").symlink_to("..")
    (folder / "good" / "around").symlink_to(folder)
    (folder / "good" / "other").symlink_to(folder / "bent")
    checked = scan.check(folder)
    up = "a link to a folder that it lies in"
    assert problems(checked) == {
        "self/": up, "up/": up, "good/around/": up,
        "good/other/": "the same folder as bent/, through a link",
    }  # fmt: skip
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
    ("name", "other"),
    [
        (unicodedata.normalize("NFD", "Käfer"), "Käfer"),
        *(("zw\u200b", "zw"), ("a  b", "a b"), ("good.", "good")),
        *(("katze", "Katze"), ("\uff47ood", "good"), ("\ufb01le", "file")),
        ("Good ", "good."),
    ],
)
def test_names_that_only_look_the_same_are_named(name, other):
    (problem,) = layouts.lookalikes([other, name])
    assert problem.name == f"{name}/"
    assert f"{name!r} and {other!r} differ only in" in problem.problem


def test_look_alike_classes_stay_apart_and_others_are_no_problem(fill):
    checked = scan.check(fill({"Katze": 20, "katze ": 20, "Katzen": 20}))
    assert checked.class_names == ("Katze", "Katzen", "katze ")
    ((name, words),) = problems(checked).items()
    assert name == "katze /" and words.startswith("'katze ' and 'Katze' ")
    names = ["Katze", "Kätze", "10", "1", "a b", "ab", "v1.0", "v10"]
    assert layouts.lookalikes(names) == []


def test_the_smallest_and_largest_photos_are_those_by_area(fill, capsys):
    folder = fill({"good": 2, "bent": 2})
    for width, height in ((90, 2000), (300, 100), (100, 300)):
        image = Image.new("RGB", (width, height), (width % 256, 0, 0))
        image.save(folder / "good" / f"{width}.png")
    scan.check(folder).report()
    assert "sizes: 90×80 to 90×2000 pixels" in capsys.readouterr().out


# --- Random trees -----------------------------------------------------------

FOLDERS = (
    "good", "bent", "train", "test", "valid", "a", ".b", "#recycle", "masks",
    "__MACOSX", ".git", "two\nlines", "\u00fc", " ", "lost+found", "images",
    "-x", "train_set", "$(x)", "a\\b", "u\u0308",
)  # fmt: skip
FILES = (
    "1.jpg", "2.JPG", ".3.jpg", "4.png", "5.xmp", "._1.jpg", ".DS_Store",
    "README", "pack.zip", "film.mov", "6.png", "7", "8.tif", "1.png",
    "1_mask.png", "good_1.jpg", "bent_2.jpg", "x.rf." + 20 * "a" + ".jpg",
    "..jpg", "\n.jpg", "\udcff.jpg", "1.jpg.icloud", "\u202e.jpg", "a\\b.gif",
)  # fmt: skip
TABLE = "file,label\n1.jpg,good\n2.JPG,bent\n"
OPTIONS = (
    *({},) * 6,
    {"class_pattern": r"^(.+)_\d"}, {"group_pattern": r"(\d)"},
    {"labels": "labels.csv"},
)  # fmt: skip


def grow(rng, folder, depth=0):
    """Make a random tree of folders, files and links."""
    folder.mkdir()
    for name in rng.choice(FILES, rng.integers(0, 7), replace=False):
        content = b"" if rng.random() < 0.1 else rng.bytes(2)
        (folder / name).write_bytes(content)
    if rng.random() < 0.1:
        (folder / "labels.csv").write_text(TABLE)
    if rng.random() < 0.05:
        (folder / "nowhere.jpg").symlink_to("gone")
    fewest = 0 if depth else 2
    for name in rng.choice(FOLDERS, fewest + rng.integers(3), replace=False):
        path = folder / name
        if rng.random() < 0.05:
            path.symlink_to((".", "..", name, "nowhere")[rng.integers(4)])
        elif depth < 2:
            grow(rng, path, depth + 1)


def look(file, name, class_name, *_):
    """What `photo_file.look` does, for files of two bytes."""
    name = photo_file.printed(name)
    content = file.read_bytes() if file.is_file() else b""
    if not content or "\\udc" in name:
        return None, [photo_file.Problem(name, "empty", "Copy.", True)]
    key = hashlib.sha256(content).hexdigest()
    thumbnail = np.random.default_rng([*content]).bytes(32 * 32 * 3)
    return photo_file.Photo(file, name, class_name, key, 80, 80, thumbnail), []


def require_all_named(folder, checked):
    """Require that each file is used, named, or counted with its kind."""
    used = {photo.name for photo in checked.photos}
    left_out = {p.name for p in checked.problems if p.excluded}
    assert not used & left_out
    told = used | left_out | checked.ignored.keys() | {"labels.csv"}
    for parent, _, files in os.walk(folder):
        for file in files:
            path = PurePosixPath(parent, file).relative_to(folder)
            folders = {f"{part}/" for part in (*path.parts, *path.parents)}
            kind = f"*{path.suffix.lower()}" if path.suffix else "no suffix"
            names = {file, str(path), kind, file[:2] + "*", *folders}
            assert {photo_file.printed(name) for name in names} & told


def test_random_trees_are_split_whole_or_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    monkeypatch.setattr(photo_file, "look", look)
    rng = np.random.default_rng(0)
    outcomes = {"split": 0, "small": 0, "refused": 0}
    for number in range(1000):
        folder = tmp_path / str(number)
        grow(rng, folder)
        try:
            checked = scan.check(folder, **OPTIONS[number % len(OPTIONS)])
        except layouts.FolderError as error:
            assert "\n" not in str(error)
            outcomes["refused"] += 1
            continue
        require_all_named(folder, checked)
        try:
            parts = splits.split(checked, FRACTIONS)
        except ValueError as error:
            assert str(error).startswith(str(folder))
            outcomes["small"] += 1
            continue
        outcomes["split"] += 1
        names = [name for part in parts for name in part.names]
        assert sorted(names) == sorted(p.name for p in checked.photos)
        assert len({key for part in parts for key in part.keys}) == len(names)
    assert min(outcomes.values()) > 50, outcomes
