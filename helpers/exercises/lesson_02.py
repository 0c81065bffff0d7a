"""The exercises of lesson 02."""

from functools import partial

from helpers.exercises.engine import Exercise, Wrong, plain

ask = partial(Exercise, "02_frozen_baseline")

q1 = ask(
    1,
    fill="4",
    right=lambda count, model: count == len(model.trainable_weights),
    wrong=(
        plain(
            "2",
            "Two layers, yes, but each has two arrays.",
        ),
        plain(
            "0",
            "The base is frozen, the head is not: with 0 it would never "
            "learn.",
        ),
        Wrong(
            "len(model.weights)",
            lambda count, model: count == len(model.weights),
            "These are all arrays of the model, those of the frozen base "
            "among them.",
        ),
    ),
    clue="Only the head is trained. What does each of its dense layers "
    "multiply with, and what does it add?",
    more="`model.trainable_weights` lists them. To look at it before each "
    "training costs nothing, and would have shown every recipe that trains "
    "nothing.",
)

q2 = ask(
    2,
    fill='{"weights", "photos", "scaling"}',
    wrong=(
        Wrong(
            '{"weights", "photos", "scaling", "head"}',
            lambda said: "head" in said,
            "The head comes after the features, and the base knows nothing "
            "of it: try as many heads as you like.",
        ),
        Wrong(
            '{"weights", "photos", "scaling", "epochs"}',
            lambda said: "epochs" in said,
            "Epochs are what stored answers are for: each epoch reads the "
            "same ones.",
        ),
        Wrong(
            '{"weights", "photos"}',
            lambda said: "scaling" not in said,
            "Other pixel values enter the base, so it says something else, "
            "as lesson 01 has measured.",
        ),
        Wrong(
            '{"photos", "scaling"}',
            lambda said: "weights" not in said,
            "The answers are reckoned from the weights of the base: with "
            "others they would be a fault that nobody sees.",
        ),
    ),
    clue="Which of them come before the features on the way from file to "
    "answer?",
    more="A store that is asked by a name made of all three can't give an "
    "old answer; one that is asked by a file's name can.",
)


def _near(wanted):
    return lambda share: abs(share - wanted) < 1e-6


q3 = ask(
    3,
    fill="matrix[1, 1] / matrix[1].sum()",
    right=_near(14 / 20),
    wrong=(
        Wrong(
            "matrix[1, 1] / matrix[:, 1].sum()",
            _near(14 / 16),
            "You divide by a column: of what was called class 1, this share "
            "is class 1. That is the precision.",
        ),
        Wrong(
            "matrix.trace() / matrix.sum()",
            _near(32 / 40),
            "That is the accuracy, over both classes.",
        ),
        Wrong(
            "matrix[0, 0] / matrix[0].sum()",
            _near(18 / 20),
            "That is class 0: rows and columns are counted from 0.",
        ),
    ),
    clue="All photos of class 1 stand in one row. How many are there, and "
    "how many of them are right?",
    more="Where a missed crack costs more than a false alarm, recall is the "
    "number to watch, and accuracy hides it.",
)

q4 = ask(
    4,
    fill="4 * len(test)",
    right=lambda count, test: count == 4 * len(test),
    wrong=(
        Wrong(
            "2 * len(test)",
            lambda count, test: count == 2 * len(test),
            "Twice the photos make it narrower by a factor of 1.4 only.",
        ),
        Wrong(
            "len(test) // 2",
            lambda count, test: count == len(test) // 2,
            "Fewer photos know less: the interval becomes wider.",
        ),
        Wrong(
            "len(test) ** 2",
            lambda count, test: count == len(test) ** 2,
            "That many make it narrower by far more than half.",
        ),
    ),
    clue="The width goes with one over the square root of the number of "
    "photos.",
    more="That is why the last points of an accuracy are so dear to prove.",
)
