"""Says READY, or the one next thing to do; for the evening before.

What comes before there are packages, `start.py doctor` says itself. Nothing
but the standard library is imported up here: a package may be broken.
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

import start

LESSONS = 9  # 00 to 08
FREE = 2.0  # GiB of memory that a lesson may take
PATIENCE = 60  # seconds in which JupyterLab has to answer
IMPORTED = "numpy scipy sklearn PIL matplotlib ipywidgets nbclient".split()
SUSPECTS = (
    *("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LD_PRELOAD"),
    "DYLD_LIBRARY_PATH",
)
ANEW = f"rename or delete the folder .venv, then run {start.COMMAND}."
REDISTRIBUTABLE = (
    "TensorFlow does not load: install the Microsoft Visual C++ "
    "Redistributable (https://aka.ms/vs/17/release/vc_redist.x64.exe), then "
    "ask again."
)


def main(argv):
    """Print READY or one sentence; return 0 or 1."""
    argparse.ArgumentParser(prog="doctor", description=__doc__).parse_args(
        argv
    )
    todo = _next_step()
    print(todo or "READY")
    if not todo and not _has_browser():
        print("No browser opens by itself here: copy JupyterLab's address.")
    return 1 if todo else 0


def _next_step():
    """Return the first thing that must be mended, or None."""
    with (
        tempfile.TemporaryDirectory() as kept,
        contextlib.redirect_stdout(io.StringIO()),  # what helpers tell
        _jupyterlab(kept) as lab,  # starts while all else is looked at
    ):
        checks = (
            *(_packages, _notebooks, _weights, _pictures),
            *(_machine, _room, _forward),
            lambda: _answers(lab, kept),
        )
        try:
            return next(filter(None, (check() for check in checks)), None)
        except ImportError as error:
            if sys.platform == "win32" and "DLL" in str(error):
                return REDISTRIBUTABLE
            return _cause(error)
        except SystemExit as error:  # from helpers.setup
            return str(error)
        except OSError as error:
            return str(error)


def _cause(error: ImportError) -> str:
    """Return a sentence on what keeps a package from loading.

    The package is asked for again without the user's environment variables:
    if it loads then, .venv is not to blame.
    """
    name = (error.name or "").partition(".")[0]
    needed = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "HOME")
    again = subprocess.run(
        [sys.executable, "-I", "-c", f"import {name or ', '.join(IMPORTED)}"],
        env={n: os.environ[n] for n in needed if n in os.environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    if again.returncode:
        return f"{name or 'A package'} does not load: {ANEW}"
    found = [
        n for n in SUSPECTS if os.environ.get(n, start.ROOT) != start.ROOT
    ]
    return (
        f"{name or 'A package'} does not load ({error}), but does without "
        "your environment variables, so .venv is not at fault: unset "
        f"{' and '.join(found) or 'those for other programs'}, then ask again."
    )


def _packages():
    from packaging.requirements import Requirement

    for line in Path(start.LOCK).read_text("utf-8").splitlines():
        if "==" not in line or line.startswith((" ", "#")):
            continue
        pin = Requirement(line.rstrip("\\ "))
        if pin.marker and not pin.marker.evaluate():
            continue
        try:
            found = metadata.version(pin.name)
        except metadata.PackageNotFoundError:
            return f"The package {pin.name} is missing: {ANEW}"
        if not pin.specifier.contains(found, prereleases=True):
            return f"The package {pin.name} is {found}, not {pin}: {ANEW}"
    for name in IMPORTED:
        importlib.import_module(name)
    return None


def _notebooks():
    import nbformat

    from tools import _pinned

    found = _pinned.notebooks()
    for number in range(LESSONS):
        if not [p for p in found if p.name.startswith(f"{number:02d}_")]:
            return f"Lesson {number:02d} is missing: fetch the project again."
    for path in found:
        try:
            nbformat.read(path, as_version=4)
        except Exception as error:  # nbformat's own, JSON's, UTF-8's
            return (
                f"{path.name} can't be read ({type(error).__name__}): fetch "
                "that notebook again."
            )
    return None


def _pictures():
    from helpers import paths
    from helpers.surfaces import render

    try:
        render.require_edition(paths.data() / "surfaces")
    except ValueError as error:
        return str(error)
    return None


def _weights():
    from helpers.network import starter

    try:
        starter.read()
    except ValueError as error:
        return str(error)
    return None


def _machine():
    """Ask what lesson 00 asks, and for memory that is free now."""
    import psutil

    from helpers import setup

    setup.tensorflow()
    from helpers import setup

    with contextlib.redirect_stdout(io.StringIO()) as said:
        if not setup.check_environment():
            return said.getvalue().splitlines()[-1]
    free = psutil.virtual_memory().available / 2**30
    if free < FREE:
        return (
            f"Close other programs: a lesson takes up to {FREE:g} GiB of "
            f"memory, and {free:.1f} are free."
        )
    return None


def _room():
    """See that what lessons draw and compute can be written down."""
    from helpers import paths

    for folder in (paths.data(), paths.work()):
        # Of this process: another may ask at the same time.
        mark = folder / f"doctor-{os.getpid()}.txt"
        with paths.atomic(mark) as temporary:
            temporary.write_text("Can this be written?")
        mark.unlink()
    return None


def _forward():
    """Draw a picture; ask the network about it as the lessons do."""
    import keras
    import numpy as np

    from helpers.network import dtypes, starter
    from helpers.surfaces import render

    picture, _ = render.draw("crack")
    base = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(*picture.shape,)
    )
    base.set_weights(starter.read())
    model = dtypes.with_dtype(base, dtypes.fastest_dtype())
    scaled = keras.applications.inception_v3.preprocess_input(
        picture[None].astype("float32")
    )
    answer = np.float32(model.predict_on_batch(scaled))
    if np.isfinite(answer).all() and answer.any():
        return None
    return f"The network's answer to a picture is no number here: {ANEW}"


@contextlib.contextmanager
def _jupyterlab(kept):
    """Run JupyterLab on a free port while the block runs.

    Args:
        kept: a folder for what it writes down; its address comes there.

    Yields the process.
    """
    command = start.jupyter_command(sys.executable, [])
    command += ["--no-browser", "--port=0"]
    with open(os.path.join(kept, "log.txt"), "wb") as log:
        process = subprocess.Popen(
            command,
            cwd=start.ROOT,
            env=os.environ | {"JUPYTER_RUNTIME_DIR": kept},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def _answers(lab, kept):
    """Ask JupyterLab for its version until it answers."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and lab.poll() is None:
        for file in Path(kept).glob("jpserver-*.json"):
            with contextlib.suppress(ValueError, OSError):  # not up yet
                url = json.loads(file.read_text("utf-8"))["url"] + "api"
                with urllib.request.urlopen(url, timeout=5):
                    return None
        time.sleep(0.2)
    log = Path(kept, "log.txt").read_bytes()
    return f"JupyterLab does not answer ({start.last_line(log)}): {ANEW}"


def _has_browser():
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
