"""INSTRUCTORS.md fits the lessons, and `start.py times` measures."""

import itertools
import re
import types
from pathlib import Path

import nbformat
import pytest
import source

from helpers import shared
from helpers.exercises import progress, quiz
from helpers.paths import ROOT
from tools import _pinned, plan, regenerate, times

TEXT = (ROOT / "INSTRUCTORS.md").read_text(encoding="utf-8")
PLANS = {name: rest for name, *rest in re.findall(plan.PLAN, TEXT)}
LESSONS = {path.stem: path for path in _pinned.notebooks()}
EXERCISES = progress.exercises()


def rows(text, start=""):
    """Return the rows of the tables in a text, as lists of their cells."""
    lines = re.findall(rf"(?m)^\| {start}.*\|$", text)
    return [re.split(r" *\| *", line.strip("| ")) for line in lines]


def minutes(clock):
    return 60 * int(clock[:2]) + int(clock[3:])


@pytest.fixture(scope="module")
def lessons():
    return {
        stem[:2]: plan.sections(path, TEXT) for stem, path in LESSONS.items()
    }


@pytest.mark.parametrize("name", ["Half day", "Full day"])
def test_a_plan_adds_up_and_has_breaks(name):
    begin, end, body = PLANS[name]
    now = last_break = minutes(begin)
    for clock, duration, what, _ in re.findall(plan.ROW, body):
        assert minutes(clock) == now, what
        if what.startswith(("Break", "Lunch")):
            assert now - last_break <= 90
            last_break = now + int(duration)
        now += int(duration)
    assert now == minutes(end)
    assert now - last_break <= 90


@pytest.mark.parametrize("name", ["Half day", "Full day"])
def test_a_plan_is_the_one_that_the_command_computes(name, lessons):
    begin, end, body = PLANS[name]
    rate = plan.pace(TEXT)
    rows, slack = plan.timetable(begin, end, body, lessons, rate)
    assert slack >= rate["slack"]
    stored = re.findall(plan.ROW, body)
    for old, new in zip(
        stored, re.findall(plan.ROW, "\n".join(rows)), strict=True
    ):
        assert abs(minutes(old[0]) - minutes(new[0])) <= 5, (
            f"{old[2]}: copy the tables of `start.py plan` to INSTRUCTORS.md"
        )
    slow = {**rate, "words": rate["words"] // 2, "code": 2 * rate["code"]}
    assert plan.timetable(begin, end, body, lessons, slow)[1] < rate["slack"]


def test_the_six_questions_are_asked_twice_and_taught_in_the_full_day():
    for *_, body in PLANS.values():
        assert body.count("| Everyone answers the six questions") == 2
    taught = set()
    for *_, what, _ in re.findall(plan.ROW, PLANS["Full day"][-1]):
        taught |= {f"{what[2:4]} {heading}" for heading in plan.named(what)[0]}
    assert {question["read"] for question in quiz.QUESTIONS} <= taught


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
    pairs = {
        (number, heading)
        for number, line in in_plans
        + re.findall(r"\b(\d\d) (\*[^*]+\*)", TEXT)
        for heading in re.findall(r"\*(.+?)\*", line)
    }
    assert len(pairs) > 50
    for number, heading in sorted(pairs):
        assert heading in dict(sections(number)), number


@pytest.mark.parametrize("name", ["Half day", "Full day"])
def test_the_rows_of_a_plan_run_what_they_need(name):
    for number in LESSONS:
        rows = [
            what
            for *_, what, _ in re.findall(plan.ROW, PLANS[name][-1])
            if what.startswith(f"**{number[:2]}**")
        ]
        # A demonstration is run as a whole beforehand.
        if not rows or "Demonstration" in rows[0]:
            continue
        wanted = {
            "",
            *sum((read + run for read, run in map(plan.named, rows)), []),
        }
        defined, missing = set(), set()
        for heading, code in sections(number[:2]):
            if heading not in wanted:
                missing |= source.defined(code) - defined
            else:
                assert not source.read(code) & missing, (number, heading)
                defined |= source.defined(code)


def test_the_exercises_of_a_row_are_in_its_sections():
    rows = re.findall(r"\| (\*\*\d\d\*\* .*?) \|", TEXT)
    assert len(rows) > 20
    for what in rows:
        read, _ = plan.named(what)
        code = [c for heading, c in sections(what[2:4]) if heading in read]
        for exercise in re.findall(r"\bq\d\b", what):
            assert f"check.{exercise}(" in "\n".join(code), what


@pytest.mark.parametrize("lesson", EXERCISES)
def test_every_exercise_has_a_wrong_answer_in_the_page(lesson):
    answers = {row[0]: row for row in rows(TEXT, r"\d\d q\d")}
    for exercise in EXERCISES[lesson]:
        _, _, wrong, reply = answers[f"{lesson[:2]} q{exercise.number}"]
        # Of an answer of several lines, the last is in the page.
        ends = {wrong.fill.split("\n")[-1] for wrong in exercise.wrong}
        assert wrong in {f"`{end.strip()}`" for end in ends}
        assert f"`{exercise.fill}`" not in reply


# --- `start.py times`


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A folder for small lessons."""
    monkeypatch.setattr(_pinned, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(times.os, "environ", times.os.environ.copy())
    monkeypatch.setattr(times.render, "folder", lambda: None)
    monkeypatch.setattr(times.render, "all_folders", lambda: None)
    return tmp_path


WHERE = """
from pathlib import Path
from helpers import paths, shared
assert paths.work().parent == paths.data() and shared.folder() is None
log = paths.work() / "log.txt"
log.parent.mkdir(parents=True, exist_ok=True)
log.open("a").write("x")
assert len(log.read_text()) == RUNS
Path("folder.txt").write_text(str(paths.data()))
"""


def test_lessons_run_in_order_in_one_new_folder_that_is_deleted(
    small, notebook, code, save, capsys, monkeypatch
):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    times.os.environ[shared.VARIABLE] = str(small)
    for number, name in enumerate(("01_one_more", "02_two"), 1):
        made = notebook(code(f"RUNS = {number}\n{WHERE}", None))
        save(made, f"{name}.ipynb")
    assert times.main([]) == 0
    assert not Path((small / "folder.txt").read_text()).exists()
    text = capsys.readouterr().out
    assert f"{times.os.cpu_count()} processor cores" in text
    assert [row[0] for row in rows(text)][1:] == [
        *("the photos, rendered once", "01 one more", "02 two", "all lessons"),
    ]


def test_the_longest_cells_of_a_lesson_are_named_by_their_headings(
    notebook, code, text
):
    cells = (
        *(text("# A lesson"), code("1"), text("## One\n\n## Two")),
        *(code("2"), code("3"), code("4")),
    )
    seconds = {1: 60.4, 3: 3.0, 4: 12.6, 5: 0.0}
    assert regenerate.row("01_a_lesson", notebook(*cells), seconds, 1024) == (
        "| 01 a lesson | 76 s | 1.0 GiB | 60 s *A lesson*, 13 s *Two* |"
    )


def test_a_cell_has_the_time_that_it_takes(notebook, code, text, save):
    path = save(notebook(text("# A"), code("1"), code("1+1"), code("1/1")))
    clock = itertools.accumulate(itertools.count())
    stand_in = types.SimpleNamespace(monotonic=lambda: next(clock))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regenerate, "time", stand_in)
        seconds, peak = regenerate.run(regenerate.read(path), path)
    assert [*seconds] == [1, 2, 3]
    assert sorted(set(seconds.values())) == [*seconds.values()]
    assert peak > 10


def test_a_lesson_that_fails_is_named(small, notebook, code, save, capsys):
    save(notebook(code("1/0")))
    assert times.main([]) == 1
    assert "01_small.ipynb" in capsys.readouterr().err


def test_a_gpu_is_named(monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert "no GPU" in times._machine()
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [1])
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda device: {"device_name": "Card 9"},
    )
    assert "Card 9" in times._machine()


def test_the_minutes_of_a_lesson_are_those_of_the_plans(lessons):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for row in plan.lesson_table(lessons, plan.pace(TEXT))[2:]:
        number, *_, alone, _ = re.findall(r"\d+", row)
        in_readme = re.search(rf"(?m)^\| \[.*?{number} .*\| (\d+) \|$", readme)
        (path,) = _pinned.NOTEBOOKS.glob(f"{number}_*.ipynb")
        title = regenerate.read(path).cells[0].source
        in_lesson = re.search(r"\*\*Time\*\* about (\d+) minutes", title)
        assert in_readme[1] == in_lesson[1]
        assert abs(int(in_lesson[1]) - int(alone)) <= 5
