"""The exercises of lesson 03."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from helpers.exercises.engine import Exercise, Test, Wrong, literal
from helpers.network import blocks

ask = partial(Exercise, "03_fine_tuning")
BATCHNORM = "isinstance(layer, keras.layers.BatchNormalization)"

q1 = ask(
    1,
    fill='"mixed9"',
    wrong=(
        literal(
            '"mixed10"',
            "Nothing comes after mixed10: 0 of the base's parameters would be "
            "trained, without an error.",
        ),
        literal(
            '"mixed8"',
            "After mixed8 two blocks are trained, mixed9 and mixed10.",
        ),
        Wrong(
            "280",
            lambda name, base: isinstance(name, int),
            "A number is the index of a layer in one version of one network. "
            "Give the name of the block.",
        ),
    ),
    clue="The block you name is the last that stays frozen.",
    more="A name that does not exist raises an error; a wrong index does not.",
)


def _chosen(
    may_train: Callable[[int, keras.Layer], Any],
    base: keras.Model,
    boundary: int,
) -> list[Any]:
    return [may_train(i, layer) for i, layer in enumerate(base.layers)]


def _layers(rule: Callable[[int, bool, int], bool]) -> Test:
    """Return a test whether exactly the layers of a rule were chosen.

    Args:
        rule: (index, is it BatchNorm?, boundary) -> is it chosen?
    """

    def test(chosen: list[Any], base: keras.Model, boundary: int) -> bool:
        expected = [
            rule(
                i,
                isinstance(layer, keras.layers.BatchNormalization),
                boundary,
            )
            for i, layer in enumerate(base.layers)
        ]
        return list(map(bool, chosen)) == expected

    return test


q2 = ask(
    2,
    value=_chosen,
    fill=f"i >= boundary and not {BATCHNORM}",
    right=_layers(lambda i, norm, boundary: i >= boundary and not norm),
    wrong=(
        Wrong(
            "i >= boundary",
            _layers(lambda i, norm, boundary: i >= boundary),
            "This includes BatchNorm layers: their stored averages would "
            "drift, as the step at a rate of zero has shown.",
        ),
        Wrong(
            f"not {BATCHNORM}",
            _layers(lambda i, norm, boundary: not norm),
            "This includes layers below the boundary: the whole base would "
            "be trained.",
        ),
        Wrong(
            f"i > boundary and not {BATCHNORM}",
            _layers(lambda i, norm, boundary: i > boundary and not norm),
            "The layer with the index `boundary` must be trained, too; here "
            "it stays frozen.",
        ),
        Wrong(
            "False",
            _layers(lambda i, norm, boundary: False),
            "The base is still frozen: 0 of its layers are trainable.",
        ),
    ),
    clue="Two conditions, joined by `and`. `isinstance(layer, "
    "keras.layers.BatchNormalization)` tells the type of a layer.",
    more="The offsets that BatchNorm has learned stay frozen with its "
    "averages. They are few, and the other layers can compensate.",
)

q3 = ask(
    3,
    fill="3e-4",
    # About a third of the rate with the lowest loss, as the lesson says.
    right=lambda rate: 2.5e-4 <= rate <= 4e-4,
    wrong=(
        literal(
            "1e-3",
            "The loss is lowest there, but on the photos that were trained "
            "on, and one step before it jumps. That is too close.",
        ),
        literal(
            "3e-3",
            "The loss has jumped there: the steps destroy what the weights "
            "have learned.",
        ),
        literal(
            "1e-5",
            "That is safe but too slow: the same progress would take thirty "
            "times as many epochs.",
        ),
    ),
    clue="Find the lowest loss, then choose a lower rate.",
    more="The curve shows how large a rate may be, not which is best: half or "
    "twice as much would also work.",
)


def _fraction(base: keras.Model, name: str) -> float:
    """Return the fraction of a base's parameters that follow a block."""
    sizes = {block.name: block.parameters for block in blocks.blocks(base)}
    later = list(sizes)[list(sizes).index(name) + 1 :]
    return sum(sizes[block] for block in later) / sum(sizes.values())


q4 = ask(
    4,
    fill="0.6",
    right=lambda guess, base: abs(guess - _fraction(base, "mixed7")) < 0.06,
    wrong=(
        Wrong(
            "0.51",
            lambda guess, base: abs(guess - _fraction(base, "mixed8")) < 0.02,
            "That is the fraction after mixed8, two blocks. After mixed7 "
            "there are three.",
        ),
        Wrong(
            "3 / 12",
            lambda guess, base: 0.2 < guess < 0.35,
            "Three blocks of twelve, but not of the same size: late blocks "
            "have the most channels.",
        ),
        Wrong(
            "60",
            lambda guess, base: guess > 1,
            "That looks like percent. The answer is a fraction, from 0 to 1.",
        ),
        Wrong(
            "0.95",
            lambda guess, base: guess > 0.8,
            "The blocks up to mixed7 are early, but there are nine of them, "
            "and they are not that small.",
        ),
    ),
    clue="The table of blocks near the top lists the parameters of each.",
    more="Parameters are not time: the feature maps of these blocks are "
    "small, so their fraction of the time is smaller.",
)
