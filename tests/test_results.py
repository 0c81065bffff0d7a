"""The results log: what lessons measured, and of which photos."""

import json
import zipfile

import pytest

from helpers import paths, results


@pytest.fixture
def at(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    return tmp_path


def correct(folder, weights_name="starter"):
    """Return {name of a result: number of correct predictions}."""
    rows = results.rows(weights_name, folder)
    return {name: accuracy.correct for name, accuracy in rows.items()}


def test_the_log_returns_what_lessons_wrote(at):
    hits = {"pointing": [True, False]}
    results.write("02_x", "starter", at, {"frozen": [True, False, True]}, hits)
    results.write("03_x", "starter", at, {"tuned": [True, True, True]})
    assert list(correct(at).items()) == [("frozen", 2), ("tuned", 3)]
    assert results.rows("starter", at)["frozen"].n == 3
    path = at / "results" / "02_x_starter.json"
    assert json.loads(path.read_text())["hits"] == hits
    results.write("02_x", "starter", at, {"frozen": [True, True, True]})
    assert correct(at) == {"frozen": 3, "tuned": 3}
    assert correct(at / "other") == correct(at / "other", "imagenet") == {}
    entry = json.loads(path.read_text())
    del entry["correct"]  # as in an entry of another version
    path.write_text(json.dumps(entry))
    assert correct(at) == {"tuned": 3}


def test_results_of_other_weights_are_shown_under_their_name(at):
    results.write("02_x", "starter", at, {"frozen": [True, False]})
    results.write("03_x", "starter", at, {"tuned": [True, True]})
    results.write("02_x", "imagenet", at, {"frozen": [True, True]})
    assert list(correct(at, "imagenet").items()) == [
        ("frozen", 2),
        ("frozen (starter)", 1),
        ("tuned (starter)", 2),
    ]


def test_weights_files_of_one_long_name_keep_their_results_apart(at):
    names = [f"{'größe' * 45}-{digest}" for digest in ("6b86b2", "d4735e")]
    for number, name in enumerate(names):
        results.write("02_x", name, at, {"frozen": [bool(number)]})
    for number, name in enumerate(names):
        assert correct(at, name)["frozen"] == number


def test_results_of_other_splits_are_never_compared(at):
    table = paths.list_path("splits", at / "mine")
    table.parent.mkdir()
    table.write_text("60, 20, 20")
    results.write("02_x", "starter", at / "mine", {"frozen": [True]})
    table.write_text("50, 25, 25")
    assert correct(at / "mine") == {}
    results.write("03_x", "starter", at / "mine", {"tuned": [True]})
    assert correct(at / "mine") == {"tuned": 1}
    table.write_text("60, 20, 20")
    assert correct(at / "mine") == {"frozen": 1}


def test_a_model_belongs_to_its_photos_weights_and_entry(at, monkeypatch):
    monkeypatch.setenv("HOME", str(at))
    monkeypatch.setenv("USERPROFILE", str(at))
    table = paths.list_path("splits", at / "mine")
    table.parent.mkdir()
    table.write_text("60, 20, 20")
    model = paths.model_path("02_x")
    model.parent.mkdir()

    def save(weights):
        with zipfile.ZipFile(model, "w") as file:
            file.writestr("model.weights.h5", weights)

    save("weights")
    results.write("02_x", "starter", "~/mine", {"frozen": [True]})
    for folder in ("~/mine", at / "mine"):
        assert correct(folder) == {"frozen": 1}
        assert results.is_of("02_x", "starter", folder)
    assert correct("~/other") == {}
    assert not results.is_of("02_x", "starter", "~/other")
    assert not results.is_of("02_x", "imagenet", "~/mine")
    whole = model.read_bytes()
    save("others")
    assert not results.is_of("02_x", "starter", "~/mine")
    model.write_bytes(whole[:-9])  # damaged
    assert not results.is_of("02_x", "starter", "~/mine")
    model.write_bytes(whole)
    assert results.is_of("02_x", "starter", "~/mine")
    table.write_text("80, 10, 10")
    assert not results.is_of("02_x", "starter", "~/mine")


@pytest.mark.parametrize("damaged", [b"", b'{"lesson": "0', b"\xff", b"[]"])
def test_a_damaged_entry_is_ignored_and_written_anew(at, capsys, damaged):
    def printed():
        return capsys.readouterr().out.replace("\\", "/").splitlines()

    results.write("02_x", "starter", at, {"frozen": [True]})
    results.write("03_x", "starter", at, {"tuned": [True]})
    for name in ("01_x", "02_x"):
        results.log_solved(name, 1)
    for name in ("02_x_starter", "exercises-02_x"):
        (at / "results" / f"{name}.json").write_bytes(damaged)
    assert correct(at) == {"tuned": 1}
    (line,) = printed()
    assert "/02_x_starter.json is damaged and ignored" in line
    assert not results.is_of("02_x", "starter", at)
    printed()
    assert results.solved() == {"01_x": [1]}
    (line,) = printed()
    assert "exercises-02_x.json is damaged and ignored" in line
    results.log_solved("02_x", 2)
    results.write("02_x", "starter", at, {"frozen": [True]})
    printed()
    assert correct(at) == {"frozen": 1, "tuned": 1}
    assert results.solved() == {"01_x": [1], "02_x": [2]}
    assert printed() == []
