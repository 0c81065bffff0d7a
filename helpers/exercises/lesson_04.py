"""The exercises of lesson 04."""

from functools import partial

import keras
import numpy as np
from numpy.typing import NDArray

from helpers.exercises.engine import Exercise, Wrong, contains, lacks, literal

ask = partial(Exercise, "04_augmentation")

q1 = ask(
    1,
    fill='{"flip", "rotation"}',
    wrong=(
        literal(
            '{"flip"}',
            "Rotate an arrow by half a turn: it points the other way, too.",
        ),
        literal(
            '{"rotation"}',
            "A flip turns a left arrow into a right one, too.",
        ),
        Wrong(
            '{"flip", "rotation", "darker"}',
            contains("darker"),
            "A darker arrow points in the same direction.",
        ),
        Wrong(
            "set()",
            lambda layers: not set(layers),
            "Flip an arrow horizontally: is its label still correct?",
        ),
    ),
    clue="Apply each layer to an arrow that points left. Where does it point "
    "then?",
    more="Whether a layer is wrong depends on the labels. A flip that makes "
    "labels wrong here can be useful elsewhere.",
)


def _brightened(value_range: tuple[float, float]) -> NDArray:
    layer = keras.layers.RandomBrightness(
        (-0.1, -0.1), value_range=value_range
    )
    pixels = np.linspace(-1, 1, 48, dtype="float32").reshape(1, 4, 4, 3)
    return np.asarray(layer(pixels, training=True))


q2 = ask(
    2,
    value=_brightened,
    fill="(-1, 1)",
    right=lambda after: after.min() == -1 and after.max() > 0.7,
    wrong=(
        Wrong(
            "(0, 255)",
            lambda after: not np.any(after),
            "That is the default: a tenth of 255 darker, and every pixel is "
            "clipped to 0.",
        ),
        Wrong(
            "(0, 1)",
            lambda after: after.min() == 0 and after.max() > 0.5,
            "Everything below 0 is clipped: the dark half of the photo is "
            "lost.",
        ),
        Wrong(
            "(-1, 0)",
            lambda after: after.max() <= 0 and np.any(after),
            "Everything above 0 is clipped: the bright half of the photo is "
            "lost.",
        ),
    ),
    clue="What are the smallest and the largest value of a scaled pixel?",
    more="With the right range, these layers work on scaled pixels, too. "
    "With the default range they must come before `Rescaling`.",
)

q3 = ask(
    3,
    fill="10 / 4",
    right=lambda ratio: ratio == 10 / 4,
    wrong=(
        literal(
            "10",
            "That is how often the recipe runs the base on each photo. With "
            "cached copies it runs four times, not once.",
        ),
        literal(
            "4",
            "That is how often the base runs on each photo for the cached "
            "copies. How often does it run in the recipe?",
        ),
        Wrong(
            "10 * 4",
            lambda ratio: ratio == 40,
            "The recipe makes one augmented copy of each photo in an epoch, "
            "not four.",
        ),
        Wrong(
            "4 / 10",
            lambda ratio: ratio == 0.4,
            "The other way round: the recipe needs more forward passes.",
        ),
    ),
    clue="Count for one photo: in ten epochs, how many augmented copies go "
    "through the base?",
    more="To try another head, another rate or twice the epochs, the recipe "
    "repeats all forward passes; cached copies need none.",
)

q4 = ask(
    4,
    fill='set("ABCEGI")',
    right=lambda lines: set(lines) == set("ABCEGI"),
    wrong=(
        Wrong(
            'set("ABCDEGI")',
            lambda lines: set(lines) & set("DFHJ"),
            "At least one line too many. D, F, H and J are correct: a base "
            "without its top, frozen layers, Adam at a low rate, and the "
            "format that keeps everything.",
        ),
        Wrong(
            'set("ABCGI")',
            lacks("E"),
            "What enters the base? Raw pixels: the largest value is 255.",
        ),
        Wrong(
            'set("ABCEI")',
            lacks("G"),
            "BatchNorm layers are unfrozen with the others, and their moving "
            "averages drift.",
        ),
        Wrong(
            'set("ABCEG")',
            lacks("I"),
            "The head is untrained when the layers are unfrozen: its large "
            "first gradients can damage their weights.",
        ),
        Wrong(
            'set("BCEGI")',
            lacks("A"),
            "With one more photo in the folder, others change their split; "
            "and there is no test set.",
        ),
        Wrong(
            'set("AEGI")',
            lambda lines: not {"B", "C"} <= set(lines),
            "Two lines stop with an error; both are in this lesson.",
        ),
    ),
    clue="Two of the problems stop the run; this lesson has shown both. "
    "The other four come from lessons 01 to 03.",
    more="You can now review any recipe for retraining in this way, and find "
    "in minutes what would otherwise take days to notice.",
)
