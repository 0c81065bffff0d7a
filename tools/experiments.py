"""Runs the stored experiments of the lessons: three seeds an arm.

With --photos, lesson 08 runs once on a folder of real photos.
"""

import argparse
import functools
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import (
    dataset,
    experiments,
    features,
    network,
    paths,
    results,
    setup,
    surfaces,
)
from helpers.network import weights as network_weights
from tools import retrain

Rows = npt.NDArray[Any]
SEEDS = (0, 1, 2)
EPOCHS, BATCH = 8, 16
LOSS = "sparse_categorical_crossentropy"
COPIES = 3  # augmented copies of a photo in most arms
UNITS = (1024,)  # of the hidden layer
DECAYS = {f"weight decay {d:g}": d for d in (0.01, 1.0, 3.0, 10.0)}


@dataclass(frozen=True)
class Arm:
    """What a run of fine-tuning does; the defaults are those of lesson 03.

    Args:
        rate: the largest learning rate; None takes the best of four.
        past: the block that training begins after.
        batchnorm: whether BatchNorm layers are trainable, too.
        trained_head: whether the head is trained alone first.
        augment: the names of the augmentation layers.
        copies: augmented copies of each photo.
    """

    rate: float | None = None
    past: str = "mixed8"
    batchnorm: bool = False
    trained_head: bool = True
    augment: tuple[str, ...] = ()
    copies: int = COPIES


@keras.saving.register_keras_serializable("workbook")
class LessLight(keras.layers.Layer):
    """Multiplies each photo by a random number from `darkest` to 1."""

    cache_version = 1

    def __init__(self, darkest: float, **options: Any):
        super().__init__(**options)
        self.darkest = darkest
        self.rng = keras.random.SeedGenerator(None)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return x
        shape = (keras.ops.shape(x)[0], 1, 1, 1)
        return x * keras.random.uniform(shape, self.darkest, 1, seed=self.rng)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"darkest": self.darkest}


LAYERS: dict[str, Callable[[], keras.layers.Layer]] = {
    "flip": lambda: keras.layers.RandomFlip("horizontal"),
    "rotation": lambda: keras.layers.RandomRotation(0.5, fill_mode="reflect"),
    "zoom": lambda: keras.layers.RandomZoom(
        (-0.25, 0.25), fill_mode="reflect"
    ),
    "light": lambda: LessLight(0.25),
}
ALL = tuple(LAYERS)
TUNING = {
    **{name: Arm(rate) for name, rate in experiments.RATES.items()},
    "BatchNorm trainable": Arm(batchnorm=True),
    "new head": Arm(trained_head=False),
    "past mixed10": Arm(past="mixed10"),
    "past mixed9": Arm(past="mixed9"),
    "past mixed7": Arm(past="mixed7"),
}
AUGMENTATION = {
    "no augmentation": Arm(),
    "all, 3 copies": Arm(augment=ALL),
    **{name: Arm(augment=(name,)) for name in ALL},
    "all but light": Arm(augment=ALL[:-1]),
    "all, 1 copy": Arm(augment=ALL, copies=1),
    "all, 2 copies": Arm(augment=ALL, copies=2),
    "all, 4 copies": Arm(augment=ALL, copies=4),
    "frozen base, all": Arm(past="mixed10", augment=ALL),
}
HEADS = (
    *("recipe, 10 epochs", "40 epochs", "early stopping", "dropout"),
    *DECAYS,
    *("label smoothing", "one Dense layer", "linear head"),
)
LESSONS = ("02_frozen_baseline", "03_fine_tuning", "04_augmentation")


class Bench:
    """The photos, the network and its cached feature maps."""

    def __init__(self) -> None:
        folder = surfaces.folder()
        self.train, self.validation, _ = dataset.split(
            dataset.check(folder), surfaces.FRACTIONS
        )
        self.shifted = surfaces.shifted_split(folder, self.validation)
        self.weights = network_weights.choose()
        keras.utils.set_random_seed(0)
        base = keras.applications.InceptionV3(
            weights=self.weights.path,
            include_top=False,
            input_shape=(299, 299, 3),
        )
        self.base = network.with_dtype(base, network.fastest_dtype())
        self.start = self.base.get_weights()

    @functools.cached_property
    def pooled(self) -> dict[str, Rows]:
        """The 2,048 features of each photo: float32 (n, 2048) a split."""
        model = keras.Sequential(
            [self.parts("mixed8")[1], keras.layers.GlobalAveragePooling2D()]
        )
        return {
            name: model.predict(
                features.dataset(self.maps("mixed8", name)), verbose=0
            )
            for name in ("train", "validation", "shifted")
        }

    @functools.cache  # noqa: B019, one bench lives as long as the process
    def parts(self, past: str) -> tuple[keras.Model, keras.Model]:
        """Return `lower` and `upper`, cut after a block."""
        cut = self.base.get_layer(past).output
        inputs = keras.Input((299, 299, 3))
        scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
        lower = keras.Model(inputs, keras.Model(self.base.input, cut)(scaled))
        return lower, keras.Model(cut, self.base.output)

    def maps(self, past: str, name: str) -> Any:
        """Return the cached output of a block for a split."""
        self.base.set_weights(self.start)
        self.base.trainable = False
        return features.extract(self.parts(past)[0], getattr(self, name))

    def copy(self, names: tuple[str, ...], number: int) -> Any:
        """Return the maps of an augmented copy of the training photos."""
        self.base.set_weights(self.start)
        self.base.trainable = False
        keras.utils.set_random_seed(0)
        augment = keras.Sequential([LAYERS[name]() for name in names])
        lower, _ = self.parts("mixed8")
        return features.extract(lower, self.train, augment, number)


def new_head(
    classes: int,
    seed: int,
    dropout: float = 0.0,
    hidden: tuple[int, ...] = UNITS,
) -> keras.Model:
    """Return the head of the recipes, with random weights."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((2048,)),
            *(keras.layers.Dense(n, activation="relu") for n in hidden),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )


def train_head(bench: Bench, arm: str, seed: int) -> dict[str, Any]:
    """Train one head of lesson 02 on pooled features; return the run."""
    x, y = bench.pooled["train"], bench.train.labels
    classes = len(bench.train.class_names)
    seen = bench.pooled["validation"], bench.validation.labels
    if arm == "linear head":
        model = _linear(x, y, seen)
        return _run(arm, seed, _correct_rows(bench, model), {}, 0.0)
    is_one = arm == "one Dense layer"  # the head of recipes/frozen.py
    dropout = 0.3 if is_one or arm == "dropout" else 0.0
    head = new_head(classes, seed, dropout, () if is_one else UNITS)
    rate, epochs, callbacks = 1e-4, 10, []
    if arm == "40 epochs":
        epochs = 40
    elif arm != "recipe, 10 epochs":
        rate, epochs = (1e-3, 40) if is_one else (3e-4, 60)
        callbacks = [
            keras.callbacks.EarlyStopping(
                "val_loss", patience=5, restore_best_weights=True
            )
        ]
    optimizer = keras.optimizers.Adam(rate)
    if arm in DECAYS:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=DECAYS[arm])
    smoothing = 0.1 if arm == "label smoothing" else 0.0
    head.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(label_smoothing=smoothing),
        metrics=["accuracy"],
    )
    start = time.monotonic()
    fit = head.fit(
        *(x, keras.utils.to_categorical(y, classes)),
        batch_size=16,
        epochs=epochs,
        verbose=0,
        callbacks=callbacks,
        validation_data=(seen[0], keras.utils.to_categorical(seen[1])),
    )
    seconds = time.monotonic() - start
    predict = functools.partial(head.predict, verbose=0)
    return _run(arm, seed, _correct_rows(bench, predict), fit.history, seconds)


def _linear(
    x: Rows, y: Rows, seen: tuple[Rows, Rows]
) -> Callable[[Rows], Rows]:
    """Return `predict_proba` of the best of three logistic regressions."""
    fitted = [
        make_pipeline(
            StandardScaler(),
            LogisticRegression(C=strength, max_iter=2000, tol=1e-3),
        ).fit(x, y)
        for strength in (0.001, 0.01, 0.1)
    ]
    return max(fitted, key=lambda model: model.score(*seen)).predict_proba


def _correct_rows(
    bench: Bench, predict: Callable[[Rows], Rows]
) -> dict[str, Rows]:
    return {
        name: predict(bench.pooled[name]).argmax(axis=-1)
        == getattr(bench, name).labels
        for name in ("validation", "shifted")
    }


def fine_tune(
    bench: Bench, name: str, arm: Arm, rate: float, seed: int
) -> dict[str, Any]:
    """Train past a block on cached maps, and return the run."""
    classes, y = len(bench.train.class_names), bench.train.labels
    cut = "mixed7" if arm.past == "mixed7" else "mixed8"
    head, pooled = new_head(classes, seed), bench.pooled["train"]
    if arm.trained_head:
        head.compile(keras.optimizers.Adam(1e-4), LOSS)
        head.fit(pooled, y, batch_size=BATCH, epochs=20, verbose=0)
    train = bench.maps(cut, "train")
    # Seeds have copies of their own, and arms with more copies share them.
    numbers = [10 * seed + n + 1 for n in range(arm.copies)]
    copies = [bench.copy(arm.augment, n) for n in numbers if arm.augment]
    parts = {n: bench.maps(cut, n) for n in ("validation", "shifted")}
    _, upper = bench.parts(cut)
    unfreeze_past(bench.base, arm.past, arm.batchnorm)
    inputs = keras.Input(upper.input.shape[1:])
    average = keras.layers.GlobalAveragePooling2D()
    tail = keras.Model(inputs, head(average(upper(inputs))))
    steps = -(-len(y) // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, (EPOCHS - 1) * steps, warmup_target=rate, warmup_steps=steps
    )
    optimizer = keras.optimizers.Adam(schedule)
    optimizer.build(tail.trainable_variables)
    tail.compile(optimizer, LOSS, metrics=["accuracy"])
    start = time.monotonic()
    fit = tail.fit(
        _mixed(train, copies, y, seed),
        epochs=EPOCHS,
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
        validation_freq=EPOCHS,  # only the end counts, and it takes time
        validation_data=features.dataset(
            parts["validation"], bench.validation.labels
        ),
    )
    seconds = time.monotonic() - start
    correct = {}
    for part, maps in parts.items():
        probs = tail.predict(features.dataset(maps), verbose=0)
        correct[part] = probs.argmax(axis=-1) == getattr(bench, part).labels
    setup.free_training(tail)
    return _run(name, seed, correct, fit.history, seconds)


def unfreeze_past(base: keras.Model, name: str, batchnorm: bool) -> None:
    """Make the layers after a block trainable, BatchNorm only if asked."""
    boundary = base.layers.index(base.get_layer(name)) + 1
    base.trainable = True
    for i, layer in enumerate(base.layers):
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = i >= boundary and (batchnorm or not norm)


def _mixed(
    train: Any, copies: list[Any], y: Rows, seed: int
) -> tf.data.Dataset:
    """Return endless batches, half of them as taken and half augmented."""
    if not copies:
        return features.dataset(train, y, seed, BATCH).repeat()
    sources = [
        features.dataset(maps, y, seed, 1).repeat()
        for maps in (train, *copies)
    ]
    fractions = [0.5, *[0.5 / len(copies)] * len(copies)]
    mixed = tf.data.Dataset.sample_from_datasets(sources, fractions, seed)
    return mixed.unbatch().batch(BATCH)


def _run(
    arm: str,
    seed: int,
    correct: Mapping[str, npt.ArrayLike],
    history: Mapping[str, list[float]],
    seconds: float,
) -> dict[str, Any]:
    """Return a run as it is stored."""
    return {
        "arm": arm,
        "seed": seed,
        "correct": {
            name: "".join(map(str, np.asarray(values, int)))
            for name, values in correct.items()
        },
        "history": {
            name: [round(float(value), 4) for value in values]
            for name, values in history.items()
        },
        "seconds": round(seconds, 1),
    }


def _stored(lesson: str) -> dict[str, Any]:
    path = experiments.path(lesson)
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    return {
        "command": f"python3 start.py experiments {lesson}",
        "date": str(date.today()),
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        "runs": {},
    }


def run_lesson(bench: Bench, lesson: str, arms: list[str]) -> None:
    """Make the runs of a lesson that are missing; store after each."""
    table = {LESSONS[1]: TUNING, LESSONS[2]: AUGMENTATION}.get(lesson, {})
    names = list(table or HEADS)
    for name in names:
        # Logistic regression has no random draws.
        for seed in SEEDS[:1] if name == "linear head" else SEEDS:
            is_there = _find(_runs(lesson, bench), name, seed)
            if is_there or arms and name not in arms:
                continue
            if table:
                run = _tuned(bench, name, table[name], seed)
            else:
                run = train_head(bench, name, seed)
            _store(lesson, bench.weights.name, run, names)
            right = {
                split: f"{digits.count('1') / len(digits):.1%}"
                for split, digits in run["correct"].items()
            }
            print(lesson, name, seed, right, run["seconds"], flush=True)


def _tuned(bench: Bench, name: str, arm: Arm, seed: int) -> dict[str, Any]:
    """Make a run of fine-tuning, or take that of lesson 03 if it is equal."""
    if arm.rate:
        return fine_tune(bench, name, arm, arm.rate, seed)
    stored = _runs(LESSONS[1], bench)
    runs = [experiments.as_run(run) for run in stored]
    rate = experiments.RATES[experiments.best_arm(runs, experiments.RATES)]
    if arm == Arm():
        (same,) = (n for n, other in TUNING.items() if other == Arm(rate))
        run = _find(stored, same, seed)
        if run:
            return run | {"arm": name}
    return fine_tune(bench, name, arm, rate, seed)


def _runs(lesson: str, bench: Bench) -> list[dict[str, Any]]:
    return _stored(lesson)["runs"].get(bench.weights.name, [])


def _find(
    runs: list[dict[str, Any]], arm: str, seed: int
) -> dict[str, Any] | None:
    for run in runs:
        if (run["arm"], run["seed"]) == (arm, seed):
            return run
    return None


def _store(
    lesson: str, weights: str, run: dict[str, Any], names: list[str]
) -> None:
    """Add a run to the file of a lesson, which another process may fill."""
    stored = _stored(lesson)
    runs = stored["runs"].setdefault(weights, [])
    if _find(runs, run["arm"], run["seed"]):
        return
    runs.append(run)
    runs.sort(key=lambda r: (names.index(r["arm"]), r["seed"]))
    _write(lesson, stored)


def _write(lesson: str, stored: dict[str, Any]) -> None:
    with paths.atomic(experiments.path(lesson)) as temporary:
        text = json.dumps(stored, indent=1) + "\n"
        temporary.write_text(text, encoding="utf-8")


def run_photos(folder: str) -> int:
    """Retrain on a folder, and store which test photos each model got right.

    Returns:
        The exit code of `retrain`.
    """
    weights = network_weights.choose().name
    with tempfile.TemporaryDirectory() as out:
        code = retrain.main([folder, "--out", os.path.join(out, "results")])
    if code:
        return code
    stored = _stored(retrain.NOTEBOOK.stem) | {"date": str(date.today())}
    stored["command"] = "python3 start.py experiments --photos FOLDER"
    name = os.path.basename(os.path.abspath(folder))
    stored.setdefault("photos", f"the photos in {name}")
    stored["runs"][weights] = [
        _run(arm.removeprefix("own photos, "), 0, {"test": correct}, {}, 0)
        for arm, correct in results.read(
            retrain.NOTEBOOK.stem, weights, folder
        ).items()
    ]
    _write(retrain.NOTEBOOK.stem, stored)
    return 0


def main(argv: list[str]) -> int:
    """Make the runs that are missing; return the exit code."""
    parser = argparse.ArgumentParser(prog="experiments", description=__doc__)
    parser.add_argument(
        "lessons", nargs="*", metavar="LESSON", help=", ".join(LESSONS)
    )
    parser.add_argument(
        "--arm", action="append", default=[], help="only this arm"
    )
    parser.add_argument("--photos", metavar="FOLDER", help="of real photos")
    args = parser.parse_args(argv)
    if args.photos:
        return run_photos(args.photos)
    for what, given, known in (
        ("lessons with experiments", args.lessons, LESSONS),
        ("arms", args.arm, dict.fromkeys([*HEADS, *TUNING, *AUGMENTATION])),
    ):
        unknown = ", ".join(name for name in given if name not in known)
        if unknown:
            print(
                f"{unknown}: the {what} are {', '.join(known)}.",
                file=sys.stderr,
            )
            return 1
    try:
        bench = Bench()
        for lesson in args.lessons or LESSONS:
            run_lesson(bench, lesson, args.arm)
    except ValueError as error:  # the runs of a rate are missing
        print(error, file=sys.stderr)
        return 1
    return 0
