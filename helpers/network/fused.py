"""A copy of a network for forward passes alone, with less to do.

When a model predicts, BatchNorm multiplies each channel by one number and
adds another. The convolution before it can do both by the way, with other
kernels and a bias (Jacob et al., "Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference", 2018, section
3.2), and TensorFlow then does convolution, bias and activation in one go.
"""

import weakref

import keras
import numpy as np

from helpers.network import dtypes


class FusedModel:
    """A model's copy that computes in another arithmetic, for predicting.

    `model` is the copy, from the same input to an output of the policy's
    compute dtype. Scaling and global averages stay in float32. Its weights
    are those the model had when `refresh` was last called.
    """

    def __init__(self, model, policy):
        """Copy a model.

        Args:
            model: a functional `keras.Model` of layers that Keras knows;
                models may be nested in it.
            policy: a Keras dtype policy, for example "mixed_bfloat16".
        """
        norms = _norms_after(model)
        folded = {id(norm) for norm in norms.values()}
        idle = []  # copies of what is folded
        self._sources = []  # (copy, its layer, the norm folded into it)
        self.policy = policy

        def copied(layer):
            config, norm = layer.get_config(), norms.get(id(layer))
            if not isinstance(layer, keras.layers.Layer):  # `a + b`
                return type(layer).from_config(config)
            if type(layer).__name__ not in dtypes.IN_FULL:
                config["dtype"] = policy
            if norm:
                config["use_bias"] = True
            copy = type(layer).from_config(config)
            if id(layer) in folded:
                idle.append(copy)
            else:
                # A copy shall not keep alive what it was copied from.
                source = weakref.ref(layer), norm and weakref.ref(norm)
                self._sources.append((copy, *source))
            return copy

        def called(copy, *args, **options):
            if any(copy is its for its in idle):
                return args[0]  # the convolution before it has done this
            return copy(*args, **options)

        self.model = keras.models.clone_model(
            model,
            clone_function=copied,
            call_function=called,
            recursive=True,
        )
        self.refresh()

    def refresh(self):
        """Give the copy the weights that the model has now."""
        for copy, layer, norm in self._sources:
            copy.set_weights(
                _folded(layer(), norm()) if norm else layer().get_weights()
            )


def _norms_after(model):
    """Return {id of a convolution: the BatchNorm that it can take in}.

    That is one that nothing else stands between, and nothing else than it
    takes what the convolution says; both are called once.
    """
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found |= _norms_after(layer)
    if isinstance(model, keras.Sequential):
        # `clone_model` calls all layers of a Sequential, the folded as well.
        return found
    config = model.get_config()
    calls = {its["name"]: its["inbound_nodes"] for its in config["layers"]}
    takers = {}
    for name, nodes in [*calls.items(), (None, config["output_layers"])]:
        for source in _names(nodes, calls):
            takers.setdefault(source, []).append(name)
    layers = {layer.name: layer for layer in model.layers}
    for name, layer in layers.items():
        its = takers.get(name, [])
        norm = layers.get(its[0]) if len(its) == 1 else None
        if (
            isinstance(layer, keras.layers.Conv2D)
            and isinstance(norm, keras.layers.BatchNormalization)
            and len(calls[name]) == len(calls[norm.name]) == 1
            and norm.axis in (-1, 3)
            and layer.activation is keras.activations.linear
            and layer.data_format == "channels_last"
        ):
            found[id(layer)] = norm
    return found


def _names(value, known):
    """Yield each layer that a part of a configuration takes a tensor from.

    Args:
        value: nodes or outputs of a functional model's configuration.
        known: the names of its layers.
    """
    if isinstance(value, dict):
        value = value.get("keras_history", list(value.values()))
    if isinstance(value, (list, tuple)):
        is_tensor = len(value) == 3 and isinstance(value[0], str)
        if is_tensor and value[0] in known:
            yield value[0]
        else:
            for inner in value:
                yield from _names(inner, known)


def _folded(layer, norm):
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
