"""What the frozen part of the network says of each photo, stored once.

A frozen layer gives the same answer in every epoch. So the frozen part is
asked once for each photo, by the way that is fastest here, and its answers
are kept on disk as float16.
"""

import hashlib
import json
import sys
import weakref

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from helpers import forward, memory, photos, precision, store

BATCH_SIZE = 16
_copies = weakref.WeakKeyDictionary()  # model -> its `forward.Copy`


@precision.same_dice()
def stored(lower, part, augment=None, view=0):
    """Return what `lower` says of each photo, from disk where it is there.

    What the same model has said of a photo as a member of another part is
    taken from there: a photo is computed once.

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
    model_key = _key(lower, augment, view, policy)
    name = f"{model_key}-{part.key}.npy"
    for place in store.folders():
        found = store.load(place / name)
        if found:
            return found[0]
    path = store.folder() / name
    shape = (len(part), *lower.output_shape[1:])
    with store.saved(path, shape, part.keys) as out:
        # A view depends on the order of the photos, so it is made whole.
        missing = (
            _take_over(out, part, model_key)
            if augment is None
            else np.arange(len(part))
        )
        if len(missing):
            _fill(out, missing, _fast(lower, policy), part, augment, view)
    return np.load(path, mmap_mode="r")


@precision.same_dice()
def write(lower, part, path):
    """Write what `lower` says of each photo into one file (see `store`).

    Args:
        lower: a model from pixels, (b, 299, 299, 3) in 0-255, to a tensor.
        part: a `photos.Part`.
        path: of the file, float16 of shape (n, ...) in the order of `part`.

    Raises:
        ValueError: an activation does not fit float16.
    """
    model = _fast(lower, precision.chosen())
    shape = (len(part), *lower.output_shape[1:])
    with store.saved(path, shape, part.keys) as out:
        _fill(out, np.arange(len(part)), model, part, None, 0)


def key(lower):
    """Return a name that changes with the answers of a model here.

    That is with its layers, its weights, and the arithmetic that is fastest
    on this machine.
    """
    return _key(lower, None, 0, precision.chosen())


def dataset(stored, labels=None, seed=None, batch_size=16):
    """Return stored answers as batches, read from disk as they are needed.

    `Model.fit` would copy a whole array into memory; here memory holds a
    few batches, however many photos there are.

    Args:
        stored: float16 (n, ...), as `stored` returns it.
        labels: whole numbers (n,), or None.
        seed: of the order, another one in each pass; None keeps the order.
        batch_size: photos in a batch.

    Returns:
        A `tf.data.Dataset` of float32 (b, ...), with labels int64 (b,) if
        there are any.
    """

    def rows(places):
        found = np.float32(stored[places])
        store.let_go(stored)
        return found

    def batch(places):
        x = tf.numpy_function(rows, [places], tf.float32)
        x = tf.ensure_shape(x, (None, *stored.shape[1:]))
        return x if labels is None else (x, tf.gather(labels, places))

    ds = tf.data.Dataset.range(len(stored))
    if seed is not None:
        ds = ds.shuffle(len(stored), seed=seed)
    ds = ds.batch(batch_size).map(batch).prefetch(2)
    return ds.with_options(photos.no_autotuning())


def _take_over(out, part, model_key):
    """Copy rows that lie in other files; return the places of the rest."""
    missing = set(range(len(part)))
    others = [
        path
        for place in store.folders()
        for path in place.glob(f"{model_key}-*.npy")
        if path.name != f"{model_key}-{part.key}.npy"  # asked for before
    ]
    for path in others:
        found = store.load(path) if missing else None
        if found:
            array, keys = found
            rows = {key: row for row, key in enumerate(keys)}
            for place in [p for p in missing if part.keys[p] in rows]:
                out[place] = array[rows[part.keys[place]]]
                missing.remove(place)
    return np.array(sorted(missing), dtype=int)


def _fast(model, policy):
    """Return the copy of a model that is asked in its place."""
    copy = _copies.get(model)
    if copy and copy.policy == policy:
        copy.refresh()
    else:
        _copies.clear()  # one at a time: each takes 0.2 GiB
        memory.trim()
        copy = _copies[model] = forward.Copy(model, policy)
    return copy.model


def _fill(out, places, model, part, augment, view):
    """Write the answers of a model for some places of a part, in batches."""
    some = part.take(places)
    augment = _seeded(augment, view)
    done = 0
    name = part.name if augment is None else f"{part.name}, augmented"
    bar = tqdm(total=len(some), desc=name, unit="photo", file=sys.stdout)
    with bar:
        for pixels, _ in photos.single_pass(some, BATCH_SIZE):
            if augment is not None:
                pixels = augment(tf.cast(pixels, tf.float32), training=True)
            answer = np.float32(model.predict_on_batch(pixels))
            if not np.abs(answer).max() < np.finfo("float16").max:
                raise ValueError(
                    "An activation is too large for float16, or not a "
                    "number; check the weights and the pixel scaling."
                )
            out[places[done : done + len(answer)]] = answer
            store.let_go(out)
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


def _key(lower, augment, view, policy):
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
    how = f"{policy} folded {photos.SIZE} {photos.READING} {view}"
    key.update(how.encode())
    return key.hexdigest()[:16]


def _leaves(model):
    """Yield the layers of a model, those of models inside it included."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer
