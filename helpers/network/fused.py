"""A faster copy of a network for inference, with BatchNorm folded in.

At inference BatchNorm multiplies each channel by one number and adds another.
The convolution before it can do both, with another kernel and a bias (Jacob
et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", 2018, section 3.2), and TensorFlow fuses
convolution, bias and activation.
"""

import weakref
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from helpers.network import dtypes


class FusedModel:
    """A copy of a model for inference in another dtype.

    `model` is the copy, from the same input to an output of the policy's
    compute dtype. Pixel scaling and global averages stay in float32. Its
    weights are those the model had when `refresh` was last called.
    """

    def __init__(self, model: keras.Model, policy: str):
        """Copy a model.

        Args:
            model: a functional `keras.Model` of layers from Keras; models
                may be nested in it.
            policy: a Keras dtype policy, for example "mixed_bfloat16".
        """
        norms = _norms_after(model)
        folded = {id(norm) for norm in norms.values()}
        skipped: set[int] = set()  # ids of copies of what is folded
        self._sources: list[tuple] = []  # (copy, layer, norm folded into it)
        self.policy = policy

        def copied(layer: keras.layers.Conv2D):
            config, norm = layer.get_config(), norms.get(id(layer))
            if not isinstance(layer, keras.layers.Layer):  # `a + b`
                return type(layer).from_config(config)
            if type(layer).__name__ not in dtypes.FLOAT32_LAYERS:
                config["dtype"] = policy
            if norm:
                config["use_bias"] = True
            copy = type(layer).from_config(config)
            if id(layer) in folded:
                skipped.add(id(copy))
            # A copy must not keep alive what it was copied from.
            source = weakref.ref(layer), norm and weakref.ref(norm)
            self._sources.append((copy, *source))
            return copy

        def called(copy: keras.layers.Layer, *args, **options):
            if id(copy) in skipped:
                return args[0]
            return copy(*args, **options)

        self.model = keras.models.clone_model(
            model,
            clone_function=copied,
            call_function=called,
            recursive=True,
        )
        self._sources = [s for s in self._sources if id(s[0]) not in skipped]
        self.refresh()

    def refresh(self) -> None:
        """Give the copy the weights that the model has now."""
        for copy, layer, norm in self._sources:
            copy.set_weights(
                _folded(layer(), norm()) if norm else layer().get_weights()
            )


def _norms_after(model: keras.Model):
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
    config = model.get_config()
    nodes = {node["name"]: node["inbound_nodes"] for node in config["layers"]}
    consumers: dict[str, list] = {}
    for name, inputs in [*nodes.items(), (None, config["output_layers"])]:
        for source in _inputs(inputs, nodes):
            consumers.setdefault(source, []).append(name)
    layers = {layer.name: layer for layer in model.layers}
    for name, layer in layers.items():
        names = consumers.get(name, [])
        norm = layers.get(names[0]) if len(names) == 1 else None
        if (
            isinstance(layer, keras.layers.Conv2D)
            and isinstance(norm, keras.layers.BatchNormalization)
            and len(nodes[name]) == len(nodes[norm.name]) == 1
            and norm.axis in (-1, 3)
            and layer.activation is keras.activations.linear
            and layer.data_format == "channels_last"
        ):
            norms[id(layer)] = norm
    return norms


def _inputs(value: Any, names: dict[str, Any]) -> Iterator[str]:
    """Yield each layer whose output an item of a configuration takes.

    Args:
        value: nodes or outputs of a functional model's configuration.
        names: the names of its layers, as keys.
    """
    if isinstance(value, dict):
        value = value.get("keras_history", list(value.values()))
    if isinstance(value, (list, tuple)):
        is_tensor = len(value) == 3 and isinstance(value[0], str)
        if is_tensor and value[0] in names:
            yield value[0]
        else:
            for item in value:
                yield from _inputs(item, names)


def _folded(layer: keras.layers.Conv2D, norm: keras.layers.BatchNormalization):
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
