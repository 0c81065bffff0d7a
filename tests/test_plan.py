"""`start.py plan` computes minutes and timetables, and says what is wrong."""

import pytest
from nbformat import v4

from tools import _pinned, plan

RATE = {
    **{"words": 100, "code": 6, "figure": 30, "exercise": 4},
    **{"questions": 50, "slack": 10},
}
PAGE = """
| words of text | 100 a minute | |
| code | 6 s a line | |
| figure | 30 s | |
| exercise | 4 minutes | |
| questions | 50% more | |
| slack | 10% at least | |

| 01 small | 100 s | 1.0 GiB | 40 s *Two*, 20 s *Elsewhere* |

## Half day: 09:00 to 10:00

| at | minutes | what | if you are late |
|--:|--:|---|---|
| 08:00 | 1 | **01** *One*: q1; run *Two* | leave *Two* for home |
| 08:00 | 10 | Break | |
| 08:00 | 1 | Slack | |
"""
TEN = "One two three, four [five](six) 7 eight — nine ten.\n"


@pytest.fixture
def lesson(notebook, code, text, save, monkeypatch, tmp_path):
    """A small lesson, as the only one, and the page."""
    picture = v4.new_output(
        "display_data", {"image/png": "", "text/plain": ""}
    )
    widget = "application/vnd.jupyter.widget-view+json"
    made = notebook(
        text("# Small"),
        code("import os"),
        text(f"{TEN}\n## One\n\n{TEN}"),
        code("a = 1\n\n# a line", outputs=[picture]),
        code("check.q1(____)", text="Solve it."),
        text("## Two"),
        code(
            "b = 2\nc = 3",
            outputs=[v4.new_output("display_data", {widget: {}})],
        ),
        text("## Three"),
    )
    monkeypatch.setattr(_pinned, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(plan, "PAGE", tmp_path / "INSTRUCTORS.md")
    plan.PAGE.write_text(PAGE, encoding="utf-8")
    return save(made)


def test_a_section_has_its_words_lines_figures_exercises_and_waits(lesson):
    # 40 s of the 100 s are those of "Two", the rest is for six lines.
    assert plan.sections(lesson, PAGE) == {
        "": plan.Section(11 - 1, 1, 0, 0, 10),
        "One": plan.Section(10, 3, 1, 1, 30),
        "Two": plan.Section(1, 2, 1, 0, 60),
        "Three": plan.Section(1, 0, 0, 0, 0),
    }


def test_a_row_takes_the_time_to_read_to_solve_and_to_wait(lesson):
    lessons = {"01": plan.sections(lesson, PAGE)}
    assert plan.minutes("**01** *Two*", lessons, RATE) == pytest.approx(
        1.5 * (1 / 100 + 2 * 6 / 60 + 30 / 60) + 1
    )
    # The first section includes the start of the lesson.
    read = 20 / 100 + 4 * 6 / 60 + 30 / 60
    for what, work, wait in (
        ("**01** *One*", read, 40),
        ("**01** *One*: q1", read + 4, 40),
        ("**01** *One*: q1. In pairs; run *Two*", read + 4, 100),
    ):
        expected = 1.5 * work + wait / 60
        assert plan.minutes(what, lessons, RATE) == pytest.approx(expected)


def test_the_command_prints_minutes_and_times(lesson, capsys):
    assert plan.main([]) == 0
    text = capsys.readouterr().out
    assert "| 01 | 2 | 4 | 2 | 7 | 10 |" in text
    assert "| 09:00 | 10 | **01** *One*: q1; run *Two* | leave" in text
    assert "| 09:10 | 10 | Break |  |\n| 09:20 | 40 | Slack |" in text
    assert "Slack: 80%" in text
    assert "For home, from 01: *Two*, *Three*." in text
    assert "Cut" not in text


def test_several_rows_share_the_slack(lesson):
    lessons = {"01": plan.sections(lesson, PAGE)}
    body = PAGE + 2 * "| 08:00 | 1 | Slack | |\n"
    rows, _ = plan.timetable("09:00", "10:00", body, lessons, RATE)
    assert [row[:12] for row in rows[2:]] == [
        *("| 09:20 | 15", "| 09:35 | 10", "| 09:45 | 15"),
    ]


def test_a_plan_that_does_not_fit_says_so(lesson, capsys):
    page = PAGE.replace("09:00 to 10:00", "09:00 to 09:20")
    plan.PAGE.write_text(page, encoding="utf-8")
    assert plan.main([]) == 1
    assert "Slack: 0%" in (text := capsys.readouterr().out)
    assert "Cut rows until it is 10%." in text


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("run *Two*", "run *Too*", "lesson 01 has no section 'Too'; it has "),
        ("**01**", "**11**", "lesson 11 has no section 'One'; it has none"),
        ("| figure | 30 s", "| figure | ? s", "no number for 'figure'"),
        ("| 01 small", "| 02 small", "no waiting times for lesson 01"),
    ],
)
def test_what_does_not_fit_is_named(lesson, capsys, old, new, expected):
    plan.PAGE.write_text(PAGE.replace(old, new), encoding="utf-8")
    assert plan.main([]) == 1
    assert expected in capsys.readouterr().err
