"""The exercises of lesson 04."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from helpers.exercises.engine import Exercise, Test, Wrong, contains

ask = partial(Exercise, "04_augmentation")

ROTATION = "keras.layers.RandomRotation(10 / 360)"
BRIGHTNESS = "keras.layers.RandomBrightness(0.2)"


def _ranges(model: keras.Model) -> dict[str, Any]:
    """Return {name of a layer's class: the range of its factor}."""
    return {
        type(layer).__name__: _range(layer.get_config().get("factor"))
        for layer in model.layers
    }


def _range(factor: Any) -> Any:
    return (-factor, factor) if isinstance(factor, float | int) else factor


def _rotates(low: float, high: float) -> Test:
    """Return a test of the range of the rotation."""
    return lambda ranges: np.allclose(
        ranges["RandomRotation"], (low, high), rtol=0.02
    )


def _brightens(low: float, high: float) -> Test:
    """Return a test of the range of the brightness."""
    return lambda ranges: np.allclose(
        ranges["RandomBrightness"], (low, high), rtol=0.02
    )


q1 = ask(
    1,
    value=_ranges,
    fill=f"keras.Sequential([{ROTATION}, {BRIGHTNESS}])",
    right=lambda ranges: (
        len(ranges) == 2
        and _rotates(-10 / 360, 10 / 360)(ranges)
        and _brightens(-0.2, 0.2)(ranges)
    ),
    wrong=(
        Wrong(
            "keras.Sequential([keras.layers.RandomFlip(), "
            f"{ROTATION}, {BRIGHTNESS}])",
            contains("RandomFlip"),
            "A flipped b is a d: its label would be wrong.",
        ),
        Wrong(
            "keras.Sequential([keras.layers.RandomRotation(10 / 180), "
            f"{BRIGHTNESS}])",
            _rotates(-10 / 180, 10 / 180),
            "The factor is a fraction of a full turn, not of half a turn: "
            "this is 20 degrees.",
        ),
        Wrong(
            "keras.Sequential([keras.layers.RandomRotation(0.1), "
            f"{BRIGHTNESS}])",
            _rotates(-0.1, 0.1),
            "A tenth of a full turn is 36 degrees, more than you expect.",
        ),
        Wrong(
            f"keras.Sequential([{ROTATION}])",
            lambda ranges: "RandomBrightness" not in ranges,
            "The light changes, too: a layer for the brightness is missing.",
        ),
        Wrong(
            f"keras.Sequential([{BRIGHTNESS}])",
            lambda ranges: "RandomRotation" not in ranges,
            "The paper is askew, too: a layer for the rotation is missing.",
        ),
        Wrong(
            f"keras.Sequential([{ROTATION}, "
            "keras.layers.RandomBrightness((0, 0.2))])",
            _brightens(0, 0.2),
            "These copies are only brighter, never darker.",
        ),
    ),
    clue="Two layers of Keras are enough, and the factor of a rotation is a "
    "fraction of a full turn.",
    more="`RandomBrightness(0.2)` adds up to a fifth of the range of the "
    "pixels to all of them, or subtracts it.",
)

PIXELS = np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3))
BLUR = "keras.ops.average_pool(x, 3, 1, 'same')"


def _roughness(pixels: Any) -> float:
    """Return how much neighbouring pixels differ, on average."""
    return float(np.abs(np.diff(pixels, axis=1)).mean())


def _calls(layer: keras.layers.Layer) -> dict[str, Any]:
    """Return what a layer makes of `PIXELS` in training and otherwise."""
    x = PIXELS.astype("float32")
    made: dict[str, Any] = {
        name: layer.call(keras.ops.convert_to_tensor(x), training=training)
        for name, training in (("training", True), ("otherwise", False))
    }
    return {name: np.asarray(value) for name, value in made.items()}


def _is_blurred(pixels: Any) -> bool:
    return (
        pixels.shape == PIXELS.shape
        and _roughness(pixels) < 0.7 * _roughness(PIXELS)
        and abs(pixels.mean() / PIXELS.mean() - 1) < 0.05
    )


def _is_unchanged(pixels: Any) -> bool:
    return pixels.shape == PIXELS.shape and np.allclose(pixels, PIXELS)


q2 = ask(
    2,
    value=_calls,
    fill=f"{BLUR} if training else x",
    right=lambda made: (
        _is_blurred(made["training"]) and _is_unchanged(made["otherwise"])
    ),
    wrong=(
        Wrong(
            "keras.ops.average_pool(x, 3, 1) if training else x",
            lambda made: made["training"].shape != PIXELS.shape,
            "The image has another size in training: without "
            "`strides=1, padding='same'`, pooling makes it smaller.",
        ),
        Wrong(
            BLUR,
            lambda made: (
                _is_blurred(made["training"])
                and _is_blurred(made["otherwise"])
            ),
            "It blurs outside training, too, and so in `predict`.",
        ),
        Wrong(
            f"x if training else {BLUR}",
            lambda made: (
                _is_unchanged(made["training"])
                and _is_blurred(made["otherwise"])
            ),
            "The other way round: it blurs only outside training.",
        ),
        Wrong(
            "x",
            lambda made: _is_unchanged(made["training"]),
            "It never blurs.",
        ),
        Wrong(
            "x / 9 if training else x",
            lambda made: made["training"].mean() < 0.5 * PIXELS.mean(),
            "The image is much darker than before: take the mean of the nine "
            "pixels.",
        ),
        Wrong(
            "keras.ops.max_pool(x, 3, 1, 'same') if training else x",
            lambda made: made["training"].mean() > 1.2 * PIXELS.mean(),
            "The image is brighter than before: this takes the largest of "
            "the nine pixels, not their mean.",
        ),
    ),
    clue="`keras.ops.average_pool(x, 3, strides=1, padding='same')` keeps the "
    "size. Where must it not be applied?",
    more="To use it in `augment`, give it a random strength, and a "
    "`cache_version`.",
)

DRAWN = 4000  # elements


def _fractions(mix: Callable[..., Any]) -> Any:
    """Return the proportions of three datasets in what `mix` returns."""
    mixed = mix(*(tf.data.Dataset.from_tensors(i).repeat() for i in range(3)))
    if not isinstance(mixed, tf.data.Dataset):
        return mixed
    drawn = list(mixed.take(DRAWN).as_numpy_iterator())
    return np.bincount(drawn, minlength=3) / len(drawn)


def _mixed(*fractions: float) -> Test:
    """Return a test whether the proportions are these, to 4 points."""
    return lambda drawn: np.allclose(drawn, fractions, rtol=0, atol=0.04)


SAMPLE = "first.sample_from_datasets([first, second, third]"
q3 = ask(
    3,
    value=_fractions,
    fill=f"{SAMPLE}, [3/4, 1/8, 1/8])",
    right=_mixed(3 / 4, 1 / 8, 1 / 8),
    wrong=(
        Wrong(
            f"{SAMPLE})",
            _mixed(1 / 3, 1 / 3, 1 / 3),
            "Without weights every dataset counts the same: only a third are "
            "photos as taken.",
        ),
        Wrong(
            f"{SAMPLE}, [1/2, 1/4, 1/4])",
            _mixed(1 / 2, 1 / 4, 1 / 4),
            "That is the mix of the lesson: half of the photos as taken.",
        ),
        Wrong(
            "first.concatenate(second).concatenate(third)",
            _mixed(1, 0, 0),
            "The first dataset never ends, so the others are never reached.",
        ),
        Wrong(
            f"{SAMPLE}, [1/8, 1/8, 3/4])",
            _mixed(1 / 8, 1 / 8, 3 / 4),
            "The weights have the order of the datasets: here the third has "
            "three quarters.",
        ),
    ),
    clue="`tf.data.Dataset.sample_from_datasets` takes a list of datasets and "
    "a list of weights in the same order.",
    more="The weights are a choice like any other: let validation photos "
    "decide whether half or three quarters is better.",
)

NAMES = ("flip", "rotation", "zoom", "light")


def _left(without_one: Callable[..., Any]) -> Any:
    """Return the names of the layers in each model of `without_one`."""
    augment = keras.Sequential(
        [keras.layers.Identity(name=name) for name in NAMES]
    )
    models = without_one(augment)
    if not isinstance(models, list | tuple):
        return models
    return [[getattr(x, "name", x) for x in model.layers] for model in models]


def _leaves(names: list[list[str]]) -> Test:
    """Return a test whether the models have these layers."""
    return lambda left: left == names


q4 = ask(
    4,
    value=_left,
    fill="[keras.Sequential(augment.layers[:i] + augment.layers[i + 1:]) "
    "for i in range(4)]",
    right=_leaves([[x for x in NAMES if x != one] for one in NAMES]),
    wrong=(
        Wrong(
            "[keras.Sequential([layer]) for layer in augment.layers]",
            _leaves([[one] for one in NAMES]),
            "These have one layer each. Here you want all of them but one.",
        ),
        Wrong(
            "[keras.Sequential(augment.layers) for layer in augment.layers]",
            _leaves([list(NAMES)] * 4),
            "Each model still has all four layers: leave one out.",
        ),
        Wrong(
            "[keras.Sequential(augment.layers[1:]) for i in range(4)]",
            _leaves([list(NAMES[1:])] * 4),
            "Each of these lacks the first layer. Leave out another one each "
            "time.",
        ),
        Wrong(
            "[keras.Sequential(augment.layers[:i]) for i in range(4)]",
            _leaves([list(NAMES[:i]) for i in range(4)]),
            "Layers are left out from the end on. Leave out one layer, and "
            "keep those before and after it.",
        ),
    ),
    clue="`augment.layers` is a list. Without number `i` it is "
    "`augment.layers[:i] + augment.layers[i + 1:]`.",
    more="An ablation may also add one layer at a time to none. If two "
    "layers do the same job, removing either shows no loss: try both ways.",
)
