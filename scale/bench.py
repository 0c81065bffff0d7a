"""Measures shards over many photos, and what one worker pays for them.

    python -m scale.bench FILE.json

writes the time and the memory of each shard of 20,000 drawn photos (the
project draws 780; after the last the first comes again, to be read and
computed like any other), and how long the same work takes by plain Keras
and by scale/. It takes a quarter of an hour on two cores.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from helpers import paths, setup
from helpers.dataset import pipeline, scan, splits
from helpers.features import extraction
from helpers.network import weights as starting_weights
from helpers.surfaces import render
from scale import shards, train

FEW, BATCH, ROUNDS = 256, 32, 5


def main(argv):
    """Measure and write; return the exit code."""
    setup.keras_defaults()
    parser = argparse.ArgumentParser(
        prog="scale.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="for the results")
    parser.add_argument("--photos", type=int, default=20_000)
    args = parser.parse_args(argv)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    found = scan.check(render.folder())
    drawn = splits.whole_folder(found.path, found.class_names)
    lower, tail = models(len(found.class_names))
    few, many = repeated(drawn, FEW), repeated(drawn, args.photos)
    results = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, "
        f"{sys.platform}"
    }
    with tempfile.TemporaryDirectory(dir=paths.work()) as folder:
        os.environ["WORKBOOK_WORK"] = folder  # nothing stored before may help
        results["shards_to_plain"] = compared(
            lambda: extraction.extract(lower, few),
            lambda: list(shards.fill(lower, few, paths.work() / "few", FEW)),
            between=forget,
        )
        print("shards beside plain:", results["shards_to_plain"], flush=True)
        out = paths.work() / "many"
        for number, of, _ in shards.fill(
            lower, many, out, extraction.CHUNK_SIZE
        ):
            print(f"shard {number} of {of}", flush=True)
        notes = shards.notes(out)
        results["photos"] = [len(note["labels"]) for note in notes]
        for name in ("seconds", "mib"):
            results[name] = [round(note[name], 2) for note in notes]
        results["training_to_plain"] = trained(lower, tail, few, strategy)
        print("training beside plain:", results["training_to_plain"])
    with paths.atomic(args.file) as temporary:
        temporary.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    return 0


def models(classes):
    """Return what lies before mixed8 and what lies after it, as lesson 08."""
    base = keras.applications.InceptionV3(
        weights=starting_weights.choose().path,
        include_top=False,
        input_shape=(pipeline.SIZE, pipeline.SIZE, 3),
    )
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    cut = base.get_layer("mixed8").output
    inputs = keras.Input(base.input_shape[1:])
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    lower = keras.Model(inputs, keras.Model(base.input, cut)(x))
    at_cut = keras.Input(cut.shape[1:])
    x = keras.Model(cut, base.output)(at_cut)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(1024, activation="relu")(x)
    x = keras.layers.Dense(classes, activation="softmax")(x)
    return lower, keras.Model(at_cut, x)


def repeated(split, count):
    """Return so many photos; after the last the first comes again."""
    return split.take(np.arange(count) % len(split))


def forget():
    """Remove what a round has stored."""
    for path in paths.work().rglob("*.npy"):
        path.unlink()
    for path in paths.work().rglob("*.json"):
        path.unlink()


def compared(plain, other, between=lambda: None):
    """Time two ways in turns; return the ratio of the medians, and both.

    The first round is a rehearsal: in it the plans are drawn up.
    """
    seconds = {plain: [], other: []}
    for _ in range(1 + ROUNDS):
        for way, its in seconds.items():
            between()
            begun = time.perf_counter()
            way()
            its.append(time.perf_counter() - begun)
    between()
    first, second = (statistics.median(s[1:]) for s in seconds.values())
    return {"plain": first, "ours": second, "ratio": second / first}


def trained(lower, tail, split, strategy):
    """Compare `Model.fit` with the steps of scale/train.py, one worker."""
    folder, path = paths.work() / "trained", paths.work() / "tail.keras"
    list(shards.fill(lower, split, folder, FEW))
    found, steps = shards.Shards(folder), 8
    tail.save(path)
    stored = np.load(folder / "000000.npy", mmap_mode="r")
    some = stored[: steps * BATCH]
    labels = split.labels[: steps * BATCH]
    ds = extraction.dataset(some, labels, seed=0, batch_size=BATCH)
    tail.compile(
        keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy"
    )
    with strategy.scope():
        same = keras.saving.load_model(path, compile=False)
        adam = keras.optimizers.Adam(1e-4)
        adam.build(same.trainable_variables)
    step = train.training_step(same, adam, strategy, BATCH)
    stream = iter(train.batches(found, strategy, BATCH, 0, 0))

    def ours():
        for _ in range(steps):
            float(step(*next(stream)))

    return compared(lambda: tail.fit(ds, shuffle=False, verbose=0), ours)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
