"""The exercises of lesson 02."""

from functools import partial

from helpers.exercises.engine import (
    Exercise,
    Wrong,
    contains,
    lacks,
    literal,
    near,
)

ask = partial(Exercise, "02_frozen_baseline")

q1 = ask(
    1,
    fill="4",
    right=lambda count, model: count == len(model.trainable_weights),
    wrong=(
        literal("2", "Two layers, yes, but each has two arrays."),
        literal(
            "0",
            "The base is frozen, the head is not: with 0 it would learn "
            "nothing.",
        ),
        Wrong(
            "len(model.weights)",
            lambda count, model: count == len(model.weights),
            "These are all arrays of the model, including those of the frozen "
            "base.",
        ),
    ),
    clue="Only the head is trained. What does each of its dense layers "
    "multiply by, and what does it add?",
    more="`model.trainable_weights` lists them. Check it before each "
    "training: it shows at once if nothing will be trained.",
)

q2 = ask(
    2,
    fill='{"weights", "photos", "scaling"}',
    wrong=(
        Wrong(
            '{"weights", "photos", "scaling", "head"}',
            contains("head"),
            "The head comes after the features and does not change them: try "
            "as many heads as you like.",
        ),
        Wrong(
            '{"weights", "photos", "scaling", "epochs"}',
            contains("epochs"),
            "Every epoch reads the same cached features; that is what they "
            "are for.",
        ),
        Wrong(
            '{"weights", "photos"}',
            lacks("scaling"),
            "Other pixel values enter the base, so its output differs, as "
            "measured in lesson 01.",
        ),
        Wrong(
            '{"photos", "scaling"}',
            lacks("weights"),
            "The features are computed with the weights of the base: with "
            "other weights they would be wrong without an error.",
        ),
    ),
    clue="Which of them play a part before the features, on the way from "
    "file to prediction?",
    more="A cache key made of all three never returns outdated features; a "
    "key made of the file name alone may.",
)

q3 = ask(
    3,
    fill="matrix[1, 1] / matrix[1].sum()",
    right=near(14 / 20, 1e-6),
    wrong=(
        Wrong(
            "matrix[1, 1] / matrix[:, 1].sum()",
            near(14 / 16, 1e-6),
            "You divide by a column: that is the proportion of class 1 among "
            "the photos predicted as class 1, the precision.",
        ),
        Wrong(
            "matrix.trace() / matrix.sum()",
            near(32 / 40, 1e-6),
            "That is the accuracy, over both classes.",
        ),
        Wrong(
            "matrix[0, 0] / matrix[0].sum()",
            near(18 / 20, 1e-6),
            "That is class 0: rows and columns are counted from 0.",
        ),
    ),
    clue="All photos of class 1 are in one row. How many are there, and how "
    "many of them are correct?",
    more="If a missed crack is worse than a false alert, watch the recall; "
    "the accuracy hides it.",
)

q4 = ask(
    4,
    fill="4 * len(test)",
    right=lambda count, test: count == 4 * len(test),
    wrong=(
        Wrong(
            "2 * len(test)",
            lambda count, test: count == 2 * len(test),
            "Twice the photos make it narrower by a factor of only 1.4.",
        ),
        Wrong(
            "len(test) // 2",
            lambda count, test: count == len(test) // 2,
            "With fewer photos the interval becomes wider.",
        ),
        Wrong(
            "len(test) ** 2",
            lambda count, test: count == len(test) ** 2,
            "So many would make it far narrower than half.",
        ),
    ),
    clue="The width is proportional to one over the square root of the "
    "number of photos.",
    more="That is why small differences in accuracy need so many photos.",
)
