"""Computes the timetables of INSTRUCTORS.md from the lessons."""

import argparse
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from helpers.paths import ROOT
from tools import _pinned, regenerate

PAGE = ROOT / "INSTRUCTORS.md"
PLAN = r"(?ms)^## (\w+ day): (\d\d:\d\d) to (\d\d:\d\d)\n(.*?)(?=^## |\Z)"
ROW = r"(?m)^\| (\d\d:\d\d) \| (\d+) \| (.*?) \| (.*?) ?\|$"
HEAD = ["| at | minutes | what | if you are late |", "|--:|--:|---|---|"]
PACE_HEAD = ["| what | pace |", "|---|--:|"]
PACE = ("words", "code", "figure", "exercise", "questions", "slack")
PACE_ROW = rf"(?m)^(\| ({'|'.join(PACE)})\b[^|]*\| (\d+)%? [^|]*\|)"


class PlanError(Exception):
    """The page and the lessons do not fit; the message says what to do."""


@dataclass
class Section:
    """What a section of a lesson contains, and its waits in seconds."""

    words: int = 0
    lines: int = 0
    figures: int = 0
    exercises: int = 0
    seconds: float = 0.0


Lessons = dict[str, dict[str, Section]]  # {"01": {heading: section}}
Rate = dict[str, int]


def main(argv: list[str]) -> int:
    """Print the minutes of each lesson, and the plans; return the exit code.

    It runs no lesson: the rows of the plans, the pace and the waits are read
    from INSTRUCTORS.md. If a plan has too little slack, the code is 1.
    """
    parser = argparse.ArgumentParser(prog="plan", description=__doc__)
    parser.parse_args(argv)
    page = PAGE.read_text(encoding="utf-8")
    try:
        rate = pace(page)
        lessons = {p.stem[:2]: sections(p, page) for p in _pinned.notebooks()}
        paces = [row for row, _, _ in re.findall(PACE_ROW, page)]
        lines = [*lesson_table(lessons, rate), "", *PACE_HEAD, *paces]
        fits = True
        for name, begin, end, body in re.findall(PLAN, page):
            rows, slack = timetable(begin, end, body, lessons, rate)
            lines += ["", f"## {name}: {begin} to {end}", "", *HEAD, *rows, ""]
            lines.append(f"Slack: {slack:.0f}% of the time without breaks.")
            if slack < rate["slack"]:
                lines.append(f"Cut rows until it is {rate['slack']}%.")
                fits = False
            lines += _for_home(body, lessons)
    except (PlanError, regenerate.RegenerateError) as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0 if fits else 1


def pace(page: str) -> Rate:
    """Return the numbers of the table of pace, by the first word of the row.

    Raises:
        PlanError: a row is missing.
    """
    rows = re.findall(PACE_ROW, page)
    rate = {name: int(number) for _, name, number in rows}
    for name in set(PACE) - set(rate):
        raise PlanError(
            f"{PAGE.name}: the table of pace has no number for {name!r}; "
            f"add a row such as `| {name} | 10 … | estimated |`."
        )
    return rate


def sections(path: Path, page: str) -> dict[str, Section]:
    """Return {heading: section} of a lesson; its start has the heading "".

    Args:
        path: the notebook; the figures are in its outputs.
        page: INSTRUCTORS.md, with the waiting times. Those of no named
            section are distributed by the lines of code.

    Raises:
        PlanError: no waiting times for this lesson.
    """
    number, heading = path.stem[:2], ""
    wait = re.search(rf"(?m)^\| {number} [^|]*\| (\d+) s \|[^|]*\|(.*)", page)
    if not wait:
        raise PlanError(
            f"{PAGE.name}: no waiting times for lesson {number}; add the row "
            "that `python3 start.py times` prints."
        )
    found = {"": Section()}
    for cell in regenerate.read(path).cells:
        if cell.cell_type == "markdown":
            for text in re.split(r"(?m)^(?=## )", cell.source):
                if text.startswith("## "):
                    heading = text.splitlines()[0][3:].strip()
                    found[heading] = Section()
                found[heading].words += len(re.findall(r"\S*\w\S*", text))
        elif cell.cell_type == "code":
            now = found[heading]
            now.lines += len(re.findall(r"(?m)^.*\S", cell.source))
            now.exercises += bool(re.search(r"(?m)^check\.q\d", cell.source))
            now.figures += sum(
                any("image/" in kind or "widget-view" in kind for kind in data)
                for data in (output.get("data", {}) for output in cell.outputs)
            )
    rest, lines = int(wait[1]), sum(s.lines for s in found.values())
    for seconds, heading in re.findall(r"(\d+) s \*(.+?)\*", wait[2]):
        if heading in found:
            found[heading].seconds += int(seconds)
            rest -= int(seconds)
    for section in found.values():
        section.seconds += rest * section.lines / max(1, lines)
    return found


def reading(section: Section, rate: Rate) -> float:
    """Return the minutes for the text, code and figures of a section."""
    seconds = section.lines * rate["code"] + section.figures * rate["figure"]
    return section.words / rate["words"] + seconds / 60


def minutes(what: str, lessons: Lessons, rate: Rate) -> float:
    """Return the minutes that a row such as "**01** *A*: q1; run *B*" takes.

    The start of a lesson counts with its first section. A section after
    "run" is only waited for.

    Raises:
        PlanError: the lesson has no such section.
    """
    number, (read, run) = what[2:4], named(what)
    lesson = lessons.get(number, {})
    for heading in read + run:
        if heading not in lesson:
            raise PlanError(
                f"{PAGE.name}: lesson {number} has no section {heading!r}; it "
                f"has {', '.join(filter(None, lesson)) or 'none'}."
            )
    if read and read[0] == list(lesson)[1]:
        read = ["", *read]
    work = sum(reading(lesson[heading], rate) for heading in read)
    work += rate["exercise"] * len(re.findall(r"\bq\d\b", what))
    waits = sum(lesson[heading].seconds for heading in read + run) / 60
    return work * (1 + rate["questions"] / 100) + waits


def named(what: str) -> tuple[list[str], list[str]]:
    """Return the headings that a row names: to read, and only to run."""
    read, _, run = what.replace("*", "", 4).partition("; run ")
    return re.findall(r"\*(.+?)\*", read), re.findall(r"\*(.+?)\*", run)


def timetable(
    begin: str, end: str, body: str, lessons: Lessons, rate: Rate
) -> tuple[list[str], float]:
    """Compute a plan; rows of no lesson keep the minutes that they have.

    Args:
        begin, end: such as "09:00".
        body: the section of INSTRUCTORS.md that holds the table. Its rows
            "Slack" share what is left.

    Returns:
        The rows in Markdown, in multiples of 5 minutes, and the percentage
        of slack in the time without breaks.
    """
    at, stop = (60 * int(t[:2]) + int(t[3:]) for t in (begin, end))
    left, breaks, rows = stop - at, 0, []
    for _, given, what, late in re.findall(ROW, body):
        length = int(given)
        if what.startswith("**"):
            length = 5 * math.ceil(minutes(what, lessons, rate) / 5)
        elif what.startswith("Slack"):
            length = 0
        breaks += length * what.startswith(("Break", "Lunch"))
        left -= length
        rows.append((length, what, late))
    percent = 100 * left / (stop - at - breaks)
    places, lines = sum(what.startswith("Slack") for _, what, _ in rows), []
    for length, what, late in rows:
        if what.startswith("Slack"):
            length = 5 * round(left / places / 5)
            left, places = left - length, places - 1
        lines.append(
            f"| {at // 60:02}:{at % 60:02} | {length} | {what} | {late} |"
        )
        at += length
    return lines, percent


def lesson_table(lessons: Lessons, rate: Rate) -> list[str]:
    """Return a table of all lessons, in minutes; a room has questions."""
    lines = ["| lesson | reading | exercises | waiting | sum | in a room |"]
    lines.append("|---|--:|--:|--:|--:|--:|")
    for number, lesson in lessons.items():
        read = sum(reading(section, rate) for section in lesson.values())
        solve = rate["exercise"] * sum(s.exercises for s in lesson.values())
        wait = sum(section.seconds for section in lesson.values()) / 60
        alone = read + solve + wait
        room = alone + (read + solve) * rate["questions"] / 100
        parts = (read, solve, wait, alone, room)
        cells = " | ".join(f"{part:.0f}" for part in parts)
        lines.append(f"| {number} | {cells} |")
    return lines


def _for_home(body: str, lessons: Lessons) -> list[str]:
    """Return a line for each lesson of a plan with what no row discusses."""
    lines = []
    for number, lesson in lessons.items():
        rows = re.findall(rf"\| (\*\*{number}\*\* .*?) \|", body)
        done = {heading for what in rows for heading in named(what)[0]}
        done |= set(re.findall(r"\bq\d\b", "".join(rows)))
        count = sum(section.exercises for section in lesson.values())
        rest = [
            f"*{heading}*" for heading in lesson if heading not in done | {""}
        ]
        rest += [f"q{n + 1}" for n in range(count) if f"q{n + 1}" not in done]
        if rows and rest:
            lines.append(f"For home, from {number}: {', '.join(rest)}.")
    return lines
