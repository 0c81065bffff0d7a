"""use_it.py, left beside a model, predicts what the project predicts."""

import importlib
import os
import re
import struct
import subprocess
import sys

import keras
import numpy as np
import pytest
from format_cases import swapped_profile
from make_photos import noise, saved
from PIL import Image

from helpers import stats
from helpers.dataset import decoding
from helpers.network import export, predictors, saving
from helpers.paths import ROOT

NAMES = ("crack", "пятно", "dent")
# Smooth, so that a resampling of another kind would show.
SCENE = noise(0, (12, 20)).resize((1700, 1300), Image.Resampling.BICUBIC)


def transparent():
    image = SCENE.resize((500, 400)).convert("RGBA")
    image.putalpha(noise(1, (4, 5), "L").resize((500, 400)))
    return image


def turned():
    exif = Image.Exif()
    exif[decoding.ORIENTATION] = 6
    return exif


def grey_profile():
    """A profile for grey values that are proportional to the light."""
    name = b"desc\0\0\0\0\0\0\0\5grey\0".ljust(92, b"\0")
    curve = b"curv\0\0\0\0\0\0\0\0"
    tags = struct.pack(">I4sII4sII", 2, b"desc", 156, 92, b"kTRC", 248, 12)
    head = struct.pack(">I8x12s12x4s", 260, b"mntrGRAYXYZ ", b"acsp")
    return head.ljust(128, b"\0") + tags + name + curve


PHOTOS = {
    "large.jpg": saved(SCENE, "JPEG", quality=95),
    "turned.jpg": saved(SCENE, "JPEG", quality=95, exif=turned()),
    "profile.jpg": saved(SCENE, "JPEG", icc_profile=swapped_profile()),
    "damaged.jpg": saved(SCENE, "JPEG", icc_profile=b"rubbish"),
    "cmyk.jpg": saved(SCENE.convert("CMYK"), "JPEG", quality=95),
    "grey.jpg": saved(SCENE.convert("L"), "JPEG", quality=95),
    "scan.jpg": saved(SCENE.convert("L"), "JPEG", icc_profile=grey_profile()),
    "alpha.png": saved(transparent(), "PNG"),
    "palette.gif": saved(SCENE.convert("P"), "GIF"),
    "small.webp": saved(SCENE.resize((100, 80)), "WEBP", lossless=True),
}


@pytest.fixture(scope="module", params=["squeeze", "crop", "pad"])
def metadata(request):
    return saving.Metadata(NAMES, request.param, 1.7, 0.5)


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    """A model whose predictions depend on where which colours are."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((299, 299, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.Conv2D(8, 31, 31, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(3, activation="softmax")(keras.ops.multiply(x, 9))
    folder = tmp_path_factory.mktemp("exported") / "m"
    keras.Model(inputs, x).export(folder, verbose=False)
    return folder


@pytest.fixture(scope="module")
def results(metadata, saved_model, tmp_path_factory):
    """A folder with the model, the programs and the photos."""
    folder = tmp_path_factory.mktemp("results")
    saving.write_metadata(saved_model, metadata)
    export.convert_to_float16(saved_model, folder / "model-float16.tflite")
    (folder / "model-int8.tflite").write_bytes(b"the other one is used")
    export.write_programs(folder / "model.keras")
    for name, content in PHOTOS.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def use_it(results, monkeypatch):
    """The program in the folder, imported as a module."""
    monkeypatch.syspath_prepend(results)
    for name in ("use_it", "preprocess"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("use_it")


def expected(results, name, metadata):
    """Return the project's pixels and probabilities."""
    picture = decoding.decode((results / name).read_bytes())
    pixels = decoding.resize(picture.pixels, metadata.shape)
    predict = predictors.load_predictor(results / "model-float16.tflite")
    probs = stats.with_temperature(predict(pixels[None]), metadata.temperature)
    return pixels, probs[0]


@pytest.mark.parametrize("name", PHOTOS)
def test_it_predicts_what_the_project_predicts(
    use_it, results, name, metadata
):
    pixels, probs = expected(results, name, metadata)
    with Image.open(results / name) as image:
        prepared = use_it.preprocess(image, metadata.shape)
        assert prepared.shape == (1, 299, 299, 3)
        assert np.abs(prepared[0] - pixels).max() <= 1
    with Image.open(results / name) as image:
        values, accepted = use_it.classify(image)
    assert tuple(values) == NAMES
    assert list(values.values()) == pytest.approx(list(probs), abs=1e-3)
    assert accepted == (probs.max() >= metadata.threshold)


def test_an_image_in_memory_is_classified(use_it, results, metadata):
    with Image.open(results / "turned.jpg") as image:
        image.load()
        values, _ = use_it.classify(image)
    _, probs = expected(results, "turned.jpg", metadata)
    assert list(values.values()) == pytest.approx(list(probs), abs=0.02)


def test_what_lies_beside_a_model_is_not_replaced(results):
    (results / "requirements.txt").write_text("mine")
    export.write_programs(results / "model.keras")
    assert (results / "requirements.txt").read_text() == "mine"


def lines(python, results, *names):
    """Return what the program prints for files, in an empty folder."""
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [python, results / "use_it.py", *names],
        cwd=results,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def agree(printed, results, metadata):
    """Check that a line for each photo has the project's prediction."""
    assert len(printed) == len(PHOTOS)
    for line, name in zip(printed, PHOTOS, strict=True):
        _, probs = expected(results, name, metadata)
        likely = NAMES[probs.argmax()]
        pattern = rf"{re.escape(name)}: (none of these \()?{likely}, (.*)%\)?"
        match = re.fullmatch(pattern, line)
        assert match, line
        assert bool(match[1]) == (probs.max() < metadata.threshold)
        assert float(match[2]) == pytest.approx(100 * probs.max(), abs=0.1)


def test_the_program_prints_a_line_for_each_file(results, metadata):
    (results / "notes.jpg").write_text("to do")
    Image.new("1", (14000, 14000)).save(results / "huge.png")
    others = ("notes.jpg", "huge.png", "gone.jpg")
    *printed, bad, huge, gone = lines(
        sys.executable, results, *PHOTOS, *others
    )
    agree(printed, results, metadata)
    assert bad.startswith("notes.jpg: cannot identify image file")
    assert huge.startswith("huge.png: Image size (196000000 pixels)")
    assert gone.startswith("gone.jpg: ") and "No such file" in gone


@pytest.mark.release  # needs a network
def test_it_runs_where_nothing_else_is_installed(
    results, metadata, tmp_path_factory
):
    folder = tmp_path_factory.getbasetemp() / "bare"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not folder.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        constraints = folder / "constraints.txt"
        constraints.write_text(unhashed(ROOT / "requirements.lock"))
        needs = ["ai-edge-litert", "numpy", "pillow"]
        install = [python, "-m", "pip", "install", "-q", "-c", constraints]
        subprocess.run([*install, *needs], check=True)
    check = "import importlib.util as u; print(u.find_spec('tensorflow'))"
    found = subprocess.check_output([python, "-c", check], text=True)
    assert found.strip() == "None"
    agree(lines(python, results, *PHOTOS), results, metadata)


def unhashed(lock):
    """Return the pins of a lock alone, as constraints."""
    text = lock.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^[^\s#].*?==[^\\\n]*", text, re.MULTILINE))
