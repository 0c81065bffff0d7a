"""Cached features get a new name whenever a model computes other ones."""

import functools

import keras
import numpy as np
import pytest

from helpers.features import cache_key

layers = keras.layers
DARK = 0.5


class Darker(keras.layers.Layer):
    """A learner's layer whose code uses a global constant."""

    def call(self, x):
        return x * DARK


class Versioned(Darker):
    cache_version = 1


def doubled(x):
    return 2 * x


def relu(x):
    """Has the name of one of Keras' functions."""
    return 2 * x


def refusal(model):
    with pytest.raises(cache_key.NotCacheableError) as error:
        cache_key.of(model)
    return str(error.value)


def combined(combine):
    """Return a functional model in which two convolutions are combined."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((8, 8, 3))
    one, other = (layers.Conv2D(2, 1, name=n)(pixels) for n in "ab")
    return keras.Model(pixels, combine(one, other))


def nested(activation, depth):
    """Return models in a model, with one layer in the innermost."""
    model = keras.Sequential([layers.Activation(activation)])
    for _ in range(depth):
        pixels = keras.Input((8, 8, 3))
        model = keras.Model(pixels, model(pixels))
    return model


@pytest.mark.parametrize(
    "first, second",
    [
        # Which tensor goes where.
        (
            lambda a, b: layers.Subtract()([a, b]),
            lambda a, b: layers.Subtract()([b, a]),
        ),
        (lambda a, b: a, lambda a, b: b),
        # Constants and arguments of a call.
        (lambda a, b: a + b * 0.5, lambda a, b: a + b * 0.1),
        (
            lambda a, b: a + np.float32([1, 2]),
            lambda a, b: a + np.float32([1, 3]),
        ),
        (
            lambda a, b: layers.Dropout(0.5)(a, training=True) + b,
            lambda a, b: layers.Dropout(0.5)(a, training=False) + b,
        ),
        # The same layers, called once more.
        (
            lambda a, b: layers.ReLU()(a) + b,
            lambda a, b: (relu := layers.ReLU())(a) + relu(b),
        ),
    ],
    ids=["order", "output", "constant", "array", "argument", "shared"],
)
def test_the_connections_and_constants_of_a_model_count(first, second):
    key, other = (cache_key.of(combined(its)) for its in (first, second))
    assert key != other
    assert key == cache_key.of(combined(first))


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_layers_nested_at_any_depth_count(depth):
    assert cache_key.of(nested("relu", depth)) == cache_key.of(
        nested("relu", depth)
    )
    assert cache_key.of(nested("relu", depth)) != cache_key.of(
        nested("tanh", depth)
    )


@pytest.mark.parametrize("wrap", [layers.TimeDistributed, layers.Pipeline])
def test_layers_in_a_wrapper_count(wrap):
    def key(activation):
        layer = layers.Activation(activation)
        return cache_key.of(
            wrap([layer] if wrap is layers.Pipeline else layer)
        )

    assert key("relu") == key("relu") != key("tanh")


def test_weights_count_and_what_is_trainable_does_not():
    model = combined(lambda a, b: a + b)
    before = cache_key.of(model)
    model.trainable = False
    model.compile("adam", "mse")
    model.predict(np.zeros((1, 8, 8, 3)), verbose=0)
    assert cache_key.of(model) == before
    model.set_weights([w + 1 for w in model.get_weights()])
    assert cache_key.of(model) != before


def test_an_adapted_normalization_counts():
    def key(mean):
        layer = layers.Normalization()
        layer.adapt(np.float32([[mean], [mean + 2]]))
        return cache_key.of(keras.Sequential([layer]))

    assert key(1.0) == key(1.0) != key(2.0)


def test_a_first_call_and_the_state_of_a_seed_do_not_count():
    augment = keras.Sequential([layers.RandomFlip(), layers.Rescaling(2.0)])
    before = cache_key.of(augment)
    augment(np.zeros((1, 8, 8, 3)), training=True)
    assert cache_key.of(augment) == before
    assert cache_key.of(layers.RandomFlip("vertical")) != cache_key.of(
        layers.RandomFlip("horizontal")
    )


@pytest.mark.parametrize("wrap", ["bare", "Sequential", "Pipeline", "deep"])
def test_an_own_layer_needs_a_version(wrap):
    def wrapped(layer):
        if wrap == "Sequential":
            return keras.Sequential([layer])
        if wrap == "Pipeline":
            return layers.Pipeline([layer])
        if wrap == "deep":
            inner = layers.Pipeline([keras.Sequential([layer])])
            return keras.Sequential([layers.TimeDistributed(inner)])
        return layer

    message = refusal(wrapped(Darker(name="dusk")))
    assert "dusk is not from Keras" in message
    assert "add cache_version = 1 to the class" in message
    assert "\n" not in message
    assert cache_key.is_keras(wrapped(layers.ReLU()))
    assert not cache_key.is_keras(wrapped(Darker()))


def test_each_own_class_declares_its_own_version():
    # A subclass must not pass with the version of the class it changes.
    assert "Darker declares no version" in refusal(Versioned())


def test_the_version_of_an_own_layer_is_part_of_the_key():
    def key(version):
        space = {"cache_version": version, "call": lambda self, x: x}
        kind = type("Own", (keras.layers.Layer,), space)
        return cache_key.of(keras.Sequential([kind()]))

    assert key(1) == key(1) != key(2)


@pytest.mark.parametrize(
    "function",
    [doubled, relu, functools.partial(doubled), np.tanh, lambda x: x],
    ids=["named", "like one of Keras", "partial", "numpy", "lambda"],
)
@pytest.mark.parametrize("layer", [layers.Activation, layers.Lambda])
def test_an_own_function_is_never_cached(function, layer):
    name = getattr(function, "__name__", "partial")
    message = refusal(keras.Sequential([layer(function)]))
    assert f"calls {name}, which is not from Keras" in message


def test_an_own_initializer_is_refused():
    class Ones(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return keras.ops.ones(shape, dtype)

    assert "calls Ones" in refusal(layers.Dense(2, kernel_initializer=Ones()))


def test_a_model_without_a_configuration_is_refused():
    class Own(keras.Model):
        cache_version = 1

        def __init__(self, anything):
            super().__init__()

    assert "write get_config()" in refusal(Own(object()))


def test_what_keras_makes_is_from_keras():
    base = keras.applications.MobileNetV3Small(weights=None)
    base.compile("adam", lambda y, p: p)  # a loss changes no feature
    assert cache_key.is_keras(base)
    assert len(cache_key.of(base)) == 64
