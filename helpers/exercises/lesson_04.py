"""The exercises of lesson 04."""

from functools import partial

import keras
import numpy as np

from helpers.exercises.engine import Exercise, Wrong, plain

ask = partial(Exercise, "04_augmentation")

q1 = ask(
    1,
    fill='{"flip", "rotation"}',
    wrong=(
        plain(
            '{"flip"}',
            "Turn an arrow by half a circle: it points the other way, too.",
        ),
        plain(
            '{"rotation"}',
            "A mirror makes a left arrow of a right one, too.",
        ),
        Wrong(
            '{"flip", "rotation", "darker"}',
            lambda said: "darker" in said,
            "A darker arrow points where it pointed.",
        ),
        Wrong(
            "set()",
            lambda said: not set(said),
            "Mirror an arrow in your mind: does its label stay true?",
        ),
    ),
    clue="Take an arrow that points left through each layer. Where does it "
    "point then?",
    more="Not the layer is false, but the layer for these labels. A mirror "
    "that is forbidden here doubles your photos elsewhere.",
)


def _brightened(value_range):
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
            "That is what it believes anyway: a tenth of 255 darker, and "
            "every pixel is cut off at 0.",
        ),
        Wrong(
            "(0, 1)",
            lambda after: after.min() == 0 and after.max() > 0.5,
            "Everything below 0 is cut off: the dark half of the photo is "
            "gone.",
        ),
        Wrong(
            "(-1, 0)",
            lambda after: after.max() <= 0 and np.any(after),
            "Everything above 0 is cut off: the bright half of the photo is "
            "gone.",
        ),
    ),
    clue="Between which two numbers do scaled pixels lie?",
    more="Layers that know their range work on either scale. Those that "
    "don't must stand before `Rescaling`.",
)

q3 = ask(
    3,
    fill="10 / 4",
    right=lambda times: times == 10 / 4,
    wrong=(
        plain(
            "10",
            "So often the recipe asks for each photo; ours is asked four "
            "times, not once.",
        ),
        plain(
            "4",
            "So often our way asks for each photo. How often does the recipe?",
        ),
        Wrong(
            "10 * 4",
            lambda times: times == 40,
            "The recipe makes one view of each photo in an epoch, not four.",
        ),
        Wrong(
            "4 / 10",
            lambda times: times == 0.4,
            "The other way round: the recipe asks more often.",
        ),
    ),
    clue="Count for one photo: in ten epochs, how many views does the base "
    "see?",
    more="And trying another head, another rate or twice the epochs costs "
    "the recipe all of it again, and our way next to nothing.",
)


def _lacks(line):
    return lambda said: line not in set(said)


q4 = ask(
    4,
    fill='set("ABCEGI")',
    right=lambda said: set(said) == set("ABCEGI"),
    wrong=(
        Wrong(
            'set("ABCDEGI")',
            lambda said: set(said) & set("DFHJ"),
            "At least one line too many. D, F, H and J do what they should: "
            "a base without its top, frozen layers, Adam at a low rate, the "
            "format that keeps everything.",
        ),
        Wrong(
            'set("ABCGI")',
            _lacks("E"),
            "What enters the base? Raw pixels: the largest value is 255.",
        ),
        Wrong(
            'set("ABCEI")',
            _lacks("G"),
            "BatchNorm layers are unfrozen with the others, and their "
            "averages drift.",
        ),
        Wrong(
            'set("ABCEG")',
            _lacks("I"),
            "The head met the unfrozen layers untrained: its first errors "
            "shake what they know.",
        ),
        Wrong(
            'set("BCEGI")',
            _lacks("A"),
            "One more photo in the folder, and photos change sides; and "
            "nothing is kept for a test.",
        ),
        Wrong(
            'set("AEGI")',
            lambda said: not {"B", "C"} <= set(said),
            "Two lines stop with an error; both stand in this lesson.",
        ),
    ),
    clue="Two faults stop the run, four don't: those took a measurement to "
    "find, in lessons 01 to 03.",
    more="You can now read any recipe for retraining like this one, and tell "
    "in minutes what would have taken days to notice.",
)
