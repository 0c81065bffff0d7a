"""Computes the features of a list of photos, in shards.

    python -m scale.features LOWER.keras PHOTOS.csv SHARDS

Started on any number of machines that see the same folders; `TF_CONFIG`
tells each which one it is. They need no communication. A worker that was
stopped is started again, and computes only what is missing.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import keras

from helpers import setup
from helpers.features import extraction
from scale import cluster, shards


def positive_int(text: str) -> int:
    """Return the positive integer that an argument of a command stands for.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"{text} will not do; give a whole number of 1 or more."
    )


def parser(module: str, description: str) -> argparse.ArgumentParser:
    """Return a parser that shows the docstring of a module as it is."""
    return argparse.ArgumentParser(
        prog=module,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def main(argv: Sequence[str]) -> int:
    """Write this worker's shards; return the exit code."""
    setup.keras_defaults()
    options = parser("scale.features", __doc__)
    options.add_argument("lower", type=Path, help="the frozen model")
    options.add_argument("list", type=Path, help="of photos, a CSV file")
    options.add_argument("shards", type=Path, help="a folder for the features")
    options.add_argument(
        "--rows",
        type=positive_int,
        default=extraction.CHUNK_SIZE,
        help="photos in a shard",
    )
    args = options.parse_args(argv)
    try:
        worker, workers = cluster.worker_number()
        split = shards.read_list(args.list)
        lower = keras.saving.load_model(args.lower, compile=False)
        for number, count, is_new in shards.fill(
            lower, split, args.shards, args.rows, worker, workers
        ):
            result = "made" if is_new else "already complete"
            print(f"shard {number} of {count} {result}", flush=True)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
