"""The exercises of lesson 05."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from scipy import special

from helpers.exercises.engine import Exercise, Test, Wrong

ask = partial(Exercise, "05_evaluate")

SIZE, CLASSES, LEVEL = 200, 3, 0.7


def _predictions() -> tuple[NDArray, NDArray]:
    """Return probabilities and labels of an overconfident model."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(CLASSES, 0.5), SIZE)
    hit = rng.random(SIZE) < p.max(axis=-1) - 0.2
    return p, (p.argmax(axis=-1) + ~hit) % CLASSES


def _overconfidence(function: Callable[..., Any]) -> Any:
    """Return what a function computes for `_predictions`."""
    return function(*_predictions(), LEVEL)


def _computes(rule: Callable[..., Any]) -> Test:
    """Return a test whether a number is that of a rule.

    Args:
        rule: (confidence, is it correct?, is it in the group?) -> number,
            of three arrays (n,).
    """

    def test(value: Any) -> bool:
        p, labels = _predictions()
        confidence = p.max(axis=-1)
        expected = rule(
            confidence, p.argmax(axis=-1) == labels, confidence >= LEVEL
        )
        return abs(value - expected) < 1e-6

    return test


def _true_class(value: Any) -> bool:
    """Return whether it was computed for the class that the label names."""
    p, labels = _predictions()
    of_label = p[np.arange(SIZE), labels]
    high = of_label >= LEVEL
    correct = p.argmax(axis=-1) == labels
    return abs(value - of_label[high].mean() + correct[high].mean()) < 1e-6


def _group(result: str, confidence: str = "p.max(axis=-1)") -> str:
    return (
        f"confidence = {confidence}\n"
        "    correct = p.argmax(axis=-1) == labels\n"
        "    high = confidence >= level\n"
        f"    {result}"
    )


q1 = ask(
    1,
    value=_overconfidence,
    fill=_group("return confidence[high].mean() - correct[high].mean()"),
    right=_computes(
        lambda c, correct, high: c[high].mean() - correct[high].mean()
    ),
    wrong=(
        Wrong(
            _group("return confidence[high].mean() - level"),
            _computes(lambda c, correct, high: c[high].mean() - LEVEL),
            "`level` only says which predictions belong to the group. How "
            "many of these are correct?",
        ),
        Wrong(
            _group("return correct[high].mean() - confidence[high].mean()"),
            _computes(
                lambda c, correct, high: correct[high].mean() - c[high].mean()
            ),
            "The sign is wrong: the result must be above zero if the "
            "confidence is higher than the accuracy.",
        ),
        Wrong(
            _group("return confidence.mean() - correct.mean()"),
            _computes(lambda c, correct, high: c.mean() - correct.mean()),
            "That is computed from all predictions. Take only those with a "
            "confidence of `level` or more.",
        ),
        Wrong(
            _group("return confidence[high].mean() - (correct & high).mean()"),
            _computes(
                lambda c, correct, high: (
                    c[high].mean() - (correct & high).mean()
                )
            ),
            "You divide the number of correct predictions in the group by "
            "the number of all photos. Divide by the size of the group.",
        ),
        Wrong(
            _group(
                "return confidence[high].mean() - correct[high].mean()",
                "p[np.arange(len(p)), labels]",
            ),
            _true_class,
            "You take the probability of the true class. The confidence is "
            "the largest probability: a user does not know the true class.",
        ),
        Wrong(
            _group("confidence[high].mean() - correct[high].mean()"),
            lambda value: value is None,
            "Your function returns nothing: its last line needs a `return`.",
        ),
    ),
    clue="First compute two arrays with a value for each photo: the largest "
    "probability, and whether the class that has it is the label. Then "
    "select the rows with `confidence >= level`, and take two means.",
    more="`overconfidence(p, labels, 0.9)` does it for the chosen model: 0 "
    "would be perfect, and a result below 0 means that the model is less "
    "confident than it could be.",
)


def _built(output: Any, logits: Any) -> NDArray:
    """Return what a model of the answer makes of two examples."""
    model = keras.Model(logits, output)
    return np.asarray(model(_example(logits)))


def _example(logits: Any) -> NDArray:
    steps = np.arange(2 * logits.shape[-1], dtype="float32")
    return steps.reshape(2, -1) ** 2 / 10


def _gives(rule: Callable[[NDArray], NDArray]) -> Test:
    """Return a test whether a model computes a function of the logits."""
    return lambda value, logits: (
        np.shape(value) == (2, logits.shape[-1])
        and np.allclose(value, rule(_example(logits)), rtol=1e-3, atol=1e-6)
    )


def _softmax(x: NDArray) -> NDArray:
    return special.softmax(x, axis=-1)


q2 = ask(
    2,
    fill="keras.layers.Softmax()(logits / 2)",
    value=_built,
    right=_gives(lambda x: _softmax(x / 2)),
    wrong=(
        Wrong(
            "keras.layers.Softmax()(logits)",
            _gives(_softmax),
            "That is temperature 1: nothing divides the logits.",
        ),
        Wrong(
            "keras.layers.Softmax()(logits * 2)",
            _gives(lambda x: _softmax(x * 2)),
            "Multiplied by 2, the logits move further apart: that is "
            "temperature 0.5.",
        ),
        Wrong(
            "logits / 2",
            _gives(lambda x: x / 2),
            "These are still logits. A softmax makes probabilities of them.",
        ),
        Wrong(
            "keras.layers.Softmax()(logits) / 2",
            _gives(lambda x: _softmax(x) / 2),
            "You divide the probabilities, and they no longer add up to 1. "
            "Divide before the softmax.",
        ),
    ),
    clue="Arithmetic works on Keras tensors. `keras.layers.Softmax()` makes "
    "a layer, which you then call with a tensor.",
    more="Such a model is saved with its temperature inside, so its users "
    "get calibrated probabilities.",
)


def _equals(rule: Callable[..., NDArray]) -> Test:
    """Return a test whether a value is the result of a rule."""
    return lambda value, *context: np.array_equal(value, rule(*context))


def _differs(rule: Callable[..., NDArray], right: Callable) -> Test:
    """Return a test for a wrong rule, unless it is correct by chance."""
    return lambda value, *context: (
        np.array_equal(value, rule(*context))
        and not np.array_equal(value, right(*context))
    )


def _cheapest(p: NDArray, cost: NDArray) -> NDArray:
    return (p @ cost).argmin(axis=-1)


q3 = ask(
    3,
    fill="(calibrated @ cost).argmin(axis=-1)",
    right=_equals(_cheapest),
    wrong=(
        Wrong(
            "calibrated.argmax(axis=-1)",
            _differs(lambda p, cost: p.argmax(axis=-1), _cheapest),
            "That predicts the most likely class, whatever an error costs.",
        ),
        Wrong(
            "(calibrated @ cost).argmax(axis=-1)",
            _differs(lambda p, cost: (p @ cost).argmax(axis=-1), _cheapest),
            "That is the most expensive prediction.",
        ),
        Wrong(
            "(calibrated @ cost.T).argmin(axis=-1)",
            _differs(lambda p, cost: (p @ cost.T).argmin(axis=-1), _cheapest),
            "Here the table is transposed, and a false alert costs 20. Its "
            "rows are true classes, as are the probabilities.",
        ),
        Wrong(
            "(calibrated @ cost).min(axis=-1)",
            _differs(lambda p, cost: (p @ cost).min(axis=-1), _cheapest),
            "That is the cost of the best prediction. The question is which "
            "prediction it is.",
        ),
    ),
    clue="`calibrated @ cost` is the expected cost of each prediction, for "
    "each photo. Which prediction do you want?",
    more="Nothing was trained for this. When the costs change, change the "
    "table and keep the model.",
)

WAS, COMMON = np.array([0.5, 0.3, 0.2]), np.array([0.9, 0.06, 0.04])
LOGITS = np.random.default_rng(0).normal(size=(CLASSES, CLASSES))
RARE = _softmax(LOGITS) * COMMON / WAS


def _corrected(function: Callable[..., Any]) -> Any:
    """Return what a model predicts for `LOGITS`, or what is no model."""
    logits = keras.Input((CLASSES,))
    model = keras.Model(logits, keras.layers.Softmax()(logits))
    found = function(model, WAS, COMMON)
    if isinstance(found, keras.Model):
        return np.asarray(found(LOGITS))
    return found


def _is(expected: NDArray) -> Test:
    return lambda value: np.allclose(value, expected, rtol=1e-3)


def _normalised(p: NDArray) -> NDArray:
    return p / p.sum(axis=-1, keepdims=True)


def _returns(output: str, p: str = "model.output * common / was") -> str:
    return f"p = {p}\n    return {output}"


SUM = "p / keras.ops.sum(p, axis=-1, keepdims=True)"
MODEL = f"keras.Model(model.input, {SUM})"

q4 = ask(
    4,
    value=_corrected,
    fill=_returns(MODEL),
    right=_is(_normalised(RARE)),
    wrong=(
        Wrong(
            _returns("keras.Model(model.input, p)"),
            _is(RARE),
            "These do not add up to 1. Divide the results of each photo by "
            "their sum.",
        ),
        Wrong(
            _returns(MODEL, "model.output * was / common"),
            _is(_normalised(_softmax(LOGITS) * WAS / COMMON)),
            "Here a class that is rarer than in training becomes more "
            "probable. Which of the two do you divide by?",
        ),
        Wrong(
            _returns(MODEL, "model.output * common"),
            _is(_normalised(_softmax(LOGITS) * COMMON)),
            "The probabilities reflect how common each class was in "
            "training. Divide by that.",
        ),
        Wrong(
            _returns("keras.Model(model.input, p / keras.ops.sum(p, -1))"),
            _is(RARE / RARE.sum(axis=-1)),
            "The sums have lost the axis of the classes, so a photo is "
            "divided by the sums of other photos. `keepdims=True` keeps it.",
        ),
        Wrong(
            _returns("keras.Model(model.input, keras.ops.softmax(p))"),
            _is(_softmax(RARE)),
            "A softmax makes them add up to 1, but it is for logits: it "
            "changes the ratios of probabilities. Divide by the sum.",
        ),
        Wrong(
            _returns(MODEL, "common / was * model.output"),
            lambda error: (
                isinstance(error, ValueError) and "symbolic" in str(error)
            ),
            "A NumPy array can't be multiplied by a Keras tensor that comes "
            "second. Begin with the tensor: `model.output * common`.",
        ),
        Wrong(
            _returns(SUM),
            lambda output: isinstance(output, keras.KerasTensor),
            "That is the output of a model. `keras.Model` makes one of an "
            "input and an output.",
        ),
    ),
    clue="`model.input` and `model.output` are Keras tensors. Arithmetic "
    "works on them, `keras.ops.sum` adds up along an axis, and `keras.Model` "
    "takes an input and an output.",
    more="Nothing was trained for this either. `common` is an estimate: if "
    "it is wrong for your parts, so are the probabilities.",
)


def _quantile(level: float) -> Callable[[NDArray], float]:
    return lambda trusted: float(np.quantile(trusted, level))


def _number(rule: Callable[[NDArray], float], slack: float) -> Test:
    """Return a test whether a number is close to that of a rule."""
    return lambda value, trusted: abs(value - rule(trusted)) <= slack


q5 = ask(
    5,
    fill="np.quantile(trusted, 0.95)",
    right=lambda value, trusted: (
        abs(np.mean(trusted <= value) - 0.95) <= 1 / len(trusted)
    ),
    wrong=(
        Wrong(
            "0.95",
            _number(lambda trusted: 0.95, 1e-9),
            "That is the fraction of photos to accept. The threshold is a "
            "value of the uncertainty.",
        ),
        Wrong(
            "np.quantile(trusted, 0.05)",
            _number(_quantile(0.05), 1e-9),
            "That accepts only 5%: photos with *more* uncertainty than the "
            "threshold are rejected.",
        ),
        Wrong(
            "trusted.max()",
            _number(_quantile(1), 1e-9),
            "That accepts all of them, and more of the images that should "
            "be rejected.",
        ),
    ),
    clue="Which value has 95% of `trusted` below it? See `np.quantile`.",
    more="The other 5% are the price: correct predictions that are not "
    "used. What it buys is the fraction of OOD images rejected.",
)
