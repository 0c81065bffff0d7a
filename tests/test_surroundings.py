"""What a user has set for other programs changes nothing and stops nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from clone import Clone, one_sentence

from helpers.paths import ROOT
from tools import _venv

ENVIRONMENT = """
import json, os, sys
if __name__ == "__main__":
    print(json.dumps(dict(os.environ, optimize=sys.flags.optimize)))
"""


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path / "clone")


@pytest.fixture
def foreign(tmp_path):
    """A folder for PYTHONPATH, with packages that don't load."""
    folder = tmp_path / "foreign"
    for name in ("json", "numpy", "venv", "pip", "jupyterlab"):
        (folder / name).mkdir(parents=True)
        text = "raise ImportError('of another Python')"
        (folder / name / "__init__.py").write_text(text)
    return folder


# start.py


def test_foreign_environment_variables_do_not_reach_a_command(clone, foreign):
    (clone.root / "tools" / "hello.py").write_text(ENVIRONMENT)
    done = clone.run(
        "hello",
        PYTHONPATH=str(foreign),
        PYTHONSTARTUP=str(foreign / "json" / "__init__.py"),
        PYTHONOPTIMIZE="2",
        PYTHONWARNINGS="error",
        KERAS_BACKEND="torch",
        TF_USE_LEGACY_KERAS="1",
        XLA_FLAGS="--nonsense",
        MPLBACKEND="nonsense",
        IPYTHONDIR=str(foreign),
        JUPYTER_CONFIG_DIR=str(foreign),
        JUPYTER_PATH=str(foreign),
        PIP_TARGET=str(foreign),
        PIP_USER="1",
    )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout.splitlines()[-1])
    assert got["PYTHONPATH"] == str(clone.root)
    assert got["KERAS_BACKEND"] == "tensorflow"
    assert got["optimize"] == 0
    assert got["PIP_USER"] == "0"
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR"):
        assert Path(got[name]).parent == clone.venv
    assert not set(_venv.DROPPED) & set(got)


def test_proxies_caches_and_the_theme_reach_a_command(clone, tmp_path):
    (clone.root / "tools" / "hello.py").write_text(ENVIRONMENT)
    kept = {
        "https_proxy": "http://proxy.example.org:3128",
        "SSL_CERT_FILE": "/etc/own.pem",
        "CUDA_VISIBLE_DEVICES": "1",
        "KERAS_HOME": "/data/keras",
        "TMPDIR": str(tmp_path),
        "PIP_INDEX_URL": "https://pypi.example.org/simple",
        "WORKBOOK_WEIGHTS": "random",
    }
    there = {"JUPYTER_CONFIG_DIR": "/data/jupyter"}
    there["JUPYTERLAB_SETTINGS_DIR"] = ""
    done = clone.run("hello", **there, **kept)
    got = json.loads(done.stdout.splitlines()[-1])
    assert kept.items() <= got.items()
    theme = Path("/data/jupyter/lab/user-settings")
    assert Path(got["JUPYTERLAB_SETTINGS_DIR"]) == theme


def test_foreign_packages_on_the_path_stop_nothing(clone, foreign):
    mark = clone.venv / "mark.txt"
    mark.touch()
    for _ in range(2):
        done = clone.run(PYTHONPATH=str(foreign), PYTHONWARNINGS="error")
        assert done.returncode == 0, done.stderr
        assert "00_start_here.ipynb" in done.stdout
    assert mark.exists() and len(clone.installs()) == 1


def test_modules_in_the_current_folder_are_not_imported(clone, tmp_path):
    folder = tmp_path / "mine"
    (folder / "tools").mkdir(parents=True)
    (folder / "tools" / "__init__.py").write_text("")
    for name in ("json.py", "venv.py", "pip.py"):
        (folder / name).write_text("raise ImportError('not for this')")
    done = clone.run("hello", cwd=folder)
    assert done.returncode == 7, done.stderr


# helpers.setup, for notebooks that are opened without start.py.

KERAS = """
from helpers import setup
setup.tensorflow()
import keras, os
print(keras.config.backend(), keras.config.floatx(),
      keras.config.image_data_format(), keras.config.epsilon(),
      keras.config.max_epochs() if hasattr(keras.config, "max_epochs")
      else None, keras.layers.Dense(1).dtype_policy.name)
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


@pytest.mark.parametrize(
    "settings",
    [
        {"backend": "theano", "image_dim_ordering": "th"},
        {
            "image_data_format": "channels_first",
            "floatx": "float16",
            "epsilon": 0.5,
        },
    ],
)
def test_keras_has_its_defaults_whatever_the_user_has_set(tmp_path, settings):
    done = run(
        KERAS,
        **keras_home(tmp_path, json.dumps(settings)),
        KERAS_BACKEND="torch",
        KERAS_MAX_EPOCHS="1",
        TF_USE_LEGACY_KERAS="1",
        XLA_FLAGS="--nonsense",
    )
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last == "tensorflow float32 channels_last 1e-07 None float32"


def test_a_keras_json_that_keras_refuses_is_named(tmp_path):
    done = run(KERAS, **keras_home(tmp_path, '{"floatx": "float99"}'))
    assert done.returncode == 1
    sentence = one_sentence(done.stderr)
    assert str(tmp_path / "keras.json") in sentence and "rename" in sentence


def test_keras_on_another_backend_already_is_one_sentence():
    program = "import keras; keras.config.backend = lambda: 'torch'\n" + KERAS
    done = run(program, KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")
    assert done.returncode == 1
    assert "restart the kernel" in done.stderr.splitlines()[-1]


def test_a_kernel_without_tensorflow_is_told_which_to_choose():
    program = "import sys; sys.modules['tensorflow'] = None\n" + KERAS
    done = run(program)
    assert done.returncode == 1
    assert ".venv" in one_sentence(done.stderr)


def test_figures_do_not_follow_a_matplotlibrc(tmp_path):
    settings = {
        "text.usetex": True,
        "lines.linewidth": 40,
        "image.cmap": "gray",
    }
    path = tmp_path / "matplotlibrc"
    path.write_text("".join(f"{n}: {v}\n" for n, v in settings.items()))
    program = (
        "import json, matplotlib; from helpers import plots; "
        f"print(json.dumps([matplotlib.rcParams[n] for n in {[*settings]}]))"
    )
    done = run(program, MPLBACKEND="agg", MATPLOTLIBRC=str(path))
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert not set(values) & set(settings.values())
