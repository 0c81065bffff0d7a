"""python3 start.py check FOLDER says what the lessons would say."""

import json
import subprocess
import sys

import pytest
from make_photos import png, put, two_classes

from helpers.paths import ROOT
from tools import check


@pytest.fixture
def folder(tmp_path, monkeypatch):
    return two_classes(tmp_path, monkeypatch)


def test_a_good_folder_is_ready(folder, capsys):
    assert check.main([str(folder)]) == 0
    out = capsys.readouterr().out
    assert "no problems found" in out
    assert "start.py retrain, with the path of this folder" in out
    assert check.main([str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


# Run in a Python that has neither TensorFlow nor Keras.
LIGHT = """
import importlib, sys
sys.modules["tensorflow"] = sys.modules["keras"] = None
folder, *names = sys.argv[1:]
for name in names:
    try:
        importlib.import_module(f"tools.{name}").main(["--help"])
    except SystemExit as stop:
        assert not stop.code
from tools import check
sys.exit(check.main([folder]))
"""


def test_light_commands_start_without_tensorflow(folder):
    names = "check doctor pack predict publish retrain site times".split()
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, folder, *names],
        cwd=ROOT,
        text=True,
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("usage:") == len(names)
    assert "no problems found" in done.stdout


def test_a_folder_with_faults_is_usable(folder, capsys):
    (folder / "a" / "empty.jpg").touch()
    assert check.main([str(folder)]) == 1
    assert "a/empty.jpg: the file is empty" in capsys.readouterr().out
    assert check.main([str(folder), "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert set(row) == {"file", "problem", "excluded", "advice"}
    assert (row["file"], row["excluded"]) == ("a/empty.jpg", True)


def test_a_folder_that_cannot_be_split_is_not_usable(folder, capsys):
    put(folder / "c", {"1.png": png(1)})
    assert check.main([str(folder)]) == 2
    printed = capsys.readouterr()
    assert "only 1 photo, so no split can be made" in printed.out
    words = "class c has 1 different photo, and each of the 3 splits needs one"
    assert words in printed.err
    assert check.main([str(folder), "--json"]) == 2
    *rows, last = json.loads(capsys.readouterr().out)
    assert len(rows) == 1 and words in last["problem"]


def test_a_folder_that_may_not_be_read_is_one_sentence(
    folder, capsys, monkeypatch
):
    def locked(*_):
        raise PermissionError(13, "Permission denied", str(folder / "a"))

    monkeypatch.setattr("helpers.dataset.layouts.read_folder", locked)
    assert check.main([str(folder)]) == 2
    printed = capsys.readouterr()
    assert "a: it can't be read (Permission denied)" in printed.err
    assert printed.out == ""


def test_a_missing_folder_is_one_sentence_that_names_it_in_full(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert check.main(["my_photos"]) == 2
    printed = capsys.readouterr()
    words = f"{tmp_path / 'my_photos'}: there is no such folder"
    assert printed.err.count(words) == 1
    assert printed.out == "" and "Traceback" not in printed.err
    assert check.main(["my_photos", "--json"]) == 2
    (row,) = json.loads(capsys.readouterr().out)
    assert row["file"] == str(tmp_path / "my_photos") and row["excluded"]
    assert words in row["problem"]
