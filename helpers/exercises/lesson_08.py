"""The exercises of lesson 08."""

from functools import partial
from typing import Any

import keras
import numpy as np

from helpers.exercises.engine import Exercise, Test, Wrong, literal

ask = partial(Exercise, "08_your_own_photos")


def _weights(good: float, bent: float) -> Test:
    """Return a test whether these are the weights, to two percent."""
    expected = np.array([good, bent])
    return lambda weights: np.allclose(
        [weights[0], weights[1]], expected, rtol=0.02
    )


q1 = ask(
    1,
    fill="{0: 100 / (2 * 90), 1: 100 / (2 * 10)}",
    right=_weights(0.556, 5),
    wrong=(
        Wrong(
            "{0: 1, 1: 9}",
            _weights(1, 9),
            "Both classes count the same, but the weights add up to 180: the "
            "loss and its gradients grow, as with a higher learning rate.",
        ),
        Wrong(
            "{0: 0.9, 1: 0.1}",
            _weights(0.9, 0.1),
            "These are the fractions of the photos: the large class would "
            "count even more.",
        ),
        Wrong(
            "{0: 0.1, 1: 0.9}",
            _weights(0.1, 0.9),
            "Both classes count the same, but the weights add up to 18: the "
            "gradients shrink, as with a lower learning rate.",
        ),
        Wrong(
            "{0: 90, 1: 10}",
            _weights(90, 10),
            "These are the numbers of photos: the large class would count "
            "even more.",
        ),
    ),
    clue="Each class has half of the total. Divide that by its number of "
    "photos.",
    more="This is what the line with `class_weight` computes for your classes "
    '(scikit-learn calls it "balanced").',
)

STOPPING = "keras.callbacks.EarlyStopping"


def _stops(monitor: str, restores: bool = True, patience: int = 3) -> Test:
    """Return a test whether a callback stops in this way."""

    def test(callback: Any) -> bool:
        return (callback.monitor, callback.restore_best_weights) == (
            monitor,
            restores,
        ) and callback.patience == patience

    return test


q2 = ask(
    2,
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

q3 = ask(
    3,
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
