"""A checked folder is not read again, and a changed file always is."""

import json
import os
import warnings

import pytest
from make_photos import noise, put, saved, two_classes

from helpers import paths
from helpers.dataset import (
    check_cache,
    decoding,
    photo_file,
    pipeline,
    scan,
    splits,
)

NOT_CACHED = ["empty.jpg", "page.jpg"]  # no photos


def bmp(seed):
    return saved(noise(seed), "BMP")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    mine = two_classes(tmp_path, monkeypatch, 0)
    for start, name in ((0, "a"), (100, "b")):
        put(mine / name, {f"{i}.bmp": bmp(start + i) for i in range(20)})
    put(mine / "a", {"empty.jpg": b""})
    cmyk = saved(noise(9, mode="CMYK"), "JPEG")
    put(mine / "b", {"page.jpg": b"<html>Not found</html>", "print.jpg": cmyk})
    return mine


@pytest.fixture
def read(monkeypatch):
    """Checks a folder; gives the result and the names of the files read."""
    names, look = [], photo_file.look

    def noted(file, *args):
        names.append(file.name)
        return look(file, *args)

    def check(folder):
        names.clear()
        return scan.check(folder), sorted(names)

    monkeypatch.setattr(photo_file, "look", noted)
    return check


def replace(path, seed):
    """Write another photo of the same size, at another time."""
    size = path.stat().st_size
    path.write_bytes(bmp(seed))
    os.utime(path, ns=(0, 10**18))
    assert path.stat().st_size == size


def test_a_second_check_reads_no_photo_and_says_the_same(folder, read, capsys):
    first, names = read(folder)
    first.report()
    out = capsys.readouterr().out
    assert len(names) == 43 and len(first.problems) == 3
    filters = list(warnings.filters)
    second, names = read(folder)
    second.report()
    assert names == NOT_CACHED
    assert second == first
    assert capsys.readouterr().out == out
    assert warnings.filters == filters
    in_order = sorted(folder.glob("*/*.bmp")) + [folder / "b" / "print.jpg"]
    assert [p.path for p in first.photos] == in_order


def test_a_changed_photo_of_the_same_size_is_read_again(folder, read):
    before, _ = read(folder)
    replace(folder / "a" / "0.bmp", 99)
    after, names = read(folder)
    assert names == ["0.bmp", *NOT_CACHED]
    hashes = {p.path: p.sha256 for p in before.photos}
    changed = [p.name for p in after.photos if p.sha256 != hashes[p.path]]
    assert changed == ["a/0.bmp"]


def test_a_photo_that_was_damaged_since_is_left_out(folder):
    scan.check(folder)
    path = folder / "a" / "0.bmp"
    path.write_bytes(path.read_bytes()[:100])
    checked = scan.check(folder)
    assert checked.excluded() == 3
    assert "a/0.bmp" not in [p.name for p in checked.photos]


def test_the_cache_holds_the_photos_that_are_there(folder):
    scan.check(folder)
    (folder / "a" / "0.bmp").unlink()
    put(folder / "a", {"new.bmp": bmp(77)})
    scan.check(folder)
    content = json.loads(check_cache.path(folder).read_text())
    names = {f"{p.parent.name}/{p.name}" for p in folder.glob("*/*")}
    assert set(content["photos"]) == names - {"a/empty.jpg", "b/page.jpg"}
    assert folder not in check_cache.path(folder).parents


@pytest.mark.parametrize(
    "damaged",
    [b"", b"{", b"[]", b"\xff", b'{"version": 1}', b'{"photos": {}}'],
)
def test_a_damaged_cache_is_ignored_and_written_again(folder, read, damaged):
    first, _ = read(folder)
    path = check_cache.path(folder)
    content = path.read_bytes()
    path.write_bytes(damaged)
    again, names = read(folder)
    assert again == first and len(names) == 43
    assert path.read_bytes() == content


def test_after_a_change_of_the_code_all_is_read_even_if_nothing_is_written(
    folder, read, monkeypatch
):
    first, _ = read(folder)

    def full(*_):
        raise paths.WriteError("the disk is full")

    monkeypatch.setattr(decoding, "version", lambda: "another")
    monkeypatch.setattr(check_cache, "atomic", full)
    again, names = read(folder)
    assert again == first and len(names) == 43


def test_an_unchanged_photo_is_not_read_again_before_training(
    folder, monkeypatch
):
    split = splits.whole_folder(folder, ("a", "b"))
    monkeypatch.setattr(check_cache.hashlib, "file_digest", None)
    pipeline.single_pass(split)
    os.utime(folder / "a" / "0.bmp", ns=(0, 10**18))  # so it has to be read
    with pytest.raises(TypeError):
        pipeline.single_pass(split)


def test_only_another_content_is_noticed_before_training(folder):
    split = splits.whole_folder(folder, ("a", "b"))
    os.utime(folder / "a" / "0.bmp", ns=(0, 10**18))
    assert len(list(pipeline.single_pass(split))) == 3
    replace(folder / "a" / "1.bmp", 99)
    with pytest.raises(ValueError, match="1.bmp holds another photo"):
        pipeline.single_pass(split)
