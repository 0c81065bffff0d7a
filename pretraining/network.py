"""Inception v3 with a small head on each of several blocks."""

import keras
import numpy as np

from pretraining.targets import HISTOGRAMS, TAPS


def precise(cpuinfo="/proc/cpuinfo"):
    """Return the Keras precision that is fastest here, as a policy name."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if tf.config.list_physical_devices("GPU"):
            return "mixed_bfloat16"
    try:
        with open(cpuinfo) as file:
            fast = "avx512_bf16" in file.read()
    except OSError:
        fast = False
    return "mixed_bfloat16" if fast else "float32"


def build(grounds, marks, momentum=0.9):
    """Return Inception v3 without its top, and the model that is trained.

    The trained model shares all layers with the first. For pixels from -1
    to 1 of any size it gives one tensor for each of `targets.TAPS`: at each
    place of the block grounds + marks + 116 logits, linear in what the
    block says there.

    Args:
        grounds, marks: how many classes of each there are.
        momentum: of the batch norm statistics while training; low, as the
            weights change fast.
    """
    base = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
    wake(base)
    outputs = []
    for name in TAPS:
        block = base.get_layer(name).output
        block = keras.layers.BatchNormalization(
            momentum=momentum, scale=False, dtype="float32"
        )(block)
        # So small that one step of Adam can't throw a head about.
        block = keras.layers.Rescaling(
            3 / block.shape[-1] ** 0.5, dtype="float32"
        )(block)
        outputs.append(
            keras.layers.Dense(
                grounds + marks + sum(HISTOGRAMS),
                kernel_initializer="zeros",
                dtype="float32",
            )(block)
        )
    return base, keras.Model(base.input, outputs)


def wake(base, seed=0, noise=0.5):
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
        seed: of the noise.
        noise: how large it is, as a part of what is passed on.
    """
    rng = np.random.default_rng(seed)
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
        kernel *= noise / np.sqrt((kernel**2).sum((0, 1, 2)))
        if fan_in > 3:
            source = id(layer.input)
            first = taken.get(source, 0)
            taken[source] = first + count
            order = np.random.default_rng([seed, fan_in]).permutation(fan_in)
            places = order[(first + np.arange(count)) % fan_in]
            kernel[height // 2, width // 2, places, np.arange(count)] += 1
        layer.kernel.assign(kernel.astype("float32"))


def late_thresholds(base, after="mixed5"):
    """Return what the batch norm layers past a block add, as variables.

    `wake` sets it to 1, which lets nearly everything pass. Training draws
    it towards 0 there, so that a feature may be silent at most places.
    """
    layers = base.layers[base.layers.index(base.get_layer(after)) + 1 :]
    return [
        layer.beta
        for layer in layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]


def loss(grounds, marks):
    """Return the loss of one head.

    It takes what `targets.wanted` gives for the head's block, and the
    logits of `build`. The ground is judged by the mean over all places,
    marks and histograms place by place.
    """

    def all_three(wanted, logits):
        total = keras.losses.sparse_categorical_crossentropy(
            wanted[:, 0, 0, 0],
            keras.ops.mean(logits[..., :grounds], (1, 2)),
            from_logits=True,
        )
        each = keras.losses.sparse_categorical_crossentropy(
            wanted[..., 1],
            logits[..., grounds : grounds + marks],
            from_logits=True,
        )
        total += 2 * keras.ops.mean(each * wanted[..., 2], (1, 2))
        at = 3
        for bins in HISTOGRAMS:
            begin = at - 3 + grounds + marks
            each = keras.losses.categorical_crossentropy(
                wanted[..., at : at + bins],
                logits[..., begin : begin + bins],
                from_logits=True,
            )
            total += 0.5 * keras.ops.mean(each, (1, 2))
            at += bins
        return total

    return all_three


def right(wanted, logits, grounds, marks):
    """Return how often a head names the ground, and a mark where it is."""
    ground = logits[..., :grounds].mean((1, 2)).argmax(-1)
    mark = logits[..., grounds : grounds + marks].argmax(-1)
    marked = wanted[..., 1] > 0
    return (
        (ground == wanted[:, 0, 0, 0]).mean(),
        (mark == wanted[..., 1])[marked].mean() if marked.any() else 0.0,
    )
