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
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from helpers import colab
from helpers.paths import ROOT, work

if TYPE_CHECKING:
    import keras

# Environment variables that would change what Keras and TensorFlow do.
DROPPED = (
    *("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "TF_USE_LEGACY_KERAS"),
    *("TF_CONFIG", "TF_XLA_FLAGS", "XLA_FLAGS"),
)
PYTHONS = ((3, 11), (3, 14))  # from, up to but not including
MEMORY, DISK = 4, 3  # GiB


def notebook() -> None:
    """Prepare a lesson: its working folder, then TensorFlow.

    Paths in lessons count from `notebooks/`, but some editors start a kernel
    elsewhere. On Colab they count from the folder that the kernel started
    in, where uploaded photos are.
    """
    # IPython says it after each sentence that ends a cell.
    warnings.filterwarnings("ignore", message="To exit: use")
    if colab.is_here():
        colab.start()
    elif not os.path.exists("../helpers"):
        os.chdir(ROOT / "notebooks")
    tensorflow()


def tensorflow() -> None:
    """Import TensorFlow and Keras quietly and print their versions.

    Keras is set to its defaults, whatever the user's environment variables
    and keras.json say: some would change results or stop a lesson.

    Raises:
        SystemExit: TensorFlow is missing, or Keras can't run on it; the
            message says what to do.
    """
    limit_heap()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    for name in DROPPED:
        os.environ.pop(name, None)
    # Threads of OpenBLAS wait for one another in a loop: a linear head takes
    # many times as long as with one thread if another program runs, too.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Else the first process takes the whole memory of a GPU.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    # TensorFlow 2.21 writes about the processor and missing GPU drivers,
    # whatever its log level; in a notebook that looks like an error.
    with quiet():
        try:
            tf = importlib.import_module("tensorflow")
            keras = importlib.import_module("keras")
        except ModuleNotFoundError as error:
            if colab.is_here():
                sys.exit(
                    f"{error.name} is missing on this machine: run "
                    f"%pip install {error.name} in a new cell, then this one."
                )
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
    # h5py, which saves models, causes a warning of NumPy 2 that a learner
    # can do nothing about.
    warnings.filterwarnings(
        "ignore", message="__array__ implementation doesn't accept a copy"
    )
    # A lesson builds many small models on purpose: no advice on retracing.
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
def quiet() -> Iterator[None]:
    """Suppress what is written to the file descriptor of standard error.

    `sys.stderr` of a notebook goes another way and is shown.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)


def check_environment() -> bool:
    """Print the versions and resources here; return whether they suffice.

    The last line is READY, or the one thing to do first.
    """
    tf = importlib.import_module("tensorflow")
    memory = psutil.virtual_memory().total / 2**30
    work().mkdir(parents=True, exist_ok=True)
    disk = shutil.disk_usage(work()).free / 2**30
    gpus = tf.config.list_physical_devices("GPU")
    rows = {
        "Python": platform.python_version(),
        "TensorFlow": importlib.metadata.version("tensorflow"),
        "Keras": importlib.metadata.version("keras"),
        "ipywidgets": importlib.metadata.version("ipywidgets"),
        "processor cores": os.cpu_count(),
        "memory": f"{memory:.1f} GiB",
        "free disk": f"{disk:.0f} GiB",
        "GPU": f"{len(gpus)} found" if gpus else "none (not needed)",
    }
    for name, value in rows.items():
        print(f"{name:<16} {value}")
    problem = _first_problem(sys.version_info[:2], memory, disk)
    print(f"\n{problem or 'READY'}")
    return not problem


def _first_problem(
    python: tuple[int, ...], memory: float, disk: float
) -> str | None:
    """Return what to do first, or None."""
    there = colab.is_here()
    if not PYTHONS[0] <= python < PYTHONS[1]:
        remedy = "Choose an older runtime version in " + colab.MENU
        return (
            f"{remedy if there else 'Install Python 3.11, 3.12 or 3.13'}: "
            f"TensorFlow has no release for {python[0]}.{python[1]}."
        )
    # The system and graphics keep some of it for themselves.
    if memory < 0.85 * MEMORY:
        remedy = "Choose a machine with more memory in " + colab.MENU
        return (
            f"{remedy if there else 'Use a machine with more memory'}: the "
            f"lessons need {MEMORY} GiB, and this one has {memory:.1f}."
        )
    if disk < DISK:
        remedy = "Choose Runtime ▸ Disconnect and delete runtime"
        if work() == colab.KEPT:
            remedy = "Free some space on your Drive"
        return (
            f"{remedy if there else 'Free some disk space'}: the lessons "
            f"write up to {DISK} GiB into {work().name}, and {disk:.1f} are "
            "left."
        )
    return None


@contextlib.contextmanager
def expect_error(kind: type[Exception]) -> Iterator[None]:
    """Run a block that must raise `kind`; print its type and reason.

    Warnings that come with the error are not shown.

    Raises:
        AssertionError: the block raised nothing.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except kind as error:
        # Keras wraps the reason in a traceback.
        lines = [line.strip() for line in str(error).splitlines()]
        lines = [line for line in lines if line and "File " not in line]
        reasons = [line for line in lines if "Error" in line]
        # Of an error in a graph, the reason comes last, before its place.
        graph = [line for line in lines if "[[" not in line]
        reason = graph[-1] if lines[0].endswith(":") else lines[0]
        reason = reasons[-1] if reasons else reason
        # Of an error outside a graph, the name of the operation comes first.
        reason = reason.rpartition("}} ")[2]
        print(f"{type(error).__name__}: {reason}")
        return
    raise AssertionError(
        f"This was expected to raise {kind.__name__}, but it succeeded."
    )


def limit_heap() -> None:
    """Let the C library return unused memory to the system early.

    By default glibc keeps much of it in a pool for each thread. To be called
    before TensorFlow starts its threads.
    """
    arena_max, mmap_threshold, trim_threshold = -8, -3, -1  # malloc.h
    _glibc("mallopt", arena_max, 2)
    _glibc("mallopt", mmap_threshold, 2**20)
    _glibc("mallopt", trim_threshold, 2**20)


def _glibc(name: str, *numbers: int) -> None:
    """Call a function of glibc; other systems have no need of it."""
    try:
        function = getattr(ctypes.CDLL("libc.so.6"), name)
    except (OSError, AttributeError):
        return
    function(*numbers)


def free_training(model: "keras.Model") -> None:
    """Free the memory that training took, in a model that now predicts.

    TensorFlow (2.21) keeps the graph of each compiled training step for as
    long as the process lives, and with it the optimizer state: for Adam two
    numbers for each trained weight, 0.1 GiB for the upper part of Inception
    v3. So that state is emptied. The graph remains, 0.02 GiB.

    Args:
        model: a compiled model. To train it on, compile it anew.
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


def trim() -> None:
    """Return to the system what Python and the C library no longer use."""
    gc.collect()
    # glibc returns the end of its pools by itself, not their middle.
    _glibc("malloc_trim", 0)
