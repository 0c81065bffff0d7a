"""Which dtype is fastest on this machine, and copies of models in it.

bfloat16 takes half the memory of float32. Some processors and every recent
GPU compute faster in it, others slower: so it is measured.
"""

import contextlib
import json
import os
import platform
import random
import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from helpers import paths, setup, shared

# Below this ratio of times the lower precision is not worth it.
WORTH_IT = 1.15
# Pixel scaling and means over many positions need the precision of float32.
FLOAT32_LAYERS = ("InputLayer", "Rescaling", "GlobalAveragePooling2D")


@contextlib.contextmanager
def preserve_rng_state() -> Iterator[None]:
    """Restore Python's random state after the block.

    Keras draws a seed for every new layer. What is built only if nothing is
    cached yet must not change what a lesson draws after it.
    """
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


@preserve_rng_state()
def fastest_dtype() -> str:
    """Return the Keras dtype policy for forward passes on this machine.

    On a GPU "mixed_bfloat16" if it has tensor cores for it (from
    compute capability 8.0 on), else "float32". Both have the range of
    float32, so that a model can be trained in them as it is. In float16
    small gradients become zero unless the optimizer scales the loss.

    On a processor "mixed_bfloat16" or "float32", whichever is faster in a
    measurement of two seconds; the result is printed, and kept on disk. With
    a shared folder it is the dtype of the features in there: thirty
    learners who measured at once would slow each other down.
    """
    cards = tf.config.list_physical_devices("GPU")
    if cards:
        details = tf.config.experimental.get_device_details(cards[0])
        has_bfloat16 = details.get("compute_capability", (0, 0)) >= (8, 0)
        return "mixed_bfloat16" if has_bfloat16 else "float32"
    measured = shared.find("work/dtype.json")
    if measured:
        return json.loads(measured.read_text(encoding="utf-8"))["policy"]
    path = paths.work() / "dtype.json"
    machine = f"{platform.node()}, {os.cpu_count()}, {tf.__version__}"
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if known["machine"] == machine:
            return known["policy"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not measured yet, or not readable: measure
    try:
        ratio = _time_ratio("float32", "mixed_bfloat16")
        finding = f"bfloat16 is {ratio:.1f} times as fast as float32"
    except tf.errors.AbortedError:
        ratio, finding = 0.0, "bfloat16 has no convolutions"
    policy = "mixed_bfloat16" if ratio >= WORTH_IT else "float32"
    print(
        f"Measured: {finding} on this processor. Forward passes use "
        f"{policy.removeprefix('mixed_')}."
    )
    result = {"machine": machine, "policy": policy, "ratio": ratio}
    with paths.atomic(path) as temporary:
        temporary.write_text(json.dumps(result), encoding="utf-8")
    return policy


def _time_ratio(first: str, second: str):
    """Return how many times as long the first policy takes as the second.

    They alternate, so that other load slows both, and the fastest of six
    runs counts.
    """
    models = {policy: _convolutions(policy) for policy in (first, second)}
    pixels = np.zeros((8, 35, 35, 192), "float32")
    seconds = dict.fromkeys(models, float("inf"))
    for _ in range(6):
        for policy, model in models.items():
            start = time.perf_counter()
            model.predict_on_batch(pixels)
            elapsed = time.perf_counter() - start
            seconds[policy] = min(seconds[policy], elapsed)
    return seconds[first] / seconds[second]


def _convolutions(policy: str):
    """Return a model of a few convolutions as Inception has them."""
    layers = [keras.Input((35, 35, 192), 8)]
    for filters, width in ((64, 1), (96, 3), (96, 3), (192, 1)):
        layers.append(
            keras.layers.Conv2D(filters, width, padding="same", dtype=policy)
        )
        layers.append(keras.layers.ReLU(dtype=policy))
    return keras.Sequential(layers)


def with_dtype(model: keras.Model, policy: str) -> keras.Model:
    """Return a copy of a model that computes in another dtype.

    Args:
        model: of layers from Keras; models may be nested in it.
        policy: a Keras dtype policy, for example "mixed_bfloat16".

    Returns:
        A model with the same weights (float32, copied) from the same input
        to an output of the policy's compute dtype. Pixel scaling and global
        averages stay in float32.
    """
    config = model.get_config()
    _set_dtypes(config, policy)
    setup.trim()  # a model just deleted makes room
    copy = type(model).from_config(config)
    for new, old in zip(copy.weights, model.weights, strict=True):
        new.assign(old)
    return copy


def _set_dtypes(config: dict[str, Any], policy: str):
    for layer in config["layers"]:
        if "layers" in layer["config"]:
            _set_dtypes(layer["config"], policy)
        elif layer["class_name"] not in FLOAT32_LAYERS:
            layer["config"]["dtype"] = policy
