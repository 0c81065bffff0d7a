"""The runs of tools/benchmark.py, each timed in a separate process.

    python -m tools._benchmark_runs NAME

prints one line of JSON: `seconds` (without imports and the test), `peak_mib`,
and `correct`, a Boolean for each test photo.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from shutil import copyfile
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from helpers import paths, setup
from helpers.dataset import pipeline, scan, splits
from helpers.dataset.splits import Split
from helpers.features import extraction
from helpers.features.storage import ChunkedArray
from helpers.network import dtypes, weights
from helpers.surfaces import render
from tools import _memory

SEED = 0
EPOCHS = 10
BATCH = 32  # as the recipes have it
COPIES = 4  # the photo itself and three augmented copies
LOSS = "categorical_crossentropy"


# --- The recipes, fixed only so far that they run on correct pixels -------


def _recipe(
    photo_splits: Sequence[Split],
    boundary: int | None,
    augment: Sequence[keras.layers.Layer] = (),
):
    """Train as in the recipe: each epoch, all photos pass all layers."""
    train, validation, _ = photo_splits
    with tempfile.TemporaryDirectory() as folder:
        train_ds, validation_ds = (
            keras.utils.image_dataset_from_directory(
                _copied(split, Path(folder, split.name)),
                label_mode="categorical",
                image_size=(pipeline.SIZE, pipeline.SIZE),
                batch_size=BATCH,
                seed=SEED,
                verbose=False,
            )
            for split in (train, validation)
        )
        for layer in augment:
            train_ds = train_ds.map(lambda x, y, layer=layer: (layer(x), y))
        base = _base()
        for layer in base.layers[:boundary]:
            layer.trainable = False
        inputs = keras.Input(base.input_shape[1:])
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
        model = keras.Model(inputs, _head(train)(_average()(base(x))))
        _fit(model, train_ds, validation_data=validation_ds)
    return model


def recipe_frozen(photo_splits: Sequence[Split]) -> keras.Model:
    return _recipe(photo_splits, boundary=None)


def recipe_fine_tuned(photo_splits: Sequence[Split]) -> keras.Model:
    return _recipe(photo_splits, boundary=249)


def recipe_augmented(photo_splits: Sequence[Split]) -> keras.Model:
    return _recipe(photo_splits, None, _augmentation())


# --- The workbook's way ---------------------------------------------------


def workbook_frozen(photo_splits: Sequence[Split]) -> keras.Model:
    """Lesson 02: the features of the base are computed once."""
    train, validation, _ = photo_splits
    feature_model = _feature_model()
    x, x_validation = (
        extraction.extract(feature_model, split)
        for split in (train, validation)
    )
    head = _head(train)
    validation_ds = _dataset(x_validation, validation)
    _fit(head, _dataset(x, train, SEED), validation_data=validation_ds)
    return keras.Model(feature_model.input, head(feature_model.output))


def workbook_fine_tuned(photo_splits: Sequence[Split]) -> keras.Model:
    """Lesson 03: the features at the boundary are computed once."""
    train, validation, _ = photo_splits
    base = dtypes.with_dtype(_base(), dtypes.fastest_dtype())
    boundary = base.get_layer("mixed8").output
    inputs = keras.Input(base.input_shape[1:])
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    lower = keras.Model(inputs, keras.Model(base.input, boundary)(x))
    x, x_validation = (
        extraction.extract(lower, split) for split in (train, validation)
    )
    upper = keras.Model(boundary, base.output)
    boundary_inputs = keras.Input(boundary.shape[1:])
    tail = keras.Model(
        boundary_inputs, _head(train)(_average()(upper(boundary_inputs)))
    )
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    validation_ds = _dataset(x_validation, validation)
    _fit(tail, _dataset(x, train, SEED), validation_data=validation_ds)
    return keras.Model(inputs, tail(lower(inputs)))


def workbook_augmented(photo_splits: Sequence[Split]) -> keras.Model:
    """Lesson 04: a few augmented copies, one in each epoch in turn."""
    train, validation, _ = photo_splits
    feature_model = _feature_model()
    augment = keras.Sequential(_augmentation())
    copies = [extraction.extract(feature_model, train)]
    for number in range(1, COPIES):
        copies.append(
            extraction.extract(feature_model, train, augment, number)
        )
    x_validation = extraction.extract(feature_model, validation)
    head = _head(train)
    _compile(head)
    for epoch in range(EPOCHS):
        train_ds = _dataset(copies[epoch % COPIES], train, SEED + epoch)
        validation_ds = _dataset(x_validation, validation)
        _train(head, train_ds, validation_data=validation_ds)
    return keras.Model(feature_model.input, head(feature_model.output))


# --- What they have in common ---------------------------------------------


def _base():
    return keras.applications.InceptionV3(
        weights=weights.choose().path,
        include_top=False,
        input_shape=(pipeline.SIZE, pipeline.SIZE, 3),
    )


def _average():
    return keras.layers.GlobalAveragePooling2D()


def _feature_model():
    base = _base()
    inputs = keras.Input(base.input_shape[1:])
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    return keras.Model(inputs, _average()(base(x)))


def _head(split: Split):
    return keras.Sequential(
        [
            keras.Input((2048,)),
            keras.layers.Dense(1024, activation="relu"),
            keras.layers.Dense(len(split.class_names), activation="softmax"),
        ]
    )


def _augmentation():
    return [
        keras.layers.RandomFlip("horizontal", seed=SEED),
        keras.layers.RandomRotation(0.2, seed=SEED),
        keras.layers.RandomZoom((-0.2, 0.2), (-0.2, 0.2), seed=SEED),
    ]


def _compile(model: keras.Model):
    model.compile(keras.optimizers.Adam(1e-4), LOSS, metrics=["accuracy"])


def _train(
    model: keras.Model,
    train_ds: tf.data.Dataset,
    epochs: int = 1,
    **options: Any,
):
    model.fit(train_ds, epochs=epochs, shuffle=False, verbose=0, **options)


def _fit(model: keras.Model, train_ds: tf.data.Dataset, **options: Any):
    _compile(model)
    _train(model, train_ds, epochs=EPOCHS, **options)


def _dataset(
    features: npt.NDArray[np.floating] | ChunkedArray,
    split: Split,
    seed: int | None = None,
):
    """Return cached features in batches, with one-hot labels."""
    one_hot = keras.utils.to_categorical(split.labels, len(split.class_names))
    return extraction.dataset(features, one_hot, seed, BATCH)


def _copied(split: Split, folder: Path):
    """Copy the photos of a split to a folder that a recipe can read."""
    for number, (path, label) in enumerate(
        zip(split.paths, split.labels, strict=True)
    ):
        class_folder = folder / f"{label:03d}"
        class_folder.mkdir(parents=True, exist_ok=True)
        copyfile(path, class_folder / f"{number:06d}{Path(path).suffix}")
    return folder


# --- The process ----------------------------------------------------------

TRAINING = {
    function.__name__: function
    for function in (
        *(recipe_frozen, recipe_fine_tuned, recipe_augmented),
        *(workbook_frozen, workbook_fine_tuned, workbook_augmented),
    )
}


def run(name: str, photo_splits: Sequence[Split]) -> dict[str, Any]:
    """Do one run; return its report.

    Args:
        name: in `TRAINING`.
        photo_splits: training, validation and test, each a `Split`.
    """
    keras.utils.set_random_seed(SEED)
    start = time.perf_counter()
    model = TRAINING[name](photo_splits)
    seconds = time.perf_counter() - start
    test = photo_splits[2]
    probs = model.predict(pipeline.single_pass(test), verbose=0)
    return {
        "seconds": seconds,
        "peak_mib": _memory.peak() / 2**20,
        "correct": (probs.argmax(-1) == test.labels).tolist(),
    }


def main() -> None:
    setup.keras_defaults()
    photo_splits = splits.split(scan.check(render.folder()), render.FRACTIONS)
    weights.choose()  # done once for all lessons, so not timed
    dtypes.fastest_dtype()
    with tempfile.TemporaryDirectory(dir=paths.work()) as folder:
        # Without features from earlier runs.
        os.environ["WORKBOOK_WORK"] = folder
        print(json.dumps(run(sys.argv[1], photo_splits)))


if __name__ == "__main__":
    main()
