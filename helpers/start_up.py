"""Starts TensorFlow without the notes it prints while starting."""

import contextlib
import importlib
import os
import sys
import warnings

from helpers import memory


def tensorflow():
    """Import TensorFlow and Keras quietly and print their versions.

    TensorFlow 2.21 writes a few lines about the processor and missing
    graphics drivers straight to the file descriptor of standard error,
    whatever its log level. In a notebook they look like a fault. They are
    held back for the length of the import alone (see `quiet`).
    """
    memory.give_back_early()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Else the first process takes a whole graphics card. A value that is
    # set already stays.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    with quiet():
        tf = importlib.import_module("tensorflow")
    # Saving goes through h5py, which NumPy 2 warns of a change to come:
    # nothing that a learner can do anything about.
    warnings.filterwarnings(
        "ignore", message="__array__ implementation doesn't accept a copy"
    )
    # Advice on retracing is for who writes a library; a lesson builds many
    # small models on purpose.
    tf.get_logger().setLevel("ERROR")
    print(f"TensorFlow {tf.__version__}, Keras {tf.keras.__version__}")


@contextlib.contextmanager
def quiet():
    """Hold back what is written to the descriptor of standard error.

    What Python writes to `sys.stderr` in a notebook goes another way and is
    shown; an error in the block is raised as always.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
