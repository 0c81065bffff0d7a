"""`start.py app` opens the page beside a model, or says why it can't."""

import sys

import pytest
from clone import Clone, one_sentence

from tools import _extras, _venv, app


@pytest.fixture
def folder(tmp_path):
    """A folder with a page, as far as this is looked at before Gradio."""
    for name in ("app.py", "model-float16.tflite"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone without Gradio, with a stand-in for pip, as .venv."""
    made = Clone(tmp_path / "clone")
    monkeypatch.setattr(_venv, "ROOT", str(made.root))
    monkeypatch.setattr(_venv, "VENV", str(made.venv))
    monkeypatch.setattr(_extras, "ROOT", made.root)
    monkeypatch.setattr(_extras, "APP", made.lock)
    monkeypatch.setattr(sys, "executable", _venv.venv_python(made.venv))
    # Its name is found nowhere, should it be installed here.
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.setenv("PATH", "")  # no uv
    return made


@pytest.mark.parametrize("missing", ["app.py", "model-float16.tflite"])
def test_a_folder_without_a_page_is_one_sentence(folder, capsys, missing):
    (folder / missing).unlink()
    assert app.main([str(folder)]) == 2
    said = one_sentence(capsys.readouterr().err)
    assert str(folder) in said and "retrain has written" in said


def test_gradio_is_installed_into_venv_alone(
    clone, folder, monkeypatch, capfd
):
    assert app.main([str(folder)]) == 1  # as on Colab
    assert clone.installs() == []
    assert "gradio is missing" in one_sentence(capfd.readouterr().err)
    monkeypatch.setattr(sys, "prefix", str(clone.venv))
    assert app.main([str(folder)]) == 1  # the stand-in installs nothing
    assert "60 MB" in capfd.readouterr().out
    assert app.main([str(folder)]) == 1
    assert len(clone.installs()) == 1  # once


def test_without_a_network_it_says_what_to_do(
    clone, folder, monkeypatch, capfd
):
    monkeypatch.setattr(sys, "prefix", str(clone.venv))
    monkeypatch.setenv("OFFLINE", "1")
    assert app.main([str(folder)]) == 1
    reason, advice = capfd.readouterr().err.splitlines()
    assert reason == "no network, says pip" and "offline" in advice
