"""The arithmetic of a forward pass is measured, said and remembered."""

import keras
import numpy as np
import pytest

from helpers.network import dtypes


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store of its own, and a list that each measurement is noted in."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    monkeypatch.setattr(dtypes.tf.config, "list_physical_devices", list_of)
    return tmp_path


def list_of(kind=None):
    return []


def ratio(monkeypatch, measured):
    """Let a measurement find this; return a list of those made."""
    made = []

    def fake(*policies):
        made.append(policies)
        return measured

    monkeypatch.setattr(dtypes, "_ratio", fake)
    return made


@pytest.mark.parametrize(
    "measured, policy", [(2.0, "mixed_bfloat16"), (1.0, "float32")]
)
def test_the_faster_one_is_taken_and_said(
    store, monkeypatch, capsys, measured, policy
):
    ratio(monkeypatch, measured)
    assert dtypes.fastest_dtype() == policy
    said = capsys.readouterr().out
    assert f"use {policy.removeprefix('mixed_')}." in said


def test_measuring_changes_nothing_that_is_drawn_after_it(store):
    drawn = []
    for _ in ("measured", "known"):
        keras.utils.set_random_seed(1)
        dtypes.fastest_dtype()
        drawn.append(keras.layers.Dense(2).kernel_initializer.seed)
    assert drawn[0] == drawn[1]


def test_it_is_measured_once(store, monkeypatch, capsys):
    made = ratio(monkeypatch, 2.0)
    first = dtypes.fastest_dtype()
    capsys.readouterr()
    assert dtypes.fastest_dtype() == first
    assert made == [("float32", "mixed_bfloat16")]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", ["", "[]", '{"policy": "float64"}'])
def test_what_is_no_measurement_is_measured_anew(store, monkeypatch, content):
    (store / "precision.json").write_text(content)
    ratio(monkeypatch, 0.5)
    assert dtypes.fastest_dtype() == "float32"


def test_another_machine_measures_for_itself(store, monkeypatch):
    ratio(monkeypatch, 2.0)
    dtypes.fastest_dtype()
    monkeypatch.setattr(dtypes.platform, "node", lambda: "elsewhere")
    ratio(monkeypatch, 0.5)
    assert dtypes.fastest_dtype() == "float32"


CARDS = [  # what TensorFlow tells of a graphics card, the policy for it
    ({"device_name": "T4", "compute_capability": (7, 5)}, "float32"),
    ({"device_name": "A100", "compute_capability": (8, 0)}, "mixed_bfloat16"),
    ({"device_name": "H200", "compute_capability": (9, 0)}, "mixed_bfloat16"),
    ({"device_name": "METAL"}, "float32"),
]


@pytest.mark.parametrize("details, policy", CARDS)
def test_a_graphics_card_needs_no_measurement(
    store, monkeypatch, details, policy
):
    config = dtypes.tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: [kind])
    monkeypatch.setattr(
        config.experimental, "get_device_details", lambda card: details
    )
    made = ratio(monkeypatch, 2.0)
    assert dtypes.fastest_dtype() == policy
    assert made == []


@pytest.mark.parametrize("policy", sorted({its for _, its in CARDS}))
def test_nothing_is_trained_in_float16(policy):
    # As lesson 03 does: the base is recast, the model around it is not.
    inputs = keras.Input((8, 8, 3))
    base = keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs))
    base = dtypes.with_dtype(base, policy)
    head = keras.layers.Dense(2, activation="softmax")
    average = keras.layers.GlobalAveragePooling2D()
    tail = keras.Model(inputs, head(average(base(inputs))))
    tail.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy")
    tail.fit(np.ones((2, 8, 8, 3)), np.array([0, 1]), verbose=0)
    assert {w.dtype for w in tail.trainable_weights} == {"float32"}
    computed = {layer.compute_dtype for layer in base.layers + tail.layers}
    assert computed <= {"float32", "bfloat16"}
    moments = [v.dtype for v in tail.optimizer.variables if len(v.shape)]
    assert set(moments) == {"float32"}


def test_a_recast_model_says_nearly_the_same():
    keras.utils.set_random_seed(0)
    base = keras.Sequential(
        [keras.Input((20, 20, 3)), keras.layers.Conv2D(4, 5, 2)]
    )
    inputs = keras.Input((20, 20, 3))
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    model = keras.Model(inputs, base(scaled))
    copy = dtypes.with_dtype(model, "mixed_bfloat16")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 20, 20, 3))
    says, wanted = np.float32(copy(pixels)), np.asarray(model(pixels))
    assert 0 < np.abs(says - wanted).max() < 0.02 * np.abs(wanted).max()
    assert copy.layers[-1].layers[-1].compute_dtype == "bfloat16"
    assert copy.layers[1].compute_dtype == "float32"  # the scaling
    assert all(w.dtype == "float32" for w in copy.weights)
