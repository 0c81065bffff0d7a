"""Cached features get a new name whenever a model computes other ones."""

import functools

import keras
import numpy as np
import pytest

from helpers.features import cache_key
from helpers.network import dtypes

layers = keras.layers
DARK = 0.5


class Darker(keras.layers.Layer):
    """A learner's layer whose code uses a global constant."""

    def call(self, x):
        return x * DARK


class Versioned(Darker):
    cache_version = 1


class Changed(Versioned):
    """Has no version of its own."""


def doubled(x):
    return 2 * x


def relu(x):
    """Has the name of one of Keras' functions."""
    return 2 * x


def combined(combine):
    """Return a functional model in which two convolutions are combined."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((8, 8, 3))
    first, second = (layers.Conv2D(2, 1, name=n)(pixels) for n in "ab")
    return keras.Model(pixels, combine(first, second))


def nested(activation, depth):
    """Return models in a model, with one layer in the innermost."""
    model = keras.Sequential([layers.Activation(activation)])
    for _ in range(depth):
        pixels = keras.Input((8, 8, 3))
        model = keras.Model(pixels, model(pixels))
    return model


def adapted(mean):
    layer = layers.Normalization()
    layer.adapt(np.float32([[mean], [mean + 2]]))
    return keras.Sequential([layer])


def versioned(version):
    space = {"cache_version": version, "call": lambda self, x: x}
    kind = type("Own", (keras.layers.Layer,), space)
    return keras.Sequential([kind()])


@pytest.mark.parametrize(
    "build, first, second",
    [
        # Which tensor goes where.
        (
            combined,
            lambda a, b: layers.Subtract()([a, b]),
            lambda a, b: layers.Subtract()([b, a]),
        ),
        (combined, lambda a, b: a, lambda a, b: b),
        # Constants and arguments of a call.
        (combined, lambda a, b: a + b * 0.5, lambda a, b: a + b * 0.1),
        (
            combined,
            lambda a, b: a + np.float32([1, 2]),
            lambda a, b: a + np.float32([1, 3]),
        ),
        (
            combined,
            lambda a, b: layers.Dropout(0.5)(a, training=True),
            lambda a, b: layers.Dropout(0.5)(a, training=False),
        ),
        # The same layers, called once more.
        (
            combined,
            lambda a, b: layers.ReLU()(a) + b,
            lambda a, b: (once := layers.ReLU())(a) + once(b),
        ),
        *(
            (functools.partial(nested, depth=depth), "relu", "tanh")
            for depth in (0, 1, 3)
        ),
        (
            lambda name: layers.TimeDistributed(layers.Activation(name)),
            *("relu", "tanh"),
        ),
        (
            lambda name: layers.Pipeline([layers.Activation(name)]),
            *("relu", "tanh"),
        ),
        (layers.RandomFlip, "vertical", "horizontal"),
        (adapted, 1.0, 2.0),
        (versioned, 1, 2),
    ],
)
def test_each_change_counts_and_a_second_build_does_not(build, first, second):
    assert cache_key.of(build(first)) == cache_key.of(build(first))
    assert cache_key.of(build(first)) != cache_key.of(build(second))


def test_weights_count_and_what_is_trainable_does_not():
    model = combined(lambda a, b: a + b)
    before = cache_key.of(model)
    model.trainable = False
    model.compile("adam", "mse")
    model.predict(np.zeros((1, 8, 8, 3)), verbose=0)
    assert cache_key.of(model) == before
    model.set_weights([w + 1 for w in model.get_weights()])
    assert cache_key.of(model) != before


def test_the_precision_does_not_count_and_whole_numbers_do():
    model = combined(lambda a, b: layers.Add()([a, b]))
    for policy in ("mixed_bfloat16", "mixed_float16"):
        other = dtypes.with_dtype(model, policy)
        assert cache_key.of(other) == cache_key.of(model)
    exact, rounded = (
        keras.Sequential([layers.RandomFlip(dtype=dtype)])
        for dtype in ("float32", "uint8")
    )
    assert cache_key.of(exact) != cache_key.of(rounded)


def test_a_first_call_and_the_state_of_a_seed_do_not_count():
    augment = keras.Sequential([layers.RandomFlip(), layers.Rescaling(2.0)])
    before = cache_key.of(augment)
    augment(np.zeros((1, 8, 8, 3)), training=True)
    assert cache_key.of(augment) == before


WRAPS = {
    "bare": lambda layer: layer,
    "Sequential": lambda layer: keras.Sequential([layer]),
    "Pipeline": lambda layer: layers.Pipeline([layer]),
    "deep": lambda layer: keras.Sequential(
        [layers.TimeDistributed(layers.Pipeline([keras.Sequential([layer])]))]
    ),
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_an_own_layer_needs_a_version(wrap):
    with pytest.raises(cache_key.NotCacheableError) as error:
        cache_key.of(wrap(Darker(name="dusk")))
    assert "dusk is not from Keras" in str(error.value)
    assert "add cache_version = 1 to the class" in str(error.value)
    assert "\n" not in str(error.value)
    assert cache_key.is_keras(wrap(layers.ReLU()))
    assert not cache_key.is_keras(wrap(Darker()))


class Ones(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return keras.ops.ones(shape, dtype)


class Halved(keras.Operation):
    def call(self, x):
        return x / 2

    compute_output_spec = call


class NoConfig(keras.Model):
    cache_version = 1

    def __init__(self, anything):
        super().__init__()


@pytest.mark.parametrize(
    "build, message",
    [
        (Changed, "Changed declares no version"),
        (lambda: layers.Dense(2, kernel_initializer=Ones()), "calls Ones"),
        (lambda: NoConfig(object()), r"write get_config\(\)"),
        (lambda: combined(lambda a, b: Halved()(a)), "Halved declares no"),
    ],
)
def test_what_can_change_unseen_is_refused(build, message):
    with pytest.raises(cache_key.NotCacheableError, match=message):
        cache_key.of(build())


@pytest.mark.parametrize(
    "function",
    [doubled, relu, functools.partial(doubled), np.tanh, lambda x: x],
    ids=["named", "like one of Keras", "partial", "numpy", "lambda"],
)
@pytest.mark.parametrize("layer", [layers.Activation, layers.Lambda])
def test_an_own_function_is_never_cached(function, layer):
    name = getattr(function, "__name__", "partial")
    with pytest.raises(cache_key.NotCacheableError, match=f"calls {name}, "):
        cache_key.of(keras.Sequential([layer(function)]))


def test_what_keras_makes_is_from_keras():
    base = keras.applications.MobileNetV3Small(weights=None)
    base.compile("adam", lambda y, p: p)  # a loss changes no feature
    assert cache_key.is_keras(base)
    assert len(cache_key.of(base)) == 64
