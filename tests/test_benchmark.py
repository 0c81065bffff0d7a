"""The benchmark trains in each way, and reports what it measured."""

import json
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from helpers.dataset import splits
from tools import _benchmark_runs, benchmark


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """Training, validation and test photos that differ in brightness."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    monkeypatch.setattr(
        _benchmark_runs.dtypes, "fastest_dtype", lambda: "float32"
    )
    monkeypatch.setattr(_benchmark_runs, "EPOCHS", 5)
    monkeypatch.setattr(_benchmark_runs, "BATCH", 4)
    monkeypatch.setattr(_benchmark_runs, "_base", small_base)
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


@pytest.mark.parametrize("name", _benchmark_runs.TRAINING)
def test_training_in_each_way_learns(parts, name):
    report = _benchmark_runs.run(name, parts)
    assert len(report["correct"]) == 8
    assert np.mean(report["correct"]) > 0.8
    assert report["seconds"] > 0
    assert 100 < report["peak_mib"] < 100_000
    json.dumps(report)


def test_the_results_are_shown(monkeypatch, capsys):
    def run(name):
        is_recipe = name.startswith("recipe")
        return {
            "seconds": 60.0 if is_recipe else 5.0,
            "peak_mib": 1000.0,
            "correct": [True] * (7 if is_recipe else 8) + [False] * 2,
        }

    monkeypatch.setattr(benchmark, "_run", run)
    assert benchmark.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split() for line in lines if line.endswith("%)")]
    assert [row[0] for row in rows] == benchmark.NAMES
    assert rows[0][1:4] == ["60.0", "1000", "77.8%"]
    assert rows[1][1:5] == ["5.0", "12.0", "1000", "80.0%"]


def test_a_run_that_fails_is_named_with_its_last_line(monkeypatch, capsys):
    def run(command, **options):
        assert command[1:] == ["-m", "tools._benchmark_runs", "recipe_frozen"]
        program = "raise MemoryError('too much')"
        return subprocess_run([sys.executable, "-c", program], **options)

    subprocess_run = benchmark.subprocess.run
    monkeypatch.setattr(benchmark.subprocess, "run", run)
    assert benchmark.main([]) == 1
    error = capsys.readouterr().err
    assert error == "recipe_frozen failed: MemoryError: too much\n"
