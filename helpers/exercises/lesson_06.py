"""The exercises of lesson 06."""

from functools import partial

from helpers.exercises.engine import Exercise, Wrong, near, plain

ask = partial(Exercise, "06_ship_it")


def _lacks(what):
    return lambda said: what not in said


q1 = ask(
    1,
    fill='{"scaling", "names", "size"}',
    wrong=(
        Wrong(
            '{"scaling", "names", "size", "optimiser"}',
            lambda said: "optimiser" in said,
            "The optimiser serves whoever trains on. An answer does not need "
            "it, and it is large.",
        ),
        Wrong(
            '{"scaling", "names", "size", "photos"}',
            lambda said: "photos" in said,
            "What was learned from the photos is in the weights. They may "
            "not even be yours to give away.",
        ),
        Wrong(
            '{"names", "size"}',
            _lacks("scaling"),
            "Then the stranger has to know by how much to scale, and raw "
            "pixels give answers that are wrong without an error.",
        ),
        Wrong(
            '{"scaling", "size"}',
            _lacks("names"),
            "Then the answer is class 4. Which was that?",
        ),
        Wrong(
            '{"scaling", "names"}',
            _lacks("size"),
            "Then nobody knows what to bring the photo to before asking.",
        ),
    ),
    clue="Go the way of one photo, from a file to a word. What must be "
    "known on the way?",
    more="All three have been on the way since lesson 01. A model that "
    "lacks one of them works on the day it is saved, on your machine.",
)


q2 = ask(
    2,
    fill="10",
    right=near(10),
    wrong=(
        Wrong(
            "20",
            near(20),
            "That is float16, with two bytes a weight. How many bits has a "
            "byte?",
        ),
        Wrong(
            "40",
            near(40),
            "That is float32, with four bytes a weight.",
        ),
        Wrong(
            "80",
            near(80),
            "That counts eight bytes a weight. int8 has eight bits.",
        ),
        Wrong(
            "10_000_000",
            near(10_000_000),
            "That many bytes, yes. Asked are millions of bytes.",
        ),
    ),
    clue="Eight bits are one byte.",
    more="What comes on top, the plan of the network and a scale for each "
    "channel, is little beside that.",
)

q3 = ask(
    3,
    fill="3",
    right=near(3),
    wrong=(
        plain(
            "0",
            "So it is if as many were mended as spoiled, or all were wrong "
            "both times. But at most?",
        ),
        Wrong(
            "9",
            near(9),
            "Nine photos, not points. A point is one photo in a hundred.",
        ),
        Wrong(
            "0.03",
            near(0.03),
            "That is the share. In points it is a hundred times as much.",
        ),
        Wrong(
            "97",
            near(97),
            "That is how often the two agree, in percent.",
        ),
    ),
    clue="Only where the two differ can one be right and the other wrong. "
    "What if the original was right each time?",
    more="So agreement is a promise about accuracy that needs no labels: "
    "you can measure it on any photos at all.",
)

q4 = ask(
    4,
    fill="3.65",
    right=near(3.65),
    wrong=(
        Wrong(
            "0.01",
            near(0.01),
            "That is the rate for one look. How many looks are there?",
        ),
        Wrong(
            "365",
            near(365),
            "That many looks, and one in a hundred rings for nothing.",
        ),
        Wrong(
            "73",
            near(73),
            "The rate counts looks, not photos: the twenty are one look.",
        ),
    ),
    clue="One look a day, and one in a hundred rings for nothing.",
    more="Whoever cannot bear that many asks for a lower rate, and for more "
    "photos to notice a change with.",
)
