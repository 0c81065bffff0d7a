"""Inception v3 with a small head on each of several blocks."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from pretraining import targets, views
from pretraining.targets import HISTOGRAMS, TAPS

WHOLES = ("mixed8", "mixed10")  # blocks asked which views belong together
SIGNS = 128  # numbers by which a view is known again
SHARP = 0.2  # how much alike two views are, divided by this, is a logit
MOMENTUM = 0.9  # of batch norm statistics; low, as the weights change fast
NOISE = 0.5  # in a kernel at the start, as a part of what it passes on


def precise() -> str:
    """Return the Keras precision that is fastest here, as a policy name."""
    if keras.backend.backend() == "jax":
        import jax

        if jax.default_backend() == "gpu":
            return "mixed_bfloat16"
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if tf.config.list_physical_devices("GPU"):
            return "mixed_bfloat16"
    try:
        with open("/proc/cpuinfo") as file:
            fast = "avx512_bf16" in file.read()
    except OSError:
        fast = False
    return "mixed_bfloat16" if fast else "float32"


def build(grounds: int, marks: int) -> tuple[keras.Model, keras.Model]:
    """Return Inception v3 without its top, and the model that is trained.

    The trained model shares all layers with the first. For pixels from -1
    to 1 of any size it gives a dict: under the name of each of
    `targets.TAPS`, at each place of the block, grounds + marks + 116 logits,
    linear in what the block says there; and under "whole-" and the name of
    each of `WHOLES` the signs by which a view is known again, (n, 128).
    """
    base = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = MOMENTUM
    wake(base)
    outputs = {}
    for name in TAPS:
        block = base.get_layer(name).output
        block = keras.layers.BatchNormalization(
            momentum=MOMENTUM, scale=False, dtype="float32"
        )(block)
        # So small that one step of Adam can't throw a head about.
        block = keras.layers.Rescaling(
            3 / block.shape[-1] ** 0.5, dtype="float32"
        )(block)
        outputs[name] = keras.layers.Dense(
            grounds + marks + sum(HISTOGRAMS),
            kernel_initializer="zeros",
            dtype="float32",
        )(block)
    for name in WHOLES:
        whole = keras.layers.GlobalAveragePooling2D(dtype="float32")(
            base.get_layer(name).output
        )
        for units in (4 * SIGNS, SIGNS):
            whole = keras.layers.BatchNormalization(
                momentum=MOMENTUM, dtype="float32"
            )(keras.layers.Dense(units, dtype="float32")(whole))
            if units != SIGNS:
                whole = keras.layers.ReLU(dtype="float32")(whole)
        outputs[f"whole-{name}"] = whole
    return base, keras.Model(base.input, outputs)


def wake(base: keras.Model) -> None:
    """Start a base so that what early layers see reaches the late ones.

    With the usual random kernels each block blurs what the one before it
    found, and the deep blocks learn late. Here each output channel passes
    on one input channel, plus noise; kernels that read the same input pass
    on different channels. The first kernels see differences between
    neighbours, not brightness.

    Source of the idea: Zagoruyko and Komodakis, "DiracNets" (2017),
    https://arxiv.org/abs/1706.00388.

    Args:
        base: Inception v3 with one weight in each convolution.
    """
    rng = np.random.default_rng(0)
    taken = {}  # input tensor -> how many of its channels are passed on
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # Else each rectifier cuts off half of what is passed on.
            layer.beta.assign(np.ones(layer.beta.shape))
        if not isinstance(layer, keras.layers.Conv2D):
            continue
        shape = tuple(layer.kernel.shape)
        height, width, fan_in, count = shape
        kernel = rng.normal(0, 1, shape)
        if fan_in == 3:
            kernel[..., : count * 3 // 4] -= kernel[
                ..., : count * 3 // 4
            ].mean((0, 1), keepdims=True)
        kernel *= NOISE / np.sqrt((kernel**2).sum((0, 1, 2)))
        if fan_in > 3:
            source = id(layer.input)
            first = taken.get(source, 0)
            taken[source] = first + count
            order = np.random.default_rng([0, fan_in]).permutation(fan_in)
            places = order[(first + np.arange(count)) % fan_in]
            kernel[height // 2, width // 2, places, np.arange(count)] += 1
        layer.kernel.assign(kernel.astype("float32"))


def late_thresholds(base: keras.Model) -> list[keras.Variable]:
    """Return what the batch norm layers past mixed5 add, as variables.

    `wake` sets it to 1, which lets nearly everything pass. Training draws
    it towards 0 there, so that a feature may be silent at most places.
    """
    border = base.layers.index(base.get_layer("mixed5"))
    return [
        layer.beta
        for layer in base.layers[border + 1 :]
        if isinstance(layer, keras.layers.BatchNormalization)
    ]


class Pupil(keras.Model):
    """Learns from what `train.Pictures` gives, in pairs of views."""

    def __init__(self, heads, grounds, marks):
        super().__init__()
        self.heads = heads
        self.grounds, self.marks = grounds, marks
        self.seed = keras.random.SeedGenerator(0)
        self.built = True  # has no weights but those of its heads
        # What a report says; each is a mean since the last one.
        self.notes = {
            name: keras.metrics.Mean(name)
            for name in ("ground", "mark", "histograms", "belong")
        }

    def show(self, size: int, even: float) -> None:
        """Choose how views are made; `compile` after it (see `views`)."""
        self.size, self.even = size, even

    def call(
        self, inputs: Sequence[Any], training: bool = False
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what the heads say of two views of each picture, and what
        they should have said.
        """
        images, masks, grounds, marks = inputs
        pair = [ops.concatenate([array, array]) for array in (images, masks)]
        pixels, masks = views.view(*pair, self.size, self.even, self.seed)
        pixels, covered = views.cover(pixels, self.seed)
        wanted = targets.wanted(
            pixels,
            masks,
            covered,
            ops.concatenate([grounds, grounds]),
            ops.concatenate([marks, marks]),
        )
        return self.heads(pixels / 127.5 - 1, training=training), wanted

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        says, wanted = y_pred
        total = 0.0
        for name, (worth, *_) in TAPS.items():
            total += worth * self._placed(
                says[name], wanted[name], note=name == "mixed8"
            )
        for name in WHOLES:
            total += self._whole(says[f"whole-{name}"], name == "mixed8")
        return total

    def _placed(self, logits, asked, note):
        """Return the loss of a head that is asked at each place."""
        first, last = self.grounds, self.grounds + self.marks
        ground, mark = logits[..., :first], logits[..., first:last]
        parts = {}
        for name, its in (("ground", ground), ("mark", mark)):
            each = keras.losses.sparse_categorical_crossentropy(
                asked[name], its, from_logits=True
            )
            parts[name] = ops.mean(each * asked[f"{name}_worth"])
            if note:
                right = ops.argmax(its, -1) == asked[name]
                worth = asked[f"{name}_worth"] > 0
                if name == "mark":
                    worth = worth & (asked[name] > 0)
                self.notes[name].update_state(right, worth)
        bins = 0.0
        for histogram in asked["histograms"]:
            end = last + histogram.shape[-1]
            bins += ops.mean(
                keras.losses.categorical_crossentropy(
                    histogram, logits[..., last:end], from_logits=True
                )
            )
            last = end
        if note:
            self.notes["histograms"].update_state(bins)
        return parts["ground"] + 2 * parts["mark"] + 0.5 * bins

    def _whole(self, signs, note):
        """Return the loss of a head that is asked which views belong.

        Source: Chen et al., "A simple framework for contrastive learning of
        visual representations" (2020), https://arxiv.org/abs/2002.05709.
        """
        count = signs.shape[0]
        signs = ops.normalize(signs, axis=-1)
        alike = signs @ ops.transpose(signs) / SHARP
        alike = alike - 1e9 * ops.eye(count)  # not with itself
        partner = (ops.arange(count) + count // 2) % count
        if note:
            right = ops.argmax(alike, -1) == partner
            self.notes["belong"].update_state(right)
        return ops.mean(
            keras.losses.sparse_categorical_crossentropy(
                partner, alike, from_logits=True
            )
        )
