"""The small helpers that lessons lean on."""

import json
import zipfile

import keras
import numpy as np
import pytest

from helpers import paths, results, setup
from helpers.dataset import corrections, pipeline, scan, splits
from helpers.network import saving, subprocesses
from helpers.surfaces import shifted


def test_an_expected_error_is_shown(capsys):
    with setup.expect_error(ValueError):
        raise ValueError("first line\nTheError: the reason")
    assert "ValueError: TheError: the reason" in capsys.readouterr().out


def test_an_expected_error_that_does_not_come_fails_the_lesson():
    with pytest.raises(AssertionError, match="ran through"):
        with setup.expect_error(ValueError):
            pass
    with pytest.raises(KeyError):
        with setup.expect_error(ValueError):
            raise KeyError("another")


@pytest.fixture
def at(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    return tmp_path


def test_the_journal_gives_back_what_lessons_wrote(at):
    results.write("02_x", "starter", at, {"frozen": [True, False, True]})
    results.write("03_x", "starter", at, {"tuned": [True, True, True]})
    rows = results.rows("starter", at)
    assert list(rows) == ["frozen", "tuned"]
    assert (rows["frozen"].right, rows["frozen"].n) == (2, 3)
    results.write("02_x", "starter", at, {"frozen": [True, True, True]})
    assert results.rows("starter", at)["frozen"].right == 3


def test_an_entry_of_another_version_counts_as_missing(at):
    results.write("02_x", "starter", at, {"frozen": [True]})
    (path,) = (at / "journal").iterdir()
    entry = json.loads(path.read_text())
    del entry["verdicts"]
    path.write_text(json.dumps(entry))
    assert results.rows("starter", at) == {}


def test_hits_are_kept_and_are_no_accuracies(at):
    hits = {"pointing": [True, False]}
    results.write("05_x", "starter", at, {"tuned": [True, False]}, hits)
    assert list(results.rows("starter", at)) == ["tuned"]
    (path,) = (at / "journal").iterdir()
    entry = json.loads(path.read_text())
    assert entry["hits"] == {"pointing": "10"}


def test_the_journal_never_mixes_photos(at):
    results.write("02_x", "starter", at, {"frozen": [True]})
    assert results.rows("starter", at / "other") == {}
    assert results.rows("imagenet", at / "other") == {}
    assert len(results.rows("starter", at)) == 1


def test_results_of_other_weights_are_shown_under_their_name(at):
    results.write("02_x", "starter", at, {"frozen": [True, False]})
    results.write("03_x", "starter", at, {"tuned": [True, True]})
    results.write("02_x", "imagenet", at, {"frozen": [True, True]})
    rows = results.rows("imagenet", at)
    assert list(rows) == ["frozen", "frozen (starter)", "tuned (starter)"]
    assert [row.right for row in rows.values()] == [2, 1, 2]
    rows = results.rows("starter", at)
    assert list(rows) == ["frozen", "tuned", "frozen (imagenet)"]


def test_weights_files_of_one_long_name_keep_their_results_apart(at):
    names = [f"{'größe' * 45}-{digest}" for digest in ("6b86b2", "d4735e")]
    for right, name in enumerate(names):
        results.write("02_x", name, at, {"frozen": [bool(right)]})
    for right, name in enumerate(names):
        assert results.rows(name, at)["frozen"].right == right


def test_the_journal_never_mixes_ways_to_share_photos_out(at):
    split = paths.list_path("splits", at / "mine")
    split.parent.mkdir()
    split.write_text("60, 20, 20")
    results.write("02_x", "starter", at / "mine", {"frozen": [True]})
    assert list(results.rows("starter", at / "mine")) == ["frozen"]
    split.write_text("50, 25, 25")
    assert results.rows("starter", at / "mine") == {}
    results.write("03_x", "starter", at / "mine", {"tuned": [True]})
    assert list(results.rows("starter", at / "mine")) == ["tuned"]
    split.write_text("60, 20, 20")
    assert list(results.rows("starter", at / "mine")) == ["frozen"]


def test_the_home_folder_may_be_written_short(at, monkeypatch):
    monkeypatch.setenv("HOME", str(at))
    monkeypatch.setenv("USERPROFILE", str(at))
    split = paths.list_path("splits", at / "mine")
    split.parent.mkdir()
    split.write_text("60, 20, 20")
    model = paths.model_path("02_x")
    model.parent.mkdir()
    with zipfile.ZipFile(model, "w") as file:
        file.writestr("model.weights.h5", "weights")
    results.write("02_x", "starter", "~/mine", {"frozen": [True]})
    for folder in ("~/mine", at / "mine"):
        assert list(results.rows("starter", folder)) == ["frozen"]
        assert results.is_of("02_x", "starter", folder)
    assert results.rows("starter", "~/other") == {}
    assert not results.is_of("02_x", "starter", "~/other")


@pytest.mark.parametrize("damaged", [b"", b'{"lesson": "0', b"\xff", b"[]"])
def test_a_damaged_entry_is_passed_over_and_written_anew(at, capsys, damaged):
    results.write("02_x", "starter", at, {"frozen": [True]})
    results.write("03_x", "starter", at, {"tuned": [True]})
    for name in ("01_x", "02_x"):
        results.note_done(name, 1)
    for name in ("02_x_starter", "exercises-02_x"):
        (at / "journal" / f"{name}.json").write_bytes(damaged)
    assert list(results.rows("starter", at)) == ["tuned"]
    (line,) = capsys.readouterr().out.splitlines()
    assert "/02_x_starter.json is damaged and passed over" in line.replace(
        "\\", "/"
    )
    assert not results.is_of("02_x", "starter", at)
    capsys.readouterr()
    assert results.done() == {"01_x": [1]}
    (line,) = capsys.readouterr().out.splitlines()
    assert "exercises-02_x.json is damaged and passed over" in line
    results.note_done("02_x", 2)
    results.write("02_x", "starter", at, {"frozen": [True]})
    capsys.readouterr()
    assert list(results.rows("starter", at)) == ["frozen", "tuned"]
    assert results.done() == {"01_x": [1], "02_x": [2]}
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("python", "memory", "disk", "says"),
    [
        ((3, 12), 8, 50, None),
        ((3, 14), 8, 50, "Install Python"),
        ((3, 12), 1, 50, "memory"),
        ((3, 12), 8, 0.5, "disk"),
    ],
)
def test_the_machine_check_names_one_thing(python, memory, disk, says):
    todo = setup._first_thing_to_do(python, memory, disk)
    assert todo is None if says is None else says in todo


def test_this_machine_is_ready(capsys):
    assert setup.check_environment()
    assert capsys.readouterr().out.strip().endswith("READY")


def test_a_saved_model_answers_the_same_in_a_new_process(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((299, 299, 3)),
            keras.layers.Rescaling(1 / 127.5, offset=-1),
            keras.layers.Conv2D(2, 9, 99),
        ]
    )
    model.save(tmp_path / "m.keras")
    saving.write_names(tmp_path / "m.keras", ("a", "b"))
    pixels = np.full((2, 299, 299, 3), 9, "uint8")
    answer = subprocesses.predict_pixels_in_subprocess(
        tmp_path / "m.keras", pixels
    )
    np.testing.assert_allclose(
        answer, model.predict(pixels, verbose=0), rtol=1e-4
    )


def test_a_file_that_is_no_model_is_refused_in_a_sentence(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as file:
        file.writestr("config.json", "{}")
    with pytest.raises(RuntimeError, match="not a classifier of these"):
        subprocesses.predict_pixels_in_subprocess(
            tmp_path / "m.keras", np.zeros((1, 299, 299, 3), "u1")
        )


def folder_of(tmp_path, names=("a", "b")):
    from PIL import Image

    rng = np.random.default_rng(0)
    for i in range(6):
        place = tmp_path / "mine" / names[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        noise = rng.integers(99, 256, (80, 80, 3), "uint8")
        Image.fromarray(noise).save(place / f"{i}.png")
    return tmp_path / "mine"


def test_own_photos_are_turned_and_dimmed_for_a_second_test(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    folder = folder_of(tmp_path)
    test = splits.whole_folder(folder, ("a", "b"))
    second = shifted.shifted_test(folder, test)
    assert sorted(second.labels) == sorted(test.labels)
    assert not set(second.keys) & set(test.keys)
    brightness = [
        np.mean([pipeline.load_photo(p) for p in split.paths])
        for split in (test, second)
    ]
    assert brightness[1] < 0.7 * brightness[0]
    assert second.keys == shifted.shifted_test(folder, test).keys


def test_photos_of_one_name_or_a_long_one_are_all_remounted(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    folder = folder_of(tmp_path)
    (folder / "b" / "1.png").rename(folder / "b" / "0.png")
    (folder / "b" / "3.png").rename(folder / "b" / f"{'n' * 251}.png")
    corrections.note(folder, "b/0.png", "a")
    corrections.apply(folder)
    test = splits.whole_folder(folder, ("a", "b"))
    second = shifted.shifted_test(folder, test)
    assert sorted(second.labels) == sorted(test.labels) == [0] * 4 + [1] * 2


def test_copies_that_were_let_in_are_each_turned_otherwise(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    folder = folder_of(tmp_path)
    one = folder / "a" / "0.png"
    for copy in (folder / "a" / "9.png", folder / "b" / "9.png"):
        copy.write_bytes(one.read_bytes())
    scan.check(folder)
    (listed,) = (tmp_path / "work" / "left_out").iterdir()
    text = listed.read_text(encoding="utf-8-sig")
    listed.write_text(text.replace(",yes,", ",no,"), encoding="utf-8-sig")
    test = splits.whole_folder(folder, ("a", "b"))
    assert len(set(test.keys)) == len(test) - 2
    second = shifted.shifted_test(folder, test)
    assert sorted(second.labels) == sorted(test.labels)
    assert len(set(second.keys)) == len(second)


def test_a_mended_label_is_that_of_the_remounted_photo(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    folder = folder_of(tmp_path)
    before = shifted.shifted_test(
        folder, splits.whole_folder(folder, ("a", "b"))
    )
    corrections.note(folder, "b/1.png", "a")
    corrections.apply(folder)
    after = shifted.shifted_test(
        folder, splits.whole_folder(folder, ("a", "b"))
    )
    assert sorted(before.labels) == [0] * 3 + [1] * 3
    assert sorted(after.labels) == [0] * 4 + [1] * 2
    assert set(before.keys) == set(after.keys)
    corrections.undo(folder)
    again = shifted.shifted_test(
        folder, splits.whole_folder(folder, ("a", "b"))
    )
    assert again.paths == before.paths


def test_a_home_folder_may_be_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    folder = folder_of(tmp_path)
    folder_of(tmp_path / "x")
    (tmp_path / "x" / "mine").rename(tmp_path / "remounted")
    test = splits.whole_folder(folder, ("a", "b"))
    second = shifted.shifted_test("~/mine", test)
    beside = str(tmp_path / "remounted")
    assert all(path.startswith(beside) for path in second.paths)


def test_a_remounted_set_beside_the_photos_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    folder = folder_of(tmp_path)
    folder_of(tmp_path / "x")
    (tmp_path / "x" / "mine").rename(tmp_path / "remounted")
    second = shifted.shifted_test(
        folder, splits.whole_folder(folder, ("a", "b"))
    )
    assert all("remounted" in p for p in second.paths)
    (tmp_path / "remounted" / "b").rename(tmp_path / "remounted" / "c")
    with pytest.raises(ValueError, match="a, c, not a, b"):
        shifted.shifted_test(folder, splits.whole_folder(folder, ("a", "b")))
