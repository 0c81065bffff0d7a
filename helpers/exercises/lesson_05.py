"""The exercises of lesson 05."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from helpers.exercises.engine import Exercise, Test, Wrong, literal, near

ask = partial(Exercise, "05_evaluate")

q1 = ask(
    1,
    fill="2",
    wrong=(
        literal(
            "0.5",
            "Divided by a half, the logits move further apart: the model "
            "would be even more confident.",
        ),
        literal("1", "Divided by 1 nothing changes."),
        literal(
            "0",
            "Nothing can be divided by 0. Close to it, the largest "
            "probability becomes 1: the highest confidence.",
        ),
        literal(
            "-1",
            "A negative number reverses the order: the least likely class "
            "would be predicted.",
        ),
    ),
    clue="The further apart the logits, the more confident the model. What "
    "moves them closer together?",
    more="No temperature above 0 changes the predicted class, so the accuracy "
    "stays the same. Only the confidence changes.",
)


def _equals(rule: Callable[..., NDArray]) -> Test:
    """Return a test whether a value is the result of a rule."""
    return lambda value, *context: np.array_equal(value, rule(*context))


def _differs(rule: Callable[..., NDArray], right: Callable) -> Test:
    """Return a test for a wrong rule, unless it is correct by chance."""
    return lambda value, *context: (
        np.array_equal(value, rule(*context))
        and not np.array_equal(value, right(*context))
    )


def _cheapest(p: NDArray, cost: NDArray) -> NDArray:
    return (p @ cost).argmin(axis=-1)


q2 = ask(
    2,
    fill="(calibrated @ cost).argmin(axis=-1)",
    right=_equals(_cheapest),
    wrong=(
        Wrong(
            "calibrated.argmax(axis=-1)",
            _differs(lambda p, cost: p.argmax(axis=-1), _cheapest),
            "That predicts the most likely class, whatever an error costs.",
        ),
        Wrong(
            "(calibrated @ cost).argmax(axis=-1)",
            _differs(lambda p, cost: (p @ cost).argmax(axis=-1), _cheapest),
            "That is the most expensive prediction.",
        ),
        Wrong(
            "(calibrated @ cost.T).argmin(axis=-1)",
            _differs(lambda p, cost: (p @ cost.T).argmin(axis=-1), _cheapest),
            "Here the table is transposed, and a false alert costs 20. Its "
            "rows are true classes, as are the probabilities.",
        ),
        Wrong(
            "(calibrated @ cost).min(axis=-1)",
            _differs(lambda p, cost: (p @ cost).min(axis=-1), _cheapest),
            "That is the cost of the best prediction. The question is which "
            "prediction it is.",
        ),
    ),
    clue="`calibrated @ cost` is the expected cost of each prediction, for "
    "each photo. Which prediction do you want?",
    more="Nothing was trained for this. When the costs change, change the "
    "table and keep the model.",
)

q3 = ask(
    3,
    fill="45 / (45 + 95)",
    right=near(45 / 140, 0.006),
    wrong=(
        Wrong(
            "0.9",
            near(0.9, 0.006),
            "That is the recall: the proportion of defective parts with an "
            "alert. The question is about the alerts.",
        ),
        Wrong(
            "45 / 95",
            near(45 / 95, 0.006),
            "That is true alerts per false alert. Divide by all alerts.",
        ),
        Wrong(
            "45 / 1000",
            near(0.045, 0.006),
            "You divide by all parts. Divide by those with an alert.",
        ),
    ),
    clue="How many of the 50 have an alert, and how many of the 950?",
    more="Two of three alerts are false, although the model is correct nine "
    "times in ten. The rarer the defect, the worse: with every precision, "
    "state how common defects are.",
)


def _positive(total: NDArray) -> NDArray:
    return np.maximum(total, 0)


q4 = ask(
    4,
    fill="np.maximum(total, 0)",
    right=_equals(_positive),
    wrong=(
        Wrong(
            "np.abs(total)",
            _differs(np.abs, _positive),
            "Then positions with evidence against the class are bright, too.",
        ),
        Wrong(
            "total",
            _differs(lambda total: total, _positive),
            "The evidence against the class is still in it, below 0.",
        ),
        Wrong(
            "np.minimum(total, 0)",
            _differs(lambda total: np.minimum(total, 0), _positive),
            "These are the positions with evidence against the class.",
        ),
        Wrong(
            "total > 0",
            _differs(lambda total: total > 0, _positive),
            "That shows where, but no longer how much.",
        ),
    ),
    clue="A position below 0 lowers the score of the class. What should its "
    "value become?",
    more="This is the ReLU function, which is also used between layers. With "
    "the sign reversed, you see the evidence against the class.",
)
