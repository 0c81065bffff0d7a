"""Prepares a notebook: TensorFlow, its memory, and what errors look like."""

import contextlib
import ctypes
import gc
import importlib
import importlib.metadata
import os
import platform
import shutil
import sys
import warnings
from pathlib import Path

import psutil

from helpers import paths

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
    give_back_early()
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


PYTHONS = ((3, 11), (3, 14))  # from, up to but not including
MEMORY = 3.0  # GiB
DISK = 3.0  # GiB


def check_environment():
    """Print what the lessons find here and return whether it will do.

    The last line is READY, or the one thing to do first.
    """
    tf = importlib.import_module("tensorflow")
    memory = psutil.virtual_memory().total / 2**30
    paths.work().mkdir(parents=True, exist_ok=True)
    disk = shutil.disk_usage(paths.work()).free / 2**30
    gpus = tf.config.list_physical_devices("GPU")
    rows = {
        "Python": platform.python_version(),
        "TensorFlow": importlib.metadata.version("tensorflow"),
        "Keras": importlib.metadata.version("keras"),
        "ipywidgets": importlib.metadata.version("ipywidgets"),
        "processor cores": os.cpu_count(),
        "memory": f"{memory:.1f} GiB",
        "free disk": f"{disk:.0f} GiB",
        "graphics card": f"{len(gpus)} found" if gpus else "none needed",
    }
    for name, value in rows.items():
        print(f"{name:<16} {value}")
    todo = _first_thing_to_do(sys.version_info[:2], memory, disk)
    print(f"\n{todo or 'READY'}")
    return not todo


def _first_thing_to_do(python, memory, disk):
    """Return the first thing that must be mended, or None."""
    if not PYTHONS[0] <= python < PYTHONS[1]:
        return (
            f"Install Python 3.11, 3.12 or 3.13: TensorFlow has no release "
            f"for {python[0]}.{python[1]}."
        )
    if memory < MEMORY:
        return (
            f"Close other programs or use a machine with more memory: the "
            f"lessons need {MEMORY:g} GiB and this one has {memory:.1f}."
        )
    if disk < DISK:
        return (
            f"Free some disk: the lessons write up to {DISK:g} GiB into "
            f"{paths.work().name} and {disk:.1f} are left."
        )
    return None


@contextlib.contextmanager
def expect_error(kind):
    """Run a block that must raise `kind`; print the error's first lines.

    Raises:
        AssertionError: the block raised nothing, so what the lesson says
            about it is no longer true.
    """
    try:
        yield
    except kind as raised:
        text = [line.strip() for line in str(raised).splitlines()]
        text = [line for line in text if line and "File " not in line]
        last = next(
            (line for line in reversed(text) if "Error" in line), text[0]
        )
        print(f"{type(raised).__name__}: {last}")
        return
    raise AssertionError(
        f"This was expected to raise {kind.__name__}, and it ran through."
    )


def give_back_early():
    """Let the C library return to the system what is no longer used.

    As it stands glibc keeps much of it for later, in pools of each thread;
    the larger a lesson's process, the smaller the machine that kills it.
    To be called before TensorFlow starts its threads.
    """
    arena_max, mmap_threshold, trim_threshold = -8, -3, -1  # malloc.h
    _glibc("mallopt", arena_max, 2)
    _glibc("mallopt", mmap_threshold, 2**20)
    _glibc("mallopt", trim_threshold, 2**20)


def _glibc(name, *numbers):
    """Call a function of glibc; other systems have no need of it."""
    try:
        function = getattr(ctypes.CDLL("libc.so.6"), name)
    except (OSError, AttributeError):
        return
    function(*numbers)


def free_training(model):
    """Give back the memory that training took, in a model that now predicts.

    TensorFlow (2.21) keeps the graph of each compiled training step for as
    long as the process lives, and the graph keeps the optimizer's variables:
    for Adam two numbers for each trained weight, with the upper part of
    Inception v3 0.1 GiB for each `compile`. So these variables are emptied.
    The graph remains, 0.02 GiB.

    Args:
        model: a compiled `keras.Model`. Its optimizer can't be used again;
            to train on, compile the model with a new one.
    """
    tf = importlib.import_module("tensorflow")
    for variable in model.optimizer.variables:
        if len(variable.shape):
            tf.raw_ops.AssignVariableOp(
                resource=variable.value.handle,
                value=tf.zeros([], variable.dtype),
                validate_shape=False,
            )
    model.compile()
    trim()


def trim():
    """Give back to the system what Python and the C library have over."""
    gc.collect()
    # glibc hands back the end of its pools by itself, not their middle.
    _glibc("malloc_trim", 0)
