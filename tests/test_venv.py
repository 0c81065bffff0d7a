"""What a user has set for other programs changes nothing and stops nothing."""

import json
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


def test_modules_in_the_current_folder_are_not_imported(clone, tmp_path):
    folder = tmp_path / "mine"
    (folder / "tools").mkdir(parents=True)
    (folder / "tools" / "__init__.py").write_text("")
    for name in ("json.py", "venv.py", "pip.py"):
        (folder / name).write_text("raise ImportError('not for this')")
    done = clone.run("hello", cwd=folder)
    assert done.returncode == 7, done.stderr


# What installs.


@pytest.mark.parametrize(
    ("uv", "code", "programs"),
    [
        ("/bin/uv", 0, ["uv"]),
        ("/bin/uv", 2, ["uv", "pip"]),
        (None, 0, ["pip"]),
    ],
    ids=["uv", "uv fails", "no uv"],
)
def test_uv_installs_where_it_is_there(monkeypatch, uv, code, programs):
    calls = []

    def call(command, **options):
        calls.append(command)
        return code if command[0] == uv else 0

    monkeypatch.setattr(_venv.shutil, "which", lambda name: uv)
    monkeypatch.setattr(_venv.subprocess, "call", call)
    _venv.install("my/python", "my.lock")
    assert ["uv" if c[0] == uv else c[2] for c in calls] == programs
    for command in calls:
        assert "my/python" in command and "--require-hashes" in command
        assert command[-2:] == ["-r", "my.lock"]
