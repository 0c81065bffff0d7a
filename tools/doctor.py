"""Says READY, or the one next thing to do; for the evening before.

Below READY is a code for the instructor of a workshop. start.py itself says
what to do before the packages are installed. Only the standard library is
imported at the top, since a package may be broken.
"""

import argparse
import contextlib
import importlib
import io
import os
import sys
from importlib import metadata
from pathlib import Path

from tools import _venv

FREE = 2.0  # GiB of memory that a lesson may take
IMPORTED = "numpy scipy sklearn PIL matplotlib ipywidgets nbclient".split()
# Environment variables that may load other versions of libraries.
LIBRARY_PATHS = ("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH")
REINSTALL = f"rename or delete the folder .venv, then run {_venv.COMMAND}."
REDISTRIBUTABLE = (
    "TensorFlow does not load: install the Microsoft Visual C++ "
    "Redistributable (https://aka.ms/vs/17/release/vc_redist.x64.exe), then "
    "check again."
)


def main(argv: list[str]) -> int:
    """Print READY and a code, or one sentence; return 0 or 1."""
    parser = argparse.ArgumentParser(prog="doctor", description=__doc__)
    parser.parse_args(argv)
    problem = _first_problem()
    print(problem or f"READY\nCode for your instructor: {code()}")
    return 1 if problem else 0


def code() -> str:
    """Return machine, versions and weights in few letters.

    For example win-8c-16g-py312-tf221-starter: cores, GiB of memory. The
    system is win, mac, lin or colab.
    """
    import psutil

    from helpers import colab
    from helpers.network import weights

    with contextlib.redirect_stdout(io.StringIO()):
        name = weights.choose().name
    system = sys.platform.replace("darwin", "mac")[:3]
    if colab.is_here():
        system = "colab"
    memory = round(psutil.virtual_memory().total / 2**30)
    python = "{}{}".format(*sys.version_info)
    major, minor, *_ = metadata.version("tensorflow").split(".")
    return (
        f"{system}-{os.cpu_count()}c-{memory}g-py{python}-tf{major}{minor}-"
        f"{name}"
    )


def _first_problem():
    """Return a sentence about the first thing to fix, or None."""
    checks = (
        *(_packages, _data, _machine, _disk, _weights, _forward_pass),
        _jupyterlab,
    )
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # of helpers
            return next(filter(None, (check() for check in checks)), None)
    except ImportError as error:
        if sys.platform == "win32" and "DLL" in str(error):
            return REDISTRIBUTABLE
        variables = [name for name in LIBRARY_PATHS if name in os.environ]
        unset = f"unset {', '.join(variables)} and check again, or "
        return (
            f"{error.name or 'A package'} does not load ({error}): "
            f"{unset if variables else ''}{REINSTALL}"
        )
    except (SystemExit, OSError, ValueError) as error:  # of helpers
        return str(error)


def _packages():
    from packaging.requirements import Requirement

    for line in Path(_venv.LOCK).read_text("utf-8").splitlines():
        if "==" not in line or line.startswith((" ", "#")):
            continue
        pin = Requirement(line.rstrip("\\ "))
        if pin.marker and not pin.marker.evaluate():
            continue
        try:
            version = metadata.version(pin.name)
        except metadata.PackageNotFoundError:
            return f"The package {pin.name} is missing: {REINSTALL}"
        if not pin.specifier.contains(version, prereleases=True):
            return (
                f"The package {pin.name} is {version}, not {pin}: {REINSTALL}"
            )
    for name in IMPORTED:
        importlib.import_module(name)
    return None


def _data():
    """Check the starter weights and the edition of the pictures."""
    from helpers import paths
    from helpers.network import starter
    from helpers.surfaces import render

    starter.read()
    render.require_edition(paths.data() / "surfaces")


def _machine():
    """Check what lesson 00 checks, and the free memory."""
    import psutil

    from helpers import setup

    setup.tensorflow()

    with contextlib.redirect_stdout(io.StringIO()) as output:
        if not setup.check_environment():
            return output.getvalue().splitlines()[-1]
    free = psutil.virtual_memory().available / 2**30
    if free < FREE:
        return (
            f"Close other programs: a lesson needs up to {FREE:g} GiB of "
            f"memory, and {free:.1f} are free."
        )
    return None


def _disk():
    """Check that the lessons can write."""
    from helpers import paths

    for folder in (paths.data(), paths.work()):
        # The name is of this process: another may check at the same time.
        path = folder / f"doctor-{os.getpid()}.txt"
        with paths.atomic(path) as temporary:
            temporary.write_text("Can this be written?")
        path.unlink()


def _weights():
    """Choose the weights as lesson 00 does, which may download them."""
    from helpers.network import weights

    weights.choose()


def _forward_pass():
    """Draw a picture and run the network on it as the lessons do."""
    import keras
    import numpy as np

    from helpers.network import dtypes, starter
    from helpers.surfaces import render

    picture, _ = render.draw("crack")
    base = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=picture.shape
    )
    base.set_weights(starter.read())
    model = dtypes.with_dtype(base, dtypes.fastest_dtype())
    scaled = keras.applications.inception_v3.preprocess_input(
        picture[None].astype("float32")
    )
    features = np.float32(model.predict_on_batch(scaled))
    if np.isfinite(features).all() and features.any():
        return None
    return f"The network computes no usable numbers here: {REINSTALL}"


def _jupyterlab():
    command = [*_venv.jupyter_command(sys.executable, []), "--version"]
    done = _venv.run_quietly(command)
    if done.returncode:
        line = _venv.last_line(done.stdout)
        return f"JupyterLab does not start ({line}): {REINSTALL}"
    return None
