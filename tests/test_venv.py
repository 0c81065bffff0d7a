"""What a user has set for other programs changes nothing and stops nothing."""

import json
import os
import sys
from pathlib import Path

import pytest
from clone import Clone

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
    assert not set(_venv.DROPPED) & set(got)


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


@pytest.fixture
def pip_settings(tmp_path, monkeypatch):
    """Makes a pip.conf the only one; returns the PIP_ variables for pip."""

    def get(text, **variables):
        for name in [n for n in os.environ if n.startswith("PIP_")]:
            monkeypatch.delenv(name)
        (tmp_path / "pip.conf").write_text(text)
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        got = _venv.pip_environment(sys.executable, "install")
        return {n: v for n, v in got.items() if n.startswith("PIP_")}

    return get


def test_pip_settings_that_install_elsewhere_are_dropped(pip_settings):
    plain = pip_settings("")  # this machine may have an /etc/pip.conf
    got = pip_settings(
        "[install]\nuser = true\ntarget = /elsewhere\nno-deps = true\n"
        "[global]\ndry-run = true\nno-binary = :all:\n",
        PIP_USER="1",
        PIP_PREFIX="/elsewhere",
        PIP_REQUIRE_VIRTUALENV="1",
        PIP_CONSTRAINT="/elsewhere",
    )
    assert got == plain
    assert got["PIP_CONFIG_FILE"] == os.devnull


def test_pip_settings_of_the_package_index_are_kept(pip_settings):
    got = pip_settings(
        "[global]\nindex-url = https://a:b@pypi.example.org/simple\n"
        "timeout = 7\n[install]\ntimeout = 8\n"
        "extra-index-url =\n  https://one.example.org\n"
        "  https://two.example.org\n[download]\ntimeout = 9\n",
        PIP_PROXY="http://proxy.example.org",
    )
    assert got["PIP_INDEX_URL"] == "https://a:b@pypi.example.org/simple"
    assert got["PIP_TIMEOUT"] == "8"
    assert got["PIP_EXTRA_INDEX_URL"].split() == [
        "https://one.example.org",
        "https://two.example.org",
    ]
    assert got["PIP_PROXY"] == "http://proxy.example.org"
