"""A saved classifier comes back with its classes; anything else does not."""

import io
import json
import pickle
import zipfile

import keras
import numpy as np
import pytest

from helpers import files, models, photos


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
    monkeypatch.setattr(files, "WORK", tmp_path)
    return models.save(classifier(), ("crack", "пятно"), "mine")


def test_a_classifier_comes_back_whole(path):
    model, names = models.load(path)
    assert names == ("crack", "пятно")
    plain = keras.saving.load_model(path)
    pixels = np.full((3, 8, 8, 3), 99, "uint8")
    np.testing.assert_allclose(
        model.predict(pixels, verbose=0), plain.predict(pixels, verbose=0)
    )


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="no such file") as error:
        models.load(tmp_path / "no.keras")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_a_cut_off_file_is_refused(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match="mine.keras: not a whole"):
        models.load(path)


def test_a_damaged_byte_is_noticed(path):
    whole = bytearray(path.read_bytes())
    whole[whole.index(b"HDF") + 2000] ^= 255
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="mine.keras: not a whole"):
        models.load(path)


def test_a_file_without_class_names_is_foreign(tmp_path):
    classifier().save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match="not a classifier of these lessons"):
        models.load(tmp_path / "other.keras")


def test_other_formats_are_not_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    classifier().save(tmp_path / "old.h5")
    (tmp_path / "trap.keras").write_bytes(pickle.dumps(Trap()))
    for name in ("old.h5", "trap.keras"):
        with pytest.raises(ValueError, match="not a whole .keras file"):
            models.load(tmp_path / name)
    assert not (tmp_path / "trapped.txt").exists()


def test_code_in_a_file_is_refused_before_it_runs(path):
    lambda_layer = keras.layers.Lambda(lambda x: x)
    classifier([lambda_layer]).save(path)
    models.write_names(path, ("a", "b"))
    with pytest.raises(ValueError, match="it holds Lambda of keras"):
        models.load(path)


def test_a_foreign_module_is_refused_before_it_is_imported(path, tmp_path):
    (tmp_path / "evil.py").write_text("open('trapped.txt', 'w')")
    content = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(content, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == models.DESCRIPTION:
                config = json.loads(data)
                layer = config["config"]["layers"][1]
                layer |= {"module": "evil", "class_name": "Layer"}
                data = json.dumps(config)
            new.writestr(name, data)
    path.write_bytes(content.getvalue())
    with pytest.raises(ValueError, match="it holds Layer of evil"):
        models.load(path)
    assert not (tmp_path / "trapped.txt").exists()


def test_a_model_that_leaves_scaling_to_its_user_is_refused(tmp_path):
    path = tmp_path / "mine.keras"
    bare = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    bare.save(path)
    models.write_names(path, ("a", "b"))
    with pytest.raises(ValueError, match="does not scale its pixels"):
        models.load(path)


def test_names_that_do_not_fit_the_answers_are_refused(tmp_path):
    path = tmp_path / "mine.keras"
    classifier().save(path)
    models.write_names(path, ("a", "b", "c"))
    with pytest.raises(ValueError, match="2 answers and 3 class names"):
        models.load(path)


def test_an_unfinished_training_belongs_to_its_photos_and_weights(tmp_path):
    def part(labels, keys=("x", "y")):
        return photos.Part("train", ("a", "b"), [], np.array(labels), keys)

    def where(*given):
        return models.unfinished(tmp_path, *given)

    first = where(part([0, 1]), "starter")
    assert first == where(part([0, 1]), "starter")
    assert first.parent == tmp_path
    others = {
        where(part([1, 1]), "starter"),
        where(part([0, 1], ("x", "z")), "starter"),
        where(part([0, 1]), "imagenet"),
    }
    assert len(others) == 3 and first not in others


@pytest.fixture
def train(tmp_path):
    """Trains three epochs, going on from where a run was stopped.

    `stop` is the epoch at which it is stopped. Returns the epochs run.
    """
    part = photos.Part("train", ("a", "b"), [], np.array([0, 1]), ["x", "y"])

    def run(stop=None):
        def maybe_stop(epoch, logs):
            if epoch == stop:
                raise KeyboardInterrupt

        place = models.unfinished(tmp_path, part, "starter")
        resume = keras.callbacks.BackupAndRestore(place)
        stopper = keras.callbacks.LambdaCallback(on_epoch_begin=maybe_stop)
        model = classifier()
        model.compile("adam", "sparse_categorical_crossentropy")
        fit = model.fit(
            np.zeros((2, 8, 8, 3)),
            part.labels,
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
