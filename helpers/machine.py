"""Is this machine ready for the lessons?"""

import importlib.metadata
import os
import platform
import shutil
import sys

import psutil
import tensorflow as tf

from helpers.files import WORK

PYTHONS = ((3, 11), (3, 14))  # from, up to but not including
MEMORY = 3.0  # GiB
DISK = 3.0  # GiB


def ready():
    """Print what the lessons find here and return whether it will do.

    The last line is READY, or the one thing to do first.
    """
    memory = psutil.virtual_memory().total / 2**30
    WORK.mkdir(parents=True, exist_ok=True)
    disk = shutil.disk_usage(WORK).free / 2**30
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
            f"{WORK.name} and {disk:.1f} are left."
        )
    return None
