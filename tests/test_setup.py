"""A notebook is prepared whatever the user has set, and errors are shown."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from clone import one_sentence

from helpers import setup
from helpers.paths import ROOT


def test_an_expected_error_is_shown_and_a_missing_one_fails(capsys):
    with setup.expect_error(ValueError):
        raise ValueError("first line\nTheError: the reason")
    assert "ValueError: TheError: the reason" in capsys.readouterr().out
    with setup.expect_error(ValueError):
        raise ValueError("{{function_node Next}} Unknown format. [Op:Next]")
    assert "ValueError: Unknown format." in capsys.readouterr().out
    with pytest.raises(AssertionError, match="it succeeded"):
        with setup.expect_error(ValueError):
            pass
    with pytest.raises(KeyError), setup.expect_error(ValueError):
        raise KeyError("another")


@pytest.mark.parametrize("start", [ROOT, ROOT.parent, ROOT / "notebooks"])
def test_paths_in_a_lesson_count_from_notebooks(monkeypatch, start):
    monkeypatch.setattr(setup, "tensorflow", lambda: None)
    monkeypatch.chdir(start)
    setup.notebook()
    assert os.getcwd() == str(ROOT / "notebooks")


@pytest.mark.parametrize(
    ("python", "memory", "disk", "message"),
    [
        ((3, 12), 8, 50, None),
        ((3, 14), 8, 50, "Install Python"),
        ((3, 12), 1, 50, "memory"),
        ((3, 12), 8, 0.5, "disk"),
    ],
)
def test_one_problem_of_the_environment_is_named(
    python, memory, disk, message
):
    problem = setup._first_problem(python, memory, disk)
    assert problem is None if message is None else message in problem


def test_this_environment_is_ready(capsys):
    assert setup.check_environment()
    assert capsys.readouterr().out.strip().endswith("READY")


# --- What a user has set for other programs, and memory ---

SIDE = 1500  # of the weights: 9 MB, and Adam has two numbers for each
STATE = 6 * 2 * 4 * SIDE**2 / 1e6  # MB of six trainings
KERAS = """
from helpers import setup
setup.tensorflow()
import keras, os, threadpoolctl
print([pool["num_threads"] for pool in threadpoolctl.threadpool_info()
       if pool["internal_api"] == "openblas"])
print(keras.config.backend(), keras.config.floatx(),
      keras.config.image_data_format(), keras.config.epsilon(),
      keras.config.max_epochs() if hasattr(keras.config, "max_epochs")
      else None, keras.layers.Dense(1).dtype_policy.name,
      os.environ["TF_FORCE_GPU_ALLOW_GROWTH"])
"""
# Prints by how many MB a process grows in six trainings after the first,
# which also loads code.
TRAIN = f"""
import numpy as np, psutil
model = keras.Sequential([keras.Input(({SIDE},)), keras.layers.Dense({SIDE})])
x = np.zeros((1, {SIDE}), "float32")
sizes = []
for _ in range(7):
    model.compile("adam", "mse")
    model.train_on_batch(x, x)
    setup.free_training(model)
    sizes.append(psutil.Process().memory_info().rss / 1e6)
print(sizes[-1] - sizes[0])
"""


def run(program, **variables):
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
        capture_output=True,
        text=True,
    )


def keras_home(folder, text):
    (folder / "keras.json").write_text(text)
    return {"KERAS_HOME": str(folder)}


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What a process prints whose user has set all kinds of things."""
    settings = {
        "backend": "theano",
        "image_data_format": "channels_first",
        "floatx": "float16",
        "epsilon": 0.5,
    }
    done = run(
        KERAS + TRAIN,
        **keras_home(tmp_path_factory.mktemp("home"), json.dumps(settings)),
        KERAS_BACKEND="torch",
        KERAS_MAX_EPOCHS="1",
        TF_USE_LEGACY_KERAS="1",
        TF_FORCE_GPU_ALLOW_GROWTH="false",
        XLA_FLAGS="--nonsense",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_keras_has_its_defaults_whatever_the_user_has_set(printed):
    defaults = "tensorflow float32 channels_last 1e-07 None float32 false"
    assert printed[-2] == defaults


def test_a_linear_head_is_fitted_with_one_thread(printed):
    assert set(json.loads(printed[-3])) <= {1}  # none at all on a Mac


def test_an_optimizer_gives_back_its_memory(printed):
    assert float(printed[-1]) < 0.3 * STATE


def test_a_keras_json_that_keras_refuses_is_named(tmp_path):
    done = run(KERAS, **keras_home(tmp_path, '{"floatx": "float99"}'))
    assert done.returncode == 1
    sentence = one_sentence(done.stderr)
    assert str(tmp_path / "keras.json") in sentence and "rename" in sentence


def test_keras_on_another_backend_already_is_one_sentence(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    with pytest.raises(SystemExit, match="restart the kernel"):
        setup.keras_defaults()


def test_a_kernel_without_tensorflow_is_told_which_to_choose():
    program = "import sys; sys.modules['tensorflow'] = None\n" + KERAS
    done = run(program)
    assert done.returncode == 1
    assert ".venv" in one_sentence(done.stderr)


def test_a_function_that_was_traced_before_still_has_gradients():
    # tf.nn.silu registers a gradient of its own when it is traced.
    silu = tf.function(tf.nn.silu)
    x = tf.constant([0.5, -2.0])
    silu(x)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.train_on_batch(np.zeros((1, 3)), np.zeros((1, 2)))
    setup.free_training(model)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = silu(x)
    sigmoid = 1 / (1 + np.exp(-x.numpy()))
    expected = sigmoid * (1 + x.numpy() * (1 - sigmoid))
    np.testing.assert_allclose(tape.gradient(y, x), expected, rtol=1e-5)
