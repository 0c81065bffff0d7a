"""A checked folder is not read again, and a changed file always is."""

import io
import json
import os
import warnings

import numpy as np
import pytest
from PIL import Image

from helpers import paths
from helpers.dataset import check_cache, photo_file, pipeline, scan, splits


def picture(path, seed, size=(80, 90), **save):
    """Save a picture that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (*size, 3), "uint8")
    Image.fromarray(noise).save(path, **save)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    for i in range(42):
        picture(tmp_path / "mine" / "ab"[i % 2] / f"{i:02d}.bmp", i)
    mine = tmp_path / "mine"
    (mine / "a" / "empty.jpg").touch()
    (mine / "b" / "page.jpg").write_text("<html>Not found</html>")
    Image.new("CMYK", (90, 80), (9, 99, 9, 9)).save(mine / "b" / "print.jpg")
    return mine


@pytest.fixture
def read(monkeypatch):
    """The names of the files that are read, in any order."""
    names, look = [], photo_file.look

    def noted(file):
        names.append(file.name)
        return look(file)

    monkeypatch.setattr(photo_file, "look", noted)
    return names


def test_a_second_check_reads_no_photo_and_says_the_same(folder, read, capsys):
    first = scan.check(folder)
    first.report()
    said = capsys.readouterr().out
    assert len(read) == 45
    read.clear()
    second = scan.check(folder)
    second.report()
    assert sorted(read) == ["empty.jpg", "page.jpg"]  # no photos
    assert second == first and len(first.problems) == 3
    assert capsys.readouterr().out == said


def test_photos_and_problems_are_in_the_order_of_their_names(folder):
    found = scan.check(folder)
    assert [p.path for p in found.photos] == sorted(folder.glob("*/*.bmp")) + [
        folder / "b" / "print.jpg"
    ]
    assert [p.name for p in found.problems] == [
        "a/empty.jpg",
        "b/page.jpg",
        "b/print.jpg",
    ]


def test_a_changed_photo_of_the_same_size_is_read_again(folder, read):
    before = scan.check(folder)
    read.clear()
    path = folder / "a" / "00.bmp"
    size = path.stat().st_size
    picture(path, 99)
    os.utime(path, ns=(0, 10**18))
    assert path.stat().st_size == size
    after = scan.check(folder)
    assert "00.bmp" in read and "02.bmp" not in read
    hashes = {p.path.name: p.sha256 for p in before.photos}
    changed = [p for p in after.photos if p.sha256 != hashes[p.path.name]]
    assert [p.path.name for p in changed] == ["00.bmp"]


def test_a_photo_that_was_damaged_since_is_left_out(folder):
    scan.check(folder)
    path = folder / "a" / "00.bmp"
    path.write_bytes(path.read_bytes()[:100])
    found = scan.check(folder)
    assert found.excluded() == 3
    assert "a/00.bmp" not in [p.name for p in found.photos]


def test_the_cache_holds_the_photos_that_are_there(folder):
    scan.check(folder)
    (folder / "a" / "00.bmp").unlink()
    picture(folder / "a" / "new.bmp", 77)
    scan.check(folder)
    content = json.loads(check_cache.path(folder).read_text())
    names = {f"{p.parent.name}/{p.name}" for p in folder.glob("*/*")}
    assert set(content["photos"]) == names - {"a/empty.jpg", "b/page.jpg"}
    assert folder not in check_cache.path(folder).parents


@pytest.mark.parametrize(
    "damaged",
    [b"", b"{", b"[]", b"\xff", b'{"version": 1}', b'{"photos": {}}'],
)
def test_a_damaged_cache_is_passed_over_and_written_again(
    folder, read, damaged
):
    first = scan.check(folder)
    path = check_cache.path(folder)
    content = path.read_bytes()
    path.write_bytes(damaged)
    read.clear()
    assert scan.check(folder) == first
    assert len(read) == 45
    assert path.read_bytes() == content


def test_a_damaged_row_of_the_cache_is_passed_over(folder, read):
    first = scan.check(folder)
    path = check_cache.path(folder)
    content = json.loads(path.read_text())
    content["photos"]["a/00.bmp"] = 7
    del content["photos"]["a/02.bmp"]["sha256"]
    path.write_text(json.dumps(content))
    read.clear()
    assert scan.check(folder) == first
    assert {"00.bmp", "02.bmp"} < set(read)


def test_another_version_of_the_code_reads_all_photos_again(
    folder, read, monkeypatch
):
    scan.check(folder)
    read.clear()
    monkeypatch.setattr(check_cache, "version", lambda: "another")
    scan.check(folder)
    assert len(read) == 45


def test_where_no_cache_can_be_written_the_check_says_the_same(
    folder, monkeypatch
):
    (folder / "a" / "empty.jpg").unlink()
    (folder / "b" / "page.jpg").unlink()
    (folder / "b" / "print.jpg").unlink()
    first = scan.check(folder)

    def full(*_):
        raise paths.WriteError("the disk is full")

    monkeypatch.setattr(check_cache, "version", lambda: "another")
    monkeypatch.setattr(check_cache, "atomic", full)
    assert scan.check(folder) == first


def test_a_photo_that_opens_no_longer_is_not_taken_from_the_cache(
    folder, read, monkeypatch
):
    scan.check(folder)
    read.clear()

    def locked(file, *_):
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(check_cache, "open", locked, raising=False)
    scan.check(folder)
    assert len(read) == 45


def test_a_check_leaves_the_filters_of_warnings_as_they_were(folder):
    before = list(warnings.filters)
    scan.check(folder)
    assert warnings.filters == before


def test_an_unchanged_photo_is_not_read_again_before_training(
    folder, monkeypatch
):
    split = splits.whole_folder(folder, ("a", "b"))
    monkeypatch.setattr(check_cache.hashlib, "file_digest", None)
    pipeline.single_pass(split)
    path = folder / "a" / "00.bmp"
    os.utime(path, ns=(0, 10**18))  # another time, so it has to be read
    with pytest.raises(TypeError):
        pipeline.single_pass(split)


def test_a_photo_with_a_new_time_and_the_same_content_is_unchanged(folder):
    split = splits.whole_folder(folder, ("a", "b"))
    os.utime(folder / "a" / "00.bmp", ns=(0, 10**18))
    assert len(list(pipeline.single_pass(split))) == 3


def test_another_photo_of_the_same_size_is_noticed_before_training(folder):
    split = splits.whole_folder(folder, ("a", "b"))
    picture(folder / "a" / "00.bmp", 99)
    os.utime(folder / "a" / "00.bmp", ns=(0, 10**18))
    with pytest.raises(ValueError, match="00.bmp holds another picture"):
        pipeline.single_pass(split)


# --- Large JPEGs are decoded as drafts --------------------------------------


@pytest.fixture(scope="module", params=[False, True])
def large(request):
    """The bytes of a JPEG that is large enough, progressive or not."""
    image = Image.radial_gradient("L").resize((2400, 2100)).convert("RGB")
    content = io.BytesIO()
    image.save(content, "JPEG", quality=80, progressive=request.param)
    return content.getvalue()


def looked_at(folder, content):
    path = folder / "a" / "large.jpg"
    path.write_bytes(content)
    return photo_file.look(path)


def test_a_large_photo_has_its_own_size_and_thumbnail(folder, large):
    photo, problems = looked_at(folder, large)
    assert (photo.width, photo.height) == (2400, 2100) and problems == []
    whole = np.asarray(Image.open(io.BytesIO(large)).resize((32, 32), 4))
    thumbnail = np.frombuffer(photo.likeness, "uint8").reshape(32, 32, 3)
    assert np.abs(thumbnail - whole.astype("int16")).max() <= 2


def test_a_large_photo_that_is_cut_off_is_left_out(folder, large):
    for cut in np.linspace(10, len(large) - 3, 25).astype(int):
        photo, (problem,) = looked_at(folder, large[:cut])
        assert photo is None and "damaged or cut off" in problem.problem


def test_no_large_photo_passes_that_training_cannot_read(folder, large):
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(25):
        at = int(rng.integers(2, len(large)))
        damaged = large[:at] + b"\xff\xd8" + large[at + 2 :]
        photo, _ = looked_at(folder, damaged)
        if photo:
            pipeline.load_photo(str(photo.path))
        else:
            refused += 1
    assert 0 < refused
