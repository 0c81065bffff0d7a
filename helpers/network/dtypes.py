"""In which arithmetic a forward pass is fastest on this machine.

Half-precision numbers are half as long. Some processors and every recent
graphics card work through them faster, others slower: so it is measured.
"""

import contextlib
import json
import os
import platform
import random
import time

import keras
import numpy as np
import tensorflow as tf

from helpers import paths, shared
from helpers.paths import atomic

# Fewer digits must pay: below this ratio of times float32 stays.
WORTH_IT = 1.15
# Scaling needs the digits, and so does a mean over many places.
IN_FULL = ("InputLayer", "Rescaling", "GlobalAveragePooling2D")


@contextlib.contextmanager
def preserve_rng_state():
    """Leave Python's dice as they were before the block.

    Keras throws them for every new layer, even for one whose weights are
    put in at once. What is made only where nothing is stored yet must not
    change what a lesson draws after it.
    """
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


@preserve_rng_state()
def fastest_dtype():
    """Return the Keras dtype policy for forward passes on this machine.

    On a graphics card "mixed_bfloat16" if it has tensor cores for it (from
    compute capability 8.0 on), else "float32". Both have the range of
    float32, so that a model can be trained in them as it is. In float16
    small gradients become zero unless the optimizer scales the loss.

    On a processor "mixed_bfloat16" or "float32", whichever a measurement of
    two seconds finds faster; it is said, and remembered on disk for the next
    time. Where activations are shared, it is what those were computed in,
    whoever measured it: thirty learners at once would measure each other.
    """
    cards = tf.config.list_physical_devices("GPU")
    if cards:
        details = tf.config.experimental.get_device_details(cards[0])
        recent = details.get("compute_capability", (0, 0)) >= (8, 0)
        return "mixed_bfloat16" if recent else "float32"
    measured = shared.find("work/precision.json")
    if measured:
        return json.loads(measured.read_text(encoding="utf-8"))["policy"]
    path = paths.work() / "precision.json"
    machine = f"{platform.node()}, {os.cpu_count()}, {tf.__version__}"
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if known["machine"] == machine:
            return known["policy"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not measured yet, or not readable: measure
    ratio = _ratio("float32", "mixed_bfloat16")
    policy = "mixed_bfloat16" if ratio >= WORTH_IT else "float32"
    print(
        f"Measured: bfloat16 is {ratio:.1f} times as fast as float32 on "
        f"this processor. Forward passes use {policy.removeprefix('mixed_')}."
    )
    with atomic(path) as temporary:
        known = {"machine": machine, "policy": policy, "ratio": ratio}
        temporary.write_text(json.dumps(known), encoding="utf-8")
    return policy


def _ratio(first, second):
    """Return how many times as long the first policy takes as the second.

    They take turns, so that whatever else the machine does slows both, and
    the shortest of six times counts.
    """
    models = [_few_layers(first), _few_layers(second)]
    pixels = np.zeros((8, 35, 35, 192), "float32")
    times = [[], []]
    for _ in range(6):
        for model, its in zip(models, times, strict=True):
            begun = time.perf_counter()
            model.predict_on_batch(pixels)
            its.append(time.perf_counter() - begun)
    return min(times[0]) / min(times[1])


def _few_layers(policy):
    """Return a model of a few convolutions as Inception has them."""
    layers = [keras.Input((35, 35, 192), 8)]
    for filters, width in ((64, 1), (96, 3), (96, 3), (192, 1)):
        layers.append(
            keras.layers.Conv2D(filters, width, padding="same", dtype=policy)
        )
        layers.append(keras.layers.ReLU(dtype=policy))
    return keras.Sequential(layers)


def with_dtype(model, policy):
    """Return a copy of a model that computes in another arithmetic.

    Args:
        model: of layers that Keras knows; models may be nested in it.
        policy: a Keras dtype policy, for example "mixed_bfloat16".

    Returns:
        A model with the same weights (float32, copied) from the same input
        to an output of the policy's compute dtype. Scaling and global
        averages stay in float32.
    """
    config = model.get_config()
    _set_dtypes(config, policy)
    copy = type(model).from_config(config)
    copy.set_weights(model.get_weights())
    return copy


def _set_dtypes(config, policy):
    for layer in config["layers"]:
        if "layers" in layer["config"]:
            _set_dtypes(layer["config"], policy)
        elif layer["class_name"] not in IN_FULL:
            layer["config"]["dtype"] = policy
