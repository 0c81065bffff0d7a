"""Each silent mistake is refused, and nothing else is."""

import keras
import numpy as np
import pytest

from helpers.dataset import splits
from helpers.network import validate


def split_of(name, keys):
    photos = [f"a/{key}.png" for key in keys]
    return splits.Split(name, ("a",), photos, np.zeros(len(keys), int), keys)


@pytest.fixture
def base():
    inputs = keras.Input((9, 9, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    return keras.Model(inputs, x)


def test_scaled_pixels_are_accepted():
    validate.pixel_range(np.linspace(-1, 1, 99))
    validate.pixel_range(np.array([-0.2, 0.1]))  # a dim photo


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.arange(256), "from 0 to 255"),
        (np.arange(256) / 255, "from 0 to 1"),
        (np.arange(256) / 127.5 - 1.1, "from -1.1 to 0.9"),
        (np.array([-1, np.nan]), "nan"),
    ],
)
def test_other_pixels_are_refused(pixels, message):
    with pytest.raises(ValueError, match=message):
        validate.pixel_range(pixels)


def test_a_test_photo_seen_in_training_is_refused():
    train = split_of("train", ["1", "2"])
    validate.disjoint_splits(train, split_of("test", ["3", "4"]))
    with pytest.raises(ValueError, match="one split: 1, such as 2.png"):
        validate.disjoint_splits(train, split_of("test", ["2", "4"]))


def test_a_base_without_trainable_parameters_is_refused(base):
    validate.trainable(base)
    base.trainable = False
    with pytest.raises(ValueError, match="boundary"):
        validate.trainable(base)


def test_trainable_batch_norm_is_refused(base):
    with pytest.raises(ValueError, match="1 BatchNorm layers .* as norm"):
        validate.frozen_batchnorm(base)
    base.get_layer("norm").trainable = False
    validate.frozen_batchnorm(base)
