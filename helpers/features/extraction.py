"""What the frozen part of the network says of each photo, stored once.

A frozen layer gives the same answer in every epoch. So the frozen part is
asked once for each photo, by the way that is fastest here, and its answers
are kept on disk as float16: a part of many photos in pieces, a file each,
so that whoever was stopped goes on where they were.
"""

import contextlib
import hashlib
import random
import sys
import weakref

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from helpers import setup
from helpers.dataset import pipeline
from helpers.features import cache_key, storage
from helpers.network import dtypes, fused

BATCH_SIZE = 16
CHUNK_SIZE = 512  # photos in a file, 84 MB past mixed8
# {model: (structure, `fused.FusedModel`)}
_copies: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


@dtypes.preserve_rng_state()
def extract(lower, split, augment=None, view=0):
    """Return what `lower` says of each photo, from disk where it is there.

    Each `ROWS` photos have a file of their own, and only what is missing is
    made. What the same model has said of a photo as a member of another
    part is taken from there: a photo is computed once.

    A layer or function that is not from Keras can change without a trace in
    the model. Features of a model or augmentation that uses one are cached
    only if its class declares a version, `cache_version = 1`, to be changed
    whenever the code of the class changes. Otherwise they are computed anew
    each time, in memory, and a sentence says so.

    Args:
        lower: a model from pixels, (b, 299, 299, 3) in 0-255, to a tensor.
        part: a `dataset.Split`.
        augment: a Keras layer or model that the photos go through first,
            for example a `keras.Sequential` of preprocessing layers: from
            float32 (b, 299, 299, 3) in 0-255 to what `lower` takes. Its
            seeds are set for the time of this call.
        view: number of the augmented copy, 0 to 999; the same number gives
            the same pixels.

    Returns:
        What can be read as a float16 array of shape (n, ...), in the order
        of `part`. If it is cached, it can't be written: a memory map of the
        file, or a `storage.ChunkedArray` of several.

    Raises:
        ValueError: an activation does not fit float16, or the output of
            `augment` does not fit `lower`.
    """
    if augment is None:
        return _extract(lower, split)
    with _restored(augment):
        _require_shape(augment, lower)
        return _extract(lower, split, augment, view)


def _extract(lower, split, augment=None, view=0):
    try:
        model_key = _key(lower, augment, view, dtypes.fastest_dtype())
    except cache_key.NotCacheableError as error:
        print(error)
        return _uncached(lower, split, augment, view)
    paths, missing = [], {}
    for number, piece in chunks(split, CHUNK_SIZE):
        # The dice of a view are others in each piece, so its place counts.
        place = f"-{number}" if augment is not None and number else ""
        name = f"{model_key}-{piece.key}{place}.npy"
        paths.append(_found(name))
        if paths[-1] is None:
            paths[-1] = storage.folder() / name
            missing[paths[-1]] = number, piece
    if missing:
        if augment is not None and not _is_reproducible(augment, view, split):
            print(
                f"Features are computed anew each time, because {augment.name}"
                " gives different pixels from the same seeds; to have them "
                "cached, let its layers draw from a keras.random.SeedGenerator"
                " that they keep as an attribute."
            )
            return _uncached(lower, split, augment, view)
        wanted = [key for _, piece in missing.values() for key in piece.keys]
        # A view depends on the order of the photos, so it is made whole.
        others = (
            {} if augment is not None else _others(model_key, wanted, paths)
        )
        try:
            _make(lower, missing, others, augment, view)
        finally:
            storage.evict(keep=paths)
    if len(paths) > 1:
        return storage.ChunkedArray(paths)
    return np.load(paths[0], mmap_mode="r")


def _uncached(lower, split, augment, view):
    """Return what `stored` does, without a file."""
    out = np.empty((len(split), *lower.output_shape[1:]), "float16")
    model = _fast(lower, dtypes.fastest_dtype())
    with _progress(split, augment, len(split)) as bar:
        for number, piece in chunks(split, CHUNK_SIZE):
            rows = out[number * CHUNK_SIZE :][: len(piece)]
            batches = _batches(piece, augment, view, number)
            _fill(rows, np.arange(len(piece)), model, batches, bar)
    return out


def write(lower, split, path):
    """Write what `lower` says of each photo into one file (see `store`).

    Args:
        lower: a model from pixels, (b, 299, 299, 3) in 0-255, to a tensor.
        part: a `dataset.Split`.
        path: of the file, float16 of shape (n, ...) in the order of `part`.

    Raises:
        ValueError: an activation does not fit float16.
    """
    with dtypes.preserve_rng_state():
        _make(lower, {path: (0, split)}, others={})


def chunks(split, rows, worker=0, workers=1):
    """Yield the pieces of a part that are a worker's, with their numbers.

    Worker 1 of 4 has the pieces 1, 5, 9 and so on.

    Args:
        part: a `dataset.Split`.
        rows: photos in a piece; the last may have fewer.
        worker, workers: which of how many workers this is.
    """
    for number in range(worker, max(1, -(-len(split) // rows)), workers):
        places = range(len(split))[number * rows : (number + 1) * rows]
        yield number, split.take(places)


def key(lower):
    """Return a name that changes with the answers of a model here.

    That is with its layers, its weights, and the arithmetic that is fastest
    on this machine.
    """
    return _key(lower, None, 0, dtypes.fastest_dtype())


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
        storage.drop_pages(stored)
        return found

    def batch(places):
        x = tf.numpy_function(rows, [places], tf.float32)
        x = tf.ensure_shape(x, (None, *stored.shape[1:]))
        return x if labels is None else (x, tf.gather(labels, places))

    ds = tf.data.Dataset.range(len(stored))
    if seed is not None:
        ds = ds.shuffle(len(stored), seed=seed)
    ds = ds.batch(batch_size).map(batch).prefetch(2)
    return ds.with_options(pipeline.no_autotuning())


def _found(name):
    """Return where a whole file of this name lies, or None."""
    for place in storage.folders():
        if storage.load(place / name):
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
    for place in storage.folders():
        for path in place.glob(f"{model_key}-*.npy"):
            if wanted and path.name not in asked:
                _, keys = storage.load(path) or (None, [])
                found[path] = wanted.intersection(keys)
                wanted -= found[path]
    return found


def _make(lower, missing, others, augment=None, view=0):
    """Write what a model says of pieces of a part, each into its file.

    Args:
        lower: the model.
        missing: {path of the file: (number of the piece, `dataset.Split`)}.
        others: {path of a file: the photos that are taken over from it}.
        augment, view: as for `stored`.
    """
    policy, known = dtypes.fastest_dtype(), set().union(*others.values())
    parts = [piece for _, piece in missing.values()]
    count = sum(key not in known for piece in parts for key in piece.keys)
    model = _fast(lower, policy) if count else None
    with _progress(parts[0], augment, count) as bar:
        for path, (number, piece) in missing.items():
            shape = (len(piece), *lower.output_shape[1:])
            with storage.create(path, shape, piece.keys) as out:
                places = _take_over(out, piece, others)
                if len(places):
                    # Another process may have removed one of the others.
                    model = model or _fast(lower, policy)
                    rest = piece.take(places)
                    batches = _batches(rest, augment, view, number)
                    _fill(out, places, model, batches, bar)
                del out  # Windows renames no file that is still mapped


def _progress(split, augment, count):
    """Return a bar over photos; there is none if there are no photos."""
    name = split.name + ("" if augment is None else ", augmented")
    # Where there are photos, TQDM_DISABLE has a say.
    silent = {} if count else {"disable": True}
    return tqdm(
        total=count, desc=name, unit="photo", file=sys.stdout, **silent
    )


def _take_over(out, split, others):
    """Copy rows that lie in other files; return the places of the rest."""
    missing = set(range(len(split)))
    for path, its in others.items():
        places = [place for place in missing if split.keys[place] in its]
        found = storage.load(path) if places else None
        if found:
            array, keys = found
            rows = {key: row for row, key in enumerate(keys)}
            out[places] = array[[rows[split.keys[place]] for place in places]]
            storage.drop_pages(array)
            missing.difference_update(places)
    return np.array(sorted(missing), dtype=int)


def _fast(model, policy):
    """Return a model that computes the same, faster where that is possible.

    A layer that is not from Keras may not survive being copied, so a model
    that holds one is returned itself.
    """
    if not cache_key.is_keras(model):
        return model
    structure = cache_key.structure(model)
    known, copy = _copies.get(model, (None, None))
    if known == structure and copy.policy == policy:
        copy.refresh()
    else:
        _copies.clear()  # one at a time: each takes 0.2 GiB
        setup.trim()
        copy = fused.FusedModel(model, policy)
        _copies[model] = structure, copy
    return copy.model


def _fill(out, places, model, batches, bar):
    """Write the output of a model for batches of pixels into some rows."""
    done = 0
    for pixels in batches:
        answer = np.float32(model.predict_on_batch(pixels))
        if not np.abs(answer).max() < np.finfo("float16").max:
            raise ValueError(
                "An activation is too large for float16, or not a "
                "number; check the weights and the pixel scaling."
            )
        out[places[done : done + len(answer)]] = answer
        storage.drop_pages(out)
        done += len(answer)
        bar.update(len(answer))


def _batches(split, augment, view, number):
    """Yield the pixels of a part in batches, augmented if that is wanted.

    Args:
        part: a `dataset.Split`.
        augment, view: as for `stored`.
        number: of the piece of the whole part that this is.
    """
    if augment is not None:
        _seed(augment, view, number)
    for batch, (pixels, _) in enumerate(
        pipeline.single_pass(split, BATCH_SIZE)
    ):
        if augment is not None:
            random.seed(f"{number} {view} {batch}")  # AugMix draws from it
            pixels = augment(tf.cast(pixels, tf.float32), training=True)
        yield pixels


def _seed(augment, view, number):
    """Seed every generator in an augmentation, at any depth."""
    states = [v for v in augment.variables if v.name == "seed_generator_state"]
    for i, state in enumerate(states):
        state.assign([1_000_000 * number + 1000 * view + i, 0])


def _is_reproducible(augment, view, split):
    """Return whether the same seeds give the same pixels, in one batch."""
    some = split.take(range(min(BATCH_SIZE, len(split))))
    first, again = (list(_batches(some, augment, view, 0)) for _ in range(2))
    # Some operations of a graphics card differ in the last digits.
    return np.allclose(first, again, atol=0.01)


def _require_shape(augment, lower):
    """Refuse an augmentation whose output a model can't take."""
    blank = tf.zeros((1, pipeline.SIZE, pipeline.SIZE, 3))
    found = tuple(augment(blank, training=True).shape[1:])
    wanted = lower.input_shape[1:]
    if len(found) != len(wanted) or any(
        size not in (None, its)
        for its, size in zip(found, wanted, strict=True)
    ):
        raise ValueError(
            f"The augmentation gives images of shape {found} and the model "
            f"takes {wanted}: let keras.layers.Resizing{wanted[:2]} be its "
            "last layer."
        )


@contextlib.contextmanager
def _restored(augment):
    """Leave the weights and seeds of an augmentation as they were."""
    before = [(v, v.numpy()) for v in augment.variables]
    try:
        yield
    finally:
        for variable, value in before:
            variable.assign(value)


def _key(lower, augment, view, policy):
    """Return a name that changes with all that the features depend on.

    Raises:
        cache_key.NotCacheableError: what they depend on can't be told.
    """
    models = [lower] if augment is None else [lower, augment]
    view = 0 if augment is None else view
    how = f"{policy} folded {pipeline.SIZE} {pipeline.READING} {view}"
    parts = [how, *(cache_key.of(model) for model in models)]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]
