"""What the frozen part of the network says of each photo, stored once.

A frozen layer gives the same answer in every epoch. So the frozen part is
asked once for each photo, in the arithmetic that is fastest here, and its
answers are kept on disk as float16.
"""

import hashlib
import json
import sys
import weakref

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from helpers import photos, precision
from helpers.files import WORK, atomic

BATCH_SIZE = 16
_fast = weakref.WeakKeyDictionary()  # model -> its copy in a fast arithmetic


def stored(lower, part, augment=None, view=0):
    """Return what `lower` says of each photo, from disk where it is there.

    Args:
        lower: a model from pixels, (b, 299, 299, 3) in 0-255, to a tensor.
        part: a `photos.Part`.
        augment: a `keras.Sequential` of augmentation layers that the photos
            go through first, or None.
        view: which random draw of `augment`; the same number gives the
            same draw.

    Returns:
        A read-only float16 memory map of shape (n, ...), in the order of
        `part`.

    Raises:
        ValueError: an activation does not fit float16.
    """
    policy = precision.chosen()
    key = _key(lower, part, augment, view, policy)
    path = WORK / "activations" / f"{key}.npy"
    try:
        return np.load(path, mmap_mode="r")
    except FileNotFoundError:
        pass
    except ValueError:
        print("The stored activations are damaged; they are made again.")
    shape = (len(part), *lower.output_shape[1:])
    with atomic(path) as unfinished:
        out = np.lib.format.open_memmap(
            unfinished, mode="w+", dtype="float16", shape=shape
        )
        _fill(out, _in(policy, lower), part, _seeded(augment, view))
        out.flush()
        del out
    return np.load(path, mmap_mode="r")


def _in(policy, model):
    """Return the model, or its copy that computes as `policy` says."""
    if policy == "float32":
        return model
    if model not in _fast:
        _fast[model] = precision.recast(model, policy)
    _fast[model].set_weights(model.get_weights())
    return _fast[model]


def _fill(out, lower, part, augment):
    """Write the answers of `lower` into `out`, batch by batch."""
    done = 0
    name = part.name if augment is None else f"{part.name}, augmented"
    bar = tqdm(total=len(part), desc=name, unit="photo", file=sys.stdout)
    with bar:
        for pixels, _ in photos.single_pass(part, BATCH_SIZE):
            if augment is not None:
                pixels = augment(tf.cast(pixels, tf.float32), training=True)
            answer = np.float32(lower.predict_on_batch(pixels))
            if not np.abs(answer).max() < np.finfo("float16").max:
                raise ValueError(
                    "An activation is too large for float16, or not a "
                    "number; check the weights and the pixel scaling."
                )
            out[done : done + len(answer)] = answer
            done += len(answer)
            bar.update(len(answer))


def _seeded(augment, view):
    """Return a copy of the augmentation layers whose draws `view` fixes."""
    if augment is None:
        return None
    layers = []
    for i, layer in enumerate(augment.layers):
        config = layer.get_config() | {"seed": 1000 * view + i}
        layers.append(type(layer).from_config(config))
    return keras.Sequential(layers)


def _key(lower, part, augment, view, policy):
    """Return a name that changes with anything the answers depend on."""
    key = hashlib.sha256()
    for model in [lower] if augment is None else [lower, augment]:
        for layer in _leaves(model):
            # Names are numbered anew in each process, and what is frozen
            # does not change the answers.
            config = {
                k: v
                for k, v in layer.get_config().items()
                if k not in ("name", "trainable")
            }
            key.update(type(layer).__name__.encode())
            key.update(json.dumps(config, default=str).encode())
    for array in lower.get_weights():
        key.update(np.ascontiguousarray(array))
    view = 0 if augment is None else view
    key.update(f"{policy} {photos.SIZE} {view}".encode())
    key.update("".join(part.keys).encode())
    return key.hexdigest()[:32]


def _leaves(model):
    """Yield the layers of a model, those of models inside it included."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer
