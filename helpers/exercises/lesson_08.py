"""The exercises of lesson 08."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np

from helpers.exercises.engine import Exercise, Test, Wrong

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

# --- 3: choose a model -----------------------------------------------------

CASES = (  # ({model: how many of 10 photos are correct}, {model: weights})
    ({"wide": 7, "best": 9, "tiny": 6}, {"wide": 40, "best": 50, "tiny": 2}),
    ({"z": 8, "large": 9, "small": 9}, {"z": 1, "large": 80, "small": 30}),
    ({"m": 9, "big": 9, "a": 5}, {"m": 10, "big": 90, "a": 60}),
)


def _chosen(choose: Callable[..., Any]) -> Any:
    """Return what a function chooses in each of `CASES`, as a list."""
    return [
        choose({name: np.arange(10) < n for name, n in hits.items()}, sizes)
        for hits, sizes in CASES
    ]


def _chooses(*expected: str) -> Test:
    return lambda chosen: chosen == [*expected]


q3 = ask(
    3,
    value=_chosen,
    fill="max(correct, key=lambda name: (correct[name].mean(), -sizes[name]))",
    right=_chooses("best", "small", "m"),
    wrong=(
        Wrong(
            "max(correct, key=lambda name: correct[name].mean())",
            _chooses("best", "large", "m"),
            "Of two equally accurate models, this takes the one that is "
            "listed first, even if it is the larger one.",
        ),
        Wrong(
            "max(correct, key=lambda name: (correct[name].mean(), "
            "sizes[name]))",
            _chooses("best", "large", "big"),
            "Of two equally accurate models, this takes the larger one: a "
            "larger second number wins, too.",
        ),
        Wrong(
            "min(sizes, key=sizes.get)",
            _chooses("tiny", "z", "m"),
            "That is always the smallest model, however accurate it is. The "
            "size decides only between equally accurate ones.",
        ),
        Wrong(
            "min(correct, key=lambda name: (correct[name].mean(), "
            "sizes[name]))",
            _chooses("tiny", "z", "a"),
            "That is the least accurate model.",
        ),
        Wrong(
            "max(correct[name].mean() for name in correct)",
            lambda chosen: isinstance(chosen[0], float),
            "That is the accuracy of the best model, not its name.",
        ),
        Wrong(
            "max(correct, key=correct.get)",
            lambda chosen: isinstance(chosen, ValueError),
            "This compares whole arrays. The accuracy of a model is the mean "
            "of its array.",
        ),
    ),
    clue="`max(correct, key=...)` returns the name for which the key is "
    "largest. The key can be a pair: the second number decides where the "
    "first ones are equal.",
    more="In this lesson the models are listed from simple to complex, so "
    "`max` with the accuracy alone does the same.",
)

# --- 4: another base -------------------------------------------------------

FEATURES = 4


def _application(
    include_top: bool = True,
    weights: str | None = "imagenet",
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    input_tensor: Any = None,
    **options: Any,
) -> keras.Model:
    """Stand in for a function of `keras.applications`: it builds faster."""
    if weights is not None:
        raise ValueError("This would download weights: use weights=None.")
    images = input_tensor
    if images is None:
        images = keras.Input(input_shape or (None, None, 3))
    x = keras.layers.Conv2D(FEATURES, 3, strides=2)(images)
    x = keras.layers.BatchNormalization()(x)
    if include_top or pooling == "avg":
        x = keras.layers.GlobalAveragePooling2D()(x)
    elif pooling == "max":
        x = keras.layers.GlobalMaxPooling2D()(x)
    if include_top:
        x = keras.layers.Dense(1000, activation="softmax")(x)
    (start,) = keras.utils.get_source_inputs(images)
    return keras.Model(start, x)


def _preprocess_input(x: Any) -> Any:
    """Stand in for the function of the same name that belongs to a base."""
    return x / 50.0 - 2.0


def _flaw(extractor: Callable[..., Any]) -> Any:
    """Return what is wrong with the model that a function builds, or ""."""
    model = extractor(_application, _preprocess_input)
    if not isinstance(model, keras.Model):
        return "no model"
    if model.output_shape == (None, 1000):
        return "head"
    if len(model.output_shape) > 2:
        return "grid"
    if model.trainable_weights:
        return "trainable"
    base = _application(include_top=False, weights=None, pooling="avg")
    base.set_weights(model.get_weights())
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 299, 299, 3))
    features = np.asarray(model(pixels))
    for flaw, scaled in (
        ("", _preprocess_input(pixels)),
        ("raw", pixels),
        ("Inception's", pixels / 127.5 - 1),
        ("twice", _preprocess_input(pixels / 127.5 - 1)),
    ):
        if np.allclose(features, base(scaled), rtol=1e-3, atol=1e-4):
            return flaw
    return "other"


def _has(flaw: str) -> Test:
    return lambda value: value == flaw


def _body(
    scaled: str = "preprocess_input(pixels)",
    options: str = 'include_top=False, weights=None, pooling="avg"',
    freeze: str = "    base.trainable = False\n",
) -> str:
    return (
        f"base = application({options})\n{freeze}"
        "    pixels = keras.Input((299, 299, 3))\n"
        f"    return keras.Model(pixels, base({scaled}))"
    )


SCALING = "keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels)"
q4 = ask(
    4,
    value=_flaw,
    fill=_body(),
    right=_has(""),
    wrong=(
        Wrong(
            _body("pixels"),
            _has("raw"),
            "The base gets pixels of 0…255 as they are. Scale them with "
            "`preprocess_input`, the function that belongs to this base.",
        ),
        Wrong(
            _body(SCALING),
            _has("Inception's"),
            "That is the scaling of Inception v3. Another base may need "
            "another one: use `preprocess_input`.",
        ),
        Wrong(
            _body(f"preprocess_input({SCALING})"),
            _has("twice"),
            "The pixels are scaled twice: `preprocess_input` takes them as "
            "they are, from 0 to 255.",
        ),
        Wrong(
            _body(freeze=""),
            _has("trainable"),
            "The base is not frozen: its weights are trainable.",
        ),
        Wrong(
            _body(options="include_top=False, weights=None"),
            _has("grid"),
            "The output is still a grid of positions. Average over them, "
            'for example with `pooling="avg"`.',
        ),
        Wrong(
            _body(options="weights=None"),
            _has("head"),
            "These are 1,000 probabilities: without `include_top=False`, the "
            "model ends with the classes of ImageNet.",
        ),
        Wrong(
            _body().replace("return ", ""),
            _has("no model"),
            "Your function returns no Keras model: its last line must "
            "be `return keras.Model(...)`.",
        ),
    ),
    clue="The section “The frozen part, computed once” builds such a model "
    "for Inception v3: an input, its scaling, a frozen base, an average. "
    'Here `application(include_top=False, weights=None, pooling="avg")` '
    "makes the base with its average, and `preprocess_input(pixels)` scales.",
    more="Try it with `keras.applications.EfficientNetV2B0` and "
    "`keras.applications.efficientnet_v2.preprocess_input`. That function "
    "changes nothing, because this base scales pixels in its first layers: "
    "with the scaling of Inception v3 they would be scaled twice.",
)
