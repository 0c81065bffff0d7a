"""A fused copy for inference does less work and computes the same."""

import gc
import weakref

import keras
import numpy as np
import pytest

from helpers.network import fused

layers = keras.layers
PIXELS = np.random.default_rng(1).integers(0, 256, (2, 12, 12, 3))


def base(**options):
    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(5, 3, use_bias=False)(inputs)
    x = layers.BatchNormalization(**options)(x)
    x = layers.Activation("relu")(x)
    x = layers.Conv2D(4, 3)(x)
    return keras.Model(inputs, layers.BatchNormalization()(x))


def nested(inner):
    """Return a model around another, with weights that are all different."""
    inputs = keras.Input((12, 12, 3))
    scaled = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    mean = layers.GlobalAveragePooling2D()(inner(scaled))
    model = keras.Model(inputs, mean)
    rng = np.random.default_rng(0)
    model.set_weights(
        [rng.uniform(0.2, 1, w.shape) / max(1, w.ndim) for w in model.weights]
    )
    return model


def has_batchnorm(model):
    return any(
        has_batchnorm(layer)
        if isinstance(layer, keras.Model)
        else isinstance(layer, layers.BatchNormalization)
        for layer in model.layers
    )


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}])
def test_the_same_without_batchnorm(options):
    model = nested(base(**options))
    before = model.get_weights()
    copy = fused.fuse(model, "float32")
    assert has_batchnorm(model) and not has_batchnorm(copy)
    np.testing.assert_allclose(copy(PIXELS), model(PIXELS), rtol=1e-5)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_nearly_the_same_in_lower_precision():
    model = nested(base())
    copy = fused.fuse(model, "mixed_bfloat16")
    features, exact = np.float32(copy(PIXELS)), np.asarray(model(PIXELS))
    assert 0 < np.abs(features - exact).max() < 0.02 * np.abs(exact).max()
    assert {w.dtype for w in copy.weights} == {"float32"}
    assert copy.layers[1].compute_dtype == "float32"  # the pixel scaling


def test_a_copy_does_not_keep_the_model_in_memory():
    inner = base()
    model = nested(inner)
    kernel = weakref.ref(inner.layers[1].kernel)
    copy = fused.fuse(model, "float32")
    del inner, model
    gc.collect()
    assert kernel() is None
    assert copy(PIXELS).shape == (2, 4)


def conv(**options):
    return layers.Conv2D(3, 3, padding="same", **options)


def norm():
    return layers.BatchNormalization()


def two_outputs(x):
    inputs = keras.Input(x.shape[1:])
    y = conv()(inputs)
    return layers.Add()(keras.Model(inputs, [y, norm()(y)])(x))


NOT_FOLDED = {  # layers between a convolution and its BatchNorm, or more users
    "activated": lambda x: norm()(conv(activation="relu")(x)),
    "branched": lambda x: layers.Add()([y := conv()(x), norm()(y)]),
    "computed": lambda x: norm()(y := conv()(x)) + 2 * y,
    "in a Sequential": lambda x: keras.Sequential([conv(), norm()])(x),
    "lone": lambda x: norm()(x),
    "an output": two_outputs,
    "norm reused": lambda x: layers.Add()(
        [(once := norm())(conv()(x)), once(x)]
    ),
    "reused": lambda x: norm()((once := conv())(x)) + once(2 * x),
    "twice": lambda x: norm()((once := conv())(once(x))),
}


@pytest.mark.parametrize("build", NOT_FOLDED.values(), ids=NOT_FOLDED)
def test_where_folding_would_be_wrong_batchnorm_stays(build):
    inputs = keras.Input((12, 12, 3))
    model = nested(keras.Model(inputs, build(inputs)))
    copy = fused.fuse(model, "float32")
    assert has_batchnorm(copy)
    np.testing.assert_allclose(copy(PIXELS), model(PIXELS), rtol=1e-5)
