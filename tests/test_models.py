"""A saved classifier comes back with its classes; anything else does not."""

import io
import json
import pickle
import zipfile

import keras
import numpy as np
import pytest

from helpers.dataset import splits
from helpers.network import dtypes, saving


class Trap:
    """Unpickled or called, it leaves a trace."""

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
    return saving.save(classifier(), ("crack", "пятно"), "mine")


def test_a_classifier_comes_back_whole(path):
    model, names = saving.load(path)
    assert names == ("crack", "пятно")
    plain = keras.saving.load_model(path)
    pixels = np.full((3, 8, 8, 3), 99, "uint8")
    np.testing.assert_allclose(
        model.predict(pixels, verbose=0), plain.predict(pixels, verbose=0)
    )


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="no such file") as error:
        saving.load(tmp_path / "no.keras")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_a_cut_off_file_is_refused(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match="mine.keras: not a whole"):
        saving.load(path)


def test_a_damaged_byte_is_noticed(path):
    whole = bytearray(path.read_bytes())
    whole[whole.index(b"HDF") + 2000] ^= 255
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="mine.keras: not a whole"):
        saving.load(path)


def test_a_file_without_class_names_is_foreign(tmp_path):
    classifier().save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match="not a classifier of these lessons"):
        saving.load(tmp_path / "other.keras")


def test_other_formats_are_not_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    classifier().save(tmp_path / "old.h5")
    (tmp_path / "trap.keras").write_bytes(pickle.dumps(Trap()))
    for name in ("old.h5", "trap.keras"):
        with pytest.raises(ValueError, match="not a whole .keras file"):
            saving.load(tmp_path / name)
    assert not (tmp_path / "trapped.txt").exists()


def test_code_in_a_file_is_refused_before_it_runs(path):
    lambda_layer = keras.layers.Lambda(lambda x: x)
    classifier([lambda_layer]).save(path)
    saving.write_names(path, ("a", "b"))
    with pytest.raises(ValueError, match="it holds Lambda of keras"):
        saving.load(path)


def whole_classifier():
    """Return a model put together and compiled as the lessons do it."""
    inputs = keras.Input((299, 299, 3))
    base = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(299, 299, 3)
    )
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    cut = base.get_layer("mixed8").output
    lower = keras.Model(inputs, keras.Model(base.input, cut)(scaled))
    upper = keras.Model(cut, base.output)
    head = keras.Sequential(
        [
            keras.Input((2048,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    falling = keras.optimizers.schedules.CosineDecay(0.0, 9)
    accuracy = keras.metrics.SparseCategoricalAccuracy("accuracy")
    loss = "sparse_categorical_crossentropy"
    head.compile(keras.optimizers.Adam(falling), loss, metrics=[accuracy])
    at_cut = keras.Input(cut.shape[1:])
    average = keras.layers.GlobalAveragePooling2D()
    tail = keras.Model(at_cut, head(average(upper(at_cut, training=False))))
    tail.compile(keras.optimizers.Adam(1e-4), loss, metrics=["accuracy"])
    return keras.Model(inputs, tail(lower(inputs)))


@pytest.mark.parametrize("policy", [None, "float32", "mixed_bfloat16"])
def test_what_lessons_save_is_loaded(tmp_path, policy):
    whole = whole_classifier()
    if policy:
        whole = dtypes.with_dtype(whole, policy)
    saving.write(whole, ("a", "b"), tmp_path / "whole.keras")
    loaded, names = saving.load(tmp_path / "whole.keras")
    assert names == ("a", "b") and loaded.output_shape == (None, 2)
    kept = zip(loaded.get_weights(), whole.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in kept)


def put(path, change):
    """Change the description of a saved model in place."""
    content = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(content, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == saving.DESCRIPTION:
                config = json.loads(data)
                change(config)
                data = json.dumps(config)
            new.writestr(name, data)
    path.write_bytes(content.getvalue())


def named(module, class_name, **config):
    return {
        "module": module,
        "class_name": class_name,
        "config": config,
        "registered_name": None,
    }


FETCH = named("keras.utils", "get_file", origin="file:///etc/passwd")
VOCABULARY = {"vocabulary": "/etc/passwd"}
FUNCTION = named("builtins", "function") | {"config": "get_file"}


@pytest.mark.parametrize(
    "hostile, holds",
    [
        (named("evil", "Layer"), "Layer of evil"),
        (FETCH, "get_file of keras.utils"),
        (FUNCTION, "function of builtins"),
        (named("keras.layers", "StringLookup", **VOCABULARY), "StringLookup"),
        (named("keras.layers", "TextVectorization", **VOCABULARY), "TextVec"),
        (named("keras.layers", "IntegerLookup", **VOCABULARY), "IntegerL"),
        (named("keras.layers", "TFSMLayer", filepath="a folder"), "TFSMLayer"),
        (named("keras.src.layers.core.lambda_layer", "Lambda"), "Lambda"),
        (named("keras.src.saving.saving_lib", "load_model"), "load_model"),
        # A class that is known, under a module or name that is not.
        (named("evil", "Dense"), "Dense of evil"),
        (named(None, "Dense"), "Dense"),
        (named("keras", "Dense"), "Dense of keras"),
        ({"class_name": "Lambda", "config": {}}, "Lambda"),
        ({"class_name": ["Dense"], "config": {}}, "Dense"),
        ({"class_name": "__lambda__", "config": {"value": "x"}}, "__lambda__"),
        (
            named("keras.layers", "Dense", units=1)
            | {"registered_name": "mine>Trap"},
            "Dense of keras.layers",
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("where", ["layer", "argument", "deep", "compile"])
def test_a_hostile_description_is_refused(
    path, tmp_path, hostile, holds, where
):
    (tmp_path / "evil.py").write_text("open('trapped.txt', 'w')")

    def change(config):
        layers = config["config"]["layers"]
        if where == "layer":
            layers[2] = hostile
        elif where == "argument":
            layers[-1]["config"]["kernel_initializer"] = hostile
        elif where == "deep":
            inner = named("keras", "Sequential", layers=[{"a": [hostile]}])
            layers.insert(2, inner)
        else:
            layers[-1]["compile_config"] = {"optimizer": hostile}

    put(path, change)
    with pytest.raises(ValueError, match="mine.keras: it holds ") as error:
        saving.load(path)
    assert holds in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "trapped.txt").exists()


def test_a_model_that_leaves_scaling_to_its_user_is_refused(tmp_path):
    path = tmp_path / "mine.keras"
    bare = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    bare.save(path)
    saving.write_names(path, ("a", "b"))
    with pytest.raises(ValueError, match="does not scale its pixels"):
        saving.load(path)


def test_names_that_do_not_fit_the_answers_are_refused(tmp_path):
    path = tmp_path / "mine.keras"
    classifier().save(path)
    saving.write_names(path, ("a", "b", "c"))
    with pytest.raises(ValueError, match="2 answers and 3 class names"):
        saving.load(path)


def test_an_unfinished_training_belongs_to_its_photos_and_weights(tmp_path):
    def split(labels, keys=("x", "y")):
        return splits.Split("train", ("a", "b"), [], np.array(labels), keys)

    def where(*given):
        return saving.unfinished(tmp_path, *given)

    first = where(split([0, 1]), "starter")
    assert first == where(split([0, 1]), "starter")
    assert first.parent == tmp_path
    others = {
        where(split([1, 1]), "starter"),
        where(split([0, 1], ("x", "z")), "starter"),
        where(split([0, 1]), "imagenet"),
    }
    assert len(others) == 3 and first not in others


@pytest.fixture
def train(tmp_path):
    """Trains three epochs, going on from where a run was stopped.

    `stop` is the epoch at which it is stopped. Returns the epochs run.
    """
    split = splits.Split("train", ("a", "b"), [], np.array([0, 1]), ["x", "y"])

    def run(stop=None):
        def maybe_stop(epoch, logs):
            if epoch == stop:
                raise KeyboardInterrupt

        place = saving.unfinished(tmp_path, split, "starter")
        resume = keras.callbacks.BackupAndRestore(place)
        stopper = keras.callbacks.LambdaCallback(on_epoch_begin=maybe_stop)
        model = classifier()
        model.compile("adam", "sparse_categorical_crossentropy")
        fit = model.fit(
            np.zeros((2, 8, 8, 3)),
            split.labels,
            epochs=3,
            verbose=0,
            callbacks=[resume, stopper],
        )
        return fit.epoch

    return run


@pytest.fixture
def stopped(train, tmp_path, capsys):
    """What a training leaves that was stopped in its third epoch."""
    with pytest.raises(KeyboardInterrupt):
        train(stop=2)
    assert capsys.readouterr().out == ""
    (place,) = tmp_path.iterdir()
    return place


def test_a_stopped_training_goes_on(train, stopped, capsys):
    assert train() == [2]
    assert capsys.readouterr().out == ""
    assert not stopped.exists()


@pytest.mark.parametrize(
    "name", ["latest.weights.h5", "training_metadata.json"]
)
@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_training_stopped_while_writing_begins_anew(
    train, stopped, capsys, name, share
):
    whole = (stopped / name).read_bytes()
    (stopped / name).write_bytes(whole[: int(share * len(whole))])
    assert train() == [0, 1, 2]
    (line,) = capsys.readouterr().out.splitlines()
    assert stopped.name in line and "begins anew" in line


def test_weights_of_which_no_epoch_is_noted_are_not_gone_on_from(
    train, stopped, capsys
):
    (stopped / "training_metadata.json").unlink()
    assert train() == [0, 1, 2]
    assert "begins anew" in capsys.readouterr().out
