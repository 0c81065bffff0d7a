"""Starts TensorFlow without the notes it prints while starting."""

import contextlib
import importlib
import os
import sys
import warnings
from pathlib import Path

from helpers import memory

ROOT = Path(__file__).resolve().parents[1]
# Environment variables that would change what Keras and TensorFlow do.
DROPPED = (
    *("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "TF_USE_LEGACY_KERAS"),
    *("TF_CONFIG", "TF_XLA_FLAGS", "XLA_FLAGS"),
)


def notebook() -> None:
    """Prepare a lesson: its working folder, then TensorFlow.

    Paths in lessons count from `notebooks/`, but some editors start a kernel
    elsewhere. On Colab they count from the folder that the kernel started
    in, where uploaded photos are.
    """
    if "google.colab" not in sys.modules and not os.path.exists("../helpers"):
        os.chdir(ROOT / "notebooks")
    tensorflow()


def tensorflow():
    """Import TensorFlow and Keras quietly and print their versions.

    Keras is set to its defaults, whatever the user's environment variables
    and keras.json say: some would change results or stop a lesson.

    TensorFlow 2.21 writes a few lines about the processor and missing
    graphics drivers straight to the file descriptor of standard error,
    whatever its log level. In a notebook they look like a fault. They are
    held back for the length of the import alone (see `quiet`).

    Raises:
        SystemExit: TensorFlow is missing, or Keras can't run on it; the
            message says what to do.
    """
    memory.give_back_early()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    for name in DROPPED:
        os.environ.pop(name, None)
    # Else the first process takes a whole graphics card. A value that is
    # set already stays.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    with quiet():
        try:
            tf = importlib.import_module("tensorflow")
            keras = importlib.import_module("keras")
        except ModuleNotFoundError as error:
            sys.exit(
                f"{error.name} is missing from {sys.executable}: choose the "
                f"Python of {ROOT / '.venv'} as this notebook's kernel."
            )
        except (AssertionError, AttributeError, ValueError) as error:
            file = Path(os.environ.get("KERAS_HOME", "~/.keras"), "keras.json")
            sys.exit(
                f"Keras does not start ({error!r}): rename {file}, or unset "
                "the environment variable that this is about."
            )
    keras_defaults()
    # Saving goes through h5py, which NumPy 2 warns of a change to come:
    # nothing that a learner can do anything about.
    warnings.filterwarnings(
        "ignore", message="__array__ implementation doesn't accept a copy"
    )
    # Advice on retracing is for who writes a library; a lesson builds many
    # small models on purpose.
    tf.get_logger().setLevel("ERROR")
    print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}")


def keras_defaults() -> None:
    """Undo what the user's keras.json may have set in this process.

    Raises:
        SystemExit: Keras runs on another backend already.
    """
    keras = importlib.import_module("keras")
    if keras.config.backend() != "tensorflow":
        sys.exit(
            f"Keras already runs on {keras.config.backend()} here: restart "
            "the kernel, then run this cell before all others."
        )
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")


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
