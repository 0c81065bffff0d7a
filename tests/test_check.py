"""python3 start.py check FOLDER says what the lessons would say."""

import json

import numpy as np
import pytest
from PIL import Image

from tools import check


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    rng = np.random.default_rng(0)
    for i in range(50):
        place = tmp_path / "mine" / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        noise = rng.integers(0, 256, (80, 80, 3), "uint8")
        Image.fromarray(noise).save(place / f"{i}.png")
    return tmp_path / "mine"


def test_a_good_folder_is_ready(folder, capsys):
    assert check.main([str(folder)]) == 0
    assert "nothing to mend" in capsys.readouterr().out
    assert check.main([str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_folder_with_faults_is_usable(folder, capsys):
    (folder / "a" / "empty.jpg").touch()
    assert check.main([str(folder)]) == 1
    assert "a/empty.jpg: the file is empty" in capsys.readouterr().out
    assert check.main([str(folder), "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert set(row) == {"file", "problem", "left_out", "advice"}
    assert (row["file"], row["left_out"]) == ("a/empty.jpg", True)


def test_a_folder_that_may_not_be_read_is_one_sentence(
    folder, capsys, monkeypatch
):
    def locked(*_):
        raise PermissionError(13, "Permission denied", str(folder / "a"))

    monkeypatch.setattr("helpers.dataset.scan._found", locked)
    assert check.main([str(folder)]) == 2
    said = capsys.readouterr()
    assert "a: it can't be read (Permission denied)" in said.err
    assert said.out == ""


def test_a_relative_folder_that_is_missing_is_named_in_full(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert check.main(["my_photos"]) == 2
    assert str(tmp_path / "my_photos") in capsys.readouterr().err
    assert check.main(["my_photos", "--json"]) == 2
    (row,) = json.loads(capsys.readouterr().out)
    assert row["file"] == str(tmp_path / "my_photos")


def test_a_folder_that_is_none_is_one_sentence(tmp_path, capsys):
    gone = str(tmp_path / "gone")
    assert check.main([gone]) == 2
    said = capsys.readouterr()
    assert "there is no such folder" in said.err
    assert said.out == "" and "Traceback" not in said.err
    assert check.main([gone, "--json"]) == 2
    (row,) = json.loads(capsys.readouterr().out)
    assert "no such folder" in row["problem"]
