"""The exercises of lesson 05."""

from functools import partial

import numpy as np

from helpers.exercises.engine import Exercise, Wrong, plain

ask = partial(Exercise, "05_judge_and_explain")

q1 = ask(
    1,
    fill="2",
    wrong=(
        plain(
            "0.5",
            "Divided by a half, the logarithms grow apart: it would be surer "
            "still.",
        ),
        plain("1", "Divided by 1 nothing changes."),
        plain(
            "0",
            "Nothing can be divided by 0. Close to it, the largest "
            "probability becomes 1: surest of all.",
        ),
        plain(
            "-1",
            "A negative number turns the order round: the least likely class "
            "would be named.",
        ),
    ),
    clue="The further apart the logarithms are, the surer the model. What "
    "brings them closer together?",
    more="No temperature above 0 changes which class is named, so accuracy "
    "stays what it was. Only the sureness moves.",
)


def _equals(rule):
    """Give a test whether an answer is what a rule makes of `given`."""
    return lambda value, *given: np.array_equal(value, rule(*given))


def _instead(rule, right):
    """Give a test for a wrong rule, where it is not right by chance."""
    return lambda value, *given: (
        np.array_equal(value, rule(*given))
        and not np.array_equal(value, right(*given))
    )


def _cheapest(p, cost):
    return (p @ cost).argmin(axis=-1)


q2 = ask(
    2,
    fill="(calm @ cost).argmin(axis=-1)",
    right=_equals(_cheapest),
    wrong=(
        Wrong(
            "calm.argmax(axis=-1)",
            _instead(lambda p, cost: p.argmax(axis=-1), _cheapest),
            "That names the likeliest class, whatever it costs to be wrong.",
        ),
        Wrong(
            "(calm @ cost).argmax(axis=-1)",
            _instead(lambda p, cost: (p @ cost).argmax(axis=-1), _cheapest),
            "That takes the answer that costs most.",
        ),
        Wrong(
            "(calm @ cost.T).argmin(axis=-1)",
            _instead(lambda p, cost: (p @ cost.T).argmin(axis=-1), _cheapest),
            "Here the table is turned round, and a false alarm is what costs "
            "20. Its rows are true classes, as the probabilities are.",
        ),
        Wrong(
            "(calm @ cost).min(axis=-1)",
            _instead(lambda p, cost: (p @ cost).min(axis=-1), _cheapest),
            "That is what the best answer costs. Asked is which answer it is.",
        ),
    ),
    clue="`calm @ cost` is the expected cost of each answer, for each photo. "
    "Which answer do you want?",
    more="Nothing was trained for it. When the costs change, change the "
    "table; the model stays.",
)


def _near(wanted):
    return lambda value: abs(value - wanted) < 0.006


q3 = ask(
    3,
    fill="45 / (45 + 95)",
    right=_near(45 / 140),
    wrong=(
        Wrong(
            "0.9",
            _near(0.9),
            "That is the recall: of the defective parts, this share is found. "
            "Asked is the share of the alarms.",
        ),
        Wrong(
            "45 / 95",
            _near(45 / 95),
            "True alarms for each false one. The alarms are both together.",
        ),
        Wrong(
            "45 / 1000",
            _near(0.045),
            "You divide by all parts. Divide by those that raise an alarm.",
        ),
    ),
    clue="How many of the 50 raise an alarm, and how many of the 950?",
    more="Two alarms of three are false, with a model that is right nine "
    "times in ten. The rarer the defect, the worse: state the share of "
    "defects with every precision.",
)


def _kept(total):
    return np.maximum(total, 0)


q4 = ask(
    4,
    fill="np.maximum(total, 0)",
    right=_equals(_kept),
    wrong=(
        Wrong(
            "np.abs(total)",
            _instead(np.abs, _kept),
            "Then a cell that speaks against the class glows as well.",
        ),
        Wrong(
            "total",
            _instead(lambda total: total, _kept),
            "The cells that speak against the class are still in it, below 0.",
        ),
        Wrong(
            "np.minimum(total, 0)",
            _instead(lambda total: np.minimum(total, 0), _kept),
            "These are the cells that speak against the class.",
        ),
        Wrong(
            "total > 0",
            _instead(lambda total: total > 0, _kept),
            "That says where, and no longer how much.",
        ),
    ),
    clue="A cell below 0 lowers the score of the class. What should be left "
    "of it?",
    more="It is ReLU, as between layers. Turn the sign round first, and you "
    "see what speaks against the class.",
)
