"""The exercises of lesson 07."""

from functools import partial

from helpers.exercises.engine import Exercise, Wrong, literal

ask = partial(Exercise, "07_your_own_photos")

q1 = ask(
    1,
    fill='"validation"',
    wrong=(
        literal(
            '"test"',
            "Then the test set has been used for a choice, and no photos are "
            "left to measure how good the result is.",
        ),
        literal(
            '"training"',
            "Training accuracy rises as long as you train, even while the "
            "head overfits.",
        ),
        Wrong(
            '("training", "validation", "test")',
            lambda split: not isinstance(split, str),
            "One of them: the split for making choices.",
        ),
    ),
    clue="Which photos are neither trained on nor kept for the final result?",
    more="Each choice based on the validation set makes its accuracy a little "
    "too high; that is why there is a test set.",
)

q2 = ask(
    2,
    fill="23",
    wrong=(
        literal(
            "22",
            "22 batches of 16 are 352 photos; the last 8 are a batch, too.",
        ),
        literal("22.5", "There is no half step: a smaller batch is one, too."),
        literal("360", "That would be batches of one photo."),
        literal("16", "That is the number of photos in a step, not of steps."),
    ),
    clue="Divide, and think of the photos that are left over.",
    more="A learning-rate schedule has to know the number of steps "
    "beforehand: `len(train_ds)` counts as you did.",
)

q3 = ask(
    3,
    fill='"augmented"',
    wrong=(
        literal(
            '"fine_tuned"',
            "It is not better than augmented, and slower. `max` keeps the "
            "first of equals.",
        ),
        literal(
            '"frozen"',
            "It is the fastest, but the rule looks at the accuracy first.",
        ),
        literal(
            '"undecided"',
            "The difference may well be due to chance, but one model has to "
            "be chosen, and the rule chooses one.",
        ),
    ),
    clue="In which order are the models in `correct`?",
    more="With 100 photos, three more correct ones are well within chance. "
    "But a rule that is fixed beforehand can't be bent afterwards.",
)

q4 = ask(
    4,
    fill='"undecided"',
    wrong=(
        literal(
            '"better"',
            "With two photos of 50, the interval is not above zero, however "
            "they are paired.",
        ),
        literal('"worse"', "It has two more correct; that is not worse."),
        literal(
            '"equal"',
            "These photos do not show that they are equal either: so few may "
            "hide a difference of several points.",
        ),
    ),
    clue="What would the interval of such a difference contain?",
    more="Even if your model is correct on every photo that the baseline "
    "classifies correctly, it is two against none, and that happens by chance "
    "one time in two (p = 0.5).",
)
