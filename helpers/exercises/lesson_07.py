"""The exercises of lesson 07."""

from functools import partial

from helpers.exercises.engine import Exercise, Wrong, plain

ask = partial(Exercise, "07_your_own_photos")

q1 = ask(
    1,
    fill='"validation"',
    wrong=(
        plain(
            '"test"',
            "Then the test photos have taken part in a choice, and nobody is "
            "left to say how good the result is.",
        ),
        plain(
            '"training"',
            "That one rises for as long as you train, even while the head "
            "learns its photos by heart.",
        ),
        Wrong(
            '("training", "validation", "test")',
            lambda said: not isinstance(said, str),
            "One of them: the part that is there to choose by.",
        ),
    ),
    clue="Which photos are neither learned from nor kept for the last word?",
    more="Each choice made by the validation photos makes their accuracy a "
    "little too good; that is why there is a third part.",
)

q2 = ask(
    2,
    fill="23",
    wrong=(
        plain(
            "22",
            "22 batches of 16 are 352 photos; the last 8 are a batch, too.",
        ),
        plain("22.5", "There is no half step: a smaller batch is one, too."),
        plain("360", "That would be batches of one photo."),
        plain("16", "That is how many photos a step sees, not the steps."),
    ),
    clue="Divide, and think of the photos that are left over.",
    more="A rate that falls with every step has to know their number "
    "beforehand: `len(train_ds)` counts as you did.",
)

q3 = ask(
    3,
    fill='"augmented"',
    wrong=(
        plain(
            '"fine_tuned"',
            "It is not better than augmented, and costs more. `max` keeps "
            "the first of the best.",
        ),
        plain(
            '"frozen"',
            "It is the cheapest, but the rule asks for the largest share "
            "first.",
        ),
        plain(
            '"undecided"',
            "By chance they may well lie so far apart, but one model has to "
            "be taken, and the rule takes one.",
        ),
    ),
    clue="In which order do the models stand in `right`?",
    more="With 100 photos, three more right are well within chance. A rule "
    "that is fixed beforehand at least can't be bent afterwards.",
)

q4 = ask(
    4,
    fill='"undecided"',
    wrong=(
        plain(
            '"better"',
            "Two photos of 50 make no interval above zero, however they "
            "pair up.",
        ),
        plain('"worse"', "It has two more right; that is not worse."),
        plain(
            '"equal"',
            "That they are equal is not shown either: so few photos hide a "
            "difference of several points.",
        ),
    ),
    clue="What would the interval of such a difference hold?",
    more="If every photo that the rival has right is right here, too, it is "
    "two against none, and a coin does that one time in two (p = 0.5).",
)
