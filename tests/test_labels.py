"""A wrong label is mended in a list, and the folder stays as it is."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from helpers.dataset import corrections, scan, splits

FRACTIONS = (60, 20, 20)


def picture(path, seed):
    """Save a noise picture that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (90, 80, 3), "uint8")
    Image.fromarray(noise).save(path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Sixty photos of a and b; those of b have the names of those of a."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    for i in range(60):
        picture(tmp_path / "mine" / "ab"[i % 2] / f"{i // 2}.png", i)
    return tmp_path / "mine"


def content(folder):
    """Return {path: hash} of all files in a folder."""
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def labelled(folder):
    """Return {part: {content hash: class name}}."""
    return {
        split.name: {
            key: split.class_names[label]
            for key, label in zip(split.keys, split.labels, strict=True)
        }
        for split in splits.split(scan.check(folder), FRACTIONS)
    }


def changed(before, after):
    """Return the photos of another class, if all are in their old parts."""
    assert {p: set(its) for p, its in before.items()} == {
        p: set(its) for p, its in after.items()
    }
    return [
        (key, label)
        for split, its in after.items()
        for key, label in its.items()
        if before[split][key] != label
    ]


def write(path, *rows, head="file,label,was"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join((head, *rows)), encoding="utf-8")


def test_a_label_changes_when_it_is_applied_and_back(folder, capsys):
    before, files = labelled(folder), content(folder)
    corrections.note(folder, "a/3.png", "b")
    assert labelled(folder) == before
    corrections.apply(folder)
    assert "1 " in capsys.readouterr().out
    (found,) = changed(before, labelled(folder))
    assert found == (files[folder / "a" / "3.png"], "b")
    scan.check(folder).report()
    assert "a/3.png: taken as b" in capsys.readouterr().out
    corrections.undo(folder)
    assert labelled(folder) == before
    assert content(folder) == files
    assert corrections.noted(folder) == {"a/3.png": "b"}


def test_the_list_says_what_was_and_its_own_class_takes_it_back(folder):
    corrections.note(folder, "a/3.png", "b")
    corrections.note(folder, "b/4, five.png", "a")
    text = (
        corrections.path(folder).read_text(encoding="utf-8-sig").splitlines()
    )
    assert text == ["file,label,was", "a/3.png,b,a", '"b/4, five.png",a,b']
    corrections.note(folder, "a/3.png", "a")
    assert corrections.noted(folder) == {"b/4, five.png": "a"}


def test_what_was_applied_is_never_lost(folder):
    for label in ("3", "4"):
        corrections.note(folder, f"a/{label}.png", "b")
        corrections.apply(folder)
        corrections.undo(folder)
    kept = sorted(corrections.applied_path(folder).parent.iterdir())
    assert [len(path.read_text().splitlines()) for path in kept] == [2, 3]
    with pytest.raises(ValueError, match="mine: no labels are applied"):
        corrections.undo(folder)


def test_a_mended_label_ends_a_quarrel_of_two_copies(folder):
    (folder / "b" / "copy.png").write_bytes(
        (folder / "a" / "3.png").read_bytes()
    )
    assert scan.check(folder).excluded() == 2
    corrections.note(folder, "b/copy.png", "a")
    corrections.apply(folder)
    found = scan.check(folder)
    assert found.excluded() == 1
    assert found.counts() == {"a": 30, "b": 30}


def test_nothing_noted_is_said(folder):
    with pytest.raises(ValueError, match="no label is noted"):
        corrections.apply(folder)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a/3.png,b", "row 3: a value is missing"),
        ("a/3.png,,a", "row 3: a value is missing"),
        ("a/3.png,b,a,x", "row 3: a value is missing, or too many"),
        ("a/3.png,b,b", "row 3: a/3.png is no photo of b"),
        ("b/1.png,a,b", "row 3: b/1.png is there twice"),
        ('a/3.png,"b', "not a CSV file"),
    ],
)
def test_a_bad_row_is_named_wherever_it_is_read(folder, row, words):
    write(corrections.path(folder), "b/1.png,a,b", row)
    name = corrections.path(folder).name
    for reads in (corrections.noted, corrections.apply):
        with pytest.raises(ValueError, match=name) as error:
            reads(folder)
        assert words in str(error.value)
    write(corrections.applied_path(folder), "b/1.png,a,b", row)
    with pytest.raises(ValueError, match=name) as error:
        scan.check(folder)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a/99.png,b,a", "row 3: there is no photo a/99.png"),
        ("a/3.png,c,a", "row 3: there is no class 'c'"),
    ],
)
def test_what_is_not_in_the_folder_is_not_applied(folder, row, words):
    write(corrections.path(folder), "b/1.png,a,b", row)
    with pytest.raises(ValueError, match=words):
        corrections.apply(folder)
    assert not corrections.applied_path(folder).exists()


def test_other_columns_are_named(folder):
    write(corrections.path(folder), "a/3.png;b;a", head="file;label;was")
    with pytest.raises(ValueError, match="row 1: the columns are not file"):
        corrections.apply(folder)


def test_an_emptied_list_is_not_taken_for_none(folder):
    path = corrections.path(folder)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    for ask in (corrections.noted, corrections.apply):
        with pytest.raises(ValueError, match="row 1: the columns are not"):
            ask(folder)


def test_bytes_that_are_no_text_are_said(folder):
    path = corrections.path(folder)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"file,label,was\n\xff\xfe,a,b")
    with pytest.raises(ValueError, match="UTF-8"):
        corrections.noted(folder)


def test_a_class_that_is_gone_is_named_by_the_check(folder):
    write(corrections.applied_path(folder), "a/3.png,c,a")
    with pytest.raises(ValueError, match="row 2: there is no class 'c'"):
        scan.check(folder)


def test_a_photo_that_was_moved_since_is_passed_over(folder):
    corrections.note(folder, "a/3.png", "b")
    corrections.apply(folder)
    (folder / "a" / "3.png").rename(folder / "b" / "moved.png")
    found = scan.check(folder)
    assert found.counts() == {"a": 29, "b": 31}
    assert found.problems == ()
