"""INSTRUCTORS.md keeps step with the lessons, and its plans add up."""

import ast
import itertools
import json
import re
import types

import nbformat
import pytest

from helpers import shared
from helpers.exercises import progress
from helpers.paths import ROOT
from tools import _pinned, regenerate, times

TEXT = (ROOT / "INSTRUCTORS.md").read_text(encoding="utf-8")
PLAN = r"## \w+ day: (\d\d:\d\d) to (\d\d:\d\d)\n(.*?)(?=\n## )"
HOURS = r"\| (\d\d:\d\d) \| (\d+) \| (.*) \|"
LESSONS = {path.stem: path for path in _pinned.notebooks()}
EXERCISES = progress.exercises()


def rows(text, start=""):
    """Return the rows of the tables in a text, as lists of their cells."""
    lines = re.findall(rf"^\| {start}.*\|$", text, re.MULTILINE)
    return [re.split(r" *\| *", line.strip("| ")) for line in lines]


def minutes(clock):
    return 60 * int(clock[:2]) + int(clock[3:])


def gaps(plan):
    """Return a sentence for each row that does not begin on time.

    Args:
        plan: (from, to, text) of a plan.
    """
    begin, end, text = plan
    at, found = begin, []
    for clock, count, what in re.findall(HOURS, text):
        if minutes(clock) != minutes(at):
            found.append(f"{clock} should be {at}: {what}")
        at = minutes(clock) + int(count)
        at = f"{at // 60:02}:{at % 60:02}"
    return found + ([f"it ends at {at}, not {end}"] if at != end else [])


PLANS = re.findall(PLAN, TEXT, re.DOTALL)


def test_the_plans_add_up():
    assert len(PLANS) == 2
    for plan in PLANS:
        assert gaps(plan) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("| 09:15 | 10 |", "| 09:15 | 15 |", "09:25 should be 09:30"),
        ("| 12:50 | 10 |", "| 12:50 | 20 |", "it ends at 13:10, not 13:00"),
        ("| 09:25 | 10 |", "| 09:20 | 10 |", "09:20 should be 09:25"),
    ],
)
def test_a_plan_that_does_not_would_be_found(old, new, words):
    begin, end, text = PLANS[0]
    assert old in text
    found = gaps((begin, end, text.replace(old, new)))
    assert words in "\n".join(found)


def sections(cells):
    """Return [(heading above it, source)] of the code cells."""
    heading, found = "", []
    for cell in cells:
        if cell.cell_type == "code":
            found.append((heading, cell.source))
        else:
            for line in re.findall(r"^## (.*)$", cell.source, re.MULTILINE):
                heading = line
    return found


def cells(number):
    (path,) = (p for stem, p in LESSONS.items() if stem.startswith(number))
    return nbformat.read(path, as_version=4).cells


def named():
    """Yield (number of a lesson, heading) for all that the page names."""
    plans = re.findall(r"\| \*\*(\d\d)\*\* (.*) \|", TEXT)
    row = r"^\|(?: skip \|| run \|)? (\d\d) (\*.*?\*) \|"
    others = re.findall(row, TEXT, re.MULTILINE)
    for number, line in plans + others:
        for heading in re.findall(r"\*(.+?)\*", line):
            yield number, heading


def test_every_heading_that_is_named_is_in_its_lesson():
    pairs = set(named())
    assert len(pairs) > 50
    known = {number: sections(cells(number)) for number, _ in pairs}
    assert [
        f"{number}: {heading}"
        for number, heading in sorted(pairs)
        if heading not in dict(known[number])
    ] == []


def names(source, kind):
    """Return the names that a cell sets (ast.Store) or reads (ast.Load)."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, kind):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef) and kind is ast.Store:
            found.add(node.name)
    return found


def wanted(code, heading):
    """Return which names a section alone sets and later cells read."""
    places = [i for i, (its, _) in enumerate(code) if its == heading]
    before = set().union(*(names(s, ast.Store) for _, s in code[: places[0]]))
    mine = set().union(*(names(code[i][1], ast.Store) for i in places))
    after = [names(s, ast.Load) for _, s in code[places[-1] + 1 :]]
    return (mine - before) & set().union(*after)


def test_what_may_be_skipped_is_not_wanted_later():
    skipped = re.findall(r"^\| skip \| (\d\d) (.*?) \|", TEXT, re.MULTILINE)
    assert skipped
    for number, line in skipped:
        for heading in re.findall(r"\*(.+?)\*", line):
            assert wanted(sections(cells(number)), heading) == set()


def test_what_is_wanted_later_would_be_found():
    assert wanted(sections(cells("02")), "Freeze") >= {"model", "head"}


@pytest.mark.parametrize("lesson", EXERCISES)
def test_every_exercise_has_its_wrong_answer(lesson):
    answers = {row[0]: row for row in rows(TEXT, r"\d\d q\d")}
    for exercise in EXERCISES[lesson]:
        _, _, wrong, say = answers[f"{lesson[:2]} q{exercise.number}"]
        declared = {f"`{one.fill}`" for one in exercise.wrong}
        assert wrong in declared
        assert f"`{exercise.fill}`" not in say


@pytest.mark.parametrize("lesson", EXERCISES)
def test_every_exercise_is_in_the_full_day_or_at_home(lesson):
    *_, text = PLANS[1]
    number = lesson[:2]
    mine = "\n".join(re.findall(rf"\*\*{number}\*\* .*", text))
    if not mine:
        assert re.search(rf"At home: .*\b{number}\b", text)
        return
    said = mine.replace("q1 to q4", "q1, q2, q3, q4")
    for exercise in EXERCISES[lesson]:
        assert f"q{exercise.number}" in said


def test_every_lesson_has_its_time_and_its_time_in_the_plan():
    *_, rest = times._around(TEXT)
    table = TEXT.partition(times.BEGIN)[2].removesuffix(rest)
    measured = {row[0]: row for row in rows(table)}
    for stem in LESSONS:
        first = measured[stem.replace("_", " ")][1]
        assert re.fullmatch(r"\d+ s", first)
        for *_, text in PLANS:
            given = [
                int(count)
                for _, count, what in re.findall(HOURS, text)
                if what.startswith(f"**{stem[:2]}**")
            ]
            assert not given or 60 * sum(given) > int(first[:-2])


# What start.py times does.


@pytest.fixture
def small(monkeypatch, tmp_path, notebook, code, text):
    """Two small lessons, a page for their times, and no pictures to draw."""
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
    asked = []

    def timed(path):
        asked.append((path.stem, times.os.environ["WORKBOOK_WORK"]))
        seconds = [60.4, 3.0, 12.6] if len(asked) < 3 else [1.0]
        cells = [
            {"cell": f"cell {i}", "section": f"Part {i}", "seconds": s}
            for i, s in enumerate(seconds)
        ]
        total = {"seconds": sum(seconds), "mebibytes": 1024 + len(asked)}
        return total | {"cells": cells}

    monkeypatch.setattr(times, "_timed", timed)
    assert times.main(["--again"]) == 0
    written = times.PAGE.read_text(encoding="utf-8")
    assert written.startswith(f"# Über\n\n{times.BEGIN}\n\nMeasured on ")
    assert written.endswith(f"\n\n{times.END}\nend\n")
    assert "old" not in written
    assert f"{times.os.cpu_count()} processor cores" in written
    line = "| 76 s | 1 s | 1.0 GiB | 60 s *Part 0*, 13 s *Part 2* |"
    assert f"| 01 one more {line}\n" in written
    assert "| lesson | first | again | memory |" in written
    assert "| the photos, drawn once | 33 s | | | |\n" in written
    assert "| all lessons | 152 s | 2 s | | |\n" in written
    # In order, twice, on one work folder that is gone and was new.
    names, folders = zip(*asked, strict=True)
    assert names == ("01_one_more", "02_two") * 2
    assert len(set(folders)) == 1
    assert not times.Path(folders[0]).exists()
    assert line in capsys.readouterr().out


def test_what_is_shared_with_others_does_not_shorten_the_times(
    small, monkeypatch
):
    found = []

    def drawing(folder):
        found.append(shared.folder())
        return 33.3

    monkeypatch.setattr(times, "_drawing", drawing)
    times.os.environ[shared.VARIABLE] = str(small)
    assert shared.folder() == small
    times.measure(times.RUNS)
    assert found == [None]


def test_a_cell_is_timed_under_its_heading(
    small, notebook, code, text, save, monkeypatch
):
    made = notebook(
        text("# A lesson"),
        code("1", None),
        text("## One\n\n## Two"),
        code("2", None),
        code("3", None),
    )
    path = save(made)
    before = path.read_bytes()
    # A clock that goes on by as much as it has been looked at.
    clock = itertools.accumulate(itertools.count())
    stand_in = types.SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr(regenerate, "time", stand_in)
    run = times._timed(path)
    assert [c["section"] for c in run["cells"]] == ["A lesson", "Two", "Two"]
    assert [c["cell"][:6] for c in run["cells"]] == [
        "cell 2",
        "cell 4",
        "cell 5",
    ]
    seconds = [c["seconds"] for c in run["cells"]]
    assert seconds == sorted(set(seconds))
    assert run["seconds"] == sum(seconds)
    assert run["mebibytes"] > 10
    assert path.read_bytes() == before


def test_all_that_was_measured_can_be_had_as_json(small, monkeypatch, capsys):
    measured = {"machine": "A.", "pictures": 1.0, "lessons": {}}
    monkeypatch.setattr(times, "measure", lambda _: print("bar") or measured)
    assert times.main(["--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == measured
    assert "bar" in said.err


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
    monkeypatch.setattr(times, "measure", lambda _: pytest.fail("it ran"))
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
    said = times._machine()
    assert "Card 9" in said
    assert "no graphics card" not in said


def test_without_a_second_run_the_table_has_no_column_for_it(
    small, notebook, code, save, capsys
):
    save(notebook(code("1", None)), "01_one.ipynb")
    assert times.main([]) == 0
    written = times.PAGE.read_text(encoding="utf-8")
    assert "| lesson | first | memory |" in written
    assert "| the photos, drawn once | 33 s | | |\n" in written
    assert re.search(r"^\| 01 one \| \d+ s \| 0.\d GiB \|  \|$", written, re.M)
    assert re.search(r"^\| all lessons \| \d+ s \| \| \|$", written, re.M)
