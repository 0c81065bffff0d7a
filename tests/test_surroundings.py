"""What a user has set for other programs changes nothing and stops nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from clone import Clone, one_sentence

import start
from helpers.paths import ROOT

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


def test_foreign_environment_variables_do_not_reach_a_verb(clone, foreign):
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
    )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout.splitlines()[-1])
    assert got["PYTHONPATH"] == str(clone.root)
    assert got["KERAS_BACKEND"] == "tensorflow"
    assert got["optimize"] == 0
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR"):
        assert Path(got[name]).parent == clone.venv
    assert not set(start.DROPPED) & set(got)


def test_proxies_caches_and_the_theme_reach_a_verb(clone, tmp_path):
    (clone.root / "tools" / "hello.py").write_text(ENVIRONMENT)
    kept = {
        "https_proxy": "http://proxy.example.org:3128",
        "SSL_CERT_FILE": "/etc/own.pem",
        "CUDA_VISIBLE_DEVICES": "1",
        "KERAS_HOME": "/data/keras",
        "TMPDIR": str(tmp_path),
        "WORKBOOK_WEIGHTS": "random",
    }
    there = {"JUPYTER_CONFIG_DIR": "/data/jupyter"}
    there["JUPYTERLAB_SETTINGS_DIR"] = ""
    done = clone.run("hello", **there, **kept)
    got = json.loads(done.stdout.splitlines()[-1])
    assert kept.items() <= got.items()
    theme = Path("/data/jupyter/lab/user-settings")
    assert Path(got["JUPYTERLAB_SETTINGS_DIR"]) == theme


def test_jupyterlab_starts_with_foreign_packages_on_the_path(clone, foreign):
    done = clone.run(PYTHONPATH=str(foreign))
    assert done.returncode == 0, done.stderr
    assert "00_start_here.ipynb" in done.stdout


def test_a_good_venv_is_kept_when_the_surroundings_are_bad(clone, foreign):
    clone.run("hello")
    mark = clone.venv / "mark.txt"
    mark.touch()
    done = clone.run("hello", PYTHONPATH=str(foreign), PYTHONWARNINGS="error")
    assert done.returncode == 7, done.stderr
    assert mark.exists() and len(clone.installs()) == 1


def test_modules_in_the_current_folder_are_not_imported(clone, tmp_path):
    folder = tmp_path / "mine"
    (folder / "tools").mkdir(parents=True)
    (folder / "tools" / "__init__.py").write_text("")
    for name in ("json.py", "venv.py", "pip.py"):
        (folder / name).write_text("raise ImportError('not for this')")
    done = clone.run("hello", cwd=folder)
    assert done.returncode == 7, done.stderr


def test_letters_are_replaced_in_an_encoding_that_lacks_them(clone):
    (clone.root / "tools" / "hello.py").write_text("print('na\\u00efve', 7)")
    done = clone.run("hello", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "na?ve 7"


@pytest.fixture
def pip_settings(tmp_path, monkeypatch):
    """Makes a pip.conf the only one; returns the PIP_ variables for a verb."""

    def get(text, verb="install", **variables):
        for name in [n for n in os.environ if n.startswith("PIP_")]:
            monkeypatch.delenv(name)
        (tmp_path / "pip.conf").write_text(text)
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        given = start.pip_environment(sys.executable, verb)
        return {n: v for n, v in given.items() if n.startswith("PIP_")}

    return get


def test_pip_settings_that_install_elsewhere_are_overridden(pip_settings):
    given = pip_settings(
        "[install]\nuser = true\ntarget = /elsewhere\nno-deps = true\n"
        "[global]\ndry-run = true\nno-binary = :all:\n",
        PIP_USER="1",
        PIP_PREFIX="/elsewhere",
        PIP_REQUIRE_VIRTUALENV="1",
        PIP_REQUIRE_HASHES="1",
    )
    assert given.pop("PIP_CONFIG_FILE") == os.devnull
    # This machine's own settings of the index may come from /etc/pip.conf.
    names = {n.removeprefix("PIP_").lower().replace("_", "-") for n in given}
    assert names <= set(start.PIP_SETTINGS)


def test_pip_settings_of_the_package_index_are_kept(pip_settings):
    given = pip_settings(
        "[global]\nindex-url = https://a:b@pypi.example.org/simple\n"
        "timeout = 7\n[install]\ntimeout = 8\n"
        "extra-index-url =\n  https://one.example.org\n"
        "  https://two.example.org\n[download]\ntimeout = 9\n",
        PIP_PROXY="http://proxy.example.org",
    )
    assert given["PIP_INDEX_URL"] == "https://a:b@pypi.example.org/simple"
    assert given["PIP_TIMEOUT"] == "8"
    assert given["PIP_EXTRA_INDEX_URL"].split() == [
        "https://one.example.org",
        "https://two.example.org",
    ]
    assert given["PIP_PROXY"] == "http://proxy.example.org"


# helpers.setup, where somebody opens a notebook without start.py.

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
        {"image_data_format": "channels_first", "floatx": "float16"},
        {"epsilon": 0.5, "backend": "tensorflow"},
        {},
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
    said = done.stdout.splitlines()[-1]
    assert said == "tensorflow float32 channels_last 1e-07 None float32"


def test_a_keras_json_that_keras_refuses_is_named(tmp_path):
    done = run(KERAS, **keras_home(tmp_path, '{"floatx": "float99"}'))
    assert done.returncode == 1
    said = one_sentence(done.stderr)
    assert str(tmp_path / "keras.json") in said and "rename" in said


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
    (tmp_path / "matplotlibrc").write_text(
        "text.usetex: True\nlines.linewidth: 40\nimage.cmap: gray\n"
    )
    program = (
        "from helpers import plots; import matplotlib as m; "
        "print({n: v for n, v in m.rcParams.items() if n[:8] != 'backend'})"
    )
    plain = run(program, MPLBACKEND="agg")
    assert plain.returncode == 0, plain.stderr
    strange = run(
        program, MPLBACKEND="agg", MATPLOTLIBRC=str(tmp_path / "matplotlibrc")
    )
    assert strange.stdout == plain.stdout
