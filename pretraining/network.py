"""Inception v3 with a small head on each of several blocks."""

import keras
import numpy as np

# Early blocks learn first, and they learn only if somebody asks them.
TAPS = {"mixed2": 0.5, "mixed5": 0.7, "mixed7": 0.7, "mixed8": 1.0,
        "mixed10": 0.7}  # fmt: skip


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


class Anywhere(keras.layers.Layer):
    """A soft maximum over all places: a mark is where it is."""

    def call(self, block):
        places = keras.ops.shape(block)[1] * keras.ops.shape(block)[2]
        return keras.ops.logsumexp(block, axis=(1, 2)) - keras.ops.log(
            keras.ops.cast(places, "float32")
        )


def build(grounds, marks, momentum=0.9):
    """Return Inception v3 without its top, and the model that is trained.

    The trained model shares all layers with the first. For pixels from -1
    to 1 of any size it gives logits of shape (n, len(TAPS), grounds +
    marks): what the mean of each block in `TAPS` says.

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
    rows = []
    for name in TAPS:
        block = base.get_layer(name).output
        block = keras.layers.BatchNormalization(
            momentum=momentum, scale=False, dtype="float32"
        )(block)
        # So small that one step of Adam can't throw a head about.
        block = keras.layers.Rescaling(
            3 / block.shape[-1] ** 0.5, dtype="float32"
        )(block)
        ground = keras.layers.Dense(
            grounds, kernel_initializer="zeros", dtype="float32"
        )(keras.layers.GlobalAveragePooling2D(dtype="float32")(block))
        mark = keras.layers.Dense(
            marks, kernel_initializer="zeros", dtype="float32"
        )(block)
        mark = Anywhere(dtype="float32")(mark)
        both = keras.layers.Concatenate(dtype="float32")([ground, mark])
        rows.append(
            keras.layers.Reshape((1, grounds + marks), dtype="float32")(both)
        )
    output = keras.layers.Concatenate(axis=1, dtype="float32")(rows)
    return base, keras.Model(base.input, output)


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


def loss(grounds):
    """Return the loss: both cross entropies, weighed over the blocks.

    It takes the two labels, whole numbers of shape (n, 2), and the logits
    of `build`.
    """
    weights = np.array(list(TAPS.values()), "float32")
    taps = len(weights)

    def both(labels, logits):
        total = 0.0
        ends = ((0, logits[..., :grounds], 1.0),
                (1, logits[..., grounds:], 3.0))  # fmt: skip
        for column, part, worth in ends:
            wanted = keras.ops.repeat(labels[:, column : column + 1], taps, 1)
            each = keras.losses.sparse_categorical_crossentropy(
                wanted, part, from_logits=True
            )
            total += worth * keras.ops.sum(each * weights, axis=1)
        return total

    return both


def right(labels, logits, grounds):
    """Return how often each block names ground and mark, (taps, 2)."""
    ground = logits[..., :grounds].argmax(-1) == labels[:, :1]
    mark = logits[..., grounds:].argmax(-1) == labels[:, 1:]
    return np.stack([ground.mean(0), mark.mean(0)], 1)
