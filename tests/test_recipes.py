"""The recipes run in an environment that has TensorFlow and nothing else.

They are there to be copied: one runs in a new Python, in an empty folder,
where this project and its other packages can't be imported.
"""

import os
import runpy
import subprocess
import sys

import keras
import numpy as np
import pytest
import source
import tensorflow as tf
from make_photos import noise_folder

from helpers.paths import ROOT

RECIPES = ("frozen", "fine_tuned", "augmented")
SIDE = 99  # of the photos here, in place of 299
# What a fresh installation of TensorFlow does not bring.
ABSENT = (
    *("helpers", "tools", "IPython", "ipywidgets", "jinja2", "matplotlib"),
    *("nbformat", "pandas", "PIL", "psutil", "scipy", "sklearn", "tqdm"),
)
BARE = f"""
import runpy, sys

sys.modules.update(dict.fromkeys({ABSENT}))  # can't be imported
import tensorflow

tensorflow.config.run_functions_eagerly(True)  # tracing would take longer
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def read(name):
    return (ROOT / "recipes" / f"{name}.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def weights(tmp_path_factory, _inception):
    """A file of random weights: there may be no network for ImageNet's."""
    path = tmp_path_factory.mktemp("recipes") / "random.weights.h5"
    _inception.save_weights(path)
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of two classes with three small photos each."""
    folder = tmp_path_factory.mktemp("photos")
    return noise_folder(folder, 6, ("left", "right"), (24, 40))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_short_and_needs_only_keras(name):
    text = read(name)
    assert len(text.splitlines()) <= 40
    assert source.imported(text) <= {"keras", "pathlib", "sys"}


@pytest.fixture
def run(tmp_path, monkeypatch, photos, weights):
    """Runs a recipe in an empty folder, as short as it gets.

    That is for one epoch, on smaller photos; returns its model.
    """
    monkeypatch.chdir(tmp_path)

    def run(name):
        shorter = read(name).replace(" = 40", " = 1", 1)
        assert shorter != read(name)
        script = tmp_path / f"{name}.py"
        script.write_text(shorter.replace("299", f"{SIDE}"), "utf-8")
        arguments = [str(path) for path in (script, photos, weights)]
        if name != "augmented":
            monkeypatch.setattr(sys, "argv", arguments)
            tf.config.run_functions_eagerly(True)  # as in the new Python
            try:
                return runpy.run_path(str(script))["model"]
            finally:
                tf.config.run_functions_eagerly(False)
        subprocess.run(
            [sys.executable, "-I", "-c", BARE, *arguments],
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            check=True,
        )
        return keras.models.load_model(f"{name}.keras")

    return run


def changed(model, base):
    """Return the positions of the layers that the training changed."""
    layers = model.get_layer("inception_v3").layers
    pairs = zip(layers, base.layers, strict=True)  # names may be numbered
    return {
        i
        for i, (after, before) in enumerate(pairs)
        if not all(
            map(np.array_equal, after.get_weights(), before.get_weights())
        )
    }


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_what_it_says(name, run, tmp_path, base):
    model = run(name)
    mixed8 = base.layers.index(base.get_layer("mixed8"))
    convs = {
        i
        for i, layer in enumerate(base.layers)
        if i > mixed8 and isinstance(layer, keras.layers.Conv2D)
    }
    # Not BatchNorm: neither its weights nor its statistics.
    trained = changed(model, base)
    assert trained <= convs and bool(trained) == (name != "frozen")

    assert (tmp_path / f"{name}.keras").is_file()
    assert (tmp_path / "classes.txt").read_text("utf-8") == "left\nright"
    pixels = np.random.default_rng(1).uniform(0, 255, (2, SIDE, SIDE, 3))
    probabilities = np.asarray(model(pixels, training=False))
    assert probabilities.shape == (2, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    # At inference, nothing is augmented or dropped.
    again = model(pixels, training=False)
    np.testing.assert_allclose(probabilities, again, rtol=1e-5)
