"""A hash of all that a Keras model computes, which names cached features."""

import hashlib
import json
import sys
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
VERSION = "cache_version"


class NotCacheableError(ValueError):
    """The features of a model can't be cached; the message says why."""

    def __init__(self, reason: str, remedy: str):
        super().__init__(
            f"Features are computed anew each time, because {reason}; to have "
            f"them cached, {remedy}."
        )


def of(model: keras.layers.Layer) -> str:
    """Return a hash of all that decides what a model computes.

    It covers the configuration (connections between layers, constants,
    nested layers), the weights, and the `cache_version` of each class from
    outside Keras. Names of layers, `trainable` and the states of random
    seeds do not count: a model that is built again has the same hash.

    Args:
        model: a Keras layer or model.

    Returns:
        A SHA-256 digest, a string of 64 characters.

    Raises:
        NotCacheableError: the model uses a function from outside Keras, or
            an instance of such a class that declares no `cache_version`; or
            Keras can't give its configuration.
    """
    digest = hashlib.sha256(structure(model).encode())
    for array in model.get_weights():
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def structure(model: keras.layers.Layer) -> str:
    """Return all that `of` covers except the weights, as text.

    Raises:
        NotCacheableError: as for `of`.
    """
    versions = _versions(model)
    try:
        config = keras.saving.serialize_keras_object(model)
        known = {name for name, _ in versions}
        config = _canonical(config, {}, known)
        return json.dumps([config, versions], sort_keys=True)
    except NotCacheableError:
        raise
    except Exception as error:  # a learner's get_config() can raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise NotCacheableError(
            f"Keras can't give the configuration of {model.name} ({reason})",
            "write get_config() for the layer that lacks it",
        ) from None


def is_keras(model: keras.layers.Layer) -> bool:
    """Return whether all layers and functions in a model are from Keras."""
    return next(_foreign(model), None) is None


def _versions(model: keras.layers.Layer):
    """Return [name, version] of each class from outside Keras."""
    versions = []
    for layer, item in _foreign(model):
        for kind in _foreign_classes(item):
            if VERSION in vars(kind):
                versions.append([kind.__name__, vars(kind)[VERSION]])
            elif isinstance(item, keras.Operation):
                raise NotCacheableError(
                    f"{layer.name} is not from Keras, and its class "
                    f"{kind.__name__} declares no version",
                    f"add {VERSION} = 1 to the class, and change it whenever "
                    "the code of the class changes",
                )
            else:
                name = getattr(item, "__name__", kind.__name__)
                raise NotCacheableError(
                    f"{layer.name} calls {name}, which is not from Keras",
                    f"call it in a layer class that declares {VERSION} = 1",
                )
    return versions


def _foreign(model: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (layer, item) for each item in a model from outside Keras.

    An item is a layer, or a function or callable object that a layer of
    Keras holds. The version of a foreign class covers what it holds, except
    for layers.
    """
    seen, layers = set(), [model]
    while layers:
        layer = layers.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        is_foreign = bool(_foreign_classes(layer))
        if is_foreign:
            yield layer, layer
        for item in _flat(vars(layer)):
            if isinstance(item, keras.Operation):
                layers.append(item)
            # Functions of a model itself come from compile().
            elif (
                callable(item)
                and not is_foreign
                and not isinstance(layer, keras.Model)
            ):
                item = getattr(item, "__func__", item)
                if _foreign_classes(item):
                    yield layer, item


def _foreign_classes(item: Any):
    """Return the classes of an item that are from outside Keras.

    Of a function from outside Keras it is the class of functions.
    """
    if isinstance(item, types.FunctionType):
        return [] if _is_from(item, "keras") else [type(item)]
    # What Keras and learners inherit from these packages is stable.
    stable = ("keras", "builtins", "tensorflow", *sys.stdlib_module_names)
    kind, *bases = type(item).__mro__
    foreign = [] if _is_from(kind, "keras", "builtins") else [kind]
    return foreign + [base for base in bases if not _is_from(base, *stable)]


def _is_from(item: Any, *packages: str):
    """Return whether a class or function is from one of these packages."""
    return (item.__module__ or "").partition(".")[0] in packages


def _flat(value: Any):
    """Yield what lies in a container, at any depth."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple, set, frozenset)):
        yield value
        return
    for item in list(value):
        yield from _flat(item)


def _canonical(value: Any, positions: dict[str, int], known: set[str]):
    """Return a configuration without what differs between two builds.

    Args:
        value: what `serialize_keras_object` returns, or an item of it.
        positions: {name of a layer: its position} in the model around it.
        known: names of classes that declare a version.
    """
    if isinstance(value, (list, tuple)):
        return [_canonical(item, positions, known) for item in value]
    if not isinstance(value, dict):
        return value
    _require_known(value, known)
    layers = value.get("layers", ())
    if "input_layers" in value:  # a functional model
        positions = {layer["name"]: i for i, layer in enumerate(layers)}
    elif isinstance(layers, (list, tuple)):
        # A Sequential gets an input layer when it is first called.
        value = value | {"layers": [x for x in layers if not _is_input(x)]}
    result = {}
    for key, item in value.items():
        if key in REFERENCES:
            result[key] = _replaced(item, positions)
        elif key == "config" and "DTypePolicy" in value.get("class_name", ""):
            result[key] = item  # here the name is the policy
        elif key not in IRRELEVANT:
            result[key] = _canonical(item, positions, known)
    return result


def _require_known(config: Any, known: set[str]):
    """Refuse the configuration of an object from outside Keras."""
    if "class_name" not in config or "config" not in config:
        return
    kind, module = config["class_name"], config.get("module") or ""
    if kind in known or module.partition(".")[0] == "keras":
        return
    if kind == "__lambda__" or "module" in config:
        name = config.get("registered_name") or kind
        raise NotCacheableError(
            f"a configuration holds {name}, which is not from Keras",
            f"use it in a layer class that declares {VERSION} = 1",
        )


def _is_input(config: Any):
    return (
        isinstance(config, dict)
        and config.get("class_name") == "InputLayer"
        and config["config"]["dtype"] == "float32"
    )


def _replaced(value: Any, positions: dict[str, int]):
    """Replace names of layers in a nested list by their positions."""
    if isinstance(value, dict):
        return {k: _replaced(item, positions) for k, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replaced(item, positions) for item in value]
    return positions.get(value, value)
