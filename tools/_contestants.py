"""One way to retrain, timed, in a process of its own: for tools/race.py.

    python -m tools._contestants WAY

prints one line of JSON: `seconds` (all work but the imports and the last
question), `peak_mib`, and `right`, a verdict for each test photo.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from shutil import copyfile

import keras
import numpy as np
import tensorflow as tf

from helpers import paths, setup
from helpers.dataset import pipeline, scan, splits
from helpers.features import extraction, storage
from helpers.network import dtypes, weights
from helpers.surfaces import render
from tools import _memory

SEED = 0
EPOCHS = 10
BATCH = 32  # as the recipes have it
VIEWS = 4  # the photo as taken, and three changed ones
FORWARD = 500  # photos, and ten times as many for comparison
LOSS = "categorical_crossentropy"


# --- The recipes, mended only so far that they run and see right pixels ---


def _recipe(parts, boundary, augment=()):
    """Train a recipe's way: every photo through everything, every epoch."""
    train, validation, _ = parts
    with tempfile.TemporaryDirectory() as folder:
        train_ds, validation_ds = (
            keras.utils.image_dataset_from_directory(
                _copied(part, Path(folder, part.name)),
                label_mode="categorical",
                image_size=(pipeline.SIZE, pipeline.SIZE),
                batch_size=BATCH,
                seed=SEED,
                verbose=False,
            )
            for part in (train, validation)
        )
        for layer in augment:
            train_ds = train_ds.map(lambda x, y, layer=layer: (layer(x), y))
        base = _base()
        for layer in base.layers[:boundary]:
            layer.trainable = False
        inputs = keras.Input(base.input_shape[1:])
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
        whole = keras.Model(inputs, _head(train)(_average()(base(x))))
        _fit(whole, train_ds, validation_data=validation_ds)
    return whole


def recipe_frozen(parts):
    return _recipe(parts, boundary=None)


def recipe_fine_tuned(parts):
    return _recipe(parts, boundary=249)


def recipe_augmented(parts):
    return _recipe(parts, None, _augmentation())


# --- The workbook's way ---------------------------------------------------


def workbook_frozen(parts):
    """Lesson 02: what the base says is computed once."""
    train, validation, _ = parts
    inputs, features = _described()
    describe = keras.Model(inputs, features)
    x, x_validation = (
        extraction.extract(describe, part) for part in (train, validation)
    )
    head = _head(train)
    seen = _stored_ds(x_validation, validation)
    _fit(head, _stored_ds(x, train, SEED), validation_data=seen)
    return keras.Model(inputs, head(features))


def workbook_fine_tuned(parts):
    """Lesson 03: what lies below the boundary is computed once."""
    train, validation, _ = parts
    base = dtypes.with_dtype(_base(), dtypes.fastest_dtype())
    cut = base.get_layer("mixed8").output
    inputs = keras.Input(base.input_shape[1:])
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    lower = keras.Model(inputs, keras.Model(base.input, cut)(x))
    x, x_validation = (
        extraction.extract(lower, part) for part in (train, validation)
    )
    upper = keras.Model(cut, base.output)
    at_cut = keras.Input(cut.shape[1:])
    tail = keras.Model(at_cut, _head(train)(_average()(upper(at_cut))))
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    seen = _stored_ds(x_validation, validation)
    _fit(tail, _stored_ds(x, train, SEED), validation_data=seen)
    return keras.Model(inputs, tail(lower(inputs)))


def workbook_augmented(parts):
    """Lesson 04: a few changed views, an epoch each in turn."""
    train, validation, _ = parts
    inputs, features = _described()
    describe = keras.Model(inputs, features)
    augment = keras.Sequential(_augmentation())
    views = [extraction.extract(describe, train)]
    for view in range(1, VIEWS):
        views.append(extraction.extract(describe, train, augment, view))
    x_validation = extraction.extract(describe, validation)
    head = _head(train)
    _compile(head)
    for epoch in range(EPOCHS):
        train_ds = _stored_ds(views[epoch % VIEWS], train, SEED + epoch)
        seen = _stored_ds(x_validation, validation)
        _train(head, train_ds, validation_data=seen)
    return keras.Model(inputs, head(features))


# --- What they have in common ---------------------------------------------


def _base():
    return keras.applications.InceptionV3(
        weights=weights.choose().path,
        include_top=False,
        input_shape=(pipeline.SIZE, pipeline.SIZE, 3),
    )


def _average():
    return keras.layers.GlobalAveragePooling2D()


def _described():
    base = _base()
    inputs = keras.Input(base.input_shape[1:])
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    return inputs, _average()(base(x))


def _head(part):
    return keras.Sequential(
        [
            keras.Input((2048,)),
            keras.layers.Dense(1024, activation="relu"),
            keras.layers.Dense(len(part.class_names), activation="softmax"),
        ]
    )


def _augmentation():
    return [
        keras.layers.RandomFlip("horizontal", seed=SEED),
        keras.layers.RandomRotation(0.2, seed=SEED),
        keras.layers.RandomZoom((-0.2, 0.2), (-0.2, 0.2), seed=SEED),
    ]


def _compile(model):
    model.compile(keras.optimizers.Adam(1e-4), LOSS, metrics=["accuracy"])


def _train(model, train_ds, epochs=1, **options):
    model.fit(train_ds, epochs=epochs, shuffle=False, verbose=0, **options)


def _fit(model, train_ds, **options):
    _compile(model)
    _train(model, train_ds, epochs=EPOCHS, **options)


def _stored_ds(stored, part, seed=None):
    """Return stored answers in batches, labels as rows with a single one."""
    rows = keras.utils.to_categorical(part.labels, len(part.class_names))
    return extraction.dataset(stored, rows, seed, BATCH)


def _copied(part, folder):
    """Copy the photos of a part, so that a recipe may read the folder."""
    for number, (path, label) in enumerate(
        zip(part.paths, part.labels, strict=True)
    ):
        place = folder / f"{label:03d}"
        place.mkdir(parents=True, exist_ok=True)
        copyfile(path, place / f"{number:06d}{Path(path).suffix}")
    return folder


# --- The forward pass alone -----------------------------------------------

GFLOP = 11.4  # of one photo of 299 pixels through Inception v3


def forward(parts, times=1):
    """Time photos from files to stored answers; return a dictionary.

    `share_of_matrix_rate` compares with what this machine reaches when it
    multiplies large square matrices in the same arithmetic.
    """
    inputs, features = _described()
    describe = keras.Model(inputs, features)
    some = _many(parts, times * FORWARD)
    extraction.extract(describe, some.take(range(32)))
    for path in storage.folder().glob("*.npy"):
        path.unlink()  # only its plans were wanted
    begun = time.perf_counter()
    extraction.extract(describe, some)
    seconds = time.perf_counter() - begun
    rate = len(some) * GFLOP / seconds
    return {
        "photos": len(some),
        "seconds": seconds,
        "share_of_matrix_rate": rate / _matrix_rate(),
        "peak_mib": _memory.peak() / 2**20,
    }


def forward_tenfold(parts):
    """Do the same with ten times as many photos."""
    return forward(parts, 10)


def _many(parts, count):
    """Return so many photos of all parts as one; after the last the first
    comes again, to be read and computed like any other."""
    one = splits.Split(
        "forward",
        parts[0].class_names,
        [path for part in parts for path in part.paths],
        np.concatenate([part.labels for part in parts]),
        [key for part in parts for key in part.keys],
    )
    return one.take(np.arange(count) % len(one))


def _matrix_rate():
    """Return the GFLOP a second of square matrix products, the best of 8."""
    side = 2048
    kind = keras.DTypePolicy(dtypes.fastest_dtype()).compute_dtype
    matrix = tf.cast(tf.random.normal((side, side)), kind)
    product = tf.function(tf.linalg.matmul)
    best = np.inf
    for _ in range(8):
        begun = time.perf_counter()
        product(matrix, matrix).numpy()
        best = min(best, time.perf_counter() - begun)
    return 2 * side**3 / best / 1e9


# --- The process ----------------------------------------------------------

WAYS = {
    f"{who}_{what}": globals()[f"{who}_{what}"]
    for what in ("frozen", "fine_tuned", "augmented")
    for who in ("recipe", "workbook")
}
FORWARDS = {"forward": forward, "forward_tenfold": forward_tenfold}


def run(way, parts):
    """Run one way; return what `tools/race.py` wants to know of it.

    Args:
        way: a name in `WAYS` or in `FORWARDS`.
        parts: training, validation and test, each a `dataset.Split`.
    """
    if way in FORWARDS:
        return FORWARDS[way](parts)
    keras.utils.set_random_seed(SEED)
    begun = time.perf_counter()
    model = WAYS[way](parts)
    seconds = time.perf_counter() - begun
    test = parts[2]
    says = model.predict(pipeline.single_pass(test), verbose=0).argmax(-1)
    return {
        "seconds": seconds,
        "peak_mib": _memory.peak() / 2**20,
        "right": (says == test.labels).tolist(),
    }


def main():
    setup.keras_defaults()
    parts = splits.split(scan.check(render.folder()), render.FRACTIONS)
    weights.choose()  # what is made once for all lessons does not count
    dtypes.fastest_dtype()
    with tempfile.TemporaryDirectory(dir=paths.work()) as folder:
        # Nothing cached before may help.
        os.environ["WORKBOOK_WORK"] = folder
        print(json.dumps(run(sys.argv[1], parts)))


if __name__ == "__main__":
    main()
