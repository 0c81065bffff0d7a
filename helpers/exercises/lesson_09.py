"""The exercises of lesson 09."""

from functools import partial

from helpers.exercises.engine import Exercise, literal, near, number

ask = partial(Exercise, "09_scale_out")

q1 = ask(
    1,
    fill="[2, 6]",
    right=lambda shards: list(shards) == [2, 6],
    wrong=(
        literal(
            "[4, 5]",
            "That cuts the list into four chunks. Here a worker has every "
            "fourth shard, as it had every third above.",
        ),
        literal(
            "[1, 5, 9]",
            "Those belong to worker 1. Workers and shards are counted from 0.",
        ),
        literal(
            "[2, 4, 6, 8]",
            "That is every second shard; there are four workers.",
        ),
    ),
    clue="Start with the worker's own number, and add the number of workers "
    "again and again.",
    more="Two workers of the four have three shards, and two have two: they "
    "finish at different times, which does no harm.",
)

q2 = ask(
    2,
    fill="16",
    wrong=(
        literal(
            "64",
            "Then each would take the whole batch, and four would do the work "
            "of one.",
        ),
        literal(
            "256",
            "Then the batch of a step would have 1,024 photos. 64 is the "
            "total of all workers.",
        ),
        literal("4", "That is the number of workers."),
    ),
    clue="The batch is divided among all workers.",
    more="With many workers each has few photos, and a GPU idles. A "
    "larger batch changes the training: the learning rate has to be found "
    "anew.",
)

q3 = ask(
    3,
    fill="31",
    wrong=(
        literal(
            "37",
            "The changes of steps 31 to 37 were only in memory, and were "
            "lost.",
        ),
        literal(
            "38",
            "Step 37 was only in memory. The checkpoint on disk is older.",
        ),
        literal(
            "30",
            "Step 30 is in the checkpoint. Repeated, it would be one step too "
            "many.",
        ),
        literal("1", "That would be without a checkpoint; there is one."),
    ),
    clue="Which was the last checkpoint, and what comes after it?",
    more="Seven steps are repeated with the same result, as the number of a "
    "step determines its photos.",
)

q4 = ask(
    4,
    fill="70",
    right=near(70),
    wrong=(
        number(
            "40",
            "That is one set of gradients. In a ring nearly twice as much is "
            "sent.",
        ),
        number(
            "80",
            "Nearly: a worker need not send its own chunk to itself. Note the "
            "factor (workers - 1) / workers.",
        ),
        number(
            "17.5",
            "That is how many numbers, in millions. Each of them is four "
            "bytes.",
        ),
        number(
            "280",
            "That would be 40 for each of the seven others. In a ring a "
            "worker sends only to its neighbour, in chunks.",
        ),
    ),
    clue="2 · (workers - 1) / workers, times the bytes of all gradients.",
    more="With more workers it approaches 80 but never exceeds it, so a ring "
    "of hundreds works; only the number of chunks grows.",
)
