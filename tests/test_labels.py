"""A wrong label is corrected in a list, and the folder stays as it is."""

import pytest
from make_photos import FRACTIONS, two_classes

from helpers.dataset import corrections, scan, splits


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Photos of a and b; those of b have the names of those of a."""
    return two_classes(tmp_path, monkeypatch, 20)


def labelled(folder):
    """Return {path of a photo: (its split, its label)}."""
    return {
        path: (split.name, split.class_names[label])
        for split in splits.split(scan.check(folder), FRACTIONS)
        for path, label in zip(split.paths, split.labels, strict=True)
    }


def write(path, *rows, head="file,label,was"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join((head, *rows)), encoding="utf-8")


def test_a_label_changes_when_it_is_applied_and_back(folder, capsys):
    before = labelled(folder)
    files = {path: path.read_bytes() for path in folder.glob("*/*")}
    corrections.note(folder, "a/3.png", "b", "a")
    assert labelled(folder) == before
    corrections.apply(folder)
    assert "1 " in capsys.readouterr().out
    path = str(folder / "a" / "3.png")
    assert labelled(folder) == before | {path: (before[path][0], "b")}
    scan.check(folder).report()
    assert "a/3.png: taken as b" in capsys.readouterr().out
    corrections.undo(folder)
    assert labelled(folder) == before
    assert {path: path.read_bytes() for path in folder.glob("*/*")} == files
    assert corrections.noted(folder) == {"a/3.png": "b"}


def test_the_list_says_what_was_and_its_own_class_takes_it_back(folder):
    corrections.note(folder, "a/3.png", "b", "a")
    corrections.note(folder, "b/4, five.png", "a", "b")
    lines = corrections.path(folder).read_text(encoding="utf-8-sig")
    assert lines.splitlines() == [
        "file,label,was", "a/3.png,b,a", '"b/4, five.png",a,b'
    ]  # fmt: skip
    corrections.note(folder, "a/3.png", "a", "a")
    assert corrections.noted(folder) == {"b/4, five.png": "a"}


def test_nothing_applied_is_nothing_to_undo(folder):
    with pytest.raises(ValueError, match="mine: no labels are applied"):
        corrections.undo(folder)


def test_a_corrected_label_settles_which_of_two_copies_is_right(folder):
    content = (folder / "a" / "3.png").read_bytes()
    (folder / "b" / "copy.png").write_bytes(content)
    assert scan.check(folder).excluded() == 2
    corrections.note(folder, "b/copy.png", "a", "b")
    corrections.apply(folder)
    checked = scan.check(folder)
    assert checked.excluded() == 1
    assert checked.counts() == {"a": 20, "b": 20}


def test_nothing_noted_is_refused(folder):
    with pytest.raises(ValueError, match="no correction is listed"):
        corrections.apply(folder)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a/3.png,b", "row 3: a value is missing"),
        ("a/3.png,,a", "row 3: a value is missing"),
        ("a/3.png,b,a,x", "row 3: a value is missing, or too many"),
        ("a/3.png,b,b", "row 3: a/3.png is of b already"),
        ("b/1.png,a,b", "row 3: b/1.png is there twice"),
        ('a/3.png,"b', "not a CSV file"),
    ],
)
def test_a_bad_row_is_named_wherever_it_is_read(folder, row, words):
    write(corrections.path(folder), "b/1.png,a,b", row)
    write(corrections.applied_path(folder), "b/1.png,a,b", row)
    name = corrections.path(folder).name
    for read in (corrections.noted, corrections.apply, scan.check):
        with pytest.raises(ValueError, match=name) as error:
            read(folder)
        assert words in str(error.value)


def test_a_photo_that_is_not_in_the_folder_is_not_applied(folder):
    write(corrections.path(folder), "b/1.png,a,b", "a/99.png,b,a")
    with pytest.raises(ValueError, match="row 3: there is no photo a/99.png"):
        corrections.apply(folder)
    assert not corrections.applied_path(folder).exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"file;label;was\na/3.png;b;a", "row 1: the columns are not file"),
        (b"", "row 1: the columns are not"),
        (b"file,label,was\n\xff\xfe,a,b", "UTF-8"),
    ],
)
def test_notes_that_are_no_table_are_refused(folder, content, words):
    write(corrections.path(folder))
    corrections.path(folder).write_bytes(content)
    for read in (corrections.noted, corrections.apply):
        with pytest.raises(ValueError, match=words):
            read(folder)
    assert corrections.path(folder).read_bytes() == content


def test_a_class_that_is_gone_is_named_by_the_check(folder):
    write(corrections.applied_path(folder), "a/3.png,c,a")
    with pytest.raises(ValueError, match="row 2: there is no class 'c'"):
        scan.check(folder)


def test_a_note_on_a_photo_that_was_moved_since_is_ignored(folder):
    corrections.note(folder, "a/3.png", "b", "a")
    corrections.apply(folder)
    (folder / "a" / "3.png").rename(folder / "b" / "moved.png")
    checked = scan.check(folder)
    assert checked.counts() == {"a": 19, "b": 21}
    assert [p.name for p in checked.problems] == ["a/"]
