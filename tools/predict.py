"""Predicts the classes of photos with a saved model."""

import argparse
import csv
import io
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

from tqdm import tqdm

from helpers import setup
from helpers.dataset import photo_file
from helpers.network import predict, predictors
from helpers.network.metadata import read_metadata
from helpers.text import one_line

SOME_FAILED, NOT_USABLE = 1, 2


def main(argv: list[str]) -> int:
    """Print a line for each file; return the exit code.

    0: all files are predicted. 1: some have a problem. 2: all have one, or
    the model or a folder can't be used.
    """
    parser = argparse.ArgumentParser(prog="predict", description=__doc__)
    parser.add_argument("model", type=Path, help=predictors.MODELS)
    parser.add_argument(
        "photos",
        nargs="+",
        type=Path,
        metavar="PHOTO",
        help="a photo, or a folder of photos",
    )
    parser.add_argument(
        "--csv", action="store_true", help="print a table for programs"
    )
    args = parser.parse_args(argv)
    try:
        model = predictors.find_model(args.model)
        metadata = read_metadata(model)
        files: list[Path] = []
        for path in args.photos:
            files += predict.files_in(path) if path.is_dir() else [path]
        run = _load(model)
    except ValueError as error:
        print(error, file=sys.stderr)
        return NOT_USABLE
    rows = tqdm(
        predict.predictions(files, run, metadata),
        total=len(files),
        unit="file",
        file=sys.stderr,
        # On a terminal the lines themselves show the progress.
        disable=sys.stdout.isatty() or not sys.stderr.isatty(),
    )
    failed = 0
    table = csv.DictWriter(sys.stdout, predict.COLUMNS, lineterminator="\n")
    if args.csv:
        if isinstance(sys.stdout, io.TextIOWrapper):  # on Windows cp1252
            sys.stdout.reconfigure(encoding="utf-8")
        table.writeheader()
    for file, row in zip(files, rows, strict=True):
        name = photo_file.printed(str(file))
        failed += "problem" in row
        if args.csv:
            table.writerow({"file": name} | row)
        else:
            print(one_line(f"{name}: {_sentence(row)}"))
    if failed == len(files):
        return NOT_USABLE
    return SOME_FAILED if failed else 0


def _load(model: Path) -> predict.Predictor:
    """Load a model quietly; only some formats need TensorFlow."""
    if model.suffix in (".tflite", ".onnx"):
        with setup.quiet():
            return predictors.load_predictor(model)
    with open(os.devnull, "w") as null, redirect_stdout(null):
        setup.tensorflow()
    return predictors.load_predictor(model)


def _sentence(row: dict[str, str]) -> str:
    """Return the prediction, or the problem, in words."""
    if "problem" in row:
        return row["problem"]
    first = f"{row['class']}, {float(row['probability']):.1%}"
    if row["none_of_these"] == "yes":
        return f"none of these (most likely {first})"
    second = float(row["second_probability"])
    return f"{first}; next {row['second']}, {second:.1%}"
