"""Times the three recipes as published against the lessons' way."""

import argparse
import functools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import copyfile
from typing import Any

import keras
import tensorflow as tf

from helpers import paths, setup, stats
from helpers.dataset import pipeline, scan, splits
from helpers.dataset.splits import Split
from helpers.features import extraction
from helpers.network import dtypes, weights
from helpers.surfaces import render
from tools import _memory, _pinned

SEED = 0
EPOCHS = 10
BATCH = 32  # as the recipes have it
COPIES = 4  # the photo itself and three augmented copies


def main(argv: list[str]) -> int:
    """Do each run in a separate process and print a table.

    With the name of a run, print its report instead, as one line of JSON.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="benchmark", description=__doc__)
    parser.add_argument("run", nargs="?", choices=TRAINING, help="only one")
    args = parser.parse_args(argv)
    if args.run:
        print(json.dumps(_run(args.run)))
        return 0
    reports = {}
    for name in TRAINING:
        print(f"running {name} ...", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "tools", "benchmark", name],
            cwd=paths.ROOT,
            env=_pinned.environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            return done.returncode
        reports[name] = json.loads(done.stdout.splitlines()[-1])
    print(f"\n{table(reports)}\n")
    print(f"{os.cpu_count()} cores, {platform.machine()}, {sys.platform}")
    return 0


def table(reports: dict[str, dict[str, Any]]) -> str:
    """Return the results as text.

    Args:
        reports: {name of a run: report of `run`}, in the order of `TRAINING`.
    """
    lines = [
        f"{'':<20}{'seconds':>9}{'speed-up':>10}{'peak MiB':>10}"
        "   test accuracy"
    ]
    recipe_report: dict[str, Any] = {}
    for name, report in reports.items():
        speed_up, seconds, correct = "", report["seconds"], report["correct"]
        interval = stats.accuracy(correct)
        comparison = ""
        if name.startswith("recipe"):
            recipe_report = report
        else:
            speed_up = f"{recipe_report['seconds'] / seconds:.1f}"
            difference = stats.paired(recipe_report["correct"], correct)
            comparison = f"\n{'':<23}workbook minus recipe: {difference}"
        lines.append(
            f"{name:<20}{seconds:>9.1f}{speed_up:>10}"
            f"{report['peak_mib']:>10.0f}   {interval.proportion:.1%} "
            f"({interval.low:.1%} to {interval.high:.1%}){comparison}"
        )
    return "\n".join(lines)


def recipe(
    photo_splits: Sequence[Split],
    boundary: int | None = None,
    augmented: bool = False,
) -> keras.Model:
    """Train as published: each epoch, all photos pass all layers.

    The recipe is fixed only so far that it runs on correct pixels.

    Args:
        boundary: the number of frozen layers; None is all.
        augmented: whether the photos are augmented, anew in each epoch.
    """
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
        for layer in _augmentation() if augmented else ():
            train_ds = train_ds.map(lambda x, y, layer=layer: (layer(x), y))
        base = _base()
        for layer in base.layers[:boundary]:
            layer.trainable = False
        inputs = keras.Input(base.input_shape[1:])
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
        model = keras.Model(inputs, _head(base(x), train))
        _compile(model)
        _fit(model, train_ds, validation_ds, epochs=EPOCHS)
    return model


def workbook(
    photo_splits: Sequence[Split],
    boundary: str | None = None,
    augmented: bool = False,
) -> keras.Model:
    """Train as in the lessons: the frozen layers run once per photo.

    Args:
        boundary: the last frozen layer; None is the last layer of the base.
        augmented: whether each epoch takes another of a few augmented copies.
    """
    train, validation, _ = photo_splits
    base = _base()
    if boundary:  # the layers above are trained in the fastest dtype, too
        base = dtypes.with_dtype(base, dtypes.fastest_dtype())
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    cut = base.get_layer(boundary).output if boundary else base.output
    inputs = keras.Input(base.input_shape[1:])
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    features = keras.Model(base.input, cut)(x)
    if not boundary:  # one number for each channel is enough
        features = keras.layers.GlobalAveragePooling2D()(features)
    lower = keras.Model(inputs, features)
    copies = [extraction.extract(lower, train)]
    if augmented:
        augment = keras.Sequential(_augmentation())
        for number in range(1, COPIES):
            copies.append(extraction.extract(lower, train, augment, number))
    x_validation = extraction.extract(lower, validation)
    upper_inputs = keras.Input(features.shape[1:])
    upper = (
        keras.Model(cut, base.output) if boundary else keras.layers.Identity()
    )
    tail = keras.Model(upper_inputs, _head(upper(upper_inputs), train))
    _compile(tail)
    validation_ds = extraction.dataset(
        x_validation, _one_hot(validation), None, BATCH
    )
    for epoch in range(EPOCHS):
        x = copies[epoch % len(copies)]
        train_ds = extraction.dataset(x, _one_hot(train), SEED + epoch, BATCH)
        _fit(tail, train_ds, validation_ds, epochs=1)
    return keras.Model(inputs, tail(lower(inputs)))


TRAINING: dict[str, Callable[..., keras.Model]] = {
    "recipe_frozen": recipe,
    "workbook_frozen": workbook,
    "recipe_fine_tuned": functools.partial(recipe, boundary=249),
    "workbook_fine_tuned": functools.partial(workbook, boundary="mixed8"),
    "recipe_augmented": functools.partial(recipe, augmented=True),
    "workbook_augmented": functools.partial(workbook, augmented=True),
}


def _base():
    return keras.applications.InceptionV3(
        weights=weights.choose().path,
        include_top=False,
        input_shape=(pipeline.SIZE, pipeline.SIZE, 3),
    )


def _head(x: keras.KerasTensor, split: Split):
    if len(x.shape) == 4:
        x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(1024, activation="relu")(x)
    count = len(split.class_names)
    return keras.layers.Dense(count, activation="softmax")(x)


def _augmentation():
    return [
        keras.layers.RandomFlip("horizontal", seed=SEED),
        keras.layers.RandomRotation(0.2, seed=SEED),
        keras.layers.RandomZoom((-0.2, 0.2), (-0.2, 0.2), seed=SEED),
    ]


def _compile(model: keras.Model):
    adam = keras.optimizers.Adam(1e-4)
    model.compile(adam, "categorical_crossentropy", metrics=["accuracy"])


def _fit(
    model: keras.Model,
    train_ds: tf.data.Dataset,
    validation_ds: tf.data.Dataset,
    epochs: int,
):
    model.fit(
        train_ds,
        epochs=epochs,
        validation_data=validation_ds,
        shuffle=False,
        verbose=0,
    )


def _one_hot(split: Split):
    return keras.utils.to_categorical(split.labels, len(split.class_names))


def _copied(split: Split, folder: Path):
    """Copy the photos of a split to a folder that a recipe can read."""
    for number, (path, label) in enumerate(
        zip(split.paths, split.labels, strict=True)
    ):
        class_folder = folder / f"{label:03d}"
        class_folder.mkdir(parents=True, exist_ok=True)
        copyfile(path, class_folder / f"{number:06d}{Path(path).suffix}")
    return folder


def run(name: str, photo_splits: Sequence[Split]) -> dict[str, Any]:
    """Do one run.

    Returns:
        `seconds` (without imports and the test), `peak_mib`, and `correct`,
        a Boolean for each test photo.
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


def _run(name: str):
    """Do one run on the default photos, without features of earlier runs."""
    setup.keras_defaults()
    photo_splits = splits.split(scan.check(render.folder()), render.FRACTIONS)
    weights.choose()  # done once for all lessons, so not timed
    dtypes.fastest_dtype()
    with tempfile.TemporaryDirectory(dir=paths.work()) as folder:
        os.environ["WORKBOOK_WORK"] = folder
        return run(name, photo_splits)
