"""A folder of photos is checked, split and read as the lessons say."""

import csv
import hashlib
import shutil

import numpy as np
import pytest
from PIL import Image

from helpers.dataset import corrupted, pipeline, scan, splits


def picture(path, seed, size=(90, 80)):
    """Save a noise picture that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (*size, 3), "uint8")
    Image.fromarray(noise).save(path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    for i in range(60):
        picture(tmp_path / "mine" / "ab"[i % 2] / f"{i}.png", i)
    return tmp_path / "mine"


def test_a_good_folder_has_nothing_to_mend(folder, capsys):
    found = scan.check(folder)
    assert found.class_names == ("a", "b")
    assert found.counts() == {"a": 30, "b": 30}
    assert found.problems == ()
    found.report()
    said = capsys.readouterr().out
    assert "60 photos of 2 classes" in said
    assert "nothing to mend" in said


def test_a_copy_is_used_once(folder):
    (folder / "a" / "copy.png").write_bytes(
        (folder / "a" / "0.png").read_bytes()
    )
    found = scan.check(folder)
    assert [p.name for p in found.problems] == ["a/copy.png"]
    assert len(found.photos) == 60


def test_one_picture_under_two_labels_is_left_out_of_both(folder, capsys):
    (folder / "b" / "copy.png").write_bytes(
        (folder / "a" / "0.png").read_bytes()
    )
    found = scan.check(folder)
    first, second = found.problems
    assert (first.name, second.name) == ("a/0.png", "b/copy.png")
    assert "the same picture as b/copy.png" in first.problem
    assert first.excluded and second.excluded
    assert len(found.photos) == 59
    found.report()
    assert "59 photos of 2 classes fit for use, 2 files left out" in (
        capsys.readouterr().out
    )


def test_a_copied_class_folder_is_one_line(folder, capsys):
    for i in range(100, 130):
        picture(folder / "c" / f"{i}.png", i)
    shutil.copytree(folder / "a", folder / "a - Copy")
    (folder / "a - Copy" / "0.png").unlink()
    picture(folder / "a - Copy" / "new.png", 130)
    found = scan.check(folder)
    assert found.excluded() == 58
    found.report()
    (line,) = [
        line
        for line in capsys.readouterr().out.splitlines()
        if "(left out)" in line
    ]
    assert "55 more: the same pictures lie in a/ and in a - Copy/" in line
    assert "Move one of the two folders away" in line


def test_the_refusal_names_a_copied_class_folder(folder):
    shutil.rmtree(folder / "b")
    shutil.copytree(folder / "a", folder / "a - Copy")
    with pytest.raises(ValueError, match="Move one of the two") as error:
        scan.check(folder)
    assert "lie in a/ and in a - Copy/ (60 files)" in str(error.value)


@pytest.mark.parametrize("again", ["{} (1).png", "{} - Copy.png"])
def test_many_copies_in_a_class_are_one_line_and_originals_stay(
    folder, again, capsys
):
    for path in (folder / "a").glob("*.png"):
        shutil.copy(path, folder / "a" / again.format(path.stem))
    found = scan.check(folder)
    assert {p.path.stem for p in found.photos} == {str(i) for i in range(60)}
    found.report()
    out = capsys.readouterr().out
    assert "27 more: a copy of another photo in a/ (left out)" in out
    assert out.count("a copy of") == 1


def test_a_small_class_is_kept_and_named(folder):
    picture(folder / "c" / "only.png", 99)
    found = scan.check(folder)
    (problem,) = found.problems
    assert (problem.name, problem.excluded) == ("c/", False)
    assert found.counts()["c"] == 1


@pytest.mark.parametrize("what", ["missing", "no classes", "one class"])
def test_a_folder_that_cannot_be_used_is_refused(tmp_path, monkeypatch, what):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    place = tmp_path / "mine"
    if what == "no classes":
        picture(place / "loose.png", 0)
    if what == "one class":
        picture(place / "a" / "1.png", 0)
    with pytest.raises(ValueError, match="mine: ") as error:
        scan.check(place)
    assert "\n" not in str(error.value)


def test_the_split_holds_each_photo_once_and_keeps_to_its_shares(folder):
    parts = splits.split(scan.check(folder), (60, 20, 20))
    assert [p.name for p in parts] == ["train", "validation", "test"]
    keys = [key for part in parts for key in part.keys]
    assert len(keys) == len(set(keys)) == 60
    assert len(parts[0]) > len(parts[1])
    for part in parts:
        for path, label in zip(part.paths, part.labels, strict=True):
            assert f"/{part.class_names[label]}/" in path.replace("\\", "/")


def test_no_photo_moves_when_others_come_or_are_renamed(folder):
    before = splits.split(scan.check(folder), (60, 20, 20))
    for i in range(100, 120):
        picture(folder / "a" / f"new{i}.png", i)
    (folder / "b" / "1.png").rename(folder / "b" / "zzz.png")
    after = splits.split(scan.check(folder), (60, 20, 20))
    for old, new in zip(before, after, strict=True):
        assert set(old.keys) <= set(new.keys)


def test_the_manifest_says_where_each_photo_is(folder):
    found = scan.check(folder)
    parts = splits.split(found, (60, 20, 20))
    with open(splits.manifest_path(found), encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    for part in parts:
        listed = {r["sha256"] for r in rows if r["part"] == part.name}
        assert listed == set(part.keys)
    assert folder not in splits.manifest_path(found).parents


@pytest.mark.parametrize(
    "fractions",
    [
        *((60, 20), (60, 0, 20), (60, -1, 20)),
        *(("a", 1, 1), None, 60, "abc"),
        *((float("nan"), 1, 1), (1, 1, float("nan")), (1e308,) * 3),
    ],
)
def test_wrong_shares_are_refused(folder, fractions):
    with pytest.raises(ValueError, match="FRACTIONS is .* three positive"):
        splits.split(scan.check(folder), fractions)


def test_shares_may_be_fractions_or_an_array(folder):
    found = scan.check(folder)
    expected = [part.keys for part in splits.split(found, (60, 20, 20))]
    for fractions in ([0.6, 0.2, 0.2], np.array([3, 1, 1])):
        parts = splits.split(found, fractions)
        assert [part.keys for part in parts] == expected


def test_a_class_of_one_photo_is_named_by_check_and_refused_by_split(folder):
    for i in range(2, 60, 2):
        (folder / "a" / f"{i}.png").unlink()
    found = scan.check(folder)
    (problem,) = found.problems
    assert problem.name == "a/" and "no split" in problem.problem
    with pytest.raises(ValueError, match="mine: class a has 1 different"):
        splits.split(found, (60, 20, 20))


def test_twenty_photos_without_one_for_the_test_are_split(folder):
    numbered = {}
    for path in folder.glob("a/*"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        numbered[path] = int(digest[:8], 16) / 2**32
    for path, number in numbered.items():
        if number >= 0.8:
            path.unlink()
    found = scan.check(folder)
    assert found.counts()["a"] >= 20
    parts = splits.split(found, (60, 20, 20))
    for part in parts:
        assert set(part.labels) == {0, 1}
    assert len({key for part in parts for key in part.keys}) == len(
        found.photos
    )


def test_pixels_are_whole_numbers_of_the_right_shape(folder):
    pixels = pipeline.load_photo(str(folder / "a" / "0.png"))
    assert pixels.shape == (299, 299, 3)
    assert pixels.dtype == "uint8"
    assert pixels.numpy().max() > 200


def test_batches_keep_photos_and_labels_together(folder):
    part = splits.whole_folder(folder, ("a", "b"))
    seen = {}
    for pixels, labels in pipeline.batches(part, 16):
        for photo, label in zip(pixels.numpy(), labels, strict=True):
            seen[photo.tobytes()] = int(label)
    assert len(seen) == 60
    for path, label in zip(part.paths, part.labels, strict=True):
        assert seen[pipeline.load_photo(path).numpy().tobytes()] == label


def test_the_order_of_a_part_is_fixed_and_mixes_the_classes(folder):
    train = splits.split(scan.check(folder), (60, 20, 20))[0]
    again = splits.split(scan.check(folder), (60, 20, 20))[0]
    assert train.paths == again.paths
    assert 3 < np.count_nonzero(np.diff(train.labels))


def test_a_folder_that_lies_in_the_project_is_pointed_at(
    folder, monkeypatch, tmp_path
):
    monkeypatch.setattr(scan, "ROOT", folder.parent)
    (tmp_path / "page").mkdir()
    monkeypatch.chdir(tmp_path / "page")
    with pytest.raises(ValueError) as caught:
        scan.check(folder.name)
    there = str(caught.value).split("give '")[1].rstrip("'.")
    assert scan.check(there).class_names == scan.check(folder).class_names
    with pytest.raises(ValueError, match="gone: there is no such folder at "):
        scan.check("gone")


def test_a_folder_with_other_classes_is_refused(folder):
    with pytest.raises(ValueError, match="a, b, not a, c"):
        splits.whole_folder(folder, ("a", "c"))


def test_the_playground_has_three_faults_and_spares_the_folder(
    folder, monkeypatch
):
    monkeypatch.setenv("WORKBOOK_WORK", str(folder.parent / "work"))
    found = scan.check(folder)
    before = sorted(p.read_bytes() for p in folder.glob("*/*"))
    small = corrupted.corrupted_demo(found, "01_data_prep")
    problems = scan.check(small).problems
    left_out = [p.name for p in problems if p.excluded]
    assert {"a/empty.jpg", "b/page.jpg", "a/copy.jpg"} < set(left_out)
    assert len(left_out) == 4  # the copy, and what it is a copy of
    added = corrupted.add_a_photo(small, found)
    assert added.exists() and small in added.parents
    assert sorted(p.read_bytes() for p in folder.glob("*/*")) == before


def test_two_lessons_do_not_share_a_playground(folder, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(folder.parent / "work"))
    found = scan.check(folder)
    first = corrupted.corrupted_demo(found, "01_data_prep")
    added = corrupted.add_a_photo(first, found)
    before = sorted(first.rglob("*"))
    second = corrupted.corrupted_demo(found, "06_ship_it")
    assert sorted(first.rglob("*")) == before
    assert not (second / "a" / added.name).exists()
    # Begun anew in its own lesson, it is as it was, under the same name.
    assert corrupted.corrupted_demo(found, "01_data_prep") == first
    assert sorted(first.rglob("*")) == [p for p in before if p != added]


def test_some_photos_are_read_in_order(folder):
    paths = [str(folder / "a" / "0.png"), str(folder / "b" / "1.png")]
    both = pipeline.load_photos(paths)
    assert both.shape == (2, 299, 299, 3) and both.dtype == "uint8"
    assert np.array_equal(both[1], pipeline.load_photo(paths[1]))


@pytest.mark.parametrize("read", [pipeline.batches, pipeline.single_pass])
def test_a_folder_that_changed_since_is_noticed(folder, read):
    part = splits.whole_folder(folder, ("a", "b"))
    picture(folder / "a" / "0.png", 77)
    with pytest.raises(ValueError, match="0.png holds another picture"):
        read(part)
    (folder / "a" / "0.png").unlink()
    with pytest.raises(ValueError, match="0.png can no longer be read"):
        read(part)
    assert len(list(read(splits.whole_folder(folder, ("a", "b"))))) == 4


def test_the_split_says_how_many_files_are_left_out(folder, capsys):
    splits.split(scan.check(folder), (60, 20, 20))
    assert capsys.readouterr().out == ""
    (folder / "a" / "empty.jpg").touch()
    splits.split(scan.check(folder), (60, 20, 20))
    assert "1 file of mine is left out" in capsys.readouterr().out
    (folder / "a" / "empty too.jpg").touch()
    splits.split(scan.check(folder), (60, 20, 20))
    assert "2 files of mine are left out" in capsys.readouterr().out


def test_the_split_says_which_photos_of_two_parts_are_nearly_one(
    folder, capsys
):
    found = scan.check(folder)
    parts = splits.split(found, (60, 20, 20))
    train = Image.open(parts[0].paths[0])
    for quality in range(75, 99, 3):  # some of these go to other parts
        train.save(folder / "a" / f"again{quality}.jpg", quality=quality)
    found = scan.check(folder)
    assert len(found.near_duplicates) > 5
    splits.split(found, (60, 20, 20))
    said = capsys.readouterr().out
    assert "are nearly the same as one in another split, such as a/" in said
