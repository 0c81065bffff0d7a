"""`start.py room` counts a class without naming anybody."""

import json

import pytest
from scipy.stats import binomtest

from helpers.exercises import quiz
from tools import room

KEY = "".join(question["right"] for question in quiz.QUESTIONS)
UNKNOWN = "?" * len(KEY)


def hand_in(path, learner, **answers):
    path.parent.mkdir(parents=True, exist_ok=True)
    entry = {"quiz": quiz.EDITION, "learner": learner, **answers}
    path.write_text(json.dumps(entry), encoding="utf-8")


@pytest.fixture
def count(tmp_path, capsys):
    """Runs the command; returns its exit code, its rows and its errors."""

    def run(folder=tmp_path):
        code = room.main([str(folder)])
        out, error = capsys.readouterr()
        return code, [line.split() for line in out.splitlines()], error

    return run


def test_each_question_has_its_counts_and_its_p(tmp_path, count):
    known = KEY[0] + UNKNOWN[1:]
    changes = [(UNKNOWN, known)] * 6 + [(known, UNKNOWN)]
    for n, (before, after) in enumerate(changes):
        path = tmp_path / f"quiz-{n}.json"
        hand_in(path, f"{n}", before=before, after=after)
    code, (head, *rows), error = count()
    assert (code, error) == (0, "")
    assert head == ["question", "before", "after", "learners", "McNemar", "p"]
    p = binomtest(6, 7).pvalue
    assert rows[0][-4:] == ["1", "6", "7", f"{p:.2g}"]
    assert len(rows) == 6
    assert all(row[-4:] == ["0", "0", "7", "1"] for row in rows[1:])


def test_files_of_homes_are_found_and_nobody_is_named(tmp_path, count):
    for name in ("ada", "bob"):
        home = tmp_path / name / "workbook" / "data" / "work" / "results"
        hand_in(home / f"quiz-{name}.json", name, before=UNKNOWN, after=KEY)
        (home / "exercises-01_data_prep.json").write_text("{}")
    code, rows, error = count()
    assert (code, error) == (0, "")
    assert all(row[-4:-1] == ["0", "2", "2"] for row in rows[1:])
    assert "ada" not in str(rows) and "bob" not in str(rows)


def test_only_learners_who_answered_both_times_count(tmp_path, count):
    hand_in(tmp_path / "quiz-1.json", "1", before=KEY)
    hand_in(tmp_path / "quiz-2.json", "2", after=KEY)
    hand_in(tmp_path / "quiz-3.json", "3", before=KEY, after=UNKNOWN)
    code, rows, _ = count()
    assert code == 0
    assert all(row[-4:] == ["1", "0", "1", "1"] for row in rows[1:])


def test_a_file_handed_in_twice_counts_once(tmp_path, count):
    hand_in(tmp_path / "quiz-1 (1).json", "1", before=UNKNOWN)
    hand_in(tmp_path / "quiz-1.json", "1", before=UNKNOWN, after=KEY)
    hand_in(tmp_path / "quiz-1 (2).json", "1", before=UNKNOWN)
    _, rows, _ = count()
    assert all(row[-4:-1] == ["0", "1", "1"] for row in rows[1:])


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        "[]",
        "3",
        "{}",
        '{"quiz": 0, "learner": "1", "before": "abcdab"}',
        '{"quiz": 1, "before": "abcdab", "after": "abcdab"}',
        '{"quiz": 1, "learner": "1", "before": "abcde", "after": "abcdab"}',
        '{"quiz": 1, "learner": "1", "before": 6, "after": "abcdab"}',
    ],
)
def test_other_files_are_named_once_and_skipped(tmp_path, count, text):
    hand_in(tmp_path / "quiz-1.json", "1", before=UNKNOWN, after=KEY)
    (tmp_path / "list\nof it.txt").write_text(text)
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\xff")
    code, rows, error = count()
    assert code == 0
    assert error.endswith("version: list\\nof it.txt, photo.png.\n")
    assert error.count("\n") == 1
    assert all(row[-4:-1] == ["0", "1", "1"] for row in rows[1:])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".", "of 1 learner, nobody has answered both before and after"),
        ("no such", "there is no such folder"),
    ],
)
def test_nothing_to_count_is_one_sentence(tmp_path, count, name, words):
    hand_in(tmp_path / "quiz-1.json", "1", before=KEY)
    code, rows, error = count(tmp_path / name)
    assert (code, rows) == (1, [])
    assert words in error
    assert error.count("\n") == 1
