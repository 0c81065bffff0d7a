"""The exercises of lesson 07."""

from functools import partial
from typing import Any

import keras

from helpers.exercises.engine import Exercise, Test, Wrong, literal

ask = partial(Exercise, "07_your_own_photos")

STOPPING = "keras.callbacks.EarlyStopping"


def _stops(monitor: str, restores: bool = True, patience: int = 3) -> Test:
    """Return a test whether a callback stops in this way."""

    def test(callback: Any) -> bool:
        return (callback.monitor, callback.restore_best_weights) == (
            monitor,
            restores,
        ) and callback.patience == patience

    return test


q1 = ask(
    1,
    fill=f'{STOPPING}("val_accuracy", patience=3, restore_best_weights=True)',
    right=lambda callback: (
        isinstance(callback, keras.callbacks.EarlyStopping)
        and _stops("val_accuracy")(callback)
    ),
    wrong=(
        Wrong(
            f"{STOPPING}(patience=3, restore_best_weights=True)",
            _stops("val_loss"),
            "Without a name, it watches the validation loss.",
        ),
        Wrong(
            f'{STOPPING}("accuracy", patience=3, restore_best_weights=True)',
            _stops("accuracy"),
            "That is the accuracy on the training photos. It rises as long "
            "as you train, even while the head overfits.",
        ),
        Wrong(
            f'{STOPPING}("val_accuracy", patience=3)',
            _stops("val_accuracy", restores=False),
            "It stops at the right time, but keeps the weights of the last "
            "epoch, which are three epochs past the best.",
        ),
        Wrong(
            f'{STOPPING}("val_accuracy", restore_best_weights=True)',
            _stops("val_accuracy", patience=0),
            "Without `patience`, it stops at the first epoch that brings no "
            "improvement.",
        ),
        Wrong(
            STOPPING,
            lambda callback: isinstance(callback, type),
            "That is the class. Call it with its arguments to make a "
            "callback.",
        ),
    ),
    clue="`keras.callbacks.EarlyStopping` needs three arguments here. Names "
    "that begin with `val_` belong to the validation photos.",
    more="Each choice based on the validation set, this one included, makes "
    "its accuracy a little too high; that is why there is a test set.",
)

q2 = ask(
    2,
    fill='"augmented"',
    wrong=(
        literal(
            '"fine-tuned"',
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

q3 = ask(
    3,
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
