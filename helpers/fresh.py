"""Asks a saved model in a new Python process, as its user would."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from helpers.files import ROOT

_PROGRAM = """
import sys
from helpers import start_up
start_up.tensorflow()
import numpy
from helpers import models
model, _ = models.load(sys.argv[1])
answer = model.predict(numpy.load(sys.argv[2]), verbose=0)
numpy.save(sys.argv[3], answer)
"""


def predict(model_path, pixels):
    """Load a classifier (`models.load`) in a new process; ask it.

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
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, model_path, given, answer],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1]
            raise RuntimeError(f"{model_path} could not be asked: {last}")
        return np.load(answer)
