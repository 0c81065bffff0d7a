"""The exercises of lesson 01."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.exercises.engine import Exercise, Test, Wrong, literal

ask = partial(Exercise, "01_data_prep")

q1 = ask(
    1,
    fill='"both"',
    wrong=(
        literal(
            '"first"',
            "That trusts the second label. Nothing in the files says that it "
            "is correct.",
        ),
        literal(
            '"second"',
            "That trusts the first label. The order of files is no reason.",
        ),
        literal(
            '"neither"',
            "Then one image is trained with two labels, and if its copies "
            "are in different splits, the test set contains a training "
            "photo.",
        ),
    ),
    clue="Which of the two labels do you know to be correct?",
    more="Such pairs have been found in many large collections of photos; "
    "hashes of the files find them in seconds.",
)

q2 = ask(
    2,
    fill='"test"',
    wrong=(
        literal(
            '"train"',
            "The training set ends at 0.6, and 0.85 is larger.",
        ),
        literal(
            '"validation"',
            "The validation set is from 0.6 to 0.8, and 0.85 is larger.",
        ),
        Wrong(
            "0.85",
            lambda split: isinstance(split, float | int),
            "That is the hash. The question is which split it belongs to.",
        ),
    ),
    clue="Add up the fractions: where does each split begin and end?",
    more="It stays there on every computer and, in a class with enough "
    "photos, whatever other photos are added or removed.",
)


def _ends(scale: Callable[[NDArray], NDArray]) -> NDArray:
    return np.asarray(scale(np.array([0.0, 32767.5, 65535.0])))


q3 = ask(
    3,
    value=_ends,
    fill="pixels / 32767.5 - 1",
    right=lambda ends: np.allclose(ends, [-1, 0, 1], atol=1e-3),
    wrong=(
        Wrong(
            "pixels",
            lambda ends: ends.max() > 60000,
            "Raw pixels: the largest value entering the base is 65535.",
        ),
        Wrong(
            "pixels / 127.5 - 1",
            lambda ends: ends.max() > 200,
            "The largest value entering the base is 513: this divisor is for "
            "pixels up to 255.",
        ),
        Wrong(
            "pixels / 65535",
            lambda ends: np.allclose(ends, [0, 0.5, 1], atol=1e-3),
            "That gives 0…1, which is correct for other networks. For this "
            "one black is −1 and middle grey 0.",
        ),
        Wrong(
            "pixels / 32767.5",
            lambda ends: np.allclose(ends, [0, 1, 2], atol=1e-3),
            "That gives 0…2: the correct width, but not centred on 0.",
        ),
    ),
    clue="Divide by half the range, then shift.",
    more="Opening a 16-bit image as 8-bit is another trap: some readers cut "
    "off the lower bits, others everything above 255.",
)

_INTERVALS = ((1, 9), (-9, -1), (-2, 1), (-1, 2))


def _verdicts(real: Callable[[float, float], Any]) -> list[Any]:
    return [real(low, high) for low, high in _INTERVALS]


def _accepts(*expected: bool) -> Test:
    return lambda verdicts: tuple(map(bool, verdicts)) == expected


q4 = ask(
    4,
    value=_verdicts,
    fill="low > 0 or high < 0",
    right=_accepts(True, True, False, False),
    wrong=(
        Wrong(
            "high > 0",
            _accepts(True, False, True, True),
            "An interval from −2 to +1 also passes, but there the difference "
            "may be 0 or a loss.",
        ),
        Wrong(
            "low > 0",
            _accepts(True, False, False, False),
            "That finds only gains. From −9 to −1 is a difference, too.",
        ),
        Wrong(
            "low + high > 0",
            _accepts(True, False, False, True),
            "That checks the centre of the interval. From −1 to +2, the "
            "centre is above 0, but the interval contains 0.",
        ),
        Wrong(
            "high - low < 5",
            _accepts(False, False, True, True),
            "A narrow interval is a precise estimate, but of what? It may "
            "contain 0.",
        ),
    ),
    clue="Which number does the interval contain if there may be no "
    "difference?",
    more="An interval that contains 0 does not show that there is no "
    "difference, only that there are too few photos to tell.",
)
