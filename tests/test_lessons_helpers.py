"""The results log, the setup of a notebook, and the shifted test set."""

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from helpers import paths, results, setup
from helpers.dataset import corrections, pipeline, scan, splits
from helpers.network import subprocesses
from helpers.surfaces import shifted

# --- Setup ----------------------------------------------------------------


def test_an_expected_error_is_shown_and_a_missing_one_fails(capsys):
    with setup.expect_error(ValueError):
        raise ValueError("first line\nTheError: the reason")
    assert "ValueError: TheError: the reason" in capsys.readouterr().out
    with pytest.raises(AssertionError, match="it succeeded"):
        with setup.expect_error(ValueError):
            pass
    with pytest.raises(KeyError), setup.expect_error(ValueError):
        raise KeyError("another")


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


def test_a_file_that_is_no_model_is_refused_in_a_sentence(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as file:
        file.writestr("config.json", "{}")
    with pytest.raises(RuntimeError, match="not a classifier of these"):
        subprocesses.predict_pixels_in_subprocess(
            tmp_path / "m.keras", np.zeros((1, 299, 299, 3), "u1")
        )


# --- The results log ------------------------------------------------------


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
    assert json.loads(path.read_text())["hits"] == {"pointing": "10"}
    results.write("02_x", "starter", at, {"frozen": [True, True, True]})
    assert correct(at) == {"frozen": 3, "tuned": 3}
    assert correct(at / "other") == correct(at / "other", "imagenet") == {}
    entry = json.loads(path.read_text())
    del entry["verdicts"]  # as in an entry of another version
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
    save("others")
    assert not results.is_of("02_x", "starter", "~/mine")


@pytest.mark.parametrize("damaged", [b"", b'{"lesson": "0', b"\xff", b"[]"])
def test_a_damaged_entry_is_ignored_and_written_anew(at, capsys, damaged):
    def printed():
        return capsys.readouterr().out.replace("\\", "/").splitlines()

    results.write("02_x", "starter", at, {"frozen": [True]})
    results.write("03_x", "starter", at, {"tuned": [True]})
    for name in ("01_x", "02_x"):
        results.note_done(name, 1)
    for name in ("02_x_starter", "exercises-02_x"):
        (at / "results" / f"{name}.json").write_bytes(damaged)
    assert correct(at) == {"tuned": 1}
    (line,) = printed()
    assert "/02_x_starter.json is damaged and ignored" in line
    assert not results.is_of("02_x", "starter", at)
    printed()
    assert results.done() == {"01_x": [1]}
    (line,) = printed()
    assert "exercises-02_x.json is damaged and ignored" in line
    results.note_done("02_x", 2)
    results.write("02_x", "starter", at, {"frozen": [True]})
    printed()
    assert correct(at) == {"frozen": 1, "tuned": 1}
    assert results.done() == {"01_x": [1], "02_x": [2]}
    assert printed() == []


# --- The shifted test set -------------------------------------------------


def make(folder):
    """Fill a folder with three photos of noise of each of two classes."""
    rng = np.random.default_rng(0)
    for i in range(6):
        path = folder / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = rng.integers(99, 256, (80, 80, 3), "uint8")
        Image.fromarray(noise).save(path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    make(tmp_path / "mine")
    return tmp_path / "mine"


def both(folder):
    """Return the photos of a folder and the shifted ones."""
    test = splits.whole_folder(folder, ("a", "b"))
    return test, shifted.shifted_test(folder, test)


def test_own_photos_are_turned_and_dimmed_for_a_second_test(folder):
    test, second = both(folder)
    assert sorted(second.labels) == sorted(test.labels)
    assert not set(second.keys) & set(test.keys)
    brightness = [
        np.mean([pipeline.load_photo(path) for path in split.paths])
        for split in (test, second)
    ]
    assert brightness[1] < 0.7 * brightness[0]
    assert both(folder)[1].keys == second.keys


def test_photos_of_one_name_or_a_long_one_are_all_shifted(folder):
    (folder / "b" / "1.png").rename(folder / "b" / "0.png")
    (folder / "b" / "3.png").rename(folder / "b" / f"{'n' * 251}.png")
    corrections.note(folder, "b/0.png", "a")
    corrections.apply(folder)
    test, second = both(folder)
    assert sorted(second.labels) == sorted(test.labels) == [0] * 4 + [1] * 2


def test_copies_that_were_included_are_each_turned_differently(
    folder, tmp_path
):
    for copy in (folder / "a" / "9.png", folder / "b" / "9.png"):
        copy.write_bytes((folder / "a" / "0.png").read_bytes())
    scan.check(folder)
    (listed,) = (tmp_path / "work" / "excluded").iterdir()
    text = listed.read_text(encoding="utf-8-sig")
    listed.write_text(text.replace(",yes,", ",no,"), encoding="utf-8-sig")
    test, second = both(folder)
    assert len(set(test.keys)) == len(test) - 2
    assert sorted(second.labels) == sorted(test.labels)
    assert len(set(second.keys)) == len(second)


def test_a_corrected_label_is_that_of_the_shifted_photo(folder):
    _, before = both(folder)
    corrections.note(folder, "b/1.png", "a")
    corrections.apply(folder)
    _, after = both(folder)
    assert sorted(before.labels) == [0] * 3 + [1] * 3
    assert sorted(after.labels) == [0] * 4 + [1] * 2
    assert set(before.keys) == set(after.keys)
    corrections.undo(folder)
    assert both(folder)[1].paths == before.paths


def test_a_shifted_set_beside_the_photos_is_used(
    folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    beside = tmp_path / "remounted"
    make(beside)
    test, second = both(folder)
    assert all(path.startswith(str(beside)) for path in second.paths)
    assert shifted.shifted_test("~/mine", test).paths == second.paths
    (beside / "b").rename(beside / "c")
    with pytest.raises(ValueError, match="a, c, not a, b"):
        both(folder)
