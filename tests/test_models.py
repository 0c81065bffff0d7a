"""A saved classifier comes back with its classes; anything else does not."""

import io
import json
import pickle
import re
import subprocess
import zipfile

import keras
import numpy as np
import pytest

from helpers import paths
from helpers.dataset import splits
from helpers.network import dtypes, metadata, saving
from tools import _venv


class Trap:
    """Unpickled, it leaves a trace."""

    def __reduce__(self):
        return (open, ("trapped.txt", "w"))


def classifier(layers=()):
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 127.5, offset=-1),
            *layers,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    split = splits.Split(
        "train", ("crack", "пятно"), [], np.empty(0, "int64"), [], "pad"
    )
    return saving.save(classifier(), split, "mine")


def test_a_classifier_comes_back_whole(path):
    model, about = saving.load(path)
    assert about == saving.Metadata(("crack", "пятно"), "pad")
    assert saving.read_metadata(path) == about
    pixels = np.full((3, 8, 8, 3), 99, "uint8")
    np.testing.assert_allclose(
        model.predict(pixels, verbose=0),
        keras.saving.load_model(path).predict(pixels, verbose=0),
    )


def refused(path, message):
    """Check that a file is refused in one sentence that names it."""
    with pytest.raises(ValueError, match=message) as error:
        saving.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("fraction", [0, 0.5, 0.999])
def test_a_cut_off_file_is_refused(path, fraction):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(fraction * len(whole))])
    refused(path, "not a complete model")


def test_a_damaged_byte_is_noticed(path):
    whole = bytearray(path.read_bytes())
    whole[whole.index(b"HDF") + 2000] ^= 255
    path.write_bytes(whole)
    refused(path, "not a complete .keras file")


def test_files_of_other_kinds_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(tmp_path / "no.keras", "no such file")
    classifier().save(tmp_path / "other.keras")
    refused(tmp_path / "other.keras", "not a classifier of these lessons")
    classifier().save(tmp_path / "old.h5")
    (tmp_path / "trap.keras").write_bytes(pickle.dumps(Trap()))
    for name in ("old.h5", "trap.keras"):
        refused(tmp_path / name, "not a complete model")
    assert not (tmp_path / "trapped.txt").exists()


def with_entry(path, name, text):
    """Put a text in place of the metadata of a model."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, text)


GOOD = {"class_names": ["a", "b"], "shape": "pad"}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"class_names": "ab"}, "class_names must be a list of texts"),
        ({"class_names": ["a", 2]}, "class_names must be a list of texts"),
        ({"class_names": []}, "class_names must be a list of texts"),
        ({"shape": "round"}, "shape is 'round'"),
        ({"temperature": 0}, "temperature is 0, but must be above 0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": "1"}, "temperature must be a number"),
        ({"threshold": 1}, "threshold is 1, but must be .* below 1"),
        ({"threshold": -0.1}, "threshold is -0.1"),
        ({"threshold": None}, "threshold must be a number"),
        ({"colour": "red"}, "colour"),
    ],
    ids=str,
)
def test_damaged_metadata_is_refused(path, values, reason):
    with_entry(path, metadata.FILE, json.dumps(GOOD))
    assert saving.read_metadata(path).shape == "pad"
    with_entry(path, metadata.FILE, json.dumps(GOOD | values))
    refused(path, f"classifier.json is damaged .*{reason}")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"a"'])
def test_metadata_that_is_no_table_is_refused(path, text):
    with_entry(path, metadata.FILE, text)
    refused(path, "classifier.json is damaged")


@pytest.mark.parametrize(
    ("model", "names", "message"),
    [
        (
            classifier([keras.layers.Lambda(lambda x: x)]),
            "ab",
            "it holds Lambda of keras",
        ),
        (
            keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]),
            "ab",
            "does not scale its pixels",
        ),
        (classifier(), "abc", "2 outputs and 3 class names"),
    ],
    ids=["code", "unscaled", "names"],
)
def test_a_model_that_is_no_classifier_is_refused(
    tmp_path, model, names, message
):
    path = tmp_path / "mine.keras"
    saving.write(model, saving.Metadata(tuple(names)), path)
    refused(path, message)


@pytest.mark.parametrize("policy", [None, "float32", "mixed_bfloat16"])
def test_what_lessons_save_is_loaded(tmp_path, policy):
    falling = keras.optimizers.schedules.CosineDecay(0.0, 9)
    accuracy = keras.metrics.SparseCategoricalAccuracy("accuracy")
    head = classifier()
    head.compile(keras.optimizers.Adam(falling), "mse", metrics=[accuracy])
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, head(inputs))
    if policy:
        model = dtypes.with_dtype(model, policy)
    about = saving.Metadata(("a", "b"), "crop", 1.5, 0.25)
    saving.write(model, about, tmp_path / "m.keras")
    loaded, read = saving.load(tmp_path / "m.keras")
    assert read == about and loaded.output_shape == (None, 2)
    for old, new in zip(
        model.get_weights(), loaded.get_weights(), strict=True
    ):
        assert np.array_equal(old, new)


def test_all_layers_of_inception_may_be_loaded(base):
    kinds = {type(layer).__name__ for layer in base.layers}
    assert kinds <= saving.SAVED["keras.layers"]


def rewrite(path, change):
    """Change the configuration of a saved model in place."""
    content = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(content, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == saving.CONFIG:
                config = json.loads(data)
                change(config)
                data = json.dumps(config)
            new.writestr(name, data)
    path.write_bytes(content.getvalue())


NEWER = """
import sys, keras
from helpers.network import saving
base = keras.applications.InceptionV3(weights=None, include_top=False)
layers = [
    keras.Input((99, 99, 3)),
    keras.layers.Rescaling(1 / 127.5, offset=-1),
    base,
    keras.layers.GlobalAveragePooling2D(),
    keras.layers.Dense(2),
]
model = keras.Sequential(layers)
saving.write(model, saving.Metadata(("a", "b")), sys.argv[1])
"""


def test_a_file_of_the_projects_own_versions_is_loaded(tmp_path):
    # Under Colab's versions, they are newer; else they are the same.
    python = _venv.venv_python(_venv.VENV)
    path = tmp_path / "newer.keras"
    subprocess.run([python, "-c", NEWER, path], cwd=paths.ROOT, check=True)
    assert saving.load(path)[0].output_shape == (None, 2)


@pytest.mark.parametrize("value", [None, [0]], ids=str)
def test_only_defaults_of_a_newer_keras_are_dropped(path, value):
    def change(config):
        config["config"]["layers"][2]["config"]["input_axes"] = value

    rewrite(path, change)
    if value:
        return refused(path, "Keras cannot load it")
    saving.load(path)


def of(module, class_name, **config):
    return {
        "module": module,
        "class_name": class_name,
        "config": config,
        "registered_name": None,
    }


@pytest.mark.parametrize(
    ("hostile", "message"),
    [
        (of("evil", "Layer"), "Layer of evil"),
        (of("keras.utils", "get_file", origin="file:///x"), "get_file"),
        (of("builtins", "function"), "function of builtins"),
        (of("keras.layers", "StringLookup", vocabulary="x"), "StringLookup"),
        (of("keras.src.layers.core.lambda_layer", "Lambda"), "Lambda"),
        # A class that is known, under a module or name that is not.
        (of("evil", "Dense"), "Dense of evil"),
        (of("keras", "Dense"), "Dense of keras"),
        (of(["keras.layers"], "Dense"), "Dense"),
        ({"class_name": ["Dense"], "config": {}}, "Dense"),
        ({"class_name": "__lambda__", "config": {"value": "x"}}, "__lambda__"),
        (
            of("keras.layers", "Dense") | {"registered_name": "mine>Trap"},
            "Dense of keras.layers",
        ),
    ],
    ids=str,
)
def test_a_hostile_configuration_is_refused(path, tmp_path, hostile, message):
    (tmp_path / "evil.py").write_text("open('trapped.txt', 'w')")
    whole = path.read_bytes()

    def layer(config):
        config["config"]["layers"][2] = hostile

    def argument(config):
        config["config"]["layers"][-1]["config"]["activation"] = hostile

    def nested(config):
        inner = of("keras", "Sequential", layers=[{"a": [hostile]}])
        config["config"]["layers"].insert(2, inner)

    def optimizer(config):
        last = config["config"]["layers"][-1]
        last["compile_config"] = {"optimizer": hostile}

    for change in (layer, argument, nested, optimizer):
        path.write_bytes(whole)
        rewrite(path, change)
        refused(path, rf"it holds .*{re.escape(message)}")
    assert not (tmp_path / "trapped.txt").exists()


# --- Progress of a training -----------------------------------------------


def split_of(labels=(0, 1), keys=("x", "y")):
    return splits.Split("train", ("a", "b"), [], np.array(labels), keys)


def test_progress_belongs_to_its_photos_labels_and_weights(tmp_path):
    folders = [
        saving.unfinished(tmp_path, split, weights_name)
        for split, weights_name in (
            (split_of(), "starter"),
            (split_of(), "starter"),
            (split_of(labels=(1, 1)), "starter"),
            (split_of(keys=("x", "z")), "starter"),
            (split_of(), "imagenet"),
        )
    ]
    assert folders[0] == folders[1]
    assert len(set(folders)) == 4
    assert {folder.parent for folder in folders} == {tmp_path}


@pytest.fixture
def train(tmp_path):
    """Trains three epochs; returns those that were run.

    It goes on from where it was stopped before, and stops at epoch `stop`.
    """

    def run(stop=None):
        def maybe_stop(epoch, logs):
            if epoch == stop:
                raise KeyboardInterrupt

        backup = saving.unfinished(tmp_path, split_of(), "starter")
        callbacks = [
            keras.callbacks.BackupAndRestore(backup),
            keras.callbacks.LambdaCallback(on_epoch_begin=maybe_stop),
        ]
        model = classifier()
        model.compile("adam", "sparse_categorical_crossentropy")
        pixels, labels = np.zeros((2, 8, 8, 3)), split_of().labels
        options = {"epochs": 3, "verbose": 0, "callbacks": callbacks}
        return model.fit(pixels, labels, **options).epoch

    return run


@pytest.fixture
def stopped(train, tmp_path):
    """The progress of a training that was stopped in its third epoch."""
    with pytest.raises(KeyboardInterrupt):
        train(stop=2)
    (folder,) = tmp_path.iterdir()
    return folder


def test_a_stopped_training_goes_on(train, stopped, capsys):
    assert train() == [2]
    assert capsys.readouterr().out == ""
    assert not stopped.exists()


@pytest.mark.parametrize(
    ("name", "fraction"),
    [
        ("latest.weights.h5", 0),
        ("latest.weights.h5", 0.99),
        ("training_metadata.json", 0.5),
        ("training_metadata.json", None),  # missing
    ],
)
def test_damaged_progress_begins_anew(train, stopped, capsys, name, fraction):
    whole = (stopped / name).read_bytes()
    if fraction is None:
        (stopped / name).unlink()
    else:
        (stopped / name).write_bytes(whole[: int(fraction * len(whole))])
    assert train() == [0, 1, 2]
    (line,) = capsys.readouterr().out.splitlines()
    assert stopped.name in line and "begins anew" in line
