"""A copy for forward passes does less and says the same."""

import gc
import weakref

import keras
import numpy as np
import pytest

from helpers.network import fused

layers = keras.layers


def settled(model):
    """Give a model weights and stored averages that are all different."""
    rng = np.random.default_rng(0)
    model.set_weights(
        [rng.uniform(0.2, 1, w.shape) / max(1, w.ndim) for w in model.weights]
    )
    return model


def base(**options):
    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(5, 3, use_bias=False)(inputs)
    x = layers.BatchNormalization(**options)(x)
    x = layers.Activation("relu")(x)
    x = layers.Conv2D(4, 3)(x)
    return keras.Model(inputs, layers.BatchNormalization()(x))


def nested(inner):
    inputs = keras.Input((12, 12, 3))
    scaled = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    mean = layers.GlobalAveragePooling2D()(inner(scaled))
    return settled(keras.Model(inputs, mean))


PIXELS = np.random.default_rng(1).integers(0, 256, (2, 12, 12, 3))


def kinds(model):
    found = []
    for layer in model.layers:
        inner = isinstance(layer, keras.Model)
        found += kinds(layer) if inner else [type(layer).__name__]
    return found


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}])
def test_the_same_without_batchnorm(options):
    model = nested(base(**options))
    copy = fused.FusedModel(model, "float32").model
    assert "BatchNormalization" in kinds(model)
    assert "BatchNormalization" not in kinds(copy)
    np.testing.assert_allclose(copy(PIXELS), model(PIXELS), rtol=1e-5)


def test_nearly_the_same_with_fewer_digits():
    model = nested(base())
    copy = fused.FusedModel(model, "mixed_bfloat16").model
    says, wanted = np.float32(copy(PIXELS)), np.asarray(model(PIXELS))
    assert 0 < np.abs(says - wanted).max() < 0.02 * np.abs(wanted).max()
    assert {w.dtype for w in copy.weights} == {"float32"}
    assert copy.layers[1].compute_dtype == "float32"  # the scaling


def test_weights_that_changed_are_taken_over():
    model = nested(base())
    copy = fused.FusedModel(model, "float32")
    before = np.asarray(copy.model(PIXELS))
    model.set_weights([1.5 * w for w in model.get_weights()])
    np.testing.assert_array_equal(copy.model(PIXELS), before)
    copy.refresh()
    np.testing.assert_allclose(copy.model(PIXELS), model(PIXELS), rtol=1e-5)


def test_the_model_itself_stays_as_it_is():
    model = nested(base())
    before = model.get_weights()
    fused.FusedModel(model, "float32")
    assert "BatchNormalization" in kinds(model)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_copy_does_not_keep_the_model_in_memory():
    inner = base()
    model = nested(inner)
    kernel = weakref.ref(inner.layers[1].kernel)
    copy = fused.FusedModel(model, "float32")
    del inner, model
    gc.collect()
    assert kernel() is None
    assert copy.model(PIXELS).shape == (2, 4)


def branched(inputs):
    """Something else needs what the convolution says."""
    x = layers.Conv2D(3, 3, padding="same")(inputs)
    return layers.Add()([x, layers.BatchNormalization()(x)])


def activated(inputs):
    """A curve stands between convolution and BatchNorm."""
    x = layers.Conv2D(3, 3, activation="relu")(inputs)
    return layers.BatchNormalization()(x)


def lone(inputs):
    """There is no convolution before it."""
    return layers.BatchNormalization()(inputs)


def twice(inputs):
    """One convolution is used in two places."""
    once = layers.Conv2D(3, 3, padding="same")
    return layers.BatchNormalization()(once(once(inputs)))


def computed(inputs):
    """A plain computation needs what the convolution says."""
    x = layers.Conv2D(3, 3, padding="same")(inputs)
    return layers.BatchNormalization()(x) + 2 * x


def reused(inputs):
    """The convolution is called again without BatchNorm after it."""
    once = layers.Conv2D(3, 3, padding="same")
    return layers.BatchNormalization()(once(inputs)) + once(2 * inputs)


def norm_reused(inputs):
    """BatchNorm is called again without a convolution before it."""
    norm = layers.BatchNormalization()
    x = layers.Conv2D(3, 3, padding="same")(inputs)
    return layers.Add()([norm(x), norm(inputs)])


def in_sequential(inputs):
    """All layers of a Sequential are called in a copy."""
    conv = layers.Conv2D(3, 3, padding="same")
    return keras.Sequential([conv, layers.BatchNormalization()])(inputs)


@pytest.mark.parametrize(
    "build",
    [branched, activated, lone, twice]
    + [computed, reused, norm_reused, in_sequential],
)
def test_where_folding_would_be_wrong_batchnorm_stays(build):
    inputs = keras.Input((12, 12, 3))
    model = nested(keras.Model(inputs, build(inputs)))
    copy = fused.FusedModel(model, "float32").model
    assert "BatchNormalization" in kinds(copy)
    np.testing.assert_allclose(copy(PIXELS), model(PIXELS), rtol=1e-5)
