"""The exercises of lesson 07."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from scipy import special

from helpers.exercises.engine import Exercise, Test, Wrong, ____

ask = partial(Exercise, "07_ship_it")

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 299, 299, 3))


def _network() -> keras.Model:
    """Return a small network, trained on -1 to 1, that returns logits."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((299, 299, 3)),
            keras.layers.Conv2D(4, 299, kernel_initializer="he_normal"),
            keras.layers.Flatten(),
        ]
    )


def _handed_over(function: Callable[..., Any]) -> Any:
    """Return a function's model, called with two photos, and the network."""
    trained = _network()
    model = function(trained)
    if not isinstance(model, keras.Model):
        return model
    return np.asarray(model(PIXELS.astype("float32"))), trained


def _computes(rule: Callable[..., Any]) -> Test:
    """Return a test whether a model computes what a rule makes of pixels."""
    return lambda value: np.allclose(
        value[0], rule(value[1], PIXELS.astype("float32")), 1e-3, 1e-5
    )


SCALING = "keras.layers.Rescaling(1 / 127.5, offset=-1)"


def _model(*layers: str) -> str:
    start = "keras.Input((299, 299, 3))"
    return f"return keras.Sequential([{', '.join((start, *layers))}])"


q1 = ask(
    1,
    value=_handed_over,
    fill=_model(SCALING, "trained", "keras.layers.Softmax()"),
    right=_computes(
        lambda trained, x: special.softmax(trained(x / 127.5 - 1), axis=-1)
    ),
    wrong=(
        Wrong(
            _model("trained", "keras.layers.Softmax()"),
            _computes(lambda trained, x: special.softmax(trained(x), axis=-1)),
            "It takes pixels from 0 to 255 as if they were from -1 to 1, and "
            "gives wrong predictions without an error. Its user does not "
            "know how to scale: the model must.",
        ),
        Wrong(
            _model(
                "keras.layers.Rescaling(1 / 255)",
                "trained",
                "keras.layers.Softmax()",
            ),
            _computes(
                lambda trained, x: special.softmax(trained(x / 255), axis=-1)
            ),
            "That scales to 0 to 1. The network was trained on -1 to 1.",
        ),
        Wrong(
            _model(SCALING, "trained"),
            _computes(lambda trained, x: trained(x / 127.5 - 1)),
            "Its user gets logits, and can compare them with no threshold. "
            "Which layer makes probabilities of them?",
        ),
        Wrong(
            "return trained",
            _computes(lambda trained, x: trained(x)),
            "Then the user has to scale the pixels before it, and to apply "
            "the softmax after it. Put both into the model.",
        ),
    ),
    clue="A model is a layer: put `trained` into a `keras.Sequential`, with a "
    "`Rescaling` layer before it and a `Softmax` after it.",
    more="Whatever is not in the file, its users have to ask you for. The "
    "names of the classes are no layer, so they are stored beside the "
    "weights.",
)


class _Interpreter:
    """Stands in for a LiteRT interpreter, as strict as the real one.

    Its model returns the mean of the last photo with which it was run.
    """

    def __init__(self) -> None:
        self._input: Any = None
        self._output = np.zeros((1, 1), np.float32)

    def set_tensor(self, index: int, value: npt.NDArray[Any]) -> None:
        if index != 0:
            raise ValueError(f"set_tensor got {index}, which is no input")
        if value.ndim != 4:
            raise ValueError(f"Dimension mismatch: {value.ndim} and not 4")
        if value.dtype != np.float32:
            raise ValueError(f"Got {value.dtype} but expected FLOAT32")
        self._input = value

    def invoke(self) -> None:
        if self._input is None:
            raise RuntimeError("Input tensor 0 lacks data")
        self._output = np.full((1, 1), self._input.mean(), np.float32)

    def get_tensor(self, index: int) -> npt.NDArray[np.float32]:
        return self._output


def _predicted(function: Callable[..., Any]) -> Any:
    """Return what a function predicts for two photos, of pixels 0 and 51."""
    interpreter = _Interpreter()
    photos = [np.full((299, 299, 3), value, np.uint8) for value in (0, 51)]
    return [float(function(interpreter, p, 0, 7)[0]) for p in photos]


def _raises(text: str) -> Test:
    return lambda error: isinstance(error, Exception) and text in str(error)


SET, RUN = "interpreter.set_tensor(inputs, ", "interpreter.invoke()"
BATCH = "np.float32(photo)[None])"

q2 = ask(
    2,
    value=_predicted,
    fill=f"{SET}{BATCH}\n    {RUN}",
    right=lambda means: means == [0, 51],
    wrong=(
        Wrong(
            f"{SET}{BATCH}",
            lambda means: means == [0, 0],
            "The photo is set, but the interpreter has not run: the output is "
            "what was in its memory before.",
        ),
        Wrong(
            f"{SET}photo[None])\n    {RUN}",
            _raises("expected FLOAT32"),
            "The pixels are still uint8. The interpreter converts nothing by "
            "itself.",
        ),
        Wrong(
            f"{SET}np.float32(photo))\n    {RUN}",
            _raises("Dimension"),
            "It takes a batch, four dimensions. A photo has three.",
        ),
        Wrong(
            f"{SET}np.float32(photo)[None] / 127.5 - 1)\n    {RUN}",
            lambda means: means[1] < 0,
            "The scaling is part of the graph. Scaled twice, all photos are "
            "nearly the same grey.",
        ),
        Wrong(
            RUN,
            _raises("lacks data"),
            "It runs, but on which photo? `set_tensor` gives it one.",
        ),
    ),
    clue="`set_tensor` takes an index and an array; then `invoke` runs the "
    "graph. `np.float32` converts, and `[None]` adds a dimension.",
    more="These lines are all that a phone or a small computer needs: no "
    "TensorFlow and no Keras. `use_it.py` holds the same ones.",
)

TOP, CLASS = "keras.ops.max(p, axis=-1)", "keras.ops.argmax(p, axis=-1)"
CONFIDENT, UNCERTAIN = [0.9, 0.06, 0.04], [0.35, 0.25, 0.4]
PROBS = np.array([CONFIDENT, UNCERTAIN, CONFIDENT[::-1], UNCERTAIN[::-1]])


def _rejecting(function: Callable[..., Any]) -> Any:
    """Return what a model predicts at 0.7 for `PROBS`, or what is no model.

    Of the four photos, the first and the third are confident predictions.
    """
    logits = keras.Input((3,))
    model = keras.Model(logits, keras.layers.Softmax()(logits))
    found = function(model, 0.7)
    if isinstance(found, keras.Model):
        return np.asarray(found(np.log(PROBS)))
    return found


def _is(*classes: int) -> Test:
    return lambda value: np.array_equal(value, classes)


def _rejects(where: str, otherwise: str = f"{CLASS}, -1") -> str:
    output = f"keras.ops.where({where}, {otherwise})"
    return f"p = model.output\n    return keras.Model(model.input, {output})"


q3 = ask(
    3,
    value=_rejecting,
    fill=_rejects(f"{TOP} >= threshold"),
    right=_is(0, -1, 2, -1),
    wrong=(
        Wrong(
            _rejects(f"{TOP} < threshold"),
            _is(-1, 2, -1, 0),
            "The wrong photos are rejected: those above the threshold.",
        ),
        Wrong(
            _rejects("keras.ops.max(p) >= threshold"),
            _is(0, 2, 2, 0),
            "Nothing is rejected: without an axis, that is the largest "
            "probability of the whole batch.",
        ),
        Wrong(
            _rejects("p >= threshold", f"{CLASS}[:, None], -1"),
            lambda value: np.shape(value) == (4, 3),
            "That is a result for each class. Only the largest probability "
            "of a photo is compared with the threshold.",
        ),
        Wrong(
            _rejects(f"{TOP} >= threshold", f"{TOP}, -1"),
            lambda value: np.allclose(value, [0.9, -1, 0.9, -1]),
            "Those are the probabilities of the classes, not their numbers.",
        ),
        Wrong(
            f"p = model.output\n    return {CLASS}",
            lambda output: isinstance(output, keras.KerasTensor),
            "That is the output of a model. `keras.Model` makes one of an "
            "input and an output.",
        ),
        Wrong(
            "p = model.output\n    return p.argmax() if p.max() >= threshold "
            "else -1",
            _raises("has no attribute"),
            "A Keras tensor has no values yet and is not a NumPy array. Use "
            "the functions of `keras.ops`, here `max`, `argmax` and `where`.",
        ),
    ),
    clue="`keras.ops.where(condition, a, b)` chooses for each photo. Which "
    "condition, which `a`, which `b`? `keras.ops` has `max` and `argmax`, "
    "too.",
    more="Such a model can be exported like any other: the threshold is then "
    "part of its graph.",
)

MANN_WHITNEY = 'mannwhitneyu({}, {}, alternative="{}").pvalue {} rate'


def _alerts(function: Callable[..., Any]) -> Any:
    """Return the alerts for a rate of 0.01 on three kinds of photos.

    Their numbers are a little, a lot and not at all larger than those of
    the reference; the last are a lot smaller.
    """
    reference, shifts = np.arange(100) / 100, (0.01, 1, -1)
    values = [function(reference, reference + s, 0.01) for s in shifts]
    return [____ if v is ____ else bool(v) for v in values]


q4 = ask(
    4,
    value=_alerts,
    fill=MANN_WHITNEY.format("latest", "reference", "greater", "<"),
    right=lambda alerts: alerts == [False, True, False],
    wrong=(
        Wrong(
            MANN_WHITNEY.format("reference", "latest", "greater", "<"),
            lambda alerts: alerts == [False, False, True],
            "This asks whether the numbers of the *reference* are larger: the "
            "first argument is the one that may be greater.",
        ),
        Wrong(
            MANN_WHITNEY.format("latest", "reference", "two-sided", "<"),
            lambda alerts: alerts == [False, True, True],
            "This also gives an alert if the numbers are smaller than usual, "
            "that is, if the photos are more ordinary.",
        ),
        Wrong(
            MANN_WHITNEY.format("latest", "reference", "greater", ">"),
            lambda alerts: alerts == [True, False, True],
            "A small p-value is the alert: chance alone would rarely give "
            "such ranks.",
        ),
        Wrong(
            "latest.mean() > reference.mean()",
            lambda alerts: alerts == [True, True, False],
            "Without any shift, that is so every second time.",
        ),
    ),
    clue="`mannwhitneyu` takes the two arrays and `alternative`; its result "
    "has a `pvalue`.",
    more="A test a day at a rate of 0.01 gives 365 · 0.01, between three and "
    "four false alerts a year. If that is too many, set a lower rate, and "
    "use more photos to detect a change.",
)
