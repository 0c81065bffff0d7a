"""The exercises of lesson 03."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from helpers.exercises.engine import Exercise, Test, Wrong

ask = partial(Exercise, "03_fine_tuning")
BATCHNORM = "isinstance(layer, keras.layers.BatchNormalization)"
FIT = "model.fit(x, y, epochs=50, validation_data=seen"
COMPILE = (
    "model.compile(keras.optimizers.Adam(1e-4), "
    'loss="sparse_categorical_crossentropy")'
)


# --- 1: a model that trains nothing ----------------------------------------


def _unfrozen(unfreeze: Callable[[keras.Model], None]) -> Any:
    """Return the names of the base's layers that a function unfreezes."""
    names = ("first", "second", "third")
    layers = [keras.layers.Dense(4, name=name) for name in names]
    base = keras.Sequential([keras.Input((4,)), *layers], name="base")
    base.trainable = False
    unfreeze(
        keras.Sequential([keras.Input((4,)), base, keras.layers.Dense(2)])
    )
    return ", ".join(layer.name for layer in layers if layer.trainable)


def _equals(expected: str) -> Test:
    return lambda value, *_: value == expected


q1 = ask(
    1,
    value=_unfrozen,
    fill="model.layers[0].layers[1:]",
    right=_equals("second, third"),
    wrong=(
        Wrong(
            "model.layers[1:]",
            _equals(""),
            "`model.layers` has two entries, the base and the head, so this "
            "reaches only the head: 0 layers of the base are trainable.",
        ),
        Wrong(
            "model.layers",
            _equals("first, second, third"),
            "Now all three layers of the base are trained, the first one, "
            "too: setting `trainable` on a model sets it on all its layers.",
        ),
        Wrong(
            "model.layers[0].layers[2:]",
            _equals("third"),
            "Only the third layer is trained. Layers count from 0, so the "
            "second has the index 1.",
        ),
    ),
    clue="The base is `model.layers[0]`, and has a list `layers` of its own.",
    more="After changing `trainable`, compile the model again: Keras reads "
    "it when a model is compiled.",
)

# --- 2: unfreeze_past ------------------------------------------------------


def _flags(
    unfreeze_past: Callable[[keras.Model, str], None], base: keras.Model
) -> Any:
    """Return which layers with weights are trainable after `mixed9`."""
    before = [layer.trainable for layer in base.layers]
    base.trainable = True
    try:
        unfreeze_past(base, "mixed9")
        return [layer.trainable for layer in base.layers if layer.weights]
    finally:
        base.trainable = True
        for layer, trainable in zip(base.layers, before, strict=True):
            layer.trainable = trainable


def _layers(rule: Callable[[bool, bool, int, int], bool]) -> Test:
    """Return a test whether exactly the layers of a rule are trainable.

    Args:
        rule: (comes after mixed9?, is BatchNorm?, index, index of mixed9)
            -> is it trainable?
    """

    def test(flags: list[bool], base: keras.Model) -> bool:
        end = base.layers.index(base.get_layer("mixed9"))
        return flags == [
            rule(
                i > end,
                isinstance(layer, keras.layers.BatchNormalization),
                i,
                end,
            )
            for i, layer in enumerate(base.layers)
            if layer.weights
        ]

    return test


def _body(rule: str, boundary: str = "base.get_layer(name)") -> str:
    return (
        f"boundary = base.layers.index({boundary})\n"
        "    for i, layer in enumerate(base.layers):\n"
        f"        layer.trainable = {rule}"
    )


q2 = ask(
    2,
    value=_flags,
    fill=_body(f"i > boundary and not {BATCHNORM}"),
    right=_layers(lambda after, norm, i, end: after and not norm),
    wrong=(
        Wrong(
            _body("i > boundary"),
            _layers(lambda after, norm, i, end: after),
            "BatchNorm layers are trainable, too: their statistics would "
            "change, as the step at a rate of zero has shown.",
        ),
        Wrong(
            _body(f"not {BATCHNORM}"),
            _layers(lambda after, norm, i, end: not norm),
            "Layers before the boundary are trainable, too: the whole base "
            "would be trained.",
        ),
        Wrong(
            _body(
                f"i > boundary and not {BATCHNORM}",
                'base.get_layer("mixed8")',
            ),
            lambda flags, base: 0 < sum(flags) > _count(base, "mixed9"),
            'Called with "mixed9", it leaves layers before the end of that '
            "block trainable: use `name`, and set `trainable` on every "
            "layer, not only on those after it.",
        ),
        Wrong(
            _body(f"i > boundary and {BATCHNORM}"),
            _layers(lambda after, norm, i, end: after and norm),
            "Only the BatchNorm layers are trainable: it must be all others.",
        ),
    ),
    clue="Loop over enumerate(base.layers). A layer is trainable if it comes "
    f"after base.get_layer(name), and not {BATCHNORM}.",
    more="The offsets that BatchNorm has learned stay frozen with its "
    "statistics. They are few, and the other layers can compensate.",
)


def _count(base: keras.Model, name: str) -> int:
    """Return how many convolutions follow a block."""
    end = base.layers.index(base.get_layer(name))
    return sum(
        isinstance(layer, keras.layers.Conv2D)
        for layer in base.layers[end + 1 :]
    )


# --- 3: a schedule ---------------------------------------------------------

PEAK, STEPS = 1e-3, (0, 5, 10, 45, 80)
COSINE = "keras.optimizers.schedules.CosineDecay"


def _rates(schedule: Any) -> list[float]:
    """Return the rates at `STEPS`, in units of the highest."""
    return [float(schedule(step)) / PEAK for step in STEPS]


def _near(*expected: float | None) -> Test:
    """Return a test of the rates; None stands for any rate."""
    return lambda rates, *_: all(
        goal is None or abs(rate - goal) < 0.01
        for rate, goal in zip(rates, expected, strict=True)
    )


q3 = ask(
    3,
    value=_rates,
    fill=f"{COSINE}(0.0, 70, warmup_target=1e-3, warmup_steps=10)",
    right=_near(0, 0.5, 1, 0.5, 0),
    wrong=(
        Wrong(
            f"{COSINE}(0.0, 80, warmup_target=1e-3, warmup_steps=10)",
            lambda rates: (
                _near(0, 0.5, 1, None, None)(rates) and rates[-1] > 0.01
            ),
            "The rate is not yet zero at step 80: `decay_steps` count from "
            "the end of the warm-up.",
        ),
        Wrong(
            f"{COSINE}(1e-3, 70, warmup_target=1e-3, warmup_steps=10)",
            _near(1, 1, 1, None, None),
            "The first steps have the full rate: a warm-up begins at "
            "`initial_learning_rate`, which must be zero.",
        ),
        Wrong(
            f"{COSINE}(1e-3, 80)",
            lambda rates: rates[0] > 0.9 and rates[1] < rates[0],
            "The rate falls from the first step on: a warm-up needs "
            "`warmup_target` and `warmup_steps`.",
        ),
    ),
    clue=f"{COSINE} takes initial_learning_rate, decay_steps, and then "
    "warmup_target and warmup_steps as keywords.",
    more="A schedule takes the place of the rate in any optimizer, as in "
    "keras.optimizers.Adam(schedule).",
)

# --- 4: compile and fit ----------------------------------------------------


class _Recorder:
    """Stands in for a model, and keeps what it is asked to do."""

    def __init__(self) -> None:
        self.compiled: dict[str, Any] = {}
        self.fitted: dict[str, Any] = {}

    def compile(self, *args: Any, **options: Any) -> None:
        asked = inspect.signature(keras.Model.compile)
        self.compiled = asked.bind(self, *args, **options).arguments

    def fit(self, *args: Any, **options: Any) -> keras.callbacks.History:
        asked = inspect.signature(keras.Model.fit)
        self.fitted = asked.bind(self, *args, **options).arguments
        return keras.callbacks.History()


def _asked(train: Callable[..., Any]) -> Any:
    """Return what a function asks of a model: what is wrong with it, or ""."""
    model = _Recorder()
    train(model, None, None, ("x", "y"))
    compiled, fitted = model.compiled, model.fitted
    if not compiled or not fitted:
        return "compile"
    if "sparse" not in str(
        getattr(compiled["loss"], "name", compiled["loss"])
    ):
        return "loss"
    if fitted.get("validation_data") is None:
        return "validation"
    callbacks = fitted.get("callbacks") or []
    stops = [
        callback
        for callback in (
            callbacks if isinstance(callbacks, list | tuple) else [callbacks]
        )
        if isinstance(callback, keras.callbacks.EarlyStopping)
    ]
    if not stops:
        return "stopping"
    if not stops[0].restore_best_weights:
        return "restore"
    rate = float(
        keras.ops.convert_to_numpy(compiled["optimizer"].learning_rate)
    )
    if (stops[0].monitor, stops[0].patience) != ("val_loss", 3):
        return "patience"
    if abs(rate - 1e-4) > 1e-6 or fitted.get("epochs") != 50:
        return "numbers"
    return ""


STOP = "keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)"
q4 = ask(
    4,
    value=_asked,
    fill=f"{COMPILE}\n    {FIT}, callbacks=[{STOP}])",
    right=_equals(""),
    wrong=(
        Wrong(
            f"{FIT}, callbacks=[{STOP}])",
            _equals("compile"),
            "A model must be compiled before it is fitted: optimizer and loss "
            "are set by `compile`.",
        ),
        Wrong(
            f"{COMPILE}\n    {FIT})",
            _equals("stopping"),
            "Nothing stops the training before epoch 50: give `fit` the "
            "callback in `callbacks=[...]`.",
        ),
        Wrong(
            f"{COMPILE}\n    {FIT}, "
            "callbacks=[keras.callbacks.EarlyStopping(patience=3)])",
            _equals("restore"),
            "Training stops, but the model keeps the weights of the last "
            "epoch, three after the best: set restore_best_weights=True.",
        ),
        Wrong(
            f"{COMPILE}\n    model.fit(x, y, epochs=50, callbacks=[{STOP}])",
            _equals("validation"),
            "Without validation_data there is no `val_loss`, so the callback "
            "would warn in each epoch and never stop.",
        ),
        Wrong(
            f"{COMPILE.replace('sparse_', '')}\n    {FIT}, "
            f"callbacks=[{STOP}])",
            _equals("loss"),
            "The labels are integers, one for each photo: the loss for them "
            "is sparse_categorical_crossentropy.",
        ),
    ),
    clue="First compile(optimizer, loss=...), then fit(..., "
    "validation_data=seen, callbacks=[keras.callbacks.EarlyStopping(...)]).",
    more="With a schedule that ends at zero, as in this lesson, early "
    "stopping would cut off its best part: choose one of the two.",
)
