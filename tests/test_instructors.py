"""INSTRUCTORS.md fits the lessons, its plans add up, `times` measures."""

import itertools
import re
import types

import nbformat
import pytest
import source

from helpers import shared
from helpers.exercises import progress
from helpers.paths import ROOT
from tools import _pinned, regenerate, times

TEXT = (ROOT / "INSTRUCTORS.md").read_text(encoding="utf-8")
PLAN = r"(?s)## \w+ day: (\d\d:\d\d) to (\d\d:\d\d)\n(.*?)(?=\n## )"
PLANS = re.findall(PLAN, TEXT)
ROW = r"\| (\d\d:\d\d) \| (\d+) \| (.*) \|"
LESSONS = {path.stem: path for path in _pinned.notebooks()}
EXERCISES = progress.exercises()


def rows(text, start=""):
    """Return the rows of the tables in a text, as lists of their cells."""
    lines = re.findall(rf"(?m)^\| {start}.*\|$", text)
    return [re.split(r" *\| *", line.strip("| ")) for line in lines]


def minutes(clock):
    return 60 * int(clock[:2]) + int(clock[3:])


def test_the_plans_add_up():
    assert len(PLANS) == 2
    for begin, end, text in PLANS:
        now = minutes(begin)
        for clock, duration, what in re.findall(ROW, text):
            assert minutes(clock) == now, what
            now += int(duration)
        assert now == minutes(end)


def sections(number):
    """Return [(heading above it, source)] of the code cells of a lesson."""
    (path,) = (p for stem, p in LESSONS.items() if stem.startswith(number))
    heading, found = "", []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            found.append((heading, cell.source))
        else:
            headings = re.findall(r"(?m)^## (.*)$", cell.source)
            heading = headings[-1] if headings else heading
    return found


def test_every_heading_in_the_page_is_in_its_lesson():
    in_plans = re.findall(r"\| \*\*(\d\d)\*\* (.*) \|", TEXT)
    row = r"(?m)^\|(?: skip \|| run \|)? (\d\d) (\*.*?\*) \|"
    pairs = {
        (number, heading)
        for number, line in in_plans + re.findall(row, TEXT)
        for heading in re.findall(r"\*(.+?)\*", line)
    }
    assert len(pairs) > 50
    for number, heading in sorted(pairs):
        assert heading in dict(sections(number)), number


def test_no_later_cell_needs_a_section_that_may_be_skipped():
    skipped = re.findall(r"(?m)^\| skip \| (\d\d) (.*?) \|", TEXT)
    assert skipped
    for number, line in skipped:
        for skip in re.findall(r"\*(.+?)\*", line):
            defined, missing = set(), set()
            for heading, code in sections(number):
                if heading == skip:
                    missing |= source.defined(code) - defined
                else:
                    assert not source.read(code) & missing, (number, skip)
                    defined |= source.defined(code)


@pytest.mark.parametrize("lesson", EXERCISES)
def test_every_exercise_has_a_wrong_answer_in_the_page(lesson):
    answers = {row[0]: row for row in rows(TEXT, r"\d\d q\d")}
    for exercise in EXERCISES[lesson]:
        _, _, wrong, reply = answers[f"{lesson[:2]} q{exercise.number}"]
        assert wrong in {f"`{wrong.fill}`" for wrong in exercise.wrong}
        assert f"`{exercise.fill}`" not in reply


@pytest.mark.parametrize("lesson", EXERCISES)
def test_every_exercise_is_in_the_full_day_or_at_home(lesson):
    *_, text = PLANS[1]
    number = lesson[:2]
    lines = "\n".join(re.findall(rf"\*\*{number}\*\* .*", text))
    if not lines:
        assert re.search(rf"At home: .*\b{number}\b", text)
        return
    lines = lines.replace("q1 to q4", "q1, q2, q3, q4")
    for exercise in EXERCISES[lesson]:
        assert f"q{exercise.number}" in lines


def test_every_lesson_has_its_time_and_enough_of_it_in_the_plans():
    table = TEXT.partition(times.BEGIN)[2].partition(times.END)[0]
    measured = {row[0]: row[1] for row in rows(table)}
    for stem in LESSONS:
        seconds = measured[stem.replace("_", " ")]
        assert re.fullmatch(r"\d+ s", seconds)
        for *_, text in PLANS:
            planned = [
                int(duration)
                for _, duration, what in re.findall(ROW, text)
                if what.startswith(f"**{stem[:2]}**")
            ]
            assert not planned or 60 * sum(planned) > int(seconds[:-2])


# --- `start.py times` -----------------------------------------------------


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A folder for small lessons, with a page for their times."""
    monkeypatch.setattr(_pinned, "NOTEBOOKS", tmp_path)
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    monkeypatch.setattr(times, "PAGE", tmp_path / "INSTRUCTORS.md")
    monkeypatch.setattr(times, "_drawing", lambda folder: 33.3)
    monkeypatch.setattr(times.os, "environ", times.os.environ.copy())
    times.PAGE.write_text(f"# Über\n\n{times.BEGIN}\nold\n{times.END}\nend\n")
    return tmp_path


def test_the_times_are_written_between_their_lines(small, monkeypatch, capsys):
    for name in ("01_one_more", "02_two"):
        (small / f"{name}.ipynb").touch()
    calls = []

    def timed(path):
        calls.append((path.stem, times.os.environ["WORKBOOK_WORK"]))
        seconds = [60.4, 3.0, 12.6] if len(calls) < 2 else [1.0]
        cells = [(f"Part {i}", s) for i, s in enumerate(seconds)]
        return {"mebibytes": 1024 + len(calls), "cells": cells}

    monkeypatch.setattr(times, "_timed", timed)
    assert times.main([]) == 0
    written = times.PAGE.read_text(encoding="utf-8")
    assert written.startswith(f"# Über\n\n{times.BEGIN}\n\nMeasured on ")
    assert written.endswith(f"\n\n{times.END}\nend\n")
    assert "old" not in written
    assert f"{times.os.cpu_count()} processor cores" in written
    line = "| 76 s | 1.0 GiB | 60 s *Part 0*, 13 s *Part 2* |"
    assert f"| 01 one more {line}\n" in written
    assert "| 02 two | 1 s | 1.0 GiB |  |\n" in written
    assert "| the photos, drawn once | 33 s | | |\n" in written
    assert "| all lessons | 77 s | | |\n" in written
    # In order, in one work folder that was new and is gone.
    names, folders = zip(*calls, strict=True)
    assert names == ("01_one_more", "02_two")
    assert len(set(folders)) == 1
    assert not times.Path(folders[0]).exists()
    assert line in capsys.readouterr().out


def test_a_shared_folder_does_not_shorten_the_times(small, monkeypatch):
    folders = []

    def drawing(folder):
        folders.append(shared.folder())
        return 33.3

    monkeypatch.setattr(times, "_drawing", drawing)
    times.os.environ[shared.VARIABLE] = str(small)
    assert shared.folder() == small
    times.measure()
    assert folders == [None]


def test_a_cell_is_timed_under_its_heading(
    notebook, code, text, save, monkeypatch
):
    path = save(
        notebook(
            text("# A lesson"),
            code("1", None),
            text("## One\n\n## Two"),
            code("2", None),
            code("3", None),
        )
    )
    before = path.read_bytes()
    # A clock that goes on by as much as it has been looked at.
    clock = itertools.accumulate(itertools.count())
    stand_in = types.SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr(regenerate, "time", stand_in)
    run = times._timed(path)
    sections, seconds = zip(*run["cells"], strict=True)
    assert sections == ("A lesson", "Two", "Two")
    assert sorted(set(seconds)) == [*seconds]
    assert run["mebibytes"] > 10
    assert path.read_bytes() == before


def test_a_lesson_that_fails_leaves_the_page(
    small, notebook, code, save, capsys
):
    save(notebook(code("1/0")))
    before = times.PAGE.read_bytes()
    assert times.main([]) == 1
    assert "01_small.ipynb" in capsys.readouterr().err
    assert times.PAGE.read_bytes() == before


@pytest.mark.parametrize("content", ["no lines", times.BEGIN, times.END, None])
def test_a_page_without_its_lines_is_one_sentence_at_once(
    small, monkeypatch, capsys, content
):
    monkeypatch.setattr(times, "measure", lambda: pytest.fail("it ran"))
    times.PAGE.unlink()
    if content is not None:
        times.PAGE.write_text(content)
    assert times.main([]) == 1
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert said.startswith("INSTRUCTORS.md")


def test_a_graphics_card_is_named(monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert "no graphics card" in times._machine()
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [1])
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda device: {"device_name": "Card 9"},
    )
    sentence = times._machine()
    assert "Card 9" in sentence
    assert "no graphics card" not in sentence
