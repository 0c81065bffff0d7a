"""What a Keras model computes, as a hash that names its cached features."""

import hashlib
import json
import sys
import types

import keras
import numpy as np

# Parts of a configuration that don't change a forward pass, or that differ
# between two builds of the same model.
IRRELEVANT = (
    "build_config",
    "build_input_shape",
    "compile_config",
    "shared_object_id",
    "trainable",
)
REFERENCES = ("input_layers", "keras_history", "output_layers")
VERSION = "cache_version"


class NotCacheableError(ValueError):
    """The features of a model can't be cached; the message says why."""


def of(model):
    """Return a hash of all that decides what a model computes.

    It covers the configuration (connections between layers, constants,
    nested layers), the weights, and the `cache_version` of each class that
    is not from Keras. Names of layers, `trainable` and the states of random
    seeds do not count: a model that is built again has the same hash.

    Args:
        model: a Keras layer or model.

    Returns:
        A SHA-256 digest, a string of 64 characters.

    Raises:
        NotCacheableError: the model uses a function that is not from Keras, or
            an instance of such a class that declares no `cache_version`; or
            Keras can't give its configuration.
    """
    digest = hashlib.sha256(structure(model).encode())
    for array in model.get_weights():
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def structure(model):
    """Return what `of` covers except the weights, as text.

    Raises:
        NotCacheableError: as for `of`.
    """
    versions = _versions(model)
    try:
        config = keras.saving.serialize_keras_object(model)
        config = _canonical(config, {}, {name for name, _ in versions})
        return json.dumps([config, versions], sort_keys=True)
    except NotCacheableError:
        raise
    except Exception as error:  # a learner's get_config() can raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise _refusal(
            f"Keras can't give the configuration of {model.name} ({reason})",
            "write get_config() for the layer that lacks it",
        ) from None


def is_keras(model):
    """Return whether all layers and functions in a model are from Keras."""
    return next(_foreign(model), None) is None


def _versions(model):
    """Return [name, version] of all classes that are not from Keras."""
    versions = []
    for layer, item in _foreign(model):
        for its in _foreign_classes(item):
            if VERSION in vars(its):
                versions.append([its.__name__, vars(its)[VERSION]])
            elif isinstance(item, keras.Operation):
                raise _refusal(
                    f"{layer.name} is not from Keras, and its class "
                    f"{its.__name__} declares no version",
                    f"add {VERSION} = 1 to the class, and change it whenever "
                    "the code of the class changes",
                )
            else:
                name = getattr(item, "__name__", its.__name__)
                raise _refusal(
                    f"{layer.name} calls {name}, which is not from Keras",
                    f"call it in a layer class that declares {VERSION} = 1",
                )
    return versions


def _refusal(reason, remedy):
    return NotCacheableError(
        f"Features are computed anew each time, because {reason}; to have "
        f"them cached, {remedy}."
    )


def _foreign(model):
    """Yield (layer, item) for each item in a model that isn't from Keras.

    An item is a layer, or a function or callable object that a layer of
    Keras holds. What a class of the learner's own holds is covered by its
    version, except for layers.
    """
    seen, todo = set(), [model]
    while todo:
        layer = todo.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if own := bool(_foreign_classes(layer)):
            yield layer, layer
        for item in _inside(vars(layer)):
            if isinstance(item, keras.Operation):
                todo.append(item)
            # Functions of a model itself come from compile().
            elif callable(item) and not (
                own or isinstance(layer, keras.Model)
            ):
                item = getattr(item, "__func__", item)
                if _foreign_classes(item):
                    yield layer, item


def _foreign_classes(item):
    """Return the classes of an item that aren't from Keras.

    Of a function that isn't from Keras it is the class of functions.
    """
    if isinstance(item, types.FunctionType):
        return [] if _is_from(item) else [type(item)]
    kind, *bases = type(item).__mro__
    # What Keras and learners inherit from these packages is stable.
    stable = ("tensorflow", *sys.stdlib_module_names)
    bases = [its for its in bases if not _is_from(its, *stable)]
    return [its for its in (kind, *bases) if not _is_from(its)]


def _is_from(its, *more):
    """Return whether a class or function is from Keras, or from `more`."""
    package = (its.__module__ or "").partition(".")[0]
    return package in ("keras", "builtins", *more)


def _inside(value):
    """Yield what lies in a container, at any depth."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple, set, frozenset)):
        yield value
        return
    for item in list(value):
        yield from _inside(item)


def _canonical(value, names, known):
    """Return a configuration without what differs between two builds.

    Args:
        value: what `serialize_keras_object` returns, or a part of it.
        names: {name of a layer: its position} in the model around it.
        known: names of classes that declare a version.
    """
    if isinstance(value, (list, tuple)):
        return [_canonical(item, names, known) for item in value]
    if not isinstance(value, dict):
        return value
    _require_known(value, known)
    layers = value.get("layers")
    if "input_layers" in value:  # a functional model
        names = {layer["name"]: i for i, layer in enumerate(layers)}
    elif isinstance(layers, (list, tuple)):
        # A Sequential gets an input layer when it is first called.
        value = value | {"layers": [x for x in layers if not _is_input(x)]}
    result = {}
    for key, item in value.items():
        if key in REFERENCES:
            result[key] = _positions(item, names)
        elif key == "config" and "DTypePolicy" in value.get("class_name", ""):
            result[key] = item  # the name of a policy is what it is
        elif key != "name" and key not in IRRELEVANT:
            result[key] = _canonical(item, names, known)
    return result


def _require_known(value, known):
    """Refuse the configuration of an object that is not from Keras."""
    kind, module = value.get("class_name"), value.get("module") or ""
    named = isinstance(kind, str) and "config" in value
    if not named or kind in known or module.partition(".")[0] == "keras":
        return
    if kind == "__lambda__" or "module" in value:
        name = value.get("registered_name") or kind
        raise _refusal(
            f"a configuration holds {name}, which is not from Keras",
            f"use it in a layer class that declares {VERSION} = 1",
        )


def _is_input(config):
    return (
        isinstance(config, dict)
        and config.get("class_name") == "InputLayer"
        and config["config"]["dtype"] == "float32"
    )


def _positions(value, names):
    """Replace names of layers in a nested list by their positions."""
    if isinstance(value, dict):
        return {key: _positions(item, names) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_positions(item, names) for item in value]
    return names.get(value, value)
