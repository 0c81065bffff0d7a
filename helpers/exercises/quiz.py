"""Six questions, asked before the first lesson and after the last.

The questions and their key are in quiz.json. The answers are kept without a
name in results/quiz-ID.json, in the folder of the lessons' output. Learners
hand in this file, and tools/room.py counts.
"""

import json
import re
import secrets
import textwrap
from pathlib import Path

from helpers import paths
from helpers.exercises.engine import Exercise, literal

_FILE = Path(__file__).with_name("quiz.json")
_QUIZ = json.loads(_FILE.read_text(encoding="utf-8"))
QUESTIONS = _QUIZ["questions"]
EDITION = _QUIZ["edition"]  # raised when a letter gets another meaning
_COMPLETE = re.compile(rf"[abcd?]{{{len(QUESTIONS)}}}")


def _exercise(number: int, question: dict) -> Exercise:
    """Return the exercise that checks a letter."""
    wrong = {letter: say for letter, (_, say) in question["options"].items()}
    more = wrong.pop(question["right"])
    wrong["?"] = "You did not know."
    return Exercise(
        *("quiz", number, repr(question["right"])),
        wrong=tuple(literal(repr(letter), wrong[letter]) for letter in wrong),
        clue=question["read"],
        more=more,
    )


EXERCISES = [_exercise(n, question) for n, question in enumerate(QUESTIONS, 1)]


def show() -> None:
    """Print the questions and their options."""
    for number, question in enumerate(QUESTIONS, 1):
        _print(f"{number}. {question['text']}")
        for letter, (option, _) in question["options"].items():
            _print(f"   {letter}  {option}")
    print("Write ? where you do not know the answer.")


def before(answers: str) -> None:
    """Record the answers from before the lessons, such as "a?bcda"."""
    _record("before", answers)


def after(answers: str) -> None:
    """Record the answers from after the lessons, and explain each.

    This shows the key, so all answers stay as they are from then on.
    """
    if _record("after", answers):
        for letter, exercise in zip(_tidy(answers), EXERCISES, strict=True):
            _print(_reply(letter, exercise))


def _record(when: str, answers: str) -> bool:
    """Record answers and print a line; return whether they are recorded."""
    letters = _tidy(answers)
    if not letters.strip("_"):
        print(f"{when}: no answers yet")
        return False
    if not _COMPLETE.fullmatch(letters):
        _print(
            f"{when}: {answers!r} can't be recorded; write {len(QUESTIONS)} "
            "letters from a to d, with ? where you do not know the answer."
        )
        return False
    folder = paths.work() / "results"
    # An ID in the name: the files of a whole class fit into one folder.
    new = folder / f"quiz-{secrets.token_hex(4)}.json"
    path = min(folder.glob("quiz-*.json"), default=new)
    entry = read(path) if path.exists() else {}
    if "after" in entry and entry.get(when) != letters:
        print(f"{when}: not changed, because you have seen the key")
        return False
    entry |= {"quiz": EDITION, "learner": path.stem, when: letters}
    with paths.atomic(path) as temporary:
        temporary.write_text(json.dumps(entry), encoding="utf-8")
    print(f"{when}: {letters} is recorded in {paths.shown(path).as_posix()}")
    return True


def _tidy(answers: str) -> str:
    return re.sub(r"[\s,]", "", str(answers)).lower()


def read(path: Path) -> dict[str, str]:
    """Return what a file of the quiz holds.

    Returns:
        "quiz" (the edition), "learner" (an ID), and the letters of "before"
        and "after" if they were given.

    Raises:
        ValueError: it is no such file, or one of another edition.
    """
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        is_quiz = entry["quiz"] == EDITION and bool(entry["learner"])
        given = [entry[when] for when in ("before", "after") if when in entry]
        if is_quiz and all(map(_COMPLETE.fullmatch, given)):
            return entry
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise ValueError(
        f"{path.name} has no answers to the six questions of this version: "
        "move it elsewhere, and run this again."
    )


def correct(letters: str) -> list[bool]:
    """Return for each question whether its letter is correct."""
    pairs = zip(letters, EXERCISES, strict=True)
    return [e.evaluate(letter)[0] == "correct" for letter, e in pairs]


def _reply(letter: str, exercise: Exercise) -> str:
    """Return what a learner reads about an answer, with the key."""
    verdict, say = exercise.evaluate(letter)
    start = f"{exercise.number}. {letter}"
    if verdict == "correct":
        return f"{start} is correct. {say}"
    question = QUESTIONS[exercise.number - 1]
    right = question["right"]
    return (
        f"{start} is not correct. {say} Correct is {right}: "
        f"{question['options'][right][0]} {exercise.more} "
        f'Read "{exercise.clue}" again.'
    )


def _print(text: str) -> None:
    print(textwrap.fill(text, 79, subsequent_indent="   "))
