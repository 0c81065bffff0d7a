"""A faster copy of a network for inference, with BatchNorm folded in.

At inference BatchNorm multiplies each channel by one number and adds another.
The convolution before it can do both, with another kernel and a bias (Jacob
et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", 2018, section 3.2), and TensorFlow fuses
convolution, bias and activation.
"""

from collections import Counter, defaultdict

import keras
import numpy as np
import numpy.typing as npt

from helpers.network import dtypes


def fuse(model: keras.Model, policy: str) -> keras.Model:
    """Return a copy of a model for inference in another dtype.

    Args:
        model: a functional `keras.Model` of layers from Keras; models may
            be nested in it.
        policy: a Keras dtype policy, for example "mixed_bfloat16".

    Returns:
        A model with weights of its own, from the same input to an output of
        the policy's compute dtype. Pixel scaling and global averages stay
        in float32.
    """
    norms = _norms_after(model)
    folded = {id(norm) for norm in norms.values()}
    skipped = set()  # ids of copies of what is folded
    pairs = []

    def copied(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if not isinstance(layer, keras.layers.Layer):  # `a + b`
            return type(layer).from_config(config)
        if type(layer).__name__ not in dtypes.FLOAT32_LAYERS:
            config["dtype"] = policy
        if id(layer) in norms:
            config["use_bias"] = True
        copy = type(layer).from_config(config)
        if id(layer) in folded:
            skipped.add(id(copy))
        pairs.append((layer, copy))
        return copy

    def called(copy: keras.layers.Layer, *args, **options):
        return args[0] if id(copy) in skipped else copy(*args, **options)

    fused = keras.models.clone_model(
        model, clone_function=copied, call_function=called, recursive=True
    )
    for layer, copy in pairs:
        if id(layer) in norms:
            copy.set_weights(_folded(layer, norms[id(layer)]))
        elif id(copy) not in skipped:
            copy.set_weights(layer.get_weights())
    return fused


def _norms_after(
    model: keras.Model,
) -> dict[int, keras.layers.BatchNormalization]:
    """Return {id of a convolution: the BatchNorm that it can take in}.

    Nothing stands between the two, nothing else takes the output of the
    convolution, and both are called once.
    """
    norms: dict[int, keras.layers.BatchNormalization] = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            norms |= _norms_after(layer)
    if isinstance(model, keras.Sequential):
        # `clone_model` calls all layers of a Sequential, the folded as well.
        return norms
    # Not the nodes of a layer: it may belong to other models, too.
    nodes = [n for level in model._nodes_by_depth.values() for n in level]
    calls = Counter(id(node.operation) for node in nodes)
    users = defaultdict(list)
    for node in nodes:
        for parent in node.parent_nodes:
            users[id(parent.operation)].append(node.operation)
    for output in model.outputs:
        users[id(output._keras_history.operation)].append(None)
    for layer in model.layers:
        norm, *others = users[id(layer)] or [None]
        if (
            isinstance(layer, keras.layers.Conv2D)
            and isinstance(norm, keras.layers.BatchNormalization)
            and not others
            and calls[id(layer)] == calls[id(norm)] == 1
            and norm.axis in (-1, 3)
            and layer.activation is keras.activations.linear
            and layer.data_format == "channels_last"
        ):
            norms[id(layer)] = norm
    return norms


def _folded(
    layer: keras.layers.Conv2D, norm: keras.layers.BatchNormalization
) -> list[npt.NDArray[np.float32]]:
    """Return the kernel and bias that do the work of BatchNorm as well."""
    scale = 1 / np.sqrt(np.asarray(norm.moving_variance) + norm.epsilon)
    if norm.scale:
        scale = scale * np.asarray(norm.gamma)
    kernel, *bias = layer.get_weights()
    shift = (bias[0] if bias else 0) - np.asarray(norm.moving_mean)
    shift = shift * scale
    if norm.center:
        shift = shift + np.asarray(norm.beta)
    return [kernel * scale, shift]
