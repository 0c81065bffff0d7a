"""The exercises of lesson 03."""

from functools import partial

import keras

from helpers.exercises.engine import Exercise, Wrong, plain
from helpers.network import blocks

ask = partial(Exercise, "03_fine_tuning")
NORMS = keras.layers.BatchNormalization

q1 = ask(
    1,
    fill='"mixed9"',
    wrong=(
        plain(
            '"mixed10"',
            "Nothing lies past mixed10: 0 of the base's parameters would be "
            "trained, without an error.",
        ),
        plain(
            '"mixed8"',
            "Past mixed8 two blocks are trained, mixed9 and mixed10.",
        ),
        Wrong(
            "280",
            lambda name, base: isinstance(name, int),
            "A number means a place in one version of one network. Give the "
            "name of the block.",
        ),
    ),
    clue="The block named is the last one that stays frozen.",
    more="A name that is not there raises an error; a number that is wrong "
    "raises none.",
)


def _chosen(may_train, base, boundary):
    return [may_train(i, layer) for i, layer in enumerate(base.layers)]


def _layers(test):
    """Give a test whether just those layers were chosen that pass `test`.

    Args:
        test: (index, is it BatchNorm?, boundary) -> bool.
    """

    def holds(chosen, base, boundary):
        wanted = [
            test(i, isinstance(layer, NORMS), boundary)
            for i, layer in enumerate(base.layers)
        ]
        return [bool(one) for one in chosen] == wanted

    return holds


NORM = "isinstance(layer, keras.layers.BatchNormalization)"

q2 = ask(
    2,
    value=_chosen,
    fill=f"i >= boundary and not {NORM}",
    right=_layers(lambda i, norm, boundary: i >= boundary and not norm),
    wrong=(
        Wrong(
            "i >= boundary",
            _layers(lambda i, norm, boundary: i >= boundary),
            "BatchNorm layers are among them: their averages would drift, as "
            "the step of length zero has shown.",
        ),
        Wrong(
            f"not {NORM}",
            _layers(lambda i, norm, boundary: not norm),
            "Layers below the boundary are among them: the whole base would "
            "be trained.",
        ),
        Wrong(
            f"i > boundary and not {NORM}",
            _layers(lambda i, norm, boundary: i > boundary and not norm),
            "The layer with the number `boundary` is the first past it, and "
            "stays frozen here: one too few.",
        ),
        Wrong(
            "False",
            _layers(lambda i, norm, boundary: False),
            "The base is still frozen: 0 of its layers may be trained.",
        ),
    ),
    clue="Two conditions, joined by `and`. `isinstance(layer, "
    "keras.layers.BatchNormalization)` tells what a layer is.",
    more="BatchNorm's two learned arrays stay frozen with its averages. They "
    "are few, and the convolutions before them can do what they would.",
)

q3 = ask(
    3,
    fill="3e-4",
    # A third of the lowest, as the text says, however it is rounded.
    right=lambda rate: 2.5e-4 <= rate <= 4e-4,
    wrong=(
        plain(
            "1e-3",
            "There the loss is lowest, on the very photos that were trained "
            "on, a step before it jumps. Other photos forgive less.",
        ),
        plain(
            "3e-3",
            "There the loss has jumped: the steps throw off what the weights "
            "know.",
        ),
        plain(
            "1e-5",
            "That does no harm, and gets nowhere: the same way would take "
            "thirty times the epochs.",
        ),
    ),
    clue="Find the lowest loss, then step back.",
    more="The curve tells how large a rate may be, not which is best: half "
    "or twice as much would do.",
)


def _share(base, name):
    """Return which share of the parameters of a base lies past a block."""
    sizes = {block.name: block.parameters for block in blocks.blocks(base)}
    later = list(sizes)[list(sizes).index(name) + 1 :]
    return sum(sizes[block] for block in later) / sum(sizes.values())


q4 = ask(
    4,
    fill="0.6",
    right=lambda share, base: abs(share - _share(base, "mixed7")) < 0.06,
    wrong=(
        Wrong(
            "0.51",
            lambda share, base: abs(share - _share(base, "mixed8")) < 0.02,
            "That is the share past mixed8, two blocks. Past mixed7 there "
            "are three.",
        ),
        Wrong(
            "3 / 12",
            lambda share, base: 0.2 < share < 0.35,
            "Three blocks of twelve, but not of the same size: late blocks "
            "have the thickest descriptions.",
        ),
        Wrong(
            "60",
            lambda share, base: share > 1,
            "That looks like percent. Asked is a share, from 0 to 1.",
        ),
        Wrong(
            "0.95",
            lambda share, base: share > 0.8,
            "The blocks up to mixed7 are early, but eight of them, and not "
            "that small.",
        ),
    ),
    clue="The table of blocks near the top lists the parameters of each.",
    more="Parameters are not time: these blocks are small grids, so they "
    "take a smaller share of the time than of the parameters.",
)
