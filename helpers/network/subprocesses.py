"""Asks a saved model in a new Python process, as its user would."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from helpers.paths import ROOT

# For a new process: on Windows it would write in the system's encoding.
UTF8 = {"PYTHONIOENCODING": "utf-8:replace"}
# The process that starts another may hold the memory of a graphics card.
ON_CPU = {"CUDA_VISIBLE_DEVICES": "-1"}
_PROGRAM = """
import importlib, json, sys
from helpers import setup
setup.tensorflow()
module, function, given = json.loads(sys.argv[1])
getattr(importlib.import_module(module), function)(*given)
"""


@dataclass(frozen=True)
class Predictions:
    """What a saved model said in a new process.

    `probabilities` is float32 (n, number of classes); `seconds` is how long
    one photo took when it came alone.
    """

    probabilities: np.ndarray
    seconds: float


def predict_pixels_in_subprocess(model_path, pixels):
    """Load a classifier (`network.saving.load`) in a new process; ask it.

    Args:
        model_path: the saved model.
        pixels: uint8 array of shape (n, 299, 299, 3), values 0-255.

    Returns:
        float32 array of shape (n, number of classes).

    Raises:
        RuntimeError: the new process failed; the message ends with its
            last line.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder, "in.npy"), Path(folder, "out.npy")
        np.save(given, pixels)
        run(
            "helpers.network.export",
            "predict_pixels",
            model_path,
            given,
            answer,
        )
        return np.load(answer)


def predict_in_subprocess(paths, split):
    """Load saved models in a new process, in turn; ask each about a part.

    Args:
        paths: `.keras` or `.tflite` files, or folders of SavedModels.
        part: a `dataset.Split`.

    Returns:
        A list of `Answers`, one for each model, in the order of the part.

    Raises:
        RuntimeError: as for `predict`.
    """
    with tempfile.TemporaryDirectory() as folder:
        listed, found = Path(folder, "list.json"), Path(folder, "found.npz")
        listed.write_text(json.dumps([split.paths, split.keys]), "utf-8")
        given = [str(path) for path in paths], listed, found
        total = len(paths) * len(split)
        run("helpers.network.export", "predict_and_time", *given, total=total)
        with np.load(found) as kept:
            both = kept["probabilities"], kept["seconds"].tolist()
            return [Predictions(*its) for its in zip(*both, strict=True)]


def run(module, function, *given, total=None):
    """Run a function of this project in a new process, to its end.

    It runs on the CPU, also where there is a graphics card.

    Args:
        module, function: their names.
        given: what it is called with, paths or what JSON holds; the first
            is a path it is about, or a list of some.
        total: how many photos it goes through, if a bar is to show them;
            the function prints "done" and a number as it goes, and "about"
            and a name when it comes to the next file.

    Raises:
        RuntimeError: the process failed; the message ends with its last
            line.
    """
    first = given[0][0] if isinstance(given[0], list) else given[0]
    about = Path(first).name
    call = json.dumps([module, function, given], default=str)
    with (
        tempfile.TemporaryFile(
            "w+", encoding="utf-8", errors="replace"
        ) as errors,
        tqdm(
            total=total,
            desc=about,
            unit="photo",
            file=sys.stdout,
            disable=total is None,
        ) as bar,
    ):
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, call],
            env=os.environ | {"PYTHONPATH": str(ROOT)} | UTF8 | ON_CPU,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        try:
            for line in process.stdout:
                word, _, rest = line.strip().partition(" ")
                if word == "about":
                    about = rest
                    bar.set_description(about)
                elif word == "done":
                    bar.update(int(rest))
            failed = process.wait()
        finally:  # whoever stops the cell stops this, too
            process.kill()
            process.wait()
            process.stdout.close()
        if failed:
            errors.seek(0)
            lines = errors.read().strip().splitlines() or ["it was ended"]
            raise RuntimeError(
                f"{about}: {function} failed in a new process: {lines[-1]}"
            )
