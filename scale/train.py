"""Trains the layers past the cut on shards, on one machine or many.

    python -m scale.train TAIL.keras SHARDS OUT --epochs 8 --batch 256

Started on every machine of a cluster; `TF_CONFIG` tells each which one it
is. All see the same folders. Every machine holds all weights, takes its part
of every batch, and adds its gradients to those of the others before each
step, so the weights stay the same everywhere. If one is stopped, all are
started again, and continue from the last checkpoint.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from helpers import downloads, paths, setup
from helpers.dataset import pipeline
from scale import cluster, shards
from scale.features import parser, positive_int


def main(argv: Sequence[str]) -> int:
    """Train to the end; return the exit code."""
    setup.keras_defaults()
    args = _arguments(argv)
    try:
        worker, _ = cluster.worker_number()
        data = shards.Shards(args.shards)
        _require_same_run(args, data)
        strategy = _strategy()
        _require_batch(args.batch, len(data), strategy.num_replicas_in_sync)
        train(args, data, strategy, is_first=worker == 0)
    except PortError as error:
        print(error, file=sys.stderr)
        return cluster.NO_PORT
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _arguments(argv: Sequence[str]):
    options = parser("scale.train", __doc__)
    add = options.add_argument
    add("tail", type=Path, help="the model to be trained")
    add("shards", type=Path, help="what scale.features wrote")
    add("out", type=Path, help="a folder for the results")
    add("--epochs", type=positive_int, default=1)
    all_photos = "photos, all machines together"
    add("--batch", type=positive_int, default=32, help=all_photos)
    add("--rate", type=float, default=1e-4, help="of Adam")
    add("--seed", type=int, default=0, help="of the order")
    between = "steps between checkpoints"
    add("--every", type=positive_int, default=100, help=between)
    return options.parse_args(argv)


class PortError(Exception):
    """This worker's port is not free."""


def _strategy():
    """Join the other workers, which wait for each other here."""
    try:
        # TensorFlow must not have computed anything before this.
        return tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.UnknownError as error:
        if "start gRPC server" not in error.message:
            raise
        raise PortError(
            f"{cluster.address()}: another program may be using this port of "
            "TF_CONFIG; give another."
        ) from None


def train(
    args: argparse.Namespace,
    data: shards.Shards,
    strategy: tf.distribute.Strategy,
    is_first: bool,
) -> None:
    """Train from the last checkpoint to the end.

    Args:
        is_first: whether this worker writes the checkpoints and results.

    Raises:
        ValueError: the model does not fit the shards.
    """
    if (args.out / "tail.keras").is_file():
        print("already trained", flush=True)
        return
    with strategy.scope():
        tail = keras.saving.load_model(args.tail, compile=False)
        _require_same_shape(args.tail, tail, data)
        adam = keras.optimizers.Adam(args.rate)
        adam.build(tail.trainable_variables)
    step = training_step(tail, adam, strategy, args.batch)
    state = [v.value for v in tail.trainable_variables + adam.variables]
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(moving=state), args.out / "checkpoints", 1
    )
    restored = manager.restore_or_initialize()
    done = int(adam.iterations.numpy())
    if restored:
        print(f"continues after step {done}", flush=True)
    last = args.epochs * (len(data) // args.batch)
    stream = iter(batches(data, strategy, args.batch, args.seed, done))
    seconds = []
    for number in range(done + 1, last + 1):
        start = time.perf_counter()
        loss = float(step(*next(stream)))
        seconds.append(time.perf_counter() - start)
        if is_first:
            print(f"step {number} of {last}: loss {loss:.4f}", flush=True)
            if number % args.every == 0 or number == last:
                manager.save(checkpoint_number=number)
    if is_first:
        _finish(args.out, tail, strategy.num_replicas_in_sync, seconds)


def training_step(
    tail: keras.Model,
    adam: keras.optimizers.Optimizer,
    strategy: tf.distribute.Strategy,
    batch: int,
) -> Callable:
    """Return a function that takes one step on all machines at once."""

    def learn(x: tf.Tensor, labels: tf.Tensor):
        with tf.GradientTape() as tape:
            probs = tf.cast(tail(x, training=True), tf.float32)
            losses = keras.losses.sparse_categorical_crossentropy(
                labels, probs
            )
            # Each device has only a part of the batch.
            loss = tf.reduce_sum(losses) / batch
        gradients = tape.gradient(loss, tail.trainable_variables)
        # Under a strategy Keras first adds up the gradients of all machines.
        adam.apply(gradients, tail.trainable_variables)
        return loss

    @tf.function
    def step(x: tf.Tensor, labels: tf.Tensor):
        losses = strategy.run(learn, (x, labels))
        return strategy.reduce("SUM", losses, axis=None)

    return step


def batches(
    data: shards.Shards,
    strategy: tf.distribute.Strategy,
    batch: int,
    seed: int,
    done: int,
) -> tf.distribute.DistributedDataset:
    """Return this machine's part of every batch after the steps done."""

    def of_machine(context: tf.distribute.InputContext):
        machine = context.input_pipeline_id
        machines = context.num_input_pipelines

        def rows(step: npt.NDArray[np.int64]):
            indices = shards.batch_indices(len(data), batch, int(step), seed)
            return data.rows(indices[machine::machines])

        def tensors(step: tf.Tensor):
            x, y = tf.numpy_function(rows, [step], (tf.float32, tf.int64))
            x = tf.ensure_shape(x, (batch // machines, *data.shape))
            return x, tf.ensure_shape(y, (batch // machines,))

        ds = tf.data.Dataset.counter(done).map(tensors)
        # Several GPUs of a machine divide its part.
        ds = ds.rebatch(batch // strategy.num_replicas_in_sync, True)
        return ds.prefetch(2).with_options(pipeline.no_autotuning())

    return strategy.distribute_datasets_from_function(of_machine)


def _require_batch(batch: int, photos: int, replicas: int):
    if batch % replicas:
        raise ValueError(
            f"--batch {batch}: it can't be divided evenly; give a multiple of "
            f"{replicas}."
        )
    if photos < batch:
        raise ValueError(
            f"--batch {batch}: there are only {photos} photos; give a smaller "
            "batch."
        )


def _require_same_shape(path: Path, tail: keras.Model, data: shards.Shards):
    shape, classes = tail.input_shape[1:], tail.output_shape[-1]
    if shape != data.shape or classes != len(data.class_names):
        raise ValueError(
            f"{path}: it takes {shape} and has {classes} classes, but the "
            f"shards hold {data.shape} and {len(data.class_names)}; give the "
            "tail that belongs to them."
        )


def _require_same_run(args: argparse.Namespace, data: shards.Shards):
    """Refuse to continue another training."""
    run = {
        "tail": downloads.digest(args.tail),
        "shards": data.key,
        "settings": [args.epochs, args.batch, args.rate, args.seed],
    }
    path = args.out / "run.json"
    if not path.is_file():
        _write_json(path, run)
    elif json.loads(path.read_bytes()) != run:
        raise ValueError(
            f"{paths.shown(args.out)}: it holds another training, of another "
            "model, other photos or settings; name a new folder."
        )


def _write_json(path: Path, content: dict):
    with paths.atomic(path) as temporary:
        temporary.write_text(json.dumps(content), encoding="utf-8")


def _finish(
    out: Path, tail: keras.Model, replicas: int, seconds: Sequence[float]
):
    """Write the time of a step, and the trained model."""
    sizes = [np.prod(v.shape) for v in tail.trainable_variables]
    results = {
        "replicas": replicas,
        "bytes": 4 * int(sum(sizes)),
        # The first step of a process traces the graph.
        "seconds": statistics.median(seconds[1:]) if seconds[1:] else None,
    }
    # It is there if this was killed before: then nothing was timed again.
    if not (out / "results.json").is_file():
        _write_json(out / "results.json", results)
    # Last, since a training that has left it is taken to be at its end.
    with paths.atomic(out / "tail.keras") as temporary:
        tail.save(temporary)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
