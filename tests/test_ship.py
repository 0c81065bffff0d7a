"""A classifier leaves the house whole, and says the same elsewhere."""

import csv
import os
import subprocess
import sys
from datetime import UTC, datetime

import ipywidgets
import keras
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from helpers import paths, results, setup
from helpers.dataset import pipeline, splits
from helpers.network import export, model_card, predict, saving, subprocesses
from helpers.plots import deployment
from helpers.widgets import upload_panel

NAMES = ("crack", "пятно")


def classifier():
    """A small model from pixels to two classes, a part of it compiled."""
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
def model():
    return classifier()


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Twenty photos of noise, each of another light."""
    place = tmp_path_factory.mktemp("photos") / "mine"
    rng = np.random.default_rng(0)
    for i in range(20):
        folder = place / NAMES[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 12 * i + 20, (299, 299, 3), "uint8")
        Image.fromarray(pixels).save(folder / f"{i:02}.png")
    return splits.whole_folder(place, NAMES)


@pytest.fixture(scope="module")
def shipped(model, split, tmp_path_factory):
    """{name: path} of the model in all formats."""
    place = tmp_path_factory.mktemp("models")
    found = {
        "keras": place / "m.keras",
        "saved": place / "m",
        "int8": place / "m-int8.tflite",
    }
    saving.without_optimizers(model).save(found["keras"])
    saving.write_names(found["keras"], NAMES)
    model.export(found["saved"], verbose=False)
    saving.write_names(found["saved"], NAMES)
    given = found["saved"], found["int8"], split.paths
    subprocesses.run(
        "helpers.network.export", "convert_to_int8", *given, total=20
    )
    return found


# --- What is in the file --------------------------------------------------


def test_without_optimisers_a_model_says_the_same_and_is_smaller(
    model, split, tmp_path
):
    lean = saving.without_optimizers(model)
    pixels = pipeline.load_photos(split.paths[:4])
    np.testing.assert_array_equal(
        lean.predict(pixels, verbose=0), model.predict(pixels, verbose=0)
    )
    model.save(tmp_path / "with.keras")
    lean.save(tmp_path / "without.keras")
    loaded = [
        keras.saving.load_model(tmp_path / f"{name}.keras").layers[-1]
        for name in ("with", "without")
    ]
    assert loaded[0].compiled
    assert not loaded[1].compiled
    assert model.layers[-1].compiled  # the original is left alone


@pytest.mark.parametrize("name", ["keras", "saved", "int8"])
def test_the_names_are_in_every_format(shipped, name):
    assert saving.read_names(shipped[name]) == NAMES


def test_for_small_computers_there_are_two_files_and_a_list(
    model, split, tmp_path
):
    path = tmp_path / "m.keras"
    saving.write(model, NAMES, path)
    given = "helpers.network.export", "export_litert", path
    subprocesses.run(*given, split.paths, total=len(split))
    half, whole = export.lite_paths(path)
    assert (half.name, whole.name) == ("m-float16.tflite", "m-int8.tflite")
    assert saving.read_names(half) == saving.read_names(whole) == NAMES
    here = model.predict(pipeline.batches(split), verbose=0)
    for file, tolerance in ((half, 1e-3), (whole, 0.05)):
        said = export.load_predictor(file)(pipeline.load_photos(split.paths))
        np.testing.assert_allclose(said, here, atol=tolerance)
    assert (tmp_path / "labels.txt").read_text().split() == list(NAMES)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_model_without_names_is_told_in_a_sentence(model, tmp_path):
    model.export(tmp_path / "m", verbose=False)
    (tmp_path / "m.tflite").write_bytes(b"no archive")
    for name in ("m", "m.tflite", "gone"):
        with pytest.raises(ValueError, match=f"{name}: it holds no class"):
            saving.read_names(tmp_path / name)


# --- What it says elsewhere -----------------------------------------------


def test_every_format_says_the_same_in_a_new_process(
    model, split, shipped, capsys
):
    said = subprocesses.predict_in_subprocess(list(shipped.values()), split)
    here = model.predict(pipeline.batches(split), verbose=0)
    for its, tolerance in zip(said, (1e-5, 1e-5, 0.05), strict=True):
        np.testing.assert_allclose(its.probabilities, here, atol=tolerance)
        assert its.seconds > 0
    shown = capsys.readouterr().out
    assert "60/60" in shown
    for path in shipped.values():
        assert f"{path.name}: " in shown


def test_int8_is_in_whole_numbers_throughout(shipped):
    kinds = [
        details["dtype"]
        for details in export.interpreter(shipped["int8"]).get_tensor_details()
    ]
    assert kinds.count(np.float32) <= 2  # the pixels and the answer
    assert kinds.count(np.int8) > 4


# TensorFlow says that it will remove its own interpreter.
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_without_ai_edge_litert_tensorflow_runs_the_model(
    shipped, split, monkeypatch
):
    pixels = pipeline.load_photos(split.paths[:2])
    probabilities = export.load_predictor(shipped["int8"])(pixels)
    assert probabilities.shape == (2, len(NAMES))
    # None makes Python say that there is no such package.
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    model = export.interpreter(shipped["int8"])
    assert isinstance(model, tf.lite.Interpreter)
    np.testing.assert_allclose(
        export.load_predictor(shipped["int8"])(pixels),
        probabilities,
        atol=0.02,
    )


def test_a_new_process_that_fails_names_the_file_and_says_why(
    split, shipped, tmp_path
):
    (tmp_path / "m.tflite").write_bytes(b"not a model")
    why = r"^m\.tflite: answer failed in a new process: V"
    with pytest.raises(RuntimeError, match=why):
        subprocesses.predict_in_subprocess(
            [shipped["int8"], tmp_path / "m.tflite"], split
        )
    with pytest.raises(RuntimeError, match="no such file"):
        subprocesses.predict_in_subprocess([tmp_path / "gone.keras"], split)


def test_a_photo_that_was_swapped_is_noticed_in_the_new_process(
    split, shipped
):
    other = splits.Split(
        "x", NAMES, split.paths, split.labels, split.keys[::-1]
    )
    with pytest.raises(RuntimeError, match="holds another picture"):
        subprocesses.predict_in_subprocess([shipped["keras"]], other)


# --- Written whole or not at all ------------------------------------------


def write_folder(split, text):
    split.mkdir()
    (split / "a.txt").write_text(text)


def test_a_folder_takes_the_place_of_an_older_one(tmp_path):
    for text in ("old", "new"):
        with paths.atomic(tmp_path / "m") as temporary:
            write_folder(temporary, text)
    assert (tmp_path / "m" / "a.txt").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_the_old_folder_stays_when_the_block_fails(tmp_path):
    with paths.atomic(tmp_path / "m") as temporary:
        write_folder(temporary, "old")
    with (
        pytest.raises(RuntimeError),
        paths.atomic(tmp_path / "m") as temporary,
    ):
        write_folder(temporary, "new")
        raise RuntimeError
    assert (tmp_path / "m" / "a.txt").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_the_folder_of_a_killed_process_is_removed(tmp_path, monkeypatch):
    program = (
        "import os, sys; from helpers.paths import atomic\n"
        "with atomic(sys.argv[1]) as part:\n"
        "    part.mkdir(); (part / 'half').touch(); os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "m"
    subprocess.run([sys.executable, "-c", program, path], cwd=paths.ROOT)
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(paths, "_swept", set())
    with paths.atomic(path) as temporary:
        write_folder(temporary, "whole")
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_quiet_holds_back_and_lets_errors_through(capfd):
    with pytest.raises(KeyError), setup.quiet():
        os.write(2, b"of no interest")
        raise KeyError
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


# --- A folder -------------------------------------------------------------


@pytest.fixture
def mixed(split, tmp_path, monkeypatch):
    """A folder with photos on two levels, and files that are none."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    folder = tmp_path / "new"
    (folder / "monday").mkdir(parents=True)
    for i, name in enumerate(("b.png", "monday/a.png", "monday/ü.png")):
        (folder / name).write_bytes(open(split.paths[i], "rb").read())
    (folder / "empty.jpg").touch()
    (folder / "monday" / "page.jpg").write_text("<html>")
    (folder / ".DS_Store").touch()
    return folder


def rows(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_every_file_of_a_folder_has_its_row(model, split, mixed):
    found = rows(predict.write_predictions(model, NAMES, mixed))
    assert [row["file"] for row in found] == [
        "b.png", "empty.jpg", "monday/a.png", "monday/page.jpg",
        "monday/ü.png",
    ]  # fmt: skip
    said = model.predict(pipeline.load_photos(split.paths[:3]), verbose=0)
    answered = [row for row in found if row["class"]]
    for row, its in zip(answered, said, strict=True):
        assert row["class"] == NAMES[its.argmax()]
        assert row["second"] == NAMES[its.argmin()]
        assert float(row["probability"]) == pytest.approx(its.max(), abs=1e-3)
        assert not row["problem"]
    why = [row["problem"] for row in found if not row["class"]]
    assert why == ["the file is empty", "a web page, not a photo"]


def test_leavings_and_sidecars_have_no_row_and_dotted_photos_do(model, mixed):
    before = [
        row["file"]
        for row in rows(predict.write_predictions(model, NAMES, mixed))
    ]
    (mixed / "@eaDir").mkdir()
    whole = (mixed / "monday" / "a.png").read_bytes()
    (mixed / "@eaDir" / "a.png").write_bytes(whole)
    (mixed / "monday" / "a.png.json").write_text("{}")
    (mixed / "._b.png").write_bytes(b"\0\5\x16\7")
    (mixed / ".hidden.png").write_bytes(whole)
    after = [
        row["file"]
        for row in rows(predict.write_predictions(model, NAMES, mixed))
    ]
    assert after == [".hidden.png", *before]


def test_answers_for_a_part_stand_beside_its_labels(split, tmp_path):
    said = np.linspace(0.1, 0.9, len(split))
    said = np.stack([said, 1 - said], axis=1)
    predict.write_csv(tmp_path / "p.csv", split, said)
    found = rows(tmp_path / "p.csv")
    assert [row["label"] for row in found] == [NAMES[i] for i in split.labels]
    assert [row["class"] for row in found] == [
        NAMES[i] for i in said.argmax(axis=-1)
    ]
    assert found[0]["probability"] == "0.900"
    assert found[0]["second_probability"] == "0.100"
    assert split.paths[0].endswith(found[0]["file"])
    with pytest.raises(ValueError):
        predict.write_csv(tmp_path / "q.csv", split, said[1:])
    assert not (tmp_path / "q.csv").exists()


def test_a_folder_larger_than_a_batch_is_answered_to_the_end(
    model, split, tmp_path, monkeypatch
):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    monkeypatch.setattr(predict, "BATCH_SIZE", 3)
    folder = tmp_path / "new"
    folder.mkdir()
    for i in range(7):
        (folder / f"{i}.png").write_bytes(open(split.paths[i], "rb").read())
    (folder / "z.jpg").write_text("the last file is no photo")
    found = rows(predict.write_predictions(model, NAMES, folder))
    said = model.predict(pipeline.load_photos(split.paths[:7]), verbose=0)
    assert [row["class"] for row in found[:-1]] == [
        NAMES[i] for i in said.argmax(axis=-1)
    ]
    assert found[-1]["problem"]


def test_linked_folders_are_walked_and_none_for_ever(model, mixed):
    other = mixed.parent / "other"
    other.mkdir()
    (other / "c.png").write_bytes((mixed / "b.png").read_bytes())
    (other / "back").symlink_to(other)
    (mixed / "linked").symlink_to(other)
    (mixed / "round").symlink_to(mixed)
    (mixed / "monday" / "up").symlink_to(mixed.parent)
    found = rows(predict.write_predictions(model, NAMES, mixed))
    assert [row["file"] for row in found] == [
        "b.png", "empty.jpg", "linked/c.png", "monday/a.png",
        "monday/page.jpg", "monday/ü.png",
    ]  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="names are UTF-8 there")
def test_a_name_that_is_not_utf8_has_a_row_that_says_so(model, mixed):
    (mixed / "b.png").rename(mixed / os.fsdecode(b"caf\xe9.png"))
    found = rows(predict.write_predictions(model, NAMES, mixed))
    why = {row["file"]: row["problem"] for row in found}
    assert why.pop("caf\\udce9.png") == "its name is not UTF-8"
    assert why["monday/a.png"] == ""


def test_a_folder_that_is_not_there_or_empty_is_told(model, tmp_path):
    with pytest.raises(ValueError, match="gone: there is no such folder"):
        predict.write_predictions(model, NAMES, tmp_path / "gone")
    with pytest.raises(ValueError, match="there is no file in it"):
        predict.write_predictions(model, NAMES, tmp_path)


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
    for value in as_uploaded("a.png", b"12"):
        assert upload_panel.uploaded(value) == ("a.png", b"12")
    for value in ((), {}):
        assert upload_panel.uploaded(value) == (None, None)


def test_an_upload_may_not_leave_its_folder():
    for value in as_uploaded("../../a.png", b"12"):
        assert upload_panel.uploaded(value)[0] == "a.png"


@pytest.fixture
def panel(model, split):
    return upload_panel.upload(model, NAMES, split.paths[0])


def put(panel, name, content):
    new = int(ipywidgets.__version__.split(".")[0]) >= 8
    value = as_uploaded(name, content)[new]
    panel.controls["photo"].set_trait("value", value)  # read-only in 7
    return panel.line.value


def test_an_uploaded_photo_is_answered(panel, model, split):
    assert "00.png" in panel.line.value
    before = panel.picture.value
    line = put(panel, "mine.png", open(split.paths[-1], "rb").read())
    (said,) = model.predict(pipeline.load_photos(split.paths[-1:]), verbose=0)
    assert f"mine.png: {NAMES[said.argmax()]}, {said.max():.0%}" in line
    assert panel.picture.value != before


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.jpg", b"", "empty.jpg: the file is empty"),
        ("page.jpg", b"<html>", "a web page, not a photo"),
        ("notes.txt", b"to do", "not a picture of any kind"),
        ("cut.png", b"\x89PNG\r\n\x1a\n12", "damaged or cut off"),
    ],
)
def test_an_upload_that_is_no_photo_is_told(panel, name, content, says):
    before = panel.picture.value
    assert says in put(panel, name, content)
    assert panel.picture.value == before


# --- The card -------------------------------------------------------------


def test_the_card_says_what_was_measured(
    shipped, split, tmp_path, monkeypatch
):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    folder = tmp_path / "mine"
    outcomes = {"shipped, test": np.arange(20) < 15}
    results.write("06_x", "starter", folder, outcomes)
    results.write("04_x", "starter", folder, {"another": np.arange(20) < 5})
    results.write("04_x", "imagenet", folder, {"another": np.arange(20) < 9})
    path = tmp_path / "m.keras"
    path.write_bytes(shipped["keras"].read_bytes())
    same = {"int8": np.arange(20) < 19}
    test = splits.Split("test", NAMES, split.paths, split.labels, split.keys)
    written = model_card.write_model_card(
        path, [test], "starter", folder, outcomes, same
    )
    text = written.read_text(encoding="utf-8")
    assert written == tmp_path / "m.md"
    for words in (
        "one of crack, пятно.",
        "| crack | 10 |",
        "- shipped, test: 15 of 20 photos right: 75.0%",
        "- int8: 19 of 20 test photos",
        "- another: 5 of 20 photos right",
        "- another (imagenet): 9 of 20 photos right",
        "## Not for",
        keras.__version__,
    ):
        assert words in text
    assert str(tmp_path) not in text
    ours, _, others = text.partition("Other models")
    assert "another" not in ours
    assert "shipped, test" not in others


def test_the_card_changes_with_the_file(shipped, split, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    path, hashes = tmp_path / "m.keras", []
    for content in (b"one", b"two"):
        path.write_bytes(content)
        model_card.write_model_card(path, [split], "starter", tmp_path, {}, {})
        hashes.append(path.with_suffix(".md").read_text().split()[-1])
    assert hashes[0] != hashes[1]


# --- Figures --------------------------------------------------------------


@pytest.fixture(autouse=True)
def figures():
    yield
    plt.close("all")


def test_sizes_and_times_stand_beside_their_formats():
    deployment.size_and_speed(
        {"keras": 97.0, "int8": 24.0}, {"keras": 60.0, "int8": 19.0}
    )
    widths = [[b.get_width() for b in ax.patches] for ax in plt.gcf().axes]
    assert widths == [[97, 24], [60, 19]]
    names = [t.get_text() for t in plt.gcf().axes[0].get_yticklabels()]
    assert names == ["keras", "int8"]


def test_the_likeliest_classes_are_drawn_first(split):
    deployment.prediction(split.paths[0], np.array([0.2, 0.8]), NAMES)
    bars = plt.gcf().axes[1]
    assert [t.get_text() for t in bars.get_yticklabels()] == [*NAMES[::-1]]
    assert [b.get_width() for b in bars.patches] == [80, 20]


def test_each_measure_of_two_cameras_has_its_panel():
    sets = {"before": np.zeros(4), "after": np.ones(9)}
    deployment.drift({"one": sets, "other": sets})
    assert [ax.get_xlabel() for ax in plt.gcf().axes] == ["one", "other"]
    for ax in plt.gcf().axes:
        assert ax.get_legend_handles_labels()[1] == [*sets]


def test_alarms_are_drawn_in_percent():
    rates = {"far, alarms": [0.5, 1], "far, false alarms": [0, 0.01]}
    deployment.alerts([2, 5], rates, 0.01)
    drawn = {ax.get_title(): ax.get_lines() for ax in plt.gcf().axes}
    assert list(drawn["Alarms"][0].get_ydata()) == [50, 100]
    false, allowed = drawn["False alarms"]
    assert list(false.get_ydata()) == [0, 1]
    assert set(allowed.get_ydata()) == {1}
    assert drawn["Alarms"][0].get_color() == false.get_color()


def test_a_high_rate_of_false_alarms_stays_in_the_figure():
    rates = {"far, alarms": [0.5, 1], "far, false alarms": [0, 0.3]}
    deployment.alerts([2, 5], rates, 0.01)
    assert plt.gcf().axes[1].get_ylim()[1] > 30


def test_sizes_are_in_millions_of_bytes(tmp_path):
    (tmp_path / "m" / "v").mkdir(parents=True)
    (tmp_path / "m" / "a").write_bytes(bytes(1_000_000))
    (tmp_path / "m" / "v" / "b").write_bytes(bytes(500_000))
    assert export.megabytes(tmp_path / "m") == 1.5
    assert export.megabytes(tmp_path / "m" / "a") == 1
