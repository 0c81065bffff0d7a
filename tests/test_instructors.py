"""INSTRUCTORS.md fits the lessons, its plans add up, and `times` measures."""

import itertools
import re
import types

import nbformat
import pytest

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


@pytest.mark.parametrize("lesson", EXERCISES)
def test_every_exercise_has_a_wrong_answer_in_the_page(lesson):
    answers = {row[0]: row for row in rows(TEXT, r"\d\d q\d")}
    for exercise in EXERCISES[lesson]:
        _, _, wrong, reply = answers[f"{lesson[:2]} q{exercise.number}"]
        # Of an answer of several lines, the last is in the page.
        ends = {wrong.fill.split("\n")[-1] for wrong in exercise.wrong}
        assert wrong in {f"`{end.strip()}`" for end in ends}
        assert f"`{exercise.fill}`" not in reply


def test_every_lesson_has_its_time_and_enough_of_it_in_the_plans():
    measured = {row[0]: row[1] for row in rows(TEXT, r"\d\d [a-z ]+ \| \d+ s")}
    for stem in LESSONS:
        seconds = int(measured[stem.replace("_", " ")].removesuffix(" s"))
        for *_, text in PLANS:
            planned = [
                int(duration)
                for _, duration, what in re.findall(ROW, text)
                if what.startswith(f"**{stem[:2]}**")
            ]
            assert not planned or 60 * sum(planned) > seconds


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
    assert not times.Path((small / "folder.txt").read_text()).exists()
    text = capsys.readouterr().out
    assert f"{times.os.cpu_count()} processor cores" in text
    assert [row[0] for row in rows(text)][1:] == [
        *("the photos, rendered once", "01 one more", "02 two", "all lessons"),
    ]


def test_the_longest_cells_of_a_lesson_are_named_by_their_headings(
    notebook, code, text, save, monkeypatch
):
    path = save(
        notebook(
            *(text("# A lesson"), code("1"), text("## One\n\n## Two")),
            *(code("2"), code("3"), code("4")),
        ),
        "01_a_lesson.ipynb",
    )
    seconds = {1: 60.4, 3: 3.0, 4: 12.6, 5: 0.0}
    monkeypatch.setattr(regenerate, "run", lambda *_: (seconds, 1024))
    assert times._timed(path)[1] == (
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
