"""Says READY, or the one next thing to do; for the evening before.

start.py itself says what to do before the packages are installed. Only the
standard library is imported at the top, since a package may be broken.
"""

import argparse
import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import webbrowser
from importlib import metadata
from pathlib import Path

from tools import _venv

LESSONS = 9  # 00 to 08
FREE = 2.0  # GiB of memory that a lesson may take
TIMEOUT = 60  # seconds in which JupyterLab has to answer
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
    """Print READY or one sentence; return 0 or 1."""
    parser = argparse.ArgumentParser(prog="doctor", description=__doc__)
    parser.parse_args(argv)
    problem = _first_problem()
    print(problem or "READY")
    if not problem and not _has_browser():
        print("No browser opens by itself here: copy JupyterLab's address.")
    return 1 if problem else 0


def _first_problem():
    """Return a sentence about the first thing to fix, or None."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(io.StringIO()),  # what helpers print
        _jupyterlab(folder) as lab,  # starts during the other checks
    ):
        checks = (
            *(_packages, _notebooks, _weights, _pictures),
            *(_machine, _disk, _forward_pass),
            lambda: _answer(lab, folder),
        )
        try:
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
        except (SystemExit, OSError) as error:  # SystemExit of helpers
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


def _notebooks():
    import nbformat

    from tools import _pinned

    notebooks = _pinned.notebooks()
    for number in range(LESSONS):
        if not [p for p in notebooks if p.name.startswith(f"{number:02d}_")]:
            return f"Lesson {number:02d} is missing: fetch the project again."
    for path in notebooks:
        try:
            nbformat.read(path, as_version=4)
        except Exception as error:  # of nbformat, JSON or UTF-8
            return (
                f"{path.name} can't be read ({type(error).__name__}): fetch "
                "that notebook again."
            )
    return None


def _weights():
    from helpers.network import starter

    try:
        starter.read()
    except ValueError as error:
        return str(error)
    return None


def _pictures():
    from helpers import paths
    from helpers.surfaces import render

    try:
        render.require_edition(paths.data() / "surfaces")
    except ValueError as error:
        return str(error)
    return None


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
    """Check that the lessons can write their files."""
    from helpers import paths

    for folder in (paths.data(), paths.work()):
        # The name is of this process: another may check at the same time.
        path = folder / f"doctor-{os.getpid()}.txt"
        with paths.atomic(path) as temporary:
            temporary.write_text("Can this be written?")
        path.unlink()
    return None


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


@contextlib.contextmanager
def _jupyterlab(folder: str):
    """Run JupyterLab on a free port while the block runs.

    Args:
        folder: for the log and the address of JupyterLab.

    Yields the process.
    """
    command = _venv.jupyter_command(sys.executable, [])
    command += ["--no-browser", "--port=0"]
    with open(os.path.join(folder, "log.txt"), "wb") as log:
        process = subprocess.Popen(
            command,
            cwd=_venv.ROOT,
            env=os.environ | {"JUPYTER_RUNTIME_DIR": folder},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def _answer(lab: subprocess.Popen[bytes], folder: str):
    """Ask JupyterLab for its version until it answers."""
    until = time.monotonic() + TIMEOUT
    while time.monotonic() < until and lab.poll() is None:
        for file in Path(folder).glob("jpserver-*.json"):
            with contextlib.suppress(ValueError, OSError):  # not up yet
                url = json.loads(file.read_text("utf-8"))["url"] + "api"
                with urllib.request.urlopen(url, timeout=5):
                    return None
        time.sleep(0.2)
    log = Path(folder, "log.txt").read_bytes()
    return f"JupyterLab does not answer ({_venv.last_line(log)}): {REINSTALL}"


def _has_browser():
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
