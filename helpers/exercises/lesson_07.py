"""The exercises of lesson 07."""

from functools import partial

from helpers.exercises.engine import (
    Exercise,
    Wrong,
    contains,
    lacks,
    literal,
    near,
    number,
)

ask = partial(Exercise, "07_ship_it")

q1 = ask(
    1,
    fill='{"scaling", "names", "size"}',
    wrong=(
        Wrong(
            '{"scaling", "names", "size", "optimizer"}',
            contains("optimizer"),
            "The optimizer state is for further training. Predictions do not "
            "need it, and it is large.",
        ),
        Wrong(
            '{"scaling", "names", "size", "photos"}',
            contains("photos"),
            "What was learned from the photos is in the weights. You may not "
            "even have the right to pass the photos on.",
        ),
        Wrong(
            '{"names", "size"}',
            lacks("scaling"),
            "Then users have to know how to scale, and raw pixels give wrong "
            "predictions without an error.",
        ),
        Wrong(
            '{"scaling", "size"}',
            lacks("names"),
            "Then the prediction is class 4, and users do not know which one "
            "that is.",
        ),
        Wrong(
            '{"scaling", "names"}',
            lacks("size"),
            "Then nobody knows the size to which a photo must be resized.",
        ),
    ),
    clue="Follow one photo from its file to the name of a class. What must be "
    "known on the way?",
    more="All three have been used since lesson 01. If one of them is not in "
    "the file, its users have to ask you for it.",
)

q2 = ask(
    2,
    fill="10",
    right=near(10),
    wrong=(
        number(
            "20",
            "That is float16, with two bytes per weight. How many bits are in "
            "a byte?",
        ),
        number("40", "That is float32, with four bytes per weight."),
        number(
            "80",
            "That counts eight bytes per weight. int8 has eight bits.",
        ),
        number(
            "10_000_000",
            "That is the number of bytes. The question is about millions of "
            "bytes.",
        ),
    ),
    clue="Eight bits are one byte.",
    more="The graph of the network and the scales of the channels add little "
    "to that.",
)

q3 = ask(
    3,
    fill="3",
    right=near(3),
    wrong=(
        literal(
            "0",
            "That is so if as many of the nine became correct as became "
            "wrong. But at most?",
        ),
        number(
            "9",
            "That is nine photos, not percentage points. A point is one photo "
            "in a hundred.",
        ),
        number(
            "0.03",
            "That is the fraction. In percentage points it is a hundred times "
            "as much.",
        ),
        number("97", "That is how often the two agree, in percent."),
    ),
    clue="Accuracy changes only where the two differ. What if the original is "
    "correct on all of these photos?",
    more="So agreement is a bound on the loss of accuracy that needs no "
    "labels: you can measure it on any photos.",
)

q4 = ask(
    4,
    fill="3.65",
    right=near(3.65),
    wrong=(
        number(
            "0.01",
            "That is the rate for one test. How many tests are there?",
        ),
        number(
            "365",
            "That is the number of tests. One in a hundred gives a false "
            "alert.",
        ),
        number(
            "73",
            "The rate counts tests, not photos: the twenty are one test.",
        ),
    ),
    clue="There is one test a day, and one in a hundred gives a false alert.",
    more="If that is too many, set a lower rate, and use more photos to "
    "detect a change.",
)
