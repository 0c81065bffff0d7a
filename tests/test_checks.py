"""Exercises tell right from wrong from not started, in their lessons."""

import re

import nbformat
import numpy as np
import pytest

from helpers import kernel, results
from helpers.exercises import (
    ____,
    lesson_02,
    lesson_03,
    lesson_04,
    lesson_06,
    progress,
)
from helpers.exercises.engine import Exercise, plain
from tools import _pinned

ALL = progress.exercises()
EACH = [
    pytest.param(exercise, id=f"{lesson[:2]}-q{exercise.number}")
    for lesson, its in ALL.items()
    for exercise in its
]


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """Keep what is solved here apart from what a learner has solved."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))


def doubled(**changes):
    """An exercise that asks for the double of 3."""
    declared = {
        "fill": "6",
        "wrong": (plain("9", "That is the square."),),
        "clue": "Add it to itself.",
        "more": "Doubling is a shift.",
    }
    return Exercise("01_small", 1, **declared | changes)


@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        (____, "Exercise 1: not started. Put your answer in place of ____"),
        (6, "Exercise 1: right. Doubling is a shift."),
        (9, "Exercise 1: not yet. That is the square."),
        (7, "Exercise 1: not yet. check.q1.hint() helps."),
        ("six", "Exercise 1: not yet. check.q1.hint() helps."),
        (np.ones(3), "Exercise 1: not yet. check.q1.hint() helps."),
    ],
)
def test_an_answer_is_answered(answer, heard, capsys):
    doubled()(answer)
    assert capsys.readouterr().out.startswith(heard)


@pytest.mark.parametrize(
    "answer", [[____], {1, ____}, {"a": (____, 1)}, np.array([____, 1])]
)
def test_a_blank_that_is_left_anywhere_is_not_started(answer):
    assert doubled().judge(answer)[0] == "not started"


def test_a_function_is_judged_by_what_it_makes_of_an_example():
    asked = doubled(value=lambda function: function(3))
    assert asked.judge(lambda x: 2 * x)[0] == "right"
    assert asked.judge(lambda x: x * x)[1] == "That is the square."
    assert asked.judge(lambda x: ____)[0] == "not started"


def test_code_that_stops_is_told_with_its_error():
    asked = doubled(value=lambda function: function(3))
    verdict, text = asked.judge(lambda x: x["three"])
    assert verdict == "not yet"
    assert text.startswith("Your code stops with TypeError: 'int' object")


def test_hint_and_solution(capsys):
    doubled().hint()
    assert capsys.readouterr().out == "Hint 1: Add it to itself.\n"
    doubled().solution()
    assert capsys.readouterr().out == (
        "In place of ____: 6\nDoubling is a shift.\n"
    )


def test_the_page_shows_what_is_solved(capsys):
    progress.show()
    assert "01_data_prep         0 of 4 done, open: q1, q2, q3, q4" in (
        capsys.readouterr().out
    )
    for number in (2, 2, 1):
        results.note_done("01_data_prep", number)
    progress.show()
    assert "01_data_prep         2 of 4 done, open: q3, q4" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (lesson_02.q2, ["photos", "weights", "scaling"]),
        (lesson_04.q1, ("rotation", "flip")),
        (lesson_06.q1, ["size", "names", "scaling"]),
    ],
)
def test_several_things_may_be_named_in_any_order(exercise, answer):
    assert exercise.judge(answer)[0] == "right"
    assert exercise.judge(answer[:-1])[0] == "not yet"


def test_a_third_of_the_best_rate_is_right_however_it_is_rounded():
    for rate in (3e-4, 1e-3 / 3, 0.00033):
        assert lesson_03.q3.judge(rate)[0] == "right"
    for rate in (1e-3, 6e-4, 1e-5, "3e-4"):
        assert lesson_03.q3.judge(rate)[0] == "not yet"


def test_a_wrong_answer_is_not_noted_as_solved():
    doubled()(9)
    assert results.done() == {}
    doubled()(6)
    assert results.done() == {"01_small": [1]}


@pytest.mark.parametrize("exercise", EACH)
def test_an_exercise_knows_three_wrong_answers_or_more(exercise):
    fills = [exercise.fill, *(wrong.fill for wrong in exercise.wrong)]
    assert len(fills) >= 4
    assert len(set(fills)) == len(fills)


def test_each_lesson_has_four_exercises_or_more_in_order():
    assert [*ALL] == [path.stem for path in _pinned.notebooks()[1:]]
    for its in ALL.values():
        numbers = [exercise.number for exercise in its]
        assert numbers == list(range(1, max(4, len(its)) + 1))


# --- In the lessons, through a kernel -------------------------------------


def said(cell):
    """What a cell has printed, on one line."""
    printed = "".join(o.text for o in cell.outputs if "text" in o)
    return " ".join(printed.split())


def expected(exercise):
    """Yield (text in place of the blank, how the answer to it begins)."""
    name = f"Exercise {exercise.number}:"
    yield "____", f"{name} not started."
    for wrong in exercise.wrong:
        yield wrong.fill, f"{name} not yet. {wrong.says}"
    yield exercise.fill, f"{name} right. {exercise.more}"
    yield "____", f"{name} not started."


@pytest.fixture
def nothing_solved():
    """Leave no trace of the answers that the lessons are given here."""
    yield
    for path in (_pinned.WORK / "journal").glob("exercises-*.json"):
        path.unlink()


@pytest.mark.usefixtures("nothing_solved")
@pytest.mark.parametrize("lesson", ALL)
def test_every_answer_is_known_in_the_lesson(lesson, monkeypatch):
    for name, value in _pinned.environment().items():
        monkeypatch.setenv(name, value)
    path = _pinned.NOTEBOOKS / f"{lesson}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    client = kernel.client(notebook, path)
    open_ones = {exercise.number: exercise for exercise in ALL[lesson]}
    heard, right = [], []
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            asked = re.findall(r"^check\.q(\d+)\(", cell.source, re.M)
            if not open_ones:
                break
            if cell.cell_type != "code" or not asked:
                client.execute_cell(cell, index)
                continue
            (number,) = map(int, asked)
            source = cell.source
            assert source.count("____") == 1
            for fill, answer in expected(open_ones.pop(number)):
                cell.source = source.replace("____", fill)
                client.execute_cell(cell, index)
                heard.append(said(cell)[: len(answer)])
                right.append(answer)
    assert heard == right
    assert not open_ones
