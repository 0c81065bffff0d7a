"""The benchmark trains in each way, and reports what it measured."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from helpers.dataset import splits
from tools import benchmark


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """Training, validation and test photos that differ in brightness."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    monkeypatch.setattr(benchmark.dtypes, "fastest_dtype", lambda: "float32")
    monkeypatch.setattr(benchmark, "EPOCHS", 5)
    monkeypatch.setattr(benchmark, "BATCH", 4)
    monkeypatch.setattr(benchmark, "_base", small_base)
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


@pytest.mark.parametrize("name", benchmark.TRAINING)
def test_training_in_each_way_learns(parts, name):
    report = benchmark.run(name, parts)
    assert len(report["correct"]) == 8
    assert np.mean(report["correct"]) > 0.8
    assert report["seconds"] > 0
    assert 100 < report["peak_mib"] < 100_000
    json.dumps(report)


def test_the_table_has_speed_ups_intervals_and_paired_differences():
    ways = {"recipe": (60.0, [1] * 7 + [0] * 2), "workbook": (5.0, [1] * 9)}
    reports = {}
    for name in benchmark.TRAINING:
        seconds, correct = ways[name.partition("_")[0]]
        reports[name] = dict(seconds=seconds, peak_mib=1e3, correct=correct)
    rows = [line.split() for line in benchmark.table(reports).splitlines()[1:]]
    assert [row[0] for row in rows if "_" in row[0]] == [*benchmark.TRAINING]
    for recipe, workbook, pair in zip(
        rows[::3], rows[1::3], rows[2::3], strict=True
    ):
        assert recipe[1:4] == ["60.0", "1000", "77.8%"]
        assert workbook[1:5] == ["5.0", "12.0", "1000", "100.0%"]
        assert " ".join(pair).startswith("workbook minus recipe: +22.2 perc")
