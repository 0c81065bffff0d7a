"""What is shared is looked at first, never written, and never stale."""

import hashlib
import os

import numpy as np
import pytest
from PIL import Image
from test_activations import lower

from helpers import paths, shared
from helpers.dataset import flowers, splits
from helpers.features import extraction, storage
from helpers.network import dtypes, weights
from helpers.surfaces import ground_truth, render

CONTENT = b"weights " * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()
STARTER = f"starter-{weights.starter.SHA256[:8]}.weights.h5"


def places(monkeypatch, folder):
    """Let a learner work in a folder of their own."""
    monkeypatch.setenv("WORKBOOK_DATA", str(folder))
    monkeypatch.setenv("WORKBOOK_WORK", str(folder / "work"))
    monkeypatch.setenv("KERAS_HOME", str(folder / "keras"))


@pytest.fixture
def teacher(tmp_path, monkeypatch):
    """The folder of who has drawn a few photos and fetched weights."""
    monkeypatch.delenv(shared.VARIABLE, raising=False)
    monkeypatch.setattr(render, "FRACTIONS", (1, 0, 0))
    monkeypatch.setattr(render, "SETS", {"photos": 1, "remounted": 1})
    home = tmp_path / "teacher"
    places(monkeypatch, home)
    render.folder()
    render.shifted_folder()
    work = home / "work"
    for name in ("weights", "journal"):
        (work / name).mkdir(parents=True)
    (work / "weights" / weights.IMAGENET_NAME).write_bytes(CONTENT)
    (work / "weights" / STARTER).write_bytes(CONTENT)
    (work / "precision.json").write_text('{"policy": "mixed_bfloat16"}')
    (work / "journal" / "02.json").write_text("of the teacher")
    (home / "flower_photos").mkdir()
    (home / "flower_photos" / "LICENSE.txt").write_text("CC")
    return home


@pytest.fixture
def room(teacher, tmp_path, monkeypatch):
    """The shared folder, and a learner who has nothing yet."""
    place = tmp_path / "shared"
    shared.fill(place, teacher, teacher / "work")
    monkeypatch.setenv(shared.VARIABLE, str(place))
    places(monkeypatch, tmp_path / "learner")
    return place


def state(folder):
    """Return all that can be seen of a folder's files."""
    return {
        path: (path.stat().st_mtime_ns, path.stat().st_size)
        for path in folder.rglob("*")
    }


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def imagenet():
    return weights.imagenet("http://127.0.0.1:9/x", MD5)


def found():
    """Return where someone finds everything that can be shared."""
    return {
        "photos": render.folder(),
        "remounted": render.shifted_folder(),
        "flowers": flowers.folder(),
        "starter": weights._starter(),
        "imagenet": imagenet(),
    }


def test_a_learner_finds_all_that_is_shared_and_makes_nothing(
    room, tmp_path, capsys
):
    before = state(room)
    for path in found().values():
        assert path.is_relative_to(room)
    assert dtypes.fastest_dtype() == "mixed_bfloat16"
    assert not (tmp_path / "learner").exists()
    assert state(room) == before
    assert capsys.readouterr().out == ""


def test_a_shared_photo_is_known_to_be_drawn(room):
    split = splits.whole_folder(render.folder(), render.CLASS_NAMES)
    where, masks = ground_truth.masks(split)
    assert len(where) == len(masks) == len(render.CLASS_NAMES) - 1
    assert len(ground_truth.without_defect(split, 2)[0]) == 2


def test_without_a_shared_folder_each_has_their_own(teacher):
    for path in found().values():
        assert path.is_relative_to(teacher)


@pytest.mark.parametrize("damaged", ["a photo", "a mask", "one more file"])
def test_a_damaged_set_is_drawn_anew(room, tmp_path, capsys, damaged):
    photo = next((room / "surfaces" / "photos" / "dent").iterdir())
    if damaged == "one more file":
        (photo.parent / "more.jpg").write_bytes(photo.read_bytes())
    else:
        damage(photo if damaged == "a photo" else render.mask(photo))
    before = state(room)
    assert render.folder().is_relative_to(tmp_path / "learner")
    said = capsys.readouterr().out
    assert said.count("surfaces in the shared folder is damaged") == 1
    assert state(room) == before


def test_pictures_drawn_by_other_code_are_not_used(
    room, tmp_path, monkeypatch, capsys
):
    other = tmp_path / "surfaces.py"
    other.write_text("# drawn otherwise\n")
    monkeypatch.setattr(shared, "RENDERED_BY", {"surfaces": other})
    assert render.folder().is_relative_to(tmp_path / "learner")
    assert "of another version of this project" in capsys.readouterr().out


def test_another_seed_is_drawn_for_oneself(room, tmp_path):
    assert render.folder(seed=1).is_relative_to(tmp_path / "learner")


def test_damaged_weights_are_passed_over(room, tmp_path, capsys):
    (tmp_path / "learner" / "work" / "weights").mkdir(parents=True)
    for name, find in (
        (STARTER, weights._starter),
        (weights.IMAGENET_NAME, imagenet),
    ):
        own = tmp_path / "learner" / "work" / "weights" / name
        own.write_bytes(CONTENT)
        damage(room / "work" / "weights" / name)
        assert find() == own
        (line,) = capsys.readouterr().out.splitlines()
        assert name in line and "passed over" in line


def test_a_damaged_measurement_is_made_again(room, monkeypatch, capsys):
    (room / "work" / "precision.json").write_text('{"policy": "float64"}')
    monkeypatch.setattr(dtypes, "_ratio", lambda first, second: 1.0)
    assert dtypes.fastest_dtype() == "float32"
    assert "precision.json in the shared folder" in capsys.readouterr().out


@pytest.mark.parametrize("digests", [None, "", "[]", "{", '{"surfaces": 1}'])
def test_what_no_digest_vouches_for_is_not_used(room, tmp_path, digests):
    (room / shared.DIGESTS).unlink()
    if digests is not None:
        (room / shared.DIGESTS).write_text(digests)
    assert render.folder().is_relative_to(tmp_path / "learner")


def test_a_folder_that_is_missing_is_said_once(room, monkeypatch, capsys):
    monkeypatch.setenv(shared.VARIABLE, str(room / "gone"))
    assert shared.find("surfaces") is None
    assert shared.find("surfaces") is None
    (line,) = capsys.readouterr().out.splitlines()
    assert "no such folder" in line


# Filling it.


def test_only_what_all_need_is_copied_and_all_may_read_it(room):
    assert not (room / "work" / "journal").exists()
    for path in (room, *room.rglob("*")):
        assert path.stat().st_mode & 0o044 == 0o044


def test_what_is_half_written_is_not_copied(teacher, tmp_path):
    for name in ("weights/.part-1-x-1.h5", "activations/.part-1-x-1.npy"):
        (teacher / "work" / name).parent.mkdir(exist_ok=True)
        (teacher / "work" / name).write_bytes(b"half")
    (teacher / "work" / "activations" / "a.npy").write_bytes(b"whole")
    shared.fill(tmp_path / "shared", teacher, teacher / "work")
    copied = [p.name for p in (tmp_path / "shared" / "work").rglob("*.*")]
    assert "a.npy" in copied and STARTER in copied
    assert [name for name in copied if name.startswith(".")] == []


def test_it_can_be_filled_again(room, teacher, tmp_path):
    damage(next((room / "surfaces" / "photos" / "dent").iterdir()))
    shared.fill(room, teacher, teacher / "work")
    assert render.folder().is_relative_to(room)


def test_a_folder_of_something_else_is_left_alone(teacher, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("mine")
    with pytest.raises(ValueError, match="something else"):
        shared.fill(tmp_path / "thesis", teacher, teacher / "work")
    assert len(list((tmp_path / "thesis").iterdir())) == 1


# Activations.


@pytest.fixture
def split(tmp_path):
    """Four noise photos as one part."""
    rng = np.random.default_rng(0)
    for i in range(4):
        folder = tmp_path / "photos" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        noise = rng.integers(0, 256, (40, 50, 3), "uint8")
        Image.fromarray(noise).save(folder / f"{i}.png")
    return splits.whole_folder(tmp_path / "photos", ("a", "b"))


@pytest.fixture
def computed(split, tmp_path, monkeypatch):
    """What a teacher computed of it, in a shared folder."""
    monkeypatch.setattr(extraction.dtypes, "fastest_dtype", lambda: "float32")
    place, home = tmp_path / "shared", tmp_path / "teacher"
    places(monkeypatch, home)
    extraction.extract(lower(), split)
    shared.fill(place, home, home / "work")
    monkeypatch.setenv(shared.VARIABLE, str(place))
    places(monkeypatch, tmp_path / "learner")
    return place


def own():
    return list(paths.work().glob("activations/*"))


def test_shared_activations_are_read_and_no_more(computed, split, capsys):
    (file,) = computed.glob("work/activations/*.npy")
    os.utime(file, (1, 1))
    before = state(computed)
    stored = extraction.extract(lower(), split)
    assert own() == []
    assert "photo/s" not in capsys.readouterr().out  # nothing computed
    with pytest.raises(ValueError, match="read-only"):
        stored[0] = 0
    assert state(computed) == before


def test_another_model_computes_for_oneself(computed, split, monkeypatch):
    before = state(computed)
    extraction.extract(lower(seed=1), split)
    monkeypatch.setattr(storage, "LIMIT", 0)
    extraction.extract(lower(seed=2), split)
    assert len(own()) == 1  # room was made, but not among what is shared
    assert state(computed) == before


def test_single_photos_are_taken_over(computed, split, capsys):
    whole = np.array(extraction.extract(lower(), split))
    some = extraction.extract(lower(), split.take([3, 1]))
    assert np.array_equal(some, whole[[3, 1]])
    assert "photo/s" not in capsys.readouterr().out
    assert len(own()) == 1


def test_pieces_may_lie_in_both_places(monkeypatch, request, split, capsys):
    monkeypatch.setattr(extraction, "CHUNK_SIZE", 2)
    computed = request.getfixturevalue("computed")
    whole = extraction.extract(lower(), split)
    first = np.array(whole)
    whole.paths[1].unlink()
    before = state(computed)
    capsys.readouterr()
    both = extraction.extract(lower(), split)
    assert "2/2" in capsys.readouterr().out
    assert both.paths == [whole.paths[0], *own()]
    np.testing.assert_array_equal(both, first)
    assert state(computed) == before


def test_damaged_activations_are_passed_over_in_one_line(
    computed, split, capsys
):
    first = np.array(extraction.extract(lower(), split))
    (file,) = computed.glob("work/activations/*.npy")
    damage(file)
    before = state(computed)
    capsys.readouterr()
    again = extraction.extract(lower(), split)
    np.testing.assert_array_equal(first, again)
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if "is damaged" in line]) == 1
    assert len(own()) == 1
    assert state(computed) == before
