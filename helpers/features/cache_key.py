"""A hash of all that a Keras model computes, which names cached features."""

import hashlib
import json
import types
from collections.abc import Iterator
from typing import Any

import keras

# Entries of a configuration that don't change a forward pass, or that differ
# between two builds of the same model.
IRRELEVANT = (
    "build_config",
    "build_input_shape",
    "compile_config",
    "name",
    "shared_object_id",
    "trainable",
)
REFERENCES = ("input_layers", "keras_history", "output_layers")
# They change features by little: those of one machine serve another.
FLOATS = ("float32", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")
VERSION = "cache_version"


class NotCacheableError(ValueError):
    """The features of a model can't be cached; the message says why."""

    def __init__(self, reason: str, remedy: str):
        super().__init__(
            f"Features are computed anew each time, because {reason}; to have "
            f"them cached, {remedy}."
        )


def of(model: keras.layers.Layer) -> str:
    """Return a hash of all that decides what a layer or model computes.

    It covers the configuration (connections between layers, constants,
    nested layers), the weights, and the `cache_version` of each class from
    outside Keras. Names of layers, `trainable`, the states of random seeds
    and the precision (`FLOATS`) do not count: a model that is built again,
    or on another machine, has the same hash.

    Returns:
        A SHA-256 digest, a string of 64 characters.

    Raises:
        NotCacheableError: the model uses a function from outside Keras, or
            an instance of such a class that declares no `cache_version`; or
            Keras can't give its configuration.
    """
    versions = [_version(*item) for item in _foreign(model)]
    try:
        config = keras.saving.serialize_keras_object(model)
        text = json.dumps([_canonical(config, {}), versions], sort_keys=True)
    except Exception as error:  # a learner's get_config() can raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise NotCacheableError(
            f"Keras can't give the configuration of {model.name} ({reason})",
            "write get_config() for the layer that lacks it",
        ) from None
    digest = hashlib.sha256(text.encode())
    for array in model.get_weights():
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def is_keras(model: keras.layers.Layer) -> bool:
    """Return whether all layers and functions in a model are from Keras."""
    return not any(_foreign(model))


def _foreign(model: keras.layers.Layer) -> Iterator[tuple[Any, Any]]:
    """Yield (layer, item) for each item from outside Keras.

    The item is a layer or operation, or a function or callable object that
    a layer of Keras holds.
    """
    for layer in model._flatten_layers():
        items = [layer, *getattr(layer, "operations", ())]
        # What a model itself holds comes from compile(); the version of a
        # class covers what its layers hold.
        if not isinstance(layer, keras.Model) and _is_from_keras(layer):
            items += [item for item in vars(layer).values() if callable(item)]
        for item in items:
            item = getattr(item, "__func__", item)
            if not _is_from_keras(item):
                yield layer, item


def _is_from_keras(item: Any) -> bool:
    source = item if isinstance(item, types.FunctionType) else type(item)
    package = (source.__module__ or "").partition(".")[0]
    return package in ("keras", "builtins")


def _version(layer: keras.layers.Layer, item: Any) -> list:
    """Return the class and declared version of an item; see `_foreign`."""
    kind = type(item)
    if VERSION in vars(kind):  # of its own: a subclass computes other things
        return [kind.__name__, vars(kind)[VERSION]]
    if isinstance(item, keras.Operation):
        raise NotCacheableError(
            f"{item.name} is not from Keras, and its class {kind.__name__} "
            "declares no version",
            f"add {VERSION} = 1 to the class, and change it whenever the code "
            "of the class changes",
        )
    name = getattr(item, "__name__", kind.__name__)
    raise NotCacheableError(
        f"{layer.name} calls {name}, which is not from Keras",
        f"call it in a layer class that declares {VERSION} = 1",
    )


def _canonical(value: Any, positions: dict[str, int]) -> Any:
    """Return a configuration without what differs between two builds.

    Args:
        value: what `serialize_keras_object` returns, or an item of it.
        positions: {name of a layer: its position} in the model around it.
    """
    if isinstance(value, (list, tuple)):
        return [_canonical(item, positions) for item in value]
    if not isinstance(value, dict):
        return "float" if value in FLOATS else value
    layers = value.get("layers", ())
    if "input_layers" in value:  # a functional model
        positions = {layer["name"]: i for i, layer in enumerate(layers)}
    elif isinstance(layers, list):
        # A Sequential gets an input layer when it is first called.
        value = value | {"layers": [x for x in layers if not _is_input(x)]}
    result = {}
    for key, item in value.items():
        if key in REFERENCES:
            result[key] = _replaced(item, positions)
        elif key == "config" and "DTypePolicy" in value.get("class_name", ""):
            # Here the name is the policy.
            result[key] = [_canonical(x, positions) for x in item.values()]
        elif key not in IRRELEVANT:
            result[key] = _canonical(item, positions)
    return result


def _is_input(config: Any) -> bool:
    return (
        isinstance(config, dict)
        and config.get("class_name") == "InputLayer"
        and config["config"]["dtype"] == "float32"
    )


def _replaced(value: Any, positions: dict[str, int]) -> Any:
    """Replace names of layers in a nested list by their positions."""
    if isinstance(value, dict):
        return {k: _replaced(item, positions) for k, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replaced(item, positions) for item in value]
    return positions.get(value, value)
