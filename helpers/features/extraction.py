"""Features of photos: computed once by a frozen model, cached on disk.

The output of a frozen layer is the same in every epoch. So each photo goes
through the frozen layers once, in the dtype that is fastest on this machine,
and the features are cached as float16. Each `CHUNK_SIZE` photos of a split
have a file of their own, so that an interrupted run continues where it
stopped.
"""

import contextlib
import hashlib
import random
import sys
import weakref
from collections.abc import Generator, Iterator
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

from helpers import setup
from helpers.dataset import pipeline
from helpers.dataset.splits import Split
from helpers.features import cache_key, storage
from helpers.network import dtypes, fused

BATCH_SIZE = 16
CHUNK_SIZE = 512  # photos in a file, 84 MB at mixed8
VERSION = 3  # to be raised when the same model and photos give other files
Features = npt.NDArray[np.float16] | storage.ChunkedArray
_fused_models: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


@dtypes.preserve_rng_state()
def extract(
    model: keras.Model,
    split: Split,
    augment: keras.layers.Layer | None = None,
    copy: int = 0,
) -> Features:
    """Return the features of photos, from the cache where they are there.

    Only files that are missing are computed. The name of a file changes with
    the photos, the weights, the whole configuration of the model and of the
    augmentation, and the version that a layer class from outside Keras
    declares (`cache_version = 1`, to be changed whenever its code changes).
    Without such a version, or with a function from outside Keras, features
    are computed anew each time, in memory, and a sentence says so.

    Args:
        model: from pixels, (b, 299, 299, 3) in 0-255, to a tensor.
        augment: a Keras layer or model that the photos go through first,
            for example a `keras.Sequential` of preprocessing layers: from
            float32 (b, 299, 299, 3) in 0-255 to what `model` takes. Its
            random seeds are set during this call.
        copy: number of the augmented copy, 0 to 999; the same number gives
            the same pixels if every layer draws from a
            `keras.random.SeedGenerator` that it keeps as an attribute.

    Returns:
        float16 (n, ...) in the order of `split`: a `storage.ChunkedArray`
        of the cached files, or an array of features that are not cached.

    Raises:
        ValueError: a feature does not fit float16, or the output of
            `augment` does not fit `model`.
    """
    numbered = list(chunks(split, CHUNK_SIZE))
    with _restored(augment):
        if augment is not None:
            _require_shape(augment, model)
        try:
            model_key = key(model, augment, copy)
        except cache_key.NotCacheableError as error:
            print(error)
            return np.concatenate([*_compute(model, numbered, augment, copy)])
        paths, missing = [], {}
        for number, chunk in numbered:
            name = f"{model_key}-{number}-{chunk.key}.npy"
            path = storage.find(name)
            if path is None:
                path = storage.folder() / name
                missing[path] = number, chunk
            paths.append(path)
        if missing:
            try:
                _write(model, missing, augment, copy)
            finally:
                storage.evict(keep=paths)
    return storage.ChunkedArray(paths)


def _write(
    model: keras.Model,
    missing: dict[Path, tuple[int, Split]],
    augment: keras.layers.Layer | None = None,
    copy: int = 0,
) -> None:
    """Compute chunks, {path: (number, `dataset.Split`)}, each into a file."""
    with contextlib.closing(
        _compute(model, list(missing.values()), augment, copy)
    ) as computed:
        for path, (_, chunk) in missing.items():
            # No name keeps a chunk while the next one is computed.
            storage.save(path, next(computed), chunk.keys)


def write(model: keras.Model, split: Split, path: Path) -> None:
    """Write the features of all photos of a split into one file.

    Args:
        model: from pixels, (b, 299, 299, 3) in 0-255, to a tensor.
        path: of the file, float16 (n, ...), which `storage.load` reads.

    Raises:
        ValueError: a feature does not fit float16.
    """
    with dtypes.preserve_rng_state():
        _write(model, {path: (0, split)})


def chunks(
    split: Split, chunk_size: int, worker: int = 0, workers: int = 1
) -> Iterator[tuple[int, Split]]:
    """Yield the numbered chunks of a split that one of the workers computes.

    Worker 1 of 4 has the chunks 1, 5, 9 and so on.

    Args:
        chunk_size: photos in a chunk; the last may have fewer.
        worker, workers: which of how many workers this is.
    """
    count = max(1, -(-len(split) // chunk_size))
    for number in range(worker, count, workers):
        first = number * chunk_size
        last = min(first + chunk_size, len(split))
        yield number, split.take(range(first, last))


def dataset(
    features: Features,
    labels: npt.ArrayLike | None = None,
    seed: int | None = None,
    batch_size: int = 16,
) -> tf.data.Dataset:
    """Return cached features as batches that are read when they are needed.

    `Model.fit` would copy a whole array into memory; here memory holds a
    few batches, however many photos there are.

    Args:
        features: float16 (n, ...), as `extract` returns them.
        labels: integers (n,), or one row of numbers for each photo, or None.
        seed: of the order, a new one in each epoch; None keeps the order.

    Returns:
        A `tf.data.Dataset` of float32 (b, ...), with the labels if there
        are any.
    """

    def read(rows: npt.NDArray[np.int64]):
        return np.float32(features[rows])

    def batch(rows: npt.NDArray[np.int64]):
        x = tf.numpy_function(read, [rows], tf.float32)
        x = tf.ensure_shape(x, (None, *features.shape[1:]))
        return x if labels is None else (x, tf.gather(labels, rows))

    ds = tf.data.Dataset.range(len(features))
    if seed is not None:
        ds = ds.shuffle(len(features), seed=seed)
    ds = ds.batch(batch_size).map(batch).prefetch(2)
    return ds.with_options(pipeline.no_autotuning())


def _compute(
    model: keras.Model,
    numbered: list[tuple[int, Split]],
    augment: keras.layers.Layer | None,
    copy: int,
) -> Generator[npt.NDArray[np.float16], None, None]:
    """Yield the features of chunk after chunk, and show a progress bar.

    Args:
        numbered: a list of (number of a chunk, `dataset.Split`).
    """
    model = _fused(model)
    title = numbered[0][1].name + ("" if augment is None else ", augmented")
    count = sum(len(chunk) for _, chunk in numbered)
    with tqdm(
        total=count, desc=title, unit="photo", file=sys.stdout
    ) as progress:
        for number, chunk in numbered:
            shape = (len(chunk), *model.output_shape[1:])
            features = np.empty(shape, "float16")
            done = 0
            for pixels in _batches(chunk, augment, copy, number):
                batch = np.asarray(model.predict_on_batch(pixels), "float32")
                if not np.abs(batch).max() < np.finfo("float16").max:
                    raise ValueError(
                        "A feature is too large for float16, or not a number; "
                        "check the weights and the pixel scaling."
                    )
                features[done : done + len(batch)] = batch
                done += len(batch)
                progress.update(len(batch))
            yield features


def _fused(model: keras.Model) -> keras.Model:
    """Return a model that computes the same features faster, if possible.

    A layer from outside Keras may not survive being copied, so a model that
    holds one is returned as it is.
    """
    if not cache_key.is_keras(model):
        return model
    policy = dtypes.fastest_dtype()
    now = policy, cache_key.of(model)
    known, fused_model = _fused_models.get(model, (None, None))
    if known != now:
        _fused_models.clear()  # one at a time: each takes 0.2 GiB
        setup.trim()
        fused_model = fused.fuse(model, policy)
        _fused_models[model] = now, fused_model
    return fused_model


def _batches(
    split: Split, augment: keras.layers.Layer | None, copy: int, number: int
):
    """Yield the pixels of a chunk in batches, augmented if `augment` is given.

    Args:
        number: of the chunk, on which the random seeds depend.
    """
    variables = [] if augment is None else augment.variables
    states = [v for v in variables if v.name == "seed_generator_state"]
    for i, state in enumerate(states):  # of layers at any depth
        state.assign([1_000_000 * number + 1000 * copy + i, 0])
    batches = pipeline.single_pass(split, BATCH_SIZE)
    for index, (pixels, _) in enumerate(batches):
        if augment is not None:
            random.seed(f"{number} {copy} {index}")  # AugMix draws from it
            pixels = augment(tf.cast(pixels, tf.float32), training=True)
        yield pixels


def _require_shape(augment: keras.layers.Layer, model: keras.Model):
    """Refuse an augmentation whose output a model can't take."""
    blank = tf.zeros((1, pipeline.SIZE, pipeline.SIZE, 3))
    output = augment(blank, training=True).shape
    if not output.is_compatible_with(model.input_shape):
        size = model.input_shape[1:]
        raise ValueError(
            f"The augmentation gives images of shape {tuple(output[1:])} and "
            f"the model takes {size}: let keras.layers.Resizing{size[:2]} be "
            "its last layer."
        )


@contextlib.contextmanager
def _restored(augment: keras.layers.Layer | None) -> Iterator[None]:
    """Restore the weights and random seeds of an augmentation afterwards."""
    variables = [] if augment is None else augment.variables
    values = [(variable, variable.numpy()) for variable in variables]
    try:
        yield
    finally:
        for variable, value in values:
            variable.assign(value)


def key(
    model: keras.Model,
    augment: keras.layers.Layer | None = None,
    copy: int = 0,
) -> str:
    """Return a name that changes with all that features depend on.

    That is the model, and what is done to the photos before it (`augment`
    and `copy` as for `extract`). The dtype does not count: features of one
    machine serve another, which may compute in another dtype.

    Raises:
        cache_key.NotCacheableError: a dependency can't be seen.
    """
    models = [model] if augment is None else [model, augment]
    settings = [VERSION, pipeline.SIZE, pipeline.READING, copy]
    settings += map(cache_key.of, models)
    return hashlib.sha256(str(settings).encode()).hexdigest()[:16]
