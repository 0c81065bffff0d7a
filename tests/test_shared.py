"""What is shared is looked at first, never written, and never stale."""

import hashlib
import os

import numpy as np
import pytest
from test_features import files, lower, noise_split

from helpers import shared
from helpers.dataset import flowers, splits
from helpers.features import extraction, storage
from helpers.network import dtypes, weights
from helpers.surfaces import ground_truth, render

CONTENT = b"weights " * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()
STARTER = f"starter-{weights.starter.SHA256[:8]}.weights.h5"


def use_data(patch, folder):
    """Let a learner work in a folder of their own."""
    patch.setenv("WORKBOOK_DATA", str(folder))
    patch.setenv("WORKBOOK_WORK", str(folder / "work"))
    patch.setenv("KERAS_HOME", str(folder / "keras"))


@pytest.fixture
def teacher(tmp_path, monkeypatch):
    """The data of somebody who has rendered photos and fetched weights."""
    monkeypatch.delenv(shared.VARIABLE, raising=False)
    monkeypatch.setattr(render, "CLASS_NAMES", ("clean", "dent"))
    monkeypatch.setattr(render, "FRACTIONS", (1, 0, 0))
    monkeypatch.setattr(render, "SETS", {"photos": 1, "remounted": 1})
    monkeypatch.setattr(weights, "IMAGENET_MD5", MD5)
    data = tmp_path / "teacher"
    use_data(monkeypatch, data)
    render.folder()
    render.shifted_folder()
    for name, content in {
        f"work/weights/{weights.IMAGENET_NAME}": CONTENT,
        f"work/weights/{STARTER}": CONTENT,
        "work/weights/.part-1-x-1.h5": b"half",
        "work/features/.part-1-x-1.npy": b"half",
        "work/features/a.npy": b"whole",
        "work/dtype.json": b'{"policy": "mixed_bfloat16"}',
        "work/results/02.json": b"of the teacher",
        "flower_photos/LICENSE.txt": b"CC",
    }.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(content)
    return data


@pytest.fixture
def room(teacher, tmp_path, monkeypatch):
    """The shared folder, and a learner who has nothing yet."""
    folder = tmp_path / "shared"
    shared.fill(folder, teacher, teacher / "work")
    monkeypatch.setenv(shared.VARIABLE, str(folder))
    use_data(monkeypatch, tmp_path / "learner")
    return folder


def state(folder):
    """Return all that can be seen of a folder's files."""
    return {
        path: (path.stat().st_mtime_ns, path.stat().st_size)
        for path in folder.rglob("*")
    }


def everything():
    """Return the paths of all that can be shared."""
    return [
        render.folder(),
        render.shifted_folder(),
        flowers.folder(),
        weights._starter(),
        weights.imagenet(),
    ]


def test_a_learner_finds_all_that_is_shared_and_makes_nothing(
    room, tmp_path, capsys
):
    before = state(room)
    assert all(path.is_relative_to(room) for path in everything())
    assert dtypes.fastest_dtype() == "mixed_bfloat16"
    split = splits.whole_folder(render.folder(), render.CLASS_NAMES)
    assert len(ground_truth.masks(split)[0]) == 1
    assert len(ground_truth.without_defect(split, 2)[0]) == 1
    assert not (tmp_path / "learner" / "surfaces").exists()
    assert state(room) == before
    assert capsys.readouterr().out == ""


def test_without_a_shared_folder_each_has_their_own(teacher):
    assert all(path.is_relative_to(teacher) for path in everything())


@pytest.mark.parametrize("what", ["no mask", "another edition"])
def test_incomplete_or_old_photos_are_rendered_anew(
    room, tmp_path, monkeypatch, capsys, what
):
    if what == "no mask":
        next((room / "surfaces" / "masks" / "dent").iterdir()).unlink()
    else:
        monkeypatch.setattr(render, "EDITION", render.EDITION + 1)
    before = state(room)
    assert render.folder().is_relative_to(tmp_path / "learner")
    output = capsys.readouterr().out
    assert ("another version" in output) == (what != "no mask")
    assert state(room) == before


def test_a_missing_folder_is_reported_once(room, monkeypatch, capsys):
    monkeypatch.setenv(shared.VARIABLE, str(room / "gone"))
    assert shared.find("surfaces") is shared.find("surfaces") is None
    (line,) = capsys.readouterr().out.splitlines()
    assert "no such folder" in line


def test_only_what_all_need_is_copied_and_all_may_read_it(room, teacher):
    names = {path.name for path in room.rglob("*")}
    assert {"a.npy", STARTER, "LICENSE.txt"} <= names
    assert "results" not in names
    assert not any(name.startswith(".") for name in names)
    for path in (room, *room.rglob("*")):
        assert path.stat().st_mode & 0o044 == 0o044
    next((room / "surfaces" / "photos" / "dent").iterdir()).unlink()
    shared.fill(room, teacher, teacher / "work")
    assert render.folder().is_relative_to(room)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("mine")
    with pytest.raises(ValueError, match="something else"):
        shared.fill(tmp_path / "thesis", tmp_path, tmp_path / "work")
    assert len(list((tmp_path / "thesis").iterdir())) == 1


# --- Cached features ------------------------------------------------------


@pytest.fixture
def split(tmp_path):
    return noise_split(tmp_path / "photos", 4)


@pytest.fixture
def computed(split, tmp_path, monkeypatch):
    """A shared folder with the features of a teacher, in two chunks."""
    monkeypatch.setattr(extraction.dtypes, "fastest_dtype", lambda: "float32")
    monkeypatch.setattr(extraction, "CHUNK_SIZE", 2)
    folder, data = tmp_path / "shared", tmp_path / "teacher"
    use_data(monkeypatch, data)
    extraction.extract(lower(), split)
    shared.fill(folder, data, data / "work")
    monkeypatch.setenv(shared.VARIABLE, str(folder))
    use_data(monkeypatch, tmp_path / "learner")
    return folder


def test_shared_features_are_read_and_no_more(computed, split, capsys):
    for file in computed.glob("work/features/*.npy"):
        os.utime(file, (1, 1))
    before = state(computed)
    features = extraction.extract(lower(), split)
    assert "photo/s" not in capsys.readouterr().out  # nothing computed
    with pytest.raises(TypeError):
        features[0] = 0
    assert files() == [] and state(computed) == before


def test_the_features_of_another_model_are_ones_own(
    computed, split, monkeypatch
):
    before = state(computed)
    extraction.extract(lower(seed=1), split)
    monkeypatch.setattr(storage, "LIMIT", 0)
    extraction.extract(lower(seed=2), split)
    assert len(files()) == 2  # evicted, but not what is shared
    assert state(computed) == before


@pytest.mark.parametrize("is_damaged", [True, False])
def test_a_missing_or_damaged_chunk_is_computed(
    computed, split, capsys, is_damaged
):
    features = extraction.extract(lower(), split)
    first, (kept, lost) = np.array(features), features.paths
    if is_damaged:
        content = lost.read_bytes()
        lost.unlink()
        lost.write_bytes(content[:-9])
    else:
        lost.unlink()
    before = state(computed)
    capsys.readouterr()
    again = extraction.extract(lower(), split)
    np.testing.assert_array_equal(again, first)
    output = capsys.readouterr().out
    assert "2/2" in output and output.count("is damaged") == is_damaged
    assert again.paths == [kept, *files()]
    assert state(computed) == before
