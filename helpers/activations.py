"""What the frozen part of the network says of each photo, stored once.

A frozen layer gives the same answer in every epoch. So the frozen part is
asked once for each photo, by the way that is fastest here, and its answers
are kept on disk as float16: a part of many photos in pieces, a file each,
so that whoever was stopped goes on where they were.
"""

import hashlib
import inspect
import json
import sys
import types
import weakref

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from helpers import forward, memory, photos, precision, store

BATCH_SIZE = 16
ROWS = 512  # photos in a file, 84 MB past mixed8
PLAIN = (bool, int, float, str, tuple, type(None))  # with a `repr` to rely on
FRAMEWORK = ("keras", "tensorflow", "builtins")  # where Keras' layers are from
_copies = weakref.WeakKeyDictionary()  # model -> its `forward.Copy`


@precision.same_dice()
def stored(lower, part, augment=None, view=0):
    """Return what `lower` says of each photo, from disk where it is there.

    Each `ROWS` photos have a file of their own, and only what is missing is
    made. What the same model has said of a photo as a member of another
    part is taken from there: a photo is computed once.

    Args:
        lower: a model from pixels, (b, 299, 299, 3) in 0-255, to a tensor.
        part: a `photos.Part`.
        augment: a `keras.Sequential` of augmentation layers that the photos
            go through first, or None.
        view: which random draw of `augment`; the same number gives the
            same draw.

    Returns:
        What can be read as a float16 array of shape (n, ...), in the order
        of `part`, and not be written: a memory map of the file, or a
        `store.Rows` of several.

    Raises:
        ValueError: an activation does not fit float16.
    """
    model_key = _key(lower, augment, view, precision.chosen())
    paths, missing = [], {}
    for number, piece in pieces(part, ROWS):
        # The dice of a view are others in each piece, so its place counts.
        place = f"-{number}" if augment is not None and number else ""
        name = f"{model_key}-{piece.key}{place}.npy"
        paths.append(_found(name))
        if paths[-1] is None:
            paths[-1] = store.folder() / name
            missing[paths[-1]] = number, piece
    if missing:
        wanted = [key for _, piece in missing.values() for key in piece.keys]
        # A view depends on the order of the photos, so it is made whole.
        others = (
            {} if augment is not None else _others(model_key, wanted, paths)
        )
        try:
            _make(lower, missing, others, augment, view)
        finally:
            store.make_room(keep=paths)
    if len(paths) > 1:
        return store.Rows(paths)
    return np.load(paths[0], mmap_mode="r")


def write(lower, part, path):
    """Write what `lower` says of each photo into one file (see `store`).

    Args:
        lower: a model from pixels, (b, 299, 299, 3) in 0-255, to a tensor.
        part: a `photos.Part`.
        path: of the file, float16 of shape (n, ...) in the order of `part`.

    Raises:
        ValueError: an activation does not fit float16.
    """
    with precision.same_dice():
        _make(lower, {path: (0, part)}, others={})


def pieces(part, rows, worker=0, workers=1):
    """Yield the pieces of a part that are a worker's, with their numbers.

    Worker 1 of 4 has the pieces 1, 5, 9 and so on.

    Args:
        part: a `photos.Part`.
        rows: photos in a piece; the last may have fewer.
        worker, workers: which of how many workers this is.
    """
    for number in range(worker, max(1, -(-len(part) // rows)), workers):
        places = range(len(part))[number * rows : (number + 1) * rows]
        yield number, part.take(places)


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


def _found(name):
    """Return where a whole file of this name lies, or None."""
    for place in store.folders():
        if store.load(place / name):
            return place / name
    return None


def _others(model_key, wanted, paths):
    """Return {path of another file: the photos to be taken from there}.

    Args:
        model_key: the name of the model, as `key` returns it.
        wanted: the keys of photos.
        paths: of files that have been asked for before.
    """
    asked = {path.name for path in paths}
    wanted, found = set(wanted), {}
    for place in store.folders():
        for path in place.glob(f"{model_key}-*.npy"):
            if wanted and path.name not in asked:
                _, keys = store.load(path) or (None, [])
                found[path] = wanted.intersection(keys)
                wanted -= found[path]
    return found


def _make(lower, missing, others, augment=None, view=0):
    """Write what a model says of pieces of a part, each into its file.

    Args:
        lower: the model.
        missing: {path of the file: (number of the piece, `photos.Part`)}.
        others: {path of a file: the photos that are taken over from it}.
        augment, view: as for `stored`.
    """
    policy, known = precision.chosen(), set().union(*others.values())
    parts = [piece for _, piece in missing.values()]
    count = sum(key not in known for piece in parts for key in piece.keys)
    model = _fast(lower, policy) if count else None
    name = parts[0].name + ("" if augment is None else ", augmented")
    # Where nothing is asked there is no bar; else TQDM_DISABLE has a say.
    silent = {} if count else {"disable": True}
    show = {"desc": name, "unit": "photo", "file": sys.stdout} | silent
    with tqdm(total=count, **show) as bar:
        for path, (number, piece) in missing.items():
            shape = (len(piece), *lower.output_shape[1:])
            with store.saved(path, shape, piece.keys) as out:
                places = _take_over(out, piece, others)
                if len(places):
                    # Another process may have removed one of the others.
                    model = model or _fast(lower, policy)
                    dice = _seeded(augment, view, number)
                    _fill(out, places, model, piece, dice, bar)
                del out  # Windows renames no file that is still mapped


def _take_over(out, part, others):
    """Copy rows that lie in other files; return the places of the rest."""
    missing = set(range(len(part)))
    for path, its in others.items():
        places = [place for place in missing if part.keys[place] in its]
        found = store.load(path) if places else None
        if found:
            array, keys = found
            rows = {key: row for row, key in enumerate(keys)}
            out[places] = array[[rows[part.keys[place]] for place in places]]
            store.let_go(array)
            missing.difference_update(places)
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


def _fill(out, places, model, part, augment, bar):
    """Write the answers of a model for some places of a part, in batches."""
    done = 0
    for pixels, _ in photos.single_pass(part.take(places), BATCH_SIZE):
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


def _seeded(augment, view, number):
    """Return a copy of the augmentation layers with fixed draws.

    They are those of a view (of less than 1000) for one piece of a part.
    """
    if augment is None:
        return None
    layers = []
    for i, layer in enumerate(augment.layers):
        seed = 1_000_000 * number + 1000 * view + i
        config = layer.get_config() | {"seed": seed}
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
            key.update(_own_code(type(layer)).encode())
    for array in lower.get_weights():
        key.update(np.ascontiguousarray(array))
    view = 0 if augment is None else view
    how = f"{policy} folded {photos.SIZE} {photos.READING} {view}"
    key.update(how.encode())
    return key.hexdigest()[:16]


def _own_code(kind):
    """Return what a class of layers is made of, as text.

    Of classes from Keras it is nothing: the text is empty. A class of the
    learner's own may be edited under the same name; its text changes with
    the code of its methods, plain defaults of their arguments and plain
    values of the class, but not with where they stand. It is another one in
    another version of Python.
    """
    found = []
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] in FRAMEWORK:
            continue
        for name, value in sorted(vars(base).items()):
            method = inspect.unwrap(getattr(value, "fget", value))
            code = getattr(method, "__code__", None)
            if isinstance(code, types.CodeType):
                defaults = [*(method.__defaults__ or ())]
                defaults += sorted((method.__kwdefaults__ or {}).items())
                plain = [one for one in defaults if isinstance(one, PLAIN)]
                found.append([name, _plain(code), plain])
            elif isinstance(value, PLAIN) and not name.startswith("__"):
                found.append([name, value])
    return repr(found) if found else ""


def _plain(constant):
    """Return a constant of code as what has the same `repr` at any time."""
    if isinstance(constant, types.CodeType):
        constants = [_plain(one) for one in constant.co_consts]
        return [constant.co_code, constant.co_names, constants]
    if isinstance(constant, frozenset):  # its order is another in each process
        return sorted(map(repr, constant))
    return constant


def _leaves(model):
    """Yield the layers of a model, those of models inside it included."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer
