"""The exercises of lesson 06."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.exercises.engine import Exercise, Test, Wrong

ask = partial(Exercise, "06_explain")


def _is(rule: Callable[..., Any], right: Callable[..., Any]) -> Test:
    """Return a test for the result of a rule, unless it is also right."""

    def test(value: Any, *context: Any) -> bool:
        value, answer = np.asarray(value), np.asarray(right(*context))
        expected = np.asarray(rule(*context))
        if value.shape != expected.shape or value.dtype.kind in "OU":
            return False
        same = np.allclose(value, expected, rtol=1e-4, atol=1e-6)
        return same and not (
            expected.shape == answer.shape
            and np.allclose(expected, answer, rtol=1e-4, atol=1e-6)
        )

    return test


def _equals(right: Callable[..., Any]) -> Test:
    """Return a test whether a value is the result of a rule."""

    def test(value: Any, *context: Any) -> bool:
        value, answer = np.asarray(value), np.asarray(right(*context))
        same_shape = value.shape == answer.shape
        return same_shape and np.allclose(value, answer, 1e-4, 1e-6)

    return test


def _example(last: Any) -> NDArray[np.float32]:
    """Return three rows of inputs for the last layer."""
    shape = 3, last.kernel.shape[0]
    return np.random.default_rng(0).random(shape, np.float32)


def _logits(last: Any) -> NDArray:
    return _example(last) @ np.asarray(last.kernel) + np.asarray(last.bias)


q1 = ask(
    1,
    fill="x @ last.kernel + last.bias",
    value=lambda function, last: function(_example(last)),
    right=_equals(_logits),
    wrong=(
        Wrong(
            "last(x)",
            _is(lambda last: last(_example(last)), _logits),
            "The layer ends in a softmax, so this is the probability. Write "
            "what it computes before that.",
        ),
        Wrong(
            "x @ last.kernel",
            _is(lambda last: _logits(last) - np.asarray(last.bias), _logits),
            "The bias is missing. The gradients would be the same, but this "
            "is not yet the logit.",
        ),
        Wrong(
            "tf.math.log(last(x))",
            _is(lambda last: np.log(last(_example(last))), _logits),
            "That is the logarithm of the probability. It differs from the "
            "logit by a number that depends on all classes.",
        ),
    ),
    clue="A `Dense` layer multiplies its input by `last.kernel` and adds "
    "`last.bias`; then it applies its activation.",
    more="A probability close to 1 can hardly rise, whatever the evidence. "
    "The logit of a class does not depend on the other classes.",
)


def _positive(total: NDArray) -> NDArray:
    return np.maximum(total, 0)


q2 = ask(
    2,
    fill="keras.layers.ReLU()",
    value=lambda layer, total: layer(total),
    right=_equals(_positive),
    wrong=(
        Wrong(
            "keras.ops.abs",
            _is(np.abs, _positive),
            "Then positions with evidence against the class are bright, too.",
        ),
        Wrong(
            "keras.layers.Identity()",
            _is(lambda total: total, _positive),
            "The evidence against the class is still in it, below 0.",
        ),
        Wrong(
            "keras.layers.Softmax()",
            lambda value, total: (
                not np.allclose(
                    np.asarray(value) * (total > 0), np.maximum(total, 0)
                )
            ),
            "Positions above 0 must keep their value.",
        ),
        Wrong(
            "keras.layers.LeakyReLU()",
            lambda value, total: (np.asarray(value) * (total < 0)).any(),
            "Positions below 0 keep a part of their value. They should "
            "become exactly 0.",
        ),
    ),
    clue="A position below 0 lowers the score of the class. Which activation "
    "function turns every negative number into 0? Keras has it as a layer.",
    more="The same function is used between the layers of the head. With "
    "the sign reversed, you see the evidence against the class.",
)


def _mean_map(maps: NDArray) -> NDArray:
    return np.asarray(maps).mean(axis=-1)


q3 = ask(
    3,
    fill="keras.ops.mean(few, axis=-1)",
    right=_equals(_mean_map),
    wrong=(
        Wrong(
            "keras.ops.mean(few, axis=(1, 2))",
            _is(lambda maps: np.asarray(maps).mean(axis=(1, 2)), _mean_map),
            "That is the mean over the positions: the features, which no "
            "longer show where. Average over the channels.",
        ),
        Wrong(
            "keras.ops.mean(few)",
            _is(lambda maps: np.asarray(maps).mean(), _mean_map),
            "That is one number for all photos. Which axis has the channels?",
        ),
        Wrong(
            "keras.ops.mean(few, axis=0)",
            _is(lambda maps: np.asarray(maps).mean(axis=0), _mean_map),
            "That averages over the photos. Which axis has the channels?",
        ),
    ),
    clue="`few` has the shape (photos, rows, columns, channels).",
    more="This map knows neither the class nor the head. An explanation that "
    "points no better than this explains nothing about the class.",
)


def _own(probs: NDArray, labels: NDArray) -> NDArray:
    return probs[np.arange(len(labels)), labels]


q4 = ask(
    4,
    fill="probs[np.arange(len(noisy)), noisy]",
    right=_equals(_own),
    wrong=(
        Wrong(
            "probs.max(axis=-1)",
            _is(lambda probs, _: probs.max(axis=-1), _own),
            "That is the confidence in the prediction. The question is how "
            "probable the label of the photo is.",
        ),
        Wrong(
            "probs[:, noisy]",
            _is(lambda probs, labels: probs[:, labels], _own),
            "That is a table of all photos and all labels. Each photo needs "
            "its own row as well.",
        ),
        Wrong(
            "1 - probs[np.arange(len(noisy)), noisy]",
            _is(lambda probs, labels: 1 - _own(probs, labels), _own),
            "That is the probability that the label is wrong; candidates "
            "would have the highest value instead of the lowest.",
        ),
    ),
    clue="Row i of `probs` belongs to photo i, whose label is `noisy[i]`. "
    "`np.arange(len(noisy))` counts the rows.",
    more="Two arrays of indices select one element for each photo. The "
    "probability comes from a model that has not seen this label.",
)
