"""A classifier is exported completely, and predicts the same elsewhere."""

import csv
import dataclasses
import importlib.util
import json
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import ipywidgets
import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf
from PIL import Image

from helpers import results, setup, stats
from helpers.dataset import pipeline, splits
from helpers.network import (
    export,
    model_card,
    predict,
    predictors,
    saving,
    subprocesses,
)
from helpers.widgets import upload_panel

NAMES = ("crack", "пятно")
METADATA = saving.Metadata(NAMES, "pad", temperature=2.0, threshold=0.6)


@pytest.fixture(scope="module")
def model():
    """A small model from pixels to two classes, its head compiled."""
    keras.utils.set_random_seed(1)
    head = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(2, activation="softmax")]
    )
    head.compile("adam", loss="sparse_categorical_crossentropy")
    inputs = keras.Input((299, 299, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.Conv2D(8, 31, 31, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, head(x))
    head.fit(np.eye(8), np.arange(8) % 2, verbose=0)
    return model


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Twenty photos of noise, each brighter than the one before."""
    folder = tmp_path_factory.mktemp("photos") / "mine"
    rng = np.random.default_rng(0)
    for i in range(20):
        path = folder / NAMES[i % 2] / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 12 * i + 20, (299, 299, 3), "uint8")
        Image.fromarray(pixels).save(path)
    return splits.whole_folder(folder, NAMES)


@pytest.fixture(scope="module")
def pixels(split):
    return pipeline.load_photos(split.paths)


@pytest.fixture(scope="module")
def probs(model, pixels):
    return model.predict(pixels, verbose=0)


@pytest.fixture(scope="module")
def shipped(model, split, tmp_path_factory):
    """{name: path} of the model in all formats."""
    folder = tmp_path_factory.mktemp("models")
    path = folder / "m.keras"
    saving.write(saving.without_optimizers(model), METADATA, path)
    model.export(folder / "m", verbose=False)
    saving.write_metadata(folder / "m", METADATA)
    export.export_litert(path, split.paths)
    float16, int8 = export.lite_paths(path)
    call = "helpers.network.export", "convert_to_onnx"
    subprocesses.run(*call, path, folder / "m.onnx")
    return {
        "keras": path,
        "saved": folder / "m",
        "float16": float16,
        "int8": int8,
        "onnx": folder / "m.onnx",
    }


# --- The files ------------------------------------------------------------


def test_without_optimizers_a_model_predicts_the_same(
    model, shipped, pixels, probs
):
    lean, _ = saving.load(shipped["keras"])
    np.testing.assert_array_equal(lean.predict(pixels, verbose=0), probs)
    loaded = keras.saving.load_model(shipped["keras"])
    assert not loaded.layers[-1].compiled
    assert model.layers[-1].compiled  # the original is left alone


def test_the_metadata_is_in_every_format(shipped, tmp_path):
    for path in shipped.values():
        assert saving.read_metadata(path) == METADATA
    labels = shipped["keras"].with_name("labels.txt")
    assert labels.read_text(encoding="utf-8").split() == list(NAMES)
    assert len(list(labels.parent.iterdir())) == len(shipped) + 1
    (tmp_path / "m").mkdir()
    for name in ("m.tflite", "m.onnx"):
        (tmp_path / name).write_bytes(b"no archive")
    for name, message in {
        "m": "not a classifier of these lessons",
        "m.tflite": "not a complete model",
        "m.onnx": "not a complete model",
        "gone": "there is no such file",
    }.items():
        with pytest.raises(ValueError, match=f"{name}: {message}"):
            saving.read_metadata(tmp_path / name)


def test_int8_is_quantized_throughout(shipped):
    details = predictors.interpreter(shipped["int8"]).get_tensor_details()
    dtypes = [detail["dtype"] for detail in details]
    assert dtypes.count(np.float32) <= 2  # the input and the output
    assert dtypes.count(np.int8) > 4


def test_sizes_are_in_millions_of_bytes(tmp_path):
    (tmp_path / "m" / "v").mkdir(parents=True)
    (tmp_path / "m" / "a").write_bytes(bytes(1_000_000))
    (tmp_path / "m" / "v" / "b").write_bytes(bytes(500_000))
    assert export.megabytes(tmp_path / "m") == 1.5
    assert export.megabytes(tmp_path / "m" / "a") == 1


# --- Predictions elsewhere ------------------------------------------------


def test_every_format_predicts_the_same_in_a_new_process(
    split, shipped, probs, capsys
):
    predictions = subprocesses.predict_in_subprocess(
        list(shipped.values()), split
    )
    tolerances = (1e-5, 1e-5, 1e-3, 0.05, 1e-5)
    for own, tolerance in zip(predictions, tolerances, strict=True):
        np.testing.assert_allclose(own.probabilities, probs, atol=tolerance)
        assert own.seconds > 0
    shown = capsys.readouterr().out
    assert "100/100" in shown
    assert all(f"{path.name}: " in shown for path in shipped.values())


def test_without_packages_or_memory_no_onnx_file_is_made(monkeypatch):
    assert export.why_no_onnx() == ""
    memory = psutil.virtual_memory()._replace(available=2**30)
    with monkeypatch.context() as patch:
        patch.setattr(psutil, "virtual_memory", lambda: memory)
        assert "needs 3 GiB of memory, and 1.0" in export.why_no_onnx()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "onnx, onnxruntime, tf2onnx is missing" in export.why_no_onnx()


# TensorFlow says that it will remove its own interpreter.
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_without_ai_edge_litert_tensorflow_runs_the_model(
    shipped, pixels, monkeypatch
):
    path = shipped["int8"]
    expected = predictors.load_predictor(path)(pixels[:2])
    # None makes Python say that there is no such package.
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    assert isinstance(predictors.interpreter(path), tf.lite.Interpreter)
    np.testing.assert_allclose(
        predictors.load_predictor(path)(pixels[:2]), expected, atol=0.02
    )


def test_a_failure_in_a_new_process_names_the_file_and_the_reason(
    split, tmp_path
):
    (tmp_path / "m.tflite").write_bytes(b"not a model")
    message = r"^m\.tflite: .* new process: V"
    with pytest.raises(RuntimeError, match=message):
        subprocesses.predict_in_subprocess([tmp_path / "m.tflite"], split)


def test_a_missing_model_or_another_photo_stops_predictions(
    split, shipped, tmp_path, monkeypatch
):
    # Of a process that computes already, threads can't be set.
    threading = SimpleNamespace(
        set_intra_op_parallelism_threads=int,
        set_inter_op_parallelism_threads=int,
    )
    monkeypatch.setattr(export.tf.config, "threading", threading)
    listed = tmp_path / "list.json"
    for path, keys, message in (
        (tmp_path / "gone.keras", split.keys, "no such file"),
        (shipped["keras"], split.keys[::-1], "holds another photo"),
    ):
        listed.write_text(json.dumps([split.paths, keys, split.shape]))
        with pytest.raises(ValueError, match=message):
            export.predict_and_time([path], listed, tmp_path / "out.npz", [])


def test_quiet_suppresses_output_and_no_errors(capfd):
    with pytest.raises(KeyError), setup.quiet():
        os.write(2, b"of no interest")
        raise KeyError
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


# --- Tables ---------------------------------------------------------------


@pytest.fixture
def mixed(split, tmp_path, monkeypatch):
    """A folder with photos on two levels, and other files."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    folder = tmp_path / "new"
    (folder / "monday").mkdir(parents=True)
    for i, name in enumerate(("b.png", "monday/a.png", "monday/ü.png")):
        shutil.copy(split.paths[i], folder / name)
    (folder / "empty.jpg").touch()
    (folder / "monday" / "page.jpg").write_text("<html>")
    (folder / ".DS_Store").touch()
    return folder


MIXED = [
    "b.png", "empty.jpg", "monday/a.png", "monday/page.jpg", "monday/ü.png"
]  # fmt: skip


def rows(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("batch_size", [2, 3])
def test_every_file_of_a_folder_has_its_row(
    model, probs, mixed, monkeypatch, batch_size
):
    monkeypatch.setattr(predict, "BATCH_SIZE", batch_size)
    squares = stats.with_temperature(probs[:3], METADATA.temperature)
    limit = float(np.median(squares.max(axis=-1))) + 1e-6
    metadata = dataclasses.replace(METADATA, threshold=limit)
    table = rows(predict.write_predictions(model, metadata, mixed))
    assert [row["file"] for row in table] == MIXED
    predicted = [row for row in table if row["class"]]
    for row, own in zip(predicted, squares, strict=True):
        assert row["class"] == NAMES[own.argmax()]
        assert row["second"] == NAMES[own.argmin()]
        assert float(row["probability"]) == pytest.approx(own.max(), abs=1e-3)
        assert row["none_of_these"] == ("yes" if own.max() < limit else "no")
        assert not row["problem"]
    assert len({row["none_of_these"] for row in predicted}) == 2
    problems = [row["problem"] for row in table if not row["class"]]
    assert problems == ["the file is empty", "a web page, not a photo"]


def test_sidecars_have_no_row_and_photos_in_linked_folders_do(model, mixed):
    (mixed / "@eaDir").mkdir()
    shutil.copy(mixed / "b.png", mixed / "@eaDir")
    (mixed / "monday" / "a.png.json").write_text("{}")
    shutil.copy(mixed / "b.png", mixed / ".hidden.png")
    (mixed.parent / "other").mkdir()
    shutil.copy(mixed / "b.png", mixed.parent / "other" / "c.png")
    (mixed / "linked").symlink_to(mixed.parent / "other")
    table = rows(predict.write_predictions(model, METADATA, mixed))
    names = [row["file"] for row in table]
    assert names == sorted([".hidden.png", *MIXED, "linked/c.png"])


def test_a_folder_is_predicted_in_the_shape_of_the_training(model, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (300, 900, 3), "uint8")
    pixels[:, :300] //= 4
    Image.fromarray(pixels).save(tmp_path / "long.png")
    files = {}
    for shape in ("squeeze", "crop", "pad"):
        photo = pipeline.load_photos([str(tmp_path / "long.png")], shape)
        expected = model.predict(photo, verbose=0).max()
        metadata = saving.Metadata(NAMES, shape)
        path = predict.write_predictions(model, metadata, tmp_path)
        files[shape] = rows(path)[0]["probability"]
        assert files[shape] == f"{expected:.3f}"
    assert len({*files.values()}) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="names are UTF-8 there")
def test_a_name_that_is_not_utf8_has_a_row_that_says_so(model, mixed):
    (mixed / "b.png").rename(mixed / os.fsdecode(b"caf\xe9.png"))
    table = rows(predict.write_predictions(model, METADATA, mixed))
    problems = {row["file"]: row["problem"] for row in table}
    assert problems["caf\\udce9.png"] == "its name is not UTF-8"
    assert problems["monday/a.png"] == ""


def test_predictions_for_a_split_are_beside_its_labels(split, tmp_path):
    rising = np.linspace(0.1, 0.9, len(split))
    probs = np.stack([rising, 1 - rising], axis=1)
    metadata = saving.Metadata(NAMES, threshold=0.6)
    predict.write_csv(tmp_path / "p.csv", split, probs, metadata)
    table = rows(tmp_path / "p.csv")
    assert [row["label"] for row in table] == [NAMES[i] for i in split.labels]
    assert [row["class"] for row in table] == [
        NAMES[i] for i in probs.argmax(axis=-1)
    ]
    assert table[0]["probability"] == "0.900"
    assert table[0]["second_probability"] == "0.100"
    assert split.paths[0].endswith(table[0]["file"])
    rejected = ["yes" if p.max() < 0.6 else "no" for p in probs]
    assert [row["none_of_these"] for row in table] == rejected
    assert set(rejected) == {"yes", "no"}
    cooler = saving.Metadata(NAMES, temperature=2.0)
    predict.write_csv(tmp_path / "p.csv", split, probs, cooler)
    first = rows(tmp_path / "p.csv")[0]
    assert (first["probability"], first["none_of_these"]) == ("0.750", "no")
    with pytest.raises(ValueError):
        predict.write_csv(tmp_path / "q.csv", split, probs[1:], metadata)
    assert not (tmp_path / "q.csv").exists()


# --- An upload ------------------------------------------------------------


def as_uploaded(name, content):
    """What FileUpload holds, in ipywidgets 7 and in 8."""
    about = {"name": name, "type": "image/png", "size": len(content)}
    when = {"last_modified": datetime(2026, 1, 1, tzinfo=UTC)}
    return (
        {name: {"metadata": about, "content": content}},
        (about | when | {"content": memoryview(content)},),
    )


def test_an_upload_is_read_in_both_versions_of_ipywidgets():
    for value in as_uploaded("../../a.png", b"12"):
        assert upload_panel.uploaded(value) == ("a.png", b"12")
    for value in ((), {}):
        assert upload_panel.uploaded(value) == (None, None)


@pytest.fixture
def panel(model, split):
    return upload_panel.upload(model, NAMES, split.paths[0])


def put(panel, name, content):
    new = int(ipywidgets.__version__.split(".")[0]) >= 8
    value = as_uploaded(name, content)[new]
    panel.controls["photo"].set_trait("value", value)  # read-only in 7
    return panel.line.value


def test_an_uploaded_photo_is_predicted(panel, split, probs):
    assert "00.png" in panel.line.value
    before = panel.picture.value
    line = put(panel, "mine.png", Path(split.paths[-1]).read_bytes())
    own = probs[-1]
    assert f"mine.png: {NAMES[own.argmax()]}, {own.max():.0%}" in line
    assert panel.picture.value != before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.jpg", b"", "empty.jpg: the file is empty"),
        ("page.jpg", b"<html>", "a web page, not a photo"),
        ("notes.txt", b"to do", "not a picture in any known format"),
        ("cut.png", b"\x89PNG\r\n\x1a\n12", "damaged or cut off"),
    ],
)
def test_an_upload_that_is_no_photo_is_refused(panel, name, content, message):
    before = panel.picture.value
    assert message in put(panel, name, content)
    assert panel.picture.value == before


# --- The card -------------------------------------------------------------


def test_the_card_holds_what_was_measured(
    shipped, split, tmp_path, monkeypatch
):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    folder = tmp_path / "mine"

    def correct(count):
        return np.arange(20) < count

    of_cracks = split.labels == 0
    own = {"shipped, test": correct(15)}
    results.write("06_x", "starter", folder, own)
    results.write("04_x", "starter", folder, {"another": correct(5)})
    results.write("04_x", "imagenet", folder, {"another": correct(9)})
    path = tmp_path / "m.keras"
    shutil.copy(shipped["keras"], path)
    args = path, [split], "starter", folder, own, of_cracks
    card = model_card.write_model_card(*args, {"int8": correct(19)})
    text = card.read_text(encoding="utf-8")
    assert card == tmp_path / "m.md"
    for words in (
        "one of crack, пятно.",
        "square by `pad`.",
        "divide their logarithms by the temperature 2.00.",
        "then below the threshold 0.60 is *none of these*.",
        "| crack | 10 | 10 of 10: 100.0%",
        "| пятно | 10 | 0 of 10: 0.0%",
        "Balanced accuracy (the mean of the recalls): 50.0%.",
        "of the training set: 10 of 20 photos correct: 50.0%",
        "- shipped, test: 15 of 20 photos correct: 75.0%",
        "- int8: 19 of 20 photos",
        "- another: 5 of 20 photos correct",
        "- another (imagenet): 9 of 20 photos correct",
        "## Not for",
        keras.__version__,
    ):
        assert words in text
    assert str(tmp_path) not in text
    ours, _, others = text.partition("Other results")
    assert "another" not in ours and "shipped, test" not in others
    path.write_bytes(b"another model")
    saving.write_metadata(path, saving.Metadata(("dent", "stain")))
    model_card.write_model_card(*args, {})
    other = card.read_text(encoding="utf-8")
    assert "one of dent, stain." in other
    assert "(temperature 1). No photo is rejected (threshold 0)." in other
    assert text.splitlines()[-1] != other.splitlines()[-1]  # the hash
