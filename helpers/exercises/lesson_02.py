"""The exercises of lesson 02."""

from functools import partial
from typing import Any

import keras

from helpers.exercises.engine import Exercise, Test, Wrong, near

ask = partial(Exercise, "02_frozen_baseline")

q1 = ask(
    1,
    fill="[layer for layer in inner.layers if layer.trainable_weights]",
    right=lambda leaks, inner: [*leaks] == [inner.layers[1]],
    wrong=(
        Wrong(
            "inner.trainable_weights",
            lambda leaks, inner: len(leaks) == 0,
            "It is empty, because `inner.trainable` is False. But a model "
            "built on `inner` trains the layer all the same.",
        ),
        Wrong(
            "outer.trainable_weights",
            lambda leaks, inner: isinstance(leaks[0], keras.Variable),
            "These are weights, not layers, and those of the new layer are "
            "among them, which should be trained.",
        ),
        Wrong(
            "inner.layers",
            lambda leaks, inner: [*leaks] == inner.layers,
            "That is every layer, also the one that is frozen.",
        ),
    ),
    clue="Go through `inner.layers`. What do you ask each of them?",
    more="Set `inner.trainable = False` once more as the last line before "
    "`compile`: it freezes every layer inside. Then look at the trainable "
    "weights of the whole model.",
)

q2 = ask(
    2,
    fill="4 * n",
    right=lambda count, n: count == 4 * n,
    wrong=(
        Wrong(
            "2 * n",
            lambda count, n: count == 2 * n,
            "Twice the photos make it narrower by a factor of only 1.4.",
        ),
        Wrong(
            "n // 2",
            lambda count, n: count == n // 2,
            "With fewer photos the interval becomes wider.",
        ),
        Wrong(
            "n ** 2",
            lambda count, n: count == n**2,
            "So many would make it far narrower than half.",
        ),
    ),
    clue="The width is proportional to one over the square root of the "
    "number of photos.",
    more="That is why small differences in accuracy need so many photos.",
)

CLASSES = 6
DENSE = "keras.layers.Dense"
SPARSE = '"sparse_categorical_crossentropy"'


def _build(answer: Any) -> keras.Model:
    layers, loss = answer
    model = keras.Sequential([keras.Input((2048,)), *layers])
    model.compile(loss=loss)
    return model


def _activation(name: str) -> Test:
    return lambda model: model.layers[-1].activation.__name__ == name


def _is_linear_head(model: keras.Model) -> bool:
    """Return whether it has one layer, and a loss that fits its output."""
    (layer,) = model.layers
    loss = keras.losses.get(model.loss)
    logits = getattr(loss, "from_logits", False)
    return (
        model.output_shape == (None, CLASSES)
        and len(model.trainable_weights) == 2
        and "sparse_categorical" in _name(model.loss)
        and layer.activation.__name__ == ("linear" if logits else "softmax")
    )


def _name(loss: Any) -> str:
    return loss if isinstance(loss, str) else loss.name


q3 = ask(
    3,
    fill=f'([{DENSE}(6, activation="softmax")], {SPARSE})',
    value=_build,
    right=_is_linear_head,
    wrong=(
        Wrong(
            f'([{DENSE}(1024, activation="relu"), '
            f'{DENSE}(6, activation="softmax")], {SPARSE})',
            lambda model: len(model.layers) > 1,
            "A head with a hidden layer is not linear: that is the recipe's.",
        ),
        Wrong(
            f'([{DENSE}(2048, activation="softmax")], {SPARSE})',
            lambda model: model.output_shape != (None, CLASSES),
            "The head has one output for each class.",
        ),
        Wrong(
            f'([{DENSE}(6, activation="softmax")], '
            '"categorical_crossentropy")',
            lambda model: _name(model.loss) == "categorical_crossentropy",
            "This loss takes one-hot labels, and these are integers.",
        ),
        Wrong(
            f"([{DENSE}(6)], {SPARSE})",
            lambda model: (
                _activation("linear")(model) and model.loss == SPARSE[1:-1]
            ),
            "Without an activation, the outputs are any numbers (logits), "
            "and this loss takes probabilities.",
        ),
        Wrong(
            f'([{DENSE}(6, activation="sigmoid")], {SPARSE})',
            _activation("sigmoid"),
            "Six sigmoids don't add up to 1: they suit photos that may be of "
            "several classes.",
        ),
    ),
    clue="One layer: as many units as classes, and the activation that makes "
    "probabilities which add up to 1.",
    more="It has 2,048 × 6 weights and 6 biases. Build it, compile it, and "
    "fit it to the standardised features: it comes close to the linear head "
    "of scikit-learn.",
)

STOPPING = "keras.callbacks.EarlyStopping"
CHECKPOINT = "keras.callbacks.ModelCheckpoint"
RESTORES = "restore_best_weights=True"
BEST = f'{CHECKPOINT}("best.keras", save_best_only=True)'


def _stops(monitor: str, patience: int, restores: bool) -> Test:
    """Return a test whether the first early stopping is of this kind."""

    def test(callbacks: Any) -> bool:
        first = _of(callbacks, keras.callbacks.EarlyStopping)
        return (first.monitor, first.patience, first.restore_best_weights) == (
            monitor,
            patience,
            restores,
        )

    return test


def _saves(best_only: bool) -> Test:
    """Return a test whether the first checkpoint is of this kind."""

    def test(callbacks: Any) -> bool:
        first = _of(callbacks, keras.callbacks.ModelCheckpoint)
        return (first.monitor, first.save_best_only) == ("val_loss", best_only)

    return test


def _of(callbacks: Any, kind: type) -> Any:
    """Return the first callback of a kind; an IndexError if there is none."""
    return [each for each in callbacks if isinstance(each, kind)][0]


_right_stop = _stops("val_loss", 5, True)

q4 = ask(
    4,
    fill=f'[{STOPPING}("val_loss", patience=5, {RESTORES}), {BEST}]',
    right=lambda callbacks: (
        len(callbacks) == 2
        and _right_stop(callbacks)
        and _saves(True)(callbacks)
    ),
    wrong=(
        Wrong(
            f'[{STOPPING}("loss", patience=5, {RESTORES}), {BEST}]',
            _stops("loss", 5, True),
            "That is the loss on the training photos. It falls as long as "
            "you train, even while the head overfits.",
        ),
        Wrong(
            f"[{STOPPING}(patience=5), {BEST}]",
            _stops("val_loss", 5, False),
            "It stops at the right time, but keeps the weights of the last "
            "epoch, which are five epochs past the best.",
        ),
        Wrong(
            f"[{STOPPING}({RESTORES}), {BEST}]",
            _stops("val_loss", 0, True),
            "Without `patience`, it stops at the first epoch that brings no "
            "improvement.",
        ),
        Wrong(
            f"[{STOPPING}(patience=5, {RESTORES}), "
            f'{CHECKPOINT}("best.keras")]',
            _saves(False),
            "This checkpoint saves after every epoch, so the file holds the "
            "last one, not the best.",
        ),
    ),
    clue="The classes are `EarlyStopping` and `ModelCheckpoint` in "
    "`keras.callbacks`. Which of their arguments speak of *best*?",
    more="The restored weights are in memory, the checkpoint survives if the "
    "notebook is closed.",
)

q5 = ask(
    5,
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
