"""The exercises of lesson 01."""

from functools import partial

import numpy as np

from helpers.exercises.engine import Exercise, Wrong, plain

ask = partial(Exercise, "01_data_prep")

q1 = ask(
    1,
    fill='"both"',
    wrong=(
        plain(
            '"first"',
            "That trusts the second label. Nothing in the files says that it "
            "is the right one.",
        ),
        plain(
            '"second"',
            "That trusts the first label. The order of files is no reason.",
        ),
        plain(
            '"neither"',
            "Then one picture teaches two labels, and if its copies come to "
            "lie on both sides of the split, the test asks what was taught.",
        ),
    ),
    clue="Which of the two labels do you know to be true?",
    more="In every large collection of photos people have found such pairs; "
    "a hash of each file finds them in seconds.",
)

q2 = ask(
    2,
    fill='"test"',
    wrong=(
        plain(
            '"train"',
            "Training ends at 0.6, the first mark; 0.85 lies above it.",
        ),
        plain(
            '"validation"',
            "Validation lies from 0.6 to 0.8; 0.85 is above the second mark.",
        ),
        Wrong(
            "0.85",
            lambda split: isinstance(split, float | int),
            "That is where the hash puts it. The question is which part lies "
            "there, by its name.",
        ),
    ),
    clue="Add up the shares: where does each part begin and end?",
    more="It stays there on every computer and, in a class with enough "
    "photos, whatever else comes into the folder or leaves it.",
)


def _ends(scale):
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
            "That gives 0…1, right for other networks. For this one black is "
            "−1 and the middle grey 0.",
        ),
        Wrong(
            "pixels / 32767.5",
            lambda ends: np.allclose(ends, [0, 1, 2], atol=1e-3),
            "That gives 0…2: as wide as it should be, but not around 0.",
        ),
    ),
    clue="Half the range is the number to divide by; then shift.",
    more="A picture of 16 bits opened as one of 8 has its own trap: some "
    "readers cut off the lower bits, others everything above 255.",
)

_INTERVALS = ((1, 9), (-9, -1), (-2, 1), (-1, 2))


def _verdicts(real):
    return [real(low, high) for low, high in _INTERVALS]


def _says(*wanted):
    return lambda said: [bool(one) for one in said] == list(wanted)


q4 = ask(
    4,
    value=_verdicts,
    fill="low > 0 or high < 0",
    right=_says(True, True, False, False),
    wrong=(
        Wrong(
            "high > 0",
            _says(True, False, True, True),
            "From −2 to +1 also passes, and there the difference may be 0 or "
            "a loss.",
        ),
        Wrong(
            "low > 0",
            _says(True, False, False, False),
            "That finds gains only. From −9 to −1 is as surely a difference.",
        ),
        Wrong(
            "low + high > 0",
            _says(True, False, False, True),
            "That looks at the middle of the interval. From −1 to +2 has a "
            "middle above 0 and holds 0 all the same.",
        ),
        Wrong(
            "high - low < 5",
            _says(False, False, True, True),
            "A narrow interval is a sure one, but sure of what? It may lie "
            "around 0.",
        ),
    ),
    clue="What would the interval of no difference at all have to hold?",
    more="An interval that holds 0 does not say that there is no "
    "difference: it says that these photos are too few to tell.",
)
