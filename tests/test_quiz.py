"""The six questions before and after: what is told, kept and refused."""

import json
import re

import nbformat
import pytest

from helpers.exercises import quiz
from tools import _pinned

KEY = "".join(question["right"] for question in quiz.QUESTIONS)
GUESSES = "a?????"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder in which the answers are kept."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    return tmp_path / "results"


def kept(folder):
    (path,) = folder.iterdir()
    entry = quiz.read(path)
    return entry.get("before"), entry.get("after")


def said(capsys):
    return " ".join(capsys.readouterr().out.split())


def explanations():
    options = [question["options"] for question in quiz.QUESTIONS]
    return [say for each in options for _, say in each.values()]


def test_six_questions_of_four_options_whose_letters_give_nothing_away():
    assert len(KEY) == 6
    assert max(map(KEY.count, KEY)) == 2
    assert len(set(KEY)) == 4
    longest = 0
    for question in quiz.QUESTIONS:
        assert [*question["options"]] == ["a", "b", "c", "d"]
        lengths = {k: len(o) for k, (o, _) in question["options"].items()}
        longest += max(lengths, key=lengths.get) == question["right"]
    assert longest <= 2


def test_every_question_names_a_heading_of_a_lesson():
    for question in quiz.QUESTIONS:
        number, _, heading = question["read"].partition(" ")
        (path,) = _pinned.NOTEBOOKS.glob(f"{number}_*.ipynb")
        cells = nbformat.read(path, as_version=4).cells
        text = "\n".join(c.source for c in cells if c.cell_type == "markdown")
        assert f"## {heading}\n" in f"{text}\n"


def test_the_cell_of_lesson_00_shows_the_questions_and_records_nothing(
    folder, capsys
):
    (path,) = _pinned.NOTEBOOKS.glob("00_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    (cell,) = [c for c in cells if c.id == "quiz-answers"]
    exec(cell.source, {})
    assert capsys.readouterr().out == cell.outputs[0].text
    assert not folder.exists()
    filled = cell.source.replace("______", KEY)
    exec(filled, {})
    assert kept(folder) == (KEY, KEY)


def test_before_shows_no_key_and_after_shows_it(folder, capsys):
    quiz.show()
    quiz.before(GUESSES)
    text = said(capsys)
    assert f"before: {GUESSES} is recorded in " in text
    assert "correct." not in text
    assert not any(say in text for say in explanations())
    quiz.after("?" + KEY[1:])
    text = said(capsys)
    assert "1. ? is not correct. You did not know. Correct is b: It" in text
    assert 'Read "01 The pixel contract" again.' in text
    assert text.count(" is correct. ") == 5
    assert kept(folder) == (GUESSES, "?" + KEY[1:])


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("letter", "abcd?")
def test_every_letter_gets_its_explanation(number, letter, capsys):
    quiz.after(KEY[:number] + letter + KEY[number + 1 :])
    text = said(capsys)
    if letter != "?":
        option, say = quiz.QUESTIONS[number]["options"][letter]
        assert say in text
    is_right = letter == KEY[number]
    assert text.count(" is not correct. ") == (not is_right)
    assert sum(quiz.correct(KEY[:number] + letter + KEY[number + 1 :])) == (
        5 + is_right
    )


def test_answers_can_be_corrected_until_the_key_is_shown(folder, capsys):
    quiz.before(GUESSES)
    quiz.before("B, c, d, a, c, ?")
    assert kept(folder) == ("bcdac?", None)
    quiz.after(GUESSES)
    quiz.before(KEY)
    quiz.after(KEY)
    assert said(capsys).endswith(
        "before: not changed, because you have seen the key "
        "after: not changed, because you have seen the key"
    )
    assert kept(folder) == ("bcdac?", GUESSES)


def test_running_the_cell_again_changes_nothing(folder, capsys):
    for _ in range(2):
        quiz.before(GUESSES)
        quiz.after(KEY)
        assert "not changed" not in said(capsys)
        assert kept(folder) == (GUESSES, KEY)


def test_who_missed_the_first_time_is_kept_without_it(folder):
    quiz.after(KEY)
    quiz.before(KEY)
    assert kept(folder) == (None, KEY)


@pytest.mark.parametrize(
    "answers", ["", "______", "abc", "abcdabc", "abcdef", "ab____", ["a"], 6]
)
def test_what_is_incomplete_is_not_recorded(folder, capsys, answers):
    quiz.before(answers)
    text = said(capsys)
    if str(answers).strip("_"):
        assert f"{answers!r} can't be recorded; write 6 letters" in text
    else:
        assert text == "before: no answers yet"
    assert not folder.exists()


def test_a_file_has_no_name_of_a_learner_and_its_own_name(folder, capsys):
    quiz.before(GUESSES)
    (path,) = folder.iterdir()
    assert re.fullmatch(r"quiz-[0-9a-f]{8}\.json", path.name)
    assert path.name in capsys.readouterr().out
    assert json.loads(path.read_text()) == {
        "quiz": quiz.EDITION,
        "learner": path.stem,
        "before": GUESSES,
    }
