"""Predictions of a saved model in a new Python process, as its user runs it.

No memory stays taken, and nothing that the notebook holds can help.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from helpers.dataset import splits
from helpers.paths import ROOT

# For a new process: on Windows it would write in the system's encoding.
UTF8 = {"PYTHONIOENCODING": "utf-8:replace"}
# The process that starts another may hold the memory of a GPU.
ON_CPU = {"CUDA_VISIBLE_DEVICES": "-1"}
_PROGRAM = """
import importlib, json, sys
from helpers import setup
setup.tensorflow()
module, function, args = json.loads(sys.argv[1])
getattr(importlib.import_module(module), function)(*args)
"""


@dataclass(frozen=True)
class Predictions:
    """The predictions of a saved model in a new process.

    `probabilities` is float32 (n, number of classes); `seconds` is the time
    of one photo alone.
    """

    probabilities: npt.NDArray[np.float32]
    seconds: float


def predict_in_subprocess(
    model_paths: Sequence[str | Path],
    split: splits.Split,
    calibration: Sequence[str] = (),
) -> list[Predictions]:
    """Load saved models in a new process; return the predictions of each.

    Args:
        model_paths: each as for `predictors.load_predictor`.
        split: the photos.
        calibration: paths of photos to calibrate an int8 file with. If there
            are any, the LiteRT files of the first model are made before.

    Raises:
        RuntimeError: as for `run`.
    """
    with tempfile.TemporaryDirectory() as folder:
        photos, outputs = Path(folder, "list.json"), Path(folder, "out.npz")
        listed = json.dumps([split.paths, split.keys, split.shape])
        photos.write_text(listed, "utf-8")
        args = [*map(str, model_paths)], photos, outputs, calibration
        total = len(model_paths) * len(split) + len(calibration)
        run("helpers.network.export", "predict_and_time", *args, total=total)
        with np.load(outputs) as arrays:
            return [
                Predictions(probs, float(seconds))
                for probs, seconds in zip(
                    arrays["probs"], arrays["seconds"], strict=True
                )
            ]


def run(
    module: str, function: str, *args: Any, total: int | None = None
) -> None:
    """Run a function in a new process, on the CPU, to its end.

    Args:
        module, function: their names.
        args: its arguments, paths or what JSON holds; the first is the path
            of a file, or a list of them, to name in the bar and in errors.
        total: the number of photos, if a bar is to be shown; the function
            prints "done" and a number as it proceeds, and "about" and a name
            when it comes to the next file.

    Raises:
        RuntimeError: the process failed; the message ends with the last
            line that it wrote.
    """
    first = args[0][0] if isinstance(args[0], list) else args[0]
    name = Path(first).name
    call = json.dumps([module, function, args], default=str)
    with (
        tempfile.TemporaryFile(
            "w+", encoding="utf-8", errors="replace"
        ) as errors,
        tqdm(
            total=total,
            desc=name,
            unit="photo",
            file=sys.stdout,
            disable=total is None,
        ) as bar,
        subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, call],
            env=os.environ | {"PYTHONPATH": str(ROOT)} | UTF8 | ON_CPU,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                word, _, rest = line.strip().partition(" ")
                if word == "about":
                    name = rest
                    bar.set_description(name)
                elif word == "done":
                    bar.update(int(rest))
            failed = process.wait()
        finally:  # an interrupted cell stops it, too
            process.kill()
        if failed:
            errors.seek(0)
            lines = errors.read().strip().splitlines() or ["it was killed"]
            raise RuntimeError(
                f"{name}: {function} failed in a new process: {lines[-1]}"
            )
