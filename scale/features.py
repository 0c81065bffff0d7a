"""Asks the frozen layers once about every photo of a list, in shards.

    python -m scale.features LOWER.keras PHOTOS.csv SHARDS

Started on any number of machines that see the same folders; `TF_CONFIG`
tells each which one it is. They have nothing to say to each other. Whoever
was stopped is started again, and makes only what is missing.
"""

import argparse
import sys
from pathlib import Path

import keras

from helpers import setup
from helpers.features import extraction
from scale import cluster, shards


def one_or_more(text):
    """Return the whole number that an argument of a command stands for.

    Raises:
        argparse.ArgumentTypeError: it is none, or less than 1.
    """
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(
            f"{text} will not do; give a whole number of 1 or more."
        )
    return number


def main(argv):
    """Write this worker's shards; return the exit code."""
    setup.keras_defaults()
    parser = argparse.ArgumentParser(
        prog="scale.features",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("lower", type=Path, help="the frozen model")
    parser.add_argument("list", type=Path, help="of photos, a CSV file")
    parser.add_argument("shards", type=Path, help="a folder for the answers")
    parser.add_argument(
        "--rows",
        type=one_or_more,
        default=extraction.CHUNK_SIZE,
        help="of a shard",
    )
    args = parser.parse_args(argv)
    try:
        worker, workers = cluster.place()
        split = shards.read_list(args.list)
        lower = keras.saving.load_model(args.lower, compile=False)
        given = lower, split, args.shards, args.rows, worker, workers
        for number, of, made in shards.fill(*given):
            what = "made" if made else "was there"
            print(f"shard {number} of {of} {what}", flush=True)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
