"""A folder of photos is checked, split and read as the lessons say."""

import csv
import shutil

import numpy as np
import pytest
from make_photos import FRACTIONS, noise, png, problems, put, two_classes

from helpers.dataset import corrupted, pipeline, scan, splits


@pytest.fixture
def folder(tmp_path, monkeypatch):
    return two_classes(tmp_path, monkeypatch)


def split_again(folder):
    return splits.split(scan.check(folder), FRACTIONS)


def test_a_good_folder_has_no_problems(folder, capsys):
    checked = scan.check(folder)
    assert checked.class_names == ("a", "b")
    assert checked.counts() == {"a": 25, "b": 25}
    assert checked.problems == ()
    checked.report()
    out = capsys.readouterr().out
    assert "50 photos of 2 classes, 0 files excluded" in out
    assert "sizes: 90×80 pixels\n" in out
    assert "no problems found" in out


# --- Copies -----------------------------------------------------------------


def test_a_copy_is_used_once(folder):
    shutil.copy(folder / "a" / "0.png", folder / "a" / "copy.png")
    checked = scan.check(folder)
    assert problems(checked) == {"a/copy.png": "a copy of a/0.png"}
    assert len(checked.photos) == 50


def test_one_picture_under_two_labels_is_left_out_of_both(folder, capsys):
    shutil.copy(folder / "a" / "0.png", folder / "b" / "copy.png")
    checked = scan.check(folder)
    first, second = checked.problems
    assert (first.name, second.name) == ("a/0.png", "b/copy.png")
    assert "the same photo as b/copy.png" in first.problem
    assert first.excluded and second.excluded
    checked.report()
    assert "49 photos of 2 classes, 2 files excluded" in (
        capsys.readouterr().out
    )


def test_a_copied_class_folder_is_one_line(folder, capsys):
    put(folder / "c", {f"{i}.png": png(i) for i in range(20)})
    shutil.copytree(folder / "a", folder / "a - Copy")
    (folder / "a - Copy" / "0.png").unlink()
    put(folder / "a - Copy", {"new.png": png(99)})
    checked = scan.check(folder)
    assert checked.excluded() == 48
    checked.report()
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if "(excluded)" in line]
    assert "45 more: the same photos are in a/ and in a - Copy/" in line
    assert "Move one of the folders away" in line
    shutil.rmtree(folder / "b")
    shutil.rmtree(folder / "c")
    (folder / "a" / "0.png").unlink()
    (folder / "a - Copy" / "new.png").unlink()
    with pytest.raises(ValueError, match="Move one of the folders") as error:
        scan.check(folder)
    assert "are in a/ and in a - Copy/ (48 files)" in str(error.value)


@pytest.mark.parametrize("again", ["{} (1).png", "{} - Copy.png"])
def test_many_copies_in_a_class_are_one_line_and_originals_stay(
    folder, again, capsys
):
    for path in (folder / "a").glob("*.png"):
        shutil.copy(path, folder / "a" / again.format(path.stem))
    checked = scan.check(folder)
    assert {p.path.stem for p in checked.photos} == set(map(str, range(25)))
    checked.report()
    out = capsys.readouterr().out
    assert "22 more: a copy of another photo in a/ (excluded)" in out
    assert out.count("a copy of") == 1


# --- Splits -----------------------------------------------------------------


def test_the_splits_hold_each_photo_once_in_an_order_that_mixes_classes(
    folder,
):
    parts = split_again(folder)
    assert [part.name for part in parts] == ["train", "validation", "test"]
    keys = [key for part in parts for key in part.keys]
    assert len(keys) == len(set(keys)) == 50
    assert len(parts[0]) > len(parts[1])
    for part in parts:
        for path, label in zip(part.paths, part.labels, strict=True):
            assert f"/{part.class_names[label]}/" in path.replace("\\", "/")
    assert np.count_nonzero(np.diff(parts[0].labels)) > 3
    assert [part.paths for part in split_again(folder)] == [
        p.paths for p in parts
    ]
    taken = parts[0].take([3, 1])
    assert taken.paths == [parts[0].paths[3], parts[0].paths[1]]
    assert taken.keys == [parts[0].keys[3], parts[0].keys[1]]
    assert taken.key != parts[0].key


def test_no_photo_moves_when_others_come_or_are_renamed(folder):
    before = split_again(folder)
    put(folder / "a", {f"new{i}.png": png(i) for i in range(20)})
    (folder / "b" / "1.png").rename(folder / "b" / "zzz.png")
    for old, new in zip(before, split_again(folder), strict=True):
        assert set(old.keys) <= set(new.keys)


def test_the_manifest_holds_what_the_split_depends_on(folder):
    for name in ("train", "test"):
        shutil.copytree(folder / "a", folder.parent / "new" / name / "a")
        shutil.copytree(folder / "b", folder.parent / "new" / name / "b")
    for path in (folder.parent / "new" / "test").glob("*/*"):
        png_of = noise(int(path.stem) + 3000 + ord(path.parent.name))
        png_of.save(path)
    checked = scan.check(folder.parent / "new", group_pattern=r"^(\d)")
    splits.split(checked, FRACTIONS)
    with open(splits.manifest_path(checked), encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    noted = {r["sha256"]: (r["folder_split"], r["group"]) for r in rows}
    assert noted == {p.sha256: (p.split, p.group) for p in checked.photos}
    assert {split for split, _ in noted.values()} == {"train", "test"}


def test_the_manifest_says_where_each_photo_is(folder):
    checked = scan.check(folder)
    parts = splits.split(checked, FRACTIONS)
    path = splits.manifest_path(checked)
    with open(path, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 50
    for part in parts:
        of_part = [row for row in rows if row["split"] == part.name]
        assert {row["sha256"] for row in of_part} == set(part.keys)
        names = {f"{row['class']}/{row['file']}" for row in of_part}
        assert all(any(p.endswith(n) for n in names) for p in part.paths)
    assert folder not in path.parents


@pytest.mark.parametrize(
    "fractions",
    [
        *((60, 20), (60, 0, 20), (60, -1, 20), (1, 1, 1, 1)),
        *(("a", 1, 1), None, 60, "abc"),
        *((float("nan"), 1, 1), (1, 1, float("nan")), (1e308,) * 3),
    ],
)
def test_wrong_fractions_are_refused(folder, fractions):
    with pytest.raises(ValueError, match="FRACTIONS is .* three positive"):
        splits.split(scan.check(folder), fractions)


@pytest.mark.parametrize("same", [[0.6, 0.2, 0.2], np.array([3, 1, 1])])
def test_fractions_of_other_types_split_in_the_same_way(folder, same):
    parts = splits.split(scan.check(folder), same)
    assert [p.keys for p in parts] == [p.keys for p in split_again(folder)]


def test_the_split_says_how_many_files_are_left_out(folder, capsys):
    split_again(folder)
    assert capsys.readouterr().out == ""
    for name, words in (("1", "1 file of mine is"), ("2", "2 files of mine")):
        (folder / "a" / f"empty{name}.jpg").touch()
        split_again(folder)
        assert words in capsys.readouterr().out


def test_photos_that_are_nearly_the_same_are_in_one_split(folder, capsys):
    for quality in range(75, 99, 3):  # their hashes belong to three splits
        noise(1000).save(folder / "a" / f"{quality}.jpg", quality=quality)
    holding = [
        part.name
        for part in split_again(folder)
        if any(name.endswith(".jpg") for name in part.names)
    ]
    assert len(holding) == 1
    assert capsys.readouterr().out == ""


# --- Other folders ----------------------------------------------------------


def test_a_folder_that_lies_in_the_project_is_pointed_at(
    folder, monkeypatch, tmp_path
):
    monkeypatch.setattr("helpers.dataset.tree.ROOT", folder.parent)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    with pytest.raises(ValueError) as caught:
        scan.check(folder.name)
    there = str(caught.value).split("give '")[1].rstrip("'.")
    assert scan.check(there).class_names == scan.check(folder).class_names
    with pytest.raises(ValueError, match="gone: there is no such folder at "):
        scan.check("gone")


def test_a_folder_with_other_classes_is_refused(folder):
    with pytest.raises(ValueError, match="a, b, not a, c"):
        splits.whole_folder(folder, ("a", "c"))


@pytest.fixture
def demo(folder, monkeypatch):
    """Makes the folder with faults of a lesson."""
    monkeypatch.setenv("WORKBOOK_WORK", str(folder.parent / "work"))
    checked = scan.check(folder)
    return lambda lesson: corrupted.corrupted_demo(checked, lesson)


def test_the_demo_has_three_faults_and_spares_the_folder(folder, demo):
    before = sorted(p.read_bytes() for p in folder.glob("*/*"))
    small = demo("01_data_prep")
    found = scan.check(small).problems
    excluded = {p.name for p in found if p.excluded}
    assert {"a/empty.jpg", "b/page.jpg", "a/copy.jpg"} < excluded
    assert len(excluded) == 4  # the copy, and what it is a copy of
    assert sorted(p.read_bytes() for p in folder.glob("*/*")) == before


def test_two_lessons_do_not_share_a_demo(folder, demo):
    first = demo("01_data_prep")
    before = sorted(first.rglob("*"))
    added = corrupted.add_a_photo(first, scan.check(folder))
    assert added.exists() and added.parent == first / "a"
    second = demo("07_ship_it")
    assert added.exists() and not (second / "a" / added.name).exists()
    # Made again in its own lesson, it is as it was, under the same name.
    assert demo("01_data_prep") == first
    assert sorted(first.rglob("*")) == before


# --- Pixels -----------------------------------------------------------------


def test_photos_are_read_in_order(folder):
    paths = [str(folder / "a" / "0.png"), str(folder / "b" / "1.png")]
    both = pipeline.load_photos(paths)
    assert both.shape == (2, 299, 299, 3) and both.dtype == "uint8"
    assert both.max() > 200
    assert np.array_equal(both[1], pipeline.load_photo(paths[1]))


def test_batches_keep_photos_and_labels_together(folder):
    split = splits.whole_folder(folder, ("a", "b"))
    for _ in range(2):
        pixels, labels = zip(*pipeline.single_pass(split, 16), strict=True)
        assert [len(batch) for batch in pixels] == [16, 16, 16, 2]
        assert np.array_equal(np.concatenate(labels), split.labels)
        expected = pipeline.load_photos(split.paths)
        assert np.array_equal(np.concatenate(pixels), expected)


def test_a_folder_that_changed_since_is_noticed(folder):
    split = splits.whole_folder(folder, ("a", "b"))
    put(folder / "a", {"0.png": png(77)})
    with pytest.raises(ValueError, match="0.png holds another photo"):
        pipeline.single_pass(split)
    (folder / "a" / "0.png").unlink()
    with pytest.raises(ValueError, match="0.png can no longer be read"):
        pipeline.single_pass(split)
    whole = splits.whole_folder(folder, ("a", "b"))
    assert len(list(pipeline.single_pass(whole))) == 4
