"""The exercises of lesson 08."""

from functools import partial

from helpers.exercises.engine import Exercise, Wrong, near, plain

ask = partial(Exercise, "08_scale_out")

q1 = ask(
    1,
    fill="[2, 6]",
    right=lambda numbers: list(numbers) == [2, 6],
    wrong=(
        plain(
            "[4, 5]",
            "That cuts the list into four pieces. Here every fourth shard is "
            "the worker's, as above every third.",
        ),
        plain(
            "[1, 5, 9]",
            "Those are of worker 1. Workers and shards are counted from 0.",
        ),
        plain(
            "[2, 4, 6, 8]",
            "That is every second shard; there are four workers.",
        ),
    ),
    clue="Begin with the worker's own number, and go on in steps as long as "
    "there are workers.",
    more="Two workers of the four get three shards, and two get two: they "
    "are done at different times, and nobody minds.",
)

q2 = ask(
    2,
    fill="16",
    wrong=(
        plain(
            "64",
            "So each would take the whole batch, and four would do the work "
            "of one.",
        ),
        plain(
            "256",
            "Then the batch of a step would have 1,024 photos. 64 is what "
            "all take together.",
        ),
        plain("4", "That is how many workers there are."),
    ),
    clue="The batch belongs to all workers together.",
    more="With many workers the shares become small, and a machine with a "
    "graphics card idles. Whoever makes the batch larger for that changes "
    "the training: the rate has to be found anew.",
)

q3 = ask(
    3,
    fill="31",
    wrong=(
        plain(
            "37",
            "What steps 31 to 37 have changed was in memory alone, and went "
            "with it.",
        ),
        plain(
            "38",
            "Step 37 was in memory alone. What is on disk is older.",
        ),
        plain(
            "30",
            "Step 30 is in the checkpoint. Taken twice, it would be one step "
            "too many.",
        ),
        plain(
            "1",
            "That would be without a checkpoint; there is one.",
        ),
    ),
    clue="Which was the last checkpoint, and what comes after it?",
    more="Seven steps are taken again, and come out as before, for the "
    "photos of a step follow from its number.",
)


q4 = ask(
    4,
    fill="70",
    right=near(70),
    wrong=(
        Wrong(
            "40",
            near(40),
            "That is one set of gradients. In a ring nearly twice as much "
            "goes out.",
        ),
        Wrong(
            "80",
            near(80),
            "Nearly: a worker need not send its own piece to itself. Mind "
            "the factor (workers - 1) / workers.",
        ),
        Wrong(
            "17.5",
            near(17.5),
            "So many numbers, in millions. Each of them is four bytes.",
        ),
        Wrong(
            "280",
            near(280),
            "That would be 40 for each of the seven others. In a ring a "
            "worker sends to its neighbour alone, in pieces.",
        ),
    ),
    clue="2 · (workers - 1) / workers, times the bytes of all gradients.",
    more="With more workers it grows towards 80 and never beyond, so a "
    "ring of hundreds works; what grows is the number of pieces.",
)
