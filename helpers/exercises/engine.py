"""What all exercises share.

An exercise is declared, not programmed: the code of a correct answer and
of common wrong ones, how each is recognised, and the feedback. The same
declarations check the learner's answer, print the solution, and are tested
in the lesson itself.
"""

import ast
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from helpers import results


class _Blank:
    """The value in an exercise until the learner replaces it."""

    def __repr__(self) -> str:
        return "____"


____ = _Blank()
Test = Callable[..., Any]  # (value, *context) -> does it pass?


@dataclass(frozen=True)
class Wrong:
    """A wrong answer that is common enough for its own feedback."""

    fill: str  # example code in place of the blank
    matches: Test
    feedback: str  # the likely cause, a sentence


def literal(fill: str, feedback: str) -> Wrong:
    """Return a `Wrong` that is recognised by its value, a literal."""
    return Wrong(fill, _equals(fill), feedback)


def _equals(fill: str) -> Test:
    expected = ast.literal_eval(fill)
    return lambda value, *_: value == expected


def near(target: float, tolerance: float) -> Test:
    """Return a test whether a number is close to the target."""
    return lambda value, *_: abs(value - target) < tolerance


def contains(item: str) -> Test:
    return lambda items, *_: item in items


@dataclass(frozen=True)
class Exercise:
    """One exercise; call it with an answer to check it.

    Args:
        lesson: the name of the notebook.
        number: of the exercise in its lesson.
        fill: code that makes a correct answer in place of the blank.
        wrong: the common wrong answers; the first match gives feedback.
        clue: a sentence that helps without the answer.
        more: background that is told with a correct answer.
        right: (value, *context) -> is it correct? By default, a value
            that equals the literal `fill` is.
        value: (answer, *context) -> what is checked, by default the answer.
            It calls an answer that is a function; its error is checked
            instead if it raises one.

    The context is what the cell passes after the answer.
    """

    lesson: str
    number: int
    fill: str
    wrong: tuple[Wrong, ...]
    clue: str
    more: str
    right: Test | None = None
    value: Test | None = None

    def __call__(self, answer: Any, *context: Any) -> None:
        """Print whether an answer is correct, and record it if it is."""
        verdict, feedback = self.evaluate(answer, *context)
        if verdict == "correct":
            results.log_solved(self.lesson, self.number)
        _print(f"Exercise {self.number}: {verdict}. {feedback}")

    def evaluate(self, answer: Any, *context: Any) -> tuple[str, str]:
        """Return "not started", "not yet" or "correct", and feedback."""
        value = answer
        if self.value and not _has_blank(answer):
            try:
                value = self.value(answer, *context)
            except Exception as error:  # the learner's code may raise any
                is_blank = type(____).__name__ in str(error)
                value = ____ if is_blank else error
        if _has_blank(value):
            return "not started", (
                "Put your answer in place of ____ and run the cell again; "
                f"check.q{self.number}.hint() helps, and "
                f"check.q{self.number}.solution() shows the answer."
            )
        for wrong in self.wrong:
            if _passes(wrong.matches, value, *context):
                return "not yet", wrong.feedback
        if isinstance(value, Exception):
            line = str(value).strip().partition("\n")[0]
            kind = type(value).__name__
            return "not yet", f"Your code stops with {kind}: {line}"
        if _passes(self.right or _equals(self.fill), value, *context):
            return "correct", self.more
        return "not yet", f"check.q{self.number}.hint() helps."

    def hint(self) -> None:
        """Print the clue."""
        _print(f"Hint {self.number}: {self.clue}")

    def solution(self) -> None:
        """Print a correct answer and its background."""
        print(f"In place of ____: {self.fill}")
        _print(self.more)


def _passes(test: Test, value: Any, *context: Any) -> bool:
    """Return the result of a test; a value it can't check fails."""
    try:
        return bool(test(value, *context))
    except (TypeError, ValueError, AttributeError, KeyError, IndexError):
        return False


def _has_blank(value: Any) -> bool:
    """Return whether a value is the blank, contains it, or uses it."""
    if isinstance(value, FunctionType):
        return "____" in value.__code__.co_names
    if isinstance(value, dict):
        return any(map(_has_blank, value.values()))
    if isinstance(value, list | tuple | set):
        return any(map(_has_blank, value))
    if isinstance(value, np.ndarray) and value.dtype == object:
        return any(map(_has_blank, value.flat))
    return value is ____


def _print(message: str) -> None:
    print(textwrap.fill(message, 79))
