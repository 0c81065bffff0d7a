"""python3 start.py predict MODEL PHOTO... says what is on each photo."""

import csv
import io
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from make_photos import saved
from PIL import Image

from helpers.network import export, saving
from helpers.paths import ROOT
from tools import predict

METADATA = saving.Metadata(("dark", "свет"), "pad", threshold=0.7)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What retrain leaves: a model that measures how light a photo is."""
    folder = tmp_path_factory.mktemp("results")
    inputs = keras.Input((299, 299, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    head = keras.layers.Dense(2, activation="softmax")
    model = keras.Model(inputs, head(x))
    head.set_weights([np.tile([-1.0, 1.0], (3, 1)), np.zeros(2)])
    saving.write(model, METADATA, folder / "model.keras")
    model.export(folder / "saved", verbose=False)
    saving.write_metadata(folder / "saved", METADATA)
    export.convert_to_float16(folder / "saved", folder / "model.tflite")
    return folder


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A dark, a light and a grey photo, the light one deeper, in `mine`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine" / "deeper").mkdir(parents=True)
    for name, grey in {"a": 10, "deeper/b": 250, "c": 128}.items():
        image = Image.new("RGB", (400, 400), (grey,) * 3)
        (tmp_path / "mine" / f"{name}.png").write_bytes(saved(image, "PNG"))
    return tmp_path / "mine"


@pytest.mark.parametrize("name", ["", "model.keras", "model.tflite", "saved"])
def test_every_photo_has_a_line(results, photos, capsys, name):
    assert predict.main([str(results / name), "mine"]) == 0
    printed = capsys.readouterr()
    dark, grey, light = printed.out.splitlines()
    assert dark.startswith("mine/a.png: dark, 99.")
    assert "%; next свет, 0." in dark
    assert grey.startswith("mine/c.png: none of these (most likely свет, 50")
    assert light.startswith("mine/deeper/b.png: свет, 99.")
    assert printed.err == ""


def test_a_table_for_programs(results, photos, capsys):
    (photos / "=x,y.png").write_bytes((photos / "a.png").read_bytes())
    arguments = ["--csv", "mine/=x,y.png", "mine/c.png", "mine/none.png"]
    assert predict.main([str(results / "model.tflite"), *arguments]) == 1
    first, second, third = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (first["file"], first["class"]) == ("mine/=x,y.png", "dark")
    assert float(first["probability"]) > 0.99
    assert first["none_of_these"] == "no" and not first["problem"]
    assert second["none_of_these"] == "yes"
    assert third["file"] == "mine/none.png" and not third["class"]
    assert "no such file" in third["problem"]


def test_a_file_with_a_problem_has_a_line_and_the_others_theirs(
    results, photos, capsys
):
    (photos / "b.jpg").write_text("<html>")
    model = str(results / "model.tflite")
    assert predict.main([model, "mine/a.png", "mine/b.jpg"]) == 1
    good, bad = capsys.readouterr().out.splitlines()
    assert "dark" in good and bad == "mine/b.jpg: a web page, not a photo"
    assert predict.main([model, "mine/b.jpg"]) == 2
    assert "a web page" in capsys.readouterr().out


def _empty(path):
    path.mkdir()


def _text(path):
    path.write_text("to do")


def _damaged(path):
    path.write_bytes(b"no model")
    saving.write_metadata(path, METADATA)


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("gone.keras", None, "there is no such model"),
        ("empty", _empty, "no model.keras in this folder"),
        ("notes.txt", _text, "not a model; give a .keras"),
        ("notes.tflite", _text, "not a complete model"),
        ("broken.keras", _damaged, "not a complete .keras file"),
        ("broken.tflite", _damaged, "LiteRT cannot load it"),
    ],
)
def test_a_model_that_is_none_is_refused(photos, capsys, name, make, message):
    if make:
        make(photos.parent / name)
    assert predict.main([name, "mine"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert name in printed.err and message in printed.err


def test_a_folder_without_files_is_refused(results, photos, capsys):
    shutil.rmtree(photos)
    photos.mkdir()
    assert predict.main([str(results), "mine"]) == 2
    printed = capsys.readouterr()
    assert printed.err == ("mine: there is no file in it; put photos in it.\n")


def test_litert_starts_without_tensorflow_and_writes_utf8(results, photos):
    program = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "from tools import predict; sys.exit(predict.main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, results / "model.tflite"]
        + [photos / "a.png", "--csv"],
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": "ascii:replace"},
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "a.png,dark,0.99" in done.stdout and "no,свет," in done.stdout
