"""The fastest dtype is measured, printed and remembered."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from helpers.network import dtypes


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """A machine without a GPU, where nothing is known."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    config = dtypes.tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind=None: [])
    return tmp_path


def fake_speed(monkeypatch, speed):
    """Let bfloat16 be so many times as fast as float32.

    Returns a list that gets the dtype of each forward pass.
    """
    passes, clock = [], [0.0]

    def predict_on_batch(model, pixels):
        dtype = model.layers[-1].compute_dtype
        passes.append(dtype)
        clock[0] += {"float32": 1.0, "bfloat16": 1 / speed}[dtype]

    monkeypatch.setattr(keras.Model, "predict_on_batch", predict_on_batch)
    monkeypatch.setattr(dtypes.time, "perf_counter", lambda: clock[0])
    return passes


@pytest.mark.parametrize(
    "speed, policy",
    [(2.0, "mixed_bfloat16"), (1.0, "float32"), (0.5, "float32")],
)
def test_the_faster_one_is_measured_once_and_printed(
    monkeypatch, capsys, speed, policy
):
    passes = fake_speed(monkeypatch, speed)
    assert dtypes.fastest_dtype() == policy
    output = capsys.readouterr().out
    assert f"bfloat16 is {speed} times as fast as float32" in output
    assert f"use {policy.removeprefix('mixed_')}." in output
    assert set(passes) == {"float32", "bfloat16"}
    passes.clear()
    assert dtypes.fastest_dtype() == policy
    assert passes == []
    assert capsys.readouterr().out == ""


def test_a_processor_without_convolutions_in_bfloat16_uses_float32(
    monkeypatch, capsys
):
    def predict_on_batch(model, pixels):
        if model.layers[-1].compute_dtype == "bfloat16":
            raise tf.errors.AbortedError(None, None, "could not create")

    monkeypatch.setattr(keras.Model, "predict_on_batch", predict_on_batch)
    assert dtypes.fastest_dtype() == "float32"
    assert "bfloat16 has no convolutions" in capsys.readouterr().out


def test_a_measurement_changes_no_later_random_draw():
    seeds = []
    for _ in ("measured", "known"):
        keras.utils.set_random_seed(1)
        dtypes.fastest_dtype()
        seeds.append(keras.layers.Dense(2).kernel_initializer.seed)
    assert seeds[0] == seeds[1]


@pytest.mark.parametrize("content", ["", "[]", '{"policy": "mixed_bfloat16"}'])
def test_a_damaged_measurement_is_made_anew(work, monkeypatch, content):
    (work / "dtype.json").write_text(content)
    fake_speed(monkeypatch, 0.5)
    assert dtypes.fastest_dtype() == "float32"


def test_another_machine_measures_for_itself(monkeypatch):
    fake_speed(monkeypatch, 2.0)
    dtypes.fastest_dtype()
    monkeypatch.setattr(dtypes.platform, "node", lambda: "elsewhere")
    fake_speed(monkeypatch, 0.5)
    assert dtypes.fastest_dtype() == "float32"


CARDS = [  # what TensorFlow tells of a GPU, the policy for it
    ({"device_name": "T4", "compute_capability": (7, 5)}, "float32"),
    ({"device_name": "A100", "compute_capability": (8, 0)}, "mixed_bfloat16"),
    ({"device_name": "METAL"}, "float32"),
]


@pytest.mark.parametrize("details, policy", CARDS)
def test_a_gpu_needs_no_measurement(monkeypatch, details, policy):
    config = dtypes.tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: [kind])
    monkeypatch.setattr(
        config.experimental, "get_device_details", lambda card: details
    )
    passes = fake_speed(monkeypatch, 2.0)
    assert dtypes.fastest_dtype() == policy
    assert passes == []


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_nothing_is_trained_in_float16(policy):
    # As in lesson 03: the base has the policy, the model around it has not.
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


def test_a_copy_in_another_dtype_computes_nearly_the_same():
    keras.utils.set_random_seed(0)
    base = keras.Sequential(
        [keras.Input((20, 20, 3)), keras.layers.Conv2D(4, 5, 2)]
    )
    inputs = keras.Input((20, 20, 3))
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    model = keras.Model(inputs, base(scaled))
    copy = dtypes.with_dtype(model, "mixed_bfloat16")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 20, 20, 3))
    output, exact = np.float32(copy(pixels)), np.asarray(model(pixels))
    assert 0 < np.abs(output - exact).max() < 0.02 * np.abs(exact).max()
    assert copy.layers[-1].layers[-1].compute_dtype == "bfloat16"
    assert copy.layers[1].compute_dtype == "float32"  # the pixel scaling
    assert all(w.dtype == "float32" for w in copy.weights)
