"""What all exercises have in common.

An exercise is declared, not programmed: what stands in place of the blank
in a right answer, which wrong answers are common, how each is known, and
what to say to it. The same declarations answer the learner, print the
solution, and are tried out by the tests in the lesson itself.
"""

import ast
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from helpers import results


class _Blank:
    """What stands in an exercise until the learner puts something there."""

    def __repr__(self):
        return "____"


____ = _Blank()


@dataclass(frozen=True)
class Wrong:
    """A wrong answer that is common enough to say more than "wrong" to it."""

    fill: str  # an example, as it would stand in place of the blank
    when: Callable  # (value, *given) -> bool: is it this wrong answer?
    says: str  # the likely cause, a sentence


def plain(fill, says):
    """Return a `Wrong` that is known by its value, which `fill` spells."""
    return Wrong(fill, _equal(fill), says)


def _equal(fill):
    wanted = ast.literal_eval(fill)
    if isinstance(wanted, set):  # in any brackets, in any order
        return lambda value, *_: set(value) == wanted
    return lambda value, *_: value == wanted


def near(wanted):
    """Return a test for a number: within 2 percent of what is wanted?"""
    return lambda value: abs(value - wanted) < 0.02 * wanted


@dataclass(frozen=True)
class Exercise:
    """One exercise; call it with the answer to hear what it is worth.

    Args:
        lesson: the name of the notebook.
        number: of the exercise in its lesson.
        fill: what stands in place of the blank in a right answer.
        right: (value, *given) -> bool: is the answer right? Left out, it
            is if it equals what `fill` spells.
        wrong: the common wrong answers; the first that fits is told.
        clue: a sentence that helps without giving the answer away.
        more: one thing worth knowing, told with a right answer.
        value: (answer, *given) -> what is judged. Left out, it is the
            answer itself; for an answer that is a function, what it makes
            of an example. If it raises, the error is judged.

    `given` is whatever the cell hands over after the answer.
    """

    lesson: str
    number: int
    fill: str
    wrong: tuple
    clue: str
    more: str
    right: Callable | None = None
    value: Callable | None = None

    def __call__(self, answer, *given):
        """Say whether an answer is right; note in the journal if it is."""
        verdict, text = self.judge(answer, *given)
        if verdict == "right":
            results.note_done(self.lesson, self.number)
        _say(f"Exercise {self.number}: {verdict}. {text}")

    def judge(self, answer, *given):
        """Return "not started", "not yet" or "right", and a sentence."""
        if _blank(answer):
            return "not started", self._how()
        value = answer
        if self.value:
            try:
                value = self.value(answer, *given)
            except Exception as error:  # the learner's code: anything goes
                value = error
        if _blank(value):
            return "not started", self._how()
        for wrong in self.wrong:
            if _holds(wrong.when, value, *given):
                return "not yet", wrong.says
        if isinstance(value, Exception):
            line = str(value).strip().partition("\n")[0]
            kind = type(value).__name__
            return "not yet", f"Your code stops with {kind}: {line}"
        if _holds(self.right or _equal(self.fill), value, *given):
            return "right", self.more
        return "not yet", f"check.q{self.number}.hint() helps."

    def hint(self):
        """Print what helps."""
        _say(f"Hint {self.number}: {self.clue}")

    def solution(self):
        """Print a right answer, and what is worth knowing about it."""
        print(f"In place of ____: {self.fill}")
        _say(self.more)

    def _how(self):
        return (
            "Put your answer in place of ____ and run the cell again; "
            f"check.q{self.number}.hint() helps, and "
            f"check.q{self.number}.solution() gives it away."
        )


def _holds(test, value, *given):
    """Return what a test says of a value; one it can't judge fails it."""
    try:
        return bool(test(value, *given))
    except (TypeError, ValueError, AttributeError, KeyError, IndexError):
        return False


def _blank(value):
    """Return whether a value is the blank, or holds it."""
    if isinstance(value, dict):
        return any(_blank(v) for v in value.values())
    if isinstance(value, list | tuple | set):
        return any(_blank(v) for v in value)
    if isinstance(value, np.ndarray) and value.dtype == object:
        return any(_blank(v) for v in value.flat)
    return value is ____


def _say(text):
    print(textwrap.fill(text, 79))
