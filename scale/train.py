"""Trains what lies past the cut on shards, on one machine or many.

    python -m scale.train TAIL.keras SHARDS OUT --epochs 8 --batch 256

Started on every machine of a cluster; `TF_CONFIG` tells each which one it
is. All see the same folders. Every machine holds all weights, takes its
share of every batch, and adds its gradients to those of the others before
each step, so the weights stay the same everywhere. If one is stopped, all
are started again, and go on from the last checkpoint.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from helpers import downloads, paths, setup
from helpers.dataset import pipeline
from scale import cluster, shards
from scale.features import one_or_more


def main(argv):
    """Train to the end; return the exit code."""
    setup.keras_defaults()
    parser = argparse.ArgumentParser(
        prog="scale.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tail", type=Path, help="the model to be trained")
    parser.add_argument("shards", type=Path, help="what scale.features wrote")
    parser.add_argument("out", type=Path, help="a folder for the results")
    parser.add_argument("--epochs", type=one_or_more, default=1)
    parser.add_argument(
        "--batch",
        type=one_or_more,
        default=32,
        help="photos, all machines together",
    )
    parser.add_argument("--rate", type=float, default=1e-4, help="of Adam")
    parser.add_argument("--seed", type=int, default=0, help="of the order")
    parser.add_argument(
        "--every",
        type=one_or_more,
        default=100,
        help="steps from note to note",
    )
    args = parser.parse_args(argv)
    try:
        worker, _ = cluster.place()
        found = shards.Shards(args.shards)
        _require_same_run(args, found)
        strategy = _strategy()
        _require_fit(args, found, strategy.num_replicas_in_sync)
        train(args, found, strategy, is_first=worker == 0)
    except PortError as error:
        print(error, file=sys.stderr)
        return cluster.NO_PORT
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


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


def train(args, found, strategy, is_first):
    """Train from the last checkpoint to the end.

    Args:
        args: what `main` was given.
        found: `shards.Shards`.
        strategy: of `tf.distribute`.
        is_first: whether this worker writes what all of them have learned.
    """
    if (args.out / "tail.keras").is_file():
        print("is trained already", flush=True)
        return
    with strategy.scope():
        tail = keras.saving.load_model(args.tail, compile=False)
        _require_same_shape(args, found, tail)
        adam = keras.optimizers.Adam(args.rate)
        adam.build(tail.trainable_variables)
    step = training_step(tail, adam, strategy, args.batch)
    moving = [v.value for v in tail.trainable_variables + adam.variables]
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(moving=moving), args.out / "checkpoints", 1
    )
    restored = manager.restore_or_initialize()
    begun = int(adam.iterations.numpy())
    if restored:
        print(f"goes on after step {begun}", flush=True)
    last = args.epochs * (len(found) // args.batch)
    stream = iter(batches(found, strategy, args.batch, args.seed, begun))
    seconds = []
    for number in range(begun + 1, last + 1):
        now = time.perf_counter()
        loss = float(step(*next(stream)))
        seconds.append(time.perf_counter() - now)
        if is_first:
            print(f"step {number} of {last}: loss {loss:.4f}", flush=True)
            if number % args.every == 0 or number == last:
                manager.save(checkpoint_number=number)
    if is_first:
        _finish(args, tail, strategy, seconds)


def training_step(tail, adam, strategy, batch):
    """Return a function that takes one step on all machines at once."""

    def learn(x, labels):
        with tf.GradientTape() as tape:
            said = tf.cast(tail(x, training=True), tf.float32)
            losses = keras.losses.sparse_categorical_crossentropy(labels, said)
            # Of the whole batch, of which these are only a share.
            loss = tf.reduce_sum(losses) / batch
        gradients = tape.gradient(loss, tail.trainable_variables)
        # Under a strategy Keras first adds up the gradients of all machines.
        adam.apply(gradients, tail.trainable_variables)
        return loss

    @tf.function
    def step(x, labels):
        fractions = strategy.run(learn, (x, labels))
        return strategy.reduce("SUM", fractions, axis=None)

    return step


def batches(found, strategy, batch, seed, begun):
    """Return this machine's share of every batch from a step on."""

    def share(context):
        number, of = context.input_pipeline_id, context.num_input_pipelines

        def rows(step):
            whole = shards.places(len(found), batch, int(step), seed)
            return found.rows(whole[number::of])

        def tensors(step):
            x, y = tf.numpy_function(rows, [step], (tf.float32, tf.int64))
            rows_here = batch // of
            x = tf.ensure_shape(x, (rows_here, *found.shape))
            return x, tf.ensure_shape(y, (rows_here,))

        ds = tf.data.Dataset.counter(begun).map(tensors)
        # A share for each graphics card, if this machine has several.
        ds = ds.rebatch(batch // strategy.num_replicas_in_sync, True)
        return ds.prefetch(2).with_options(pipeline.no_autotuning())

    return strategy.distribute_datasets_from_function(share)


def _require_fit(args, found, replicas):
    if args.batch % replicas:
        raise ValueError(
            f"--batch {args.batch}: it cannot be shared out evenly; give a "
            f"multiple of {replicas}."
        )
    if len(found) < args.batch:
        raise ValueError(
            f"--batch {args.batch}: there are only {len(found)} photos; give "
            "a smaller batch."
        )


def _require_same_shape(args, found, tail):
    takes, gives = tail.input_shape[1:], tail.output_shape[-1]
    if takes != found.shape or gives != len(found.class_names):
        raise ValueError(
            f"{args.tail}: it takes {takes} and tells {gives} classes apart, "
            f"but the shards hold {found.shape} and "
            f"{len(found.class_names)}; give the tail that belongs to them."
        )


def _require_same_run(args, found):
    """Refuse to go on with what another training has left."""
    about = {
        "tail": downloads.digest(args.tail),
        "shards": found.key,
        "settings": [args.epochs, args.batch, args.rate, args.seed],
    }
    path = args.out / "run.json"
    try:
        known = json.loads(path.read_bytes())
    except FileNotFoundError:
        with paths.atomic(path) as temporary:
            temporary.write_text(json.dumps(about), encoding="utf-8")
        return
    if known != about:
        raise ValueError(
            f"{paths.shown(args.out)}: it holds another training, of another "
            "model, other photos or settings; name a new folder."
        )


def _finish(args, tail, strategy, seconds):
    """Write what a step took, and the trained model."""
    sizes = [np.prod(v.shape) for v in tail.trainable_variables]
    about = {
        "replicas": strategy.num_replicas_in_sync,
        "bytes": 4 * int(sum(sizes)),
        # The first step of a process draws up the plan.
        "seconds": statistics.median(seconds[1:]) if seconds[1:] else None,
    }
    results = args.out / "results.json"
    # It is there if this was killed before: then nothing was timed again.
    if not results.is_file():
        with paths.atomic(results) as temporary:
            temporary.write_text(json.dumps(about), encoding="utf-8")
    # Last, since a training that has left it is taken to be at its end.
    with paths.atomic(args.out / "tail.keras") as temporary:
        tail.save(temporary)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
