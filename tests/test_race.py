"""The race runs every way alike, and reports what it measured."""

import io
import json
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from helpers.dataset import scan, splits
from tools import _contestants, race


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """Training, validation and test photos that differ in brightness."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    monkeypatch.setattr(
        _contestants.dtypes, "fastest_dtype", lambda: "float32"
    )
    monkeypatch.setattr(_contestants, "EPOCHS", 5)
    monkeypatch.setattr(_contestants, "BATCH", 4)
    monkeypatch.setattr(_contestants, "_base", small_base)
    rng = np.random.default_rng(0)
    made = []
    for name, count in (("train", 16), ("validation", 4), ("test", 8)):
        for i in range(count):
            folder = tmp_path / name / "ab"[i % 2]
            folder.mkdir(parents=True, exist_ok=True)
            noise = rng.integers(0, 60, (30, 30, 3)) + 190 * (i % 2)
            Image.fromarray(noise.astype("uint8")).save(folder / f"{i}.png")
        split = splits.whole_folder(tmp_path / name, ("a", "b"))
        made.append(split)
    return made


def small_base():
    """Stands for Inception v3: a block mixed8, and one after it."""
    inputs = keras.Input((299, 299, 3))
    x = keras.layers.Conv2D(4, 37, 37, activation="relu")(inputs)
    x = keras.layers.Activation("linear", name="mixed8")(x)
    x = keras.layers.Conv2D(2048, 1)(x)
    return keras.Model(inputs, keras.layers.BatchNormalization()(x))


@pytest.mark.parametrize("way", _contestants.WAYS)
def test_every_way_learns(parts, way):
    found = _contestants.run(way, parts)
    assert len(found["right"]) == 8
    assert np.mean(found["right"]) > 0.8
    assert found["seconds"] > 0
    assert 100 < found["peak_mib"] < 100_000
    json.dumps(found)


@pytest.mark.parametrize(
    "way, photos", [("forward", 40), ("forward_tenfold", 400)]
)
def test_the_forward_pass_is_set_against_matrix_products(
    parts, monkeypatch, way, photos
):
    monkeypatch.setattr(_contestants, "FORWARD", 40)
    found = _contestants.run(way, parts)
    assert found["photos"] == photos
    assert found["share_of_matrix_rate"] > 0
    assert 100 < found["peak_mib"] < 100_000


def test_photos_taken_again_are_computed_again(parts, capsys):
    many = _contestants._many(parts, 60)
    assert len(set(many.paths)) == 28
    describe = keras.Model(*_contestants._described())
    _contestants.extraction.extract(describe, many)
    assert "60/60" in capsys.readouterr().out


def reported(seconds, right):
    return {"seconds": seconds, "peak_mib": 1000.0, "right": right}


FOUND = {
    f"{who}_{name}": reported(seconds, [True] * right + [False] * (10 - right))
    for name in race.NAMES
    for who, seconds, right in (("recipe", 60.0, 7), ("workbook", 5.0, 8))
} | {
    name: {
        "photos": scan,
        "seconds": seconds,
        "share_of_matrix_rate": 0.7,
        "peak_mib": 1000.0,
    }
    for name, photos, seconds in (
        ("forward", 500, 20.0),
        ("forward_tenfold", 5000, 250.0),
    )
}


def test_the_results_are_shown_and_written(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(race, "_run", FOUND.get)
    file = tmp_path / "race.json"
    assert race.main(["--json", str(file)]) == 0
    results = json.loads(file.read_text())
    assert set(results) == {*race.NAMES, *race.FORWARDS, "machine"}
    assert results["frozen"] == {
        "recipe_seconds": 60.0,
        "workbook_seconds": 5.0,
        "ratio": 12.0,
        "recipe_accuracy": 0.7,
        "workbook_accuracy": 0.8,
        "test_photos": 10,
        "recipe_peak_mib": 1000.0,
        "workbook_peak_mib": 1000.0,
    }
    said = capsys.readouterr().out
    assert said.count("12.0") == 3
    assert (
        "10 times as many photos: 12.50 times the time, 1.00 times the memory"
    ) in said
    bars = [line.count("█") for line in said.splitlines() if "█" in line]
    assert bars == [46, 4] * 3


def test_a_terminal_without_its_letters_costs_no_results(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(race, "_run", FOUND.get)
    written = io.BytesIO()
    pipe = io.TextIOWrapper(written, "ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", pipe)
    file = tmp_path / "race.json"
    with pytest.raises(UnicodeEncodeError):
        race.main(["--json", str(file)])
    assert json.loads(file.read_text())["frozen"]["ratio"] == 12.0
    assert b"running recipe frozen" in written.getvalue()


def test_a_way_that_fails_ends_the_race_with_its_last_line(
    monkeypatch, capsys
):
    monkeypatch.setattr(race, "NAMES", ("no_such",))
    assert race.main([]) == 1
    said = capsys.readouterr().err
    assert "recipe_no_such could not be run: KeyError" in said
    assert "Traceback" not in said
