"""Makes an environment, such as .venv, and installs the packages of a lock.

Only the standard library is imported, and Python 3.7 can read this file:
see start.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from typing import Any, Iterable, Iterator

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
LOCK = os.path.join(ROOT, "requirements.lock")
FIRST_LESSON = "notebooks/00_start_here.ipynb"
COMMAND = "py start.py" if os.name == "nt" else "python3 start.py"
VERSIONS = ((3, 12), (3, 13), (3, 11))  # TensorFlow's; the preferred first
# The first button of that page may give a version that is too new.
RELEASES = (
    'https://www.python.org/downloads/, below "Looking for a specific '
    'release?",'
)
SPACE = 4 * 10**9  # bytes: 2.4 GB installed, the rest while unpacking

# A pack (tools/pack.py) is a folder with this project and its packages.
PROJECT, WHEELS = "inception-workbook", "wheels"
# Lines such as "linux_x86_64-3.12"; it is written last.
TARGETS = os.path.join(WHEELS, "targets.txt")
PLATFORMS = {
    ("Linux", "x86_64"): "linux_x86_64",
    ("Linux", "aarch64"): "linux_aarch64",
    ("Windows", "AMD64"): "win_amd64",
    ("Darwin", "arm64"): "macosx_arm64",
}

# Environment variables for other programs that would change results here,
# stop a start or let pip install elsewhere. `environment` also sets some.
DROPPED = (
    *("PYTHONHOME", "PYTHONSTARTUP", "PYTHONWARNINGS", "PYTHONOPTIMIZE"),
    *("PYTHONINSPECT", "PYTHONSAFEPATH", "PYTHONPLATLIBDIR"),
    *("JUPYTER_CONFIG_PATH", "JUPYTER_NO_CONFIG", "JUPYTER_PATH"),
    *("JUPYTER_PREFER_ENV_PATH", "JUPYTERLAB_DIR", "MPLBACKEND"),
    *("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "TF_USE_LEGACY_KERAS"),
    *("TF_CONFIG", "TF_XLA_FLAGS", "XLA_FLAGS"),
    *("PIP_TARGET", "PIP_PREFIX", "PIP_CONSTRAINT", "PIP_NO_DEPS"),
)
# Each Python that is found runs this.
PROBE = """
import json, sys
from importlib.util import find_spec
print(json.dumps({
    "version": sys.version_info[:2],
    "wide": sys.maxsize > 2**32,
    "venv": bool(find_spec("venv") and find_spec("ensurepip")),
    "pip": bool(find_spec("pip")),
}))
"""


class SetupError(Exception):
    """One sentence for the learner."""


def say(text: str) -> None:
    print(text, flush=True)  # before the output of the next program


def set_up(venv: str, lock: str, pack: str | None = None) -> str:
    """Install the file `lock` into the folder `venv`, unless it is there.

    With a `pack`, a folder, all packages come from it.

    Returns:
        The path of the Python in `venv`.

    Raises:
        SetupError: it fails; the sentence says what to do.
    """
    python = venv_python(venv)
    if is_set_up(venv, lock):
        return python
    text = read(lock)
    if not text:
        raise SetupError(f"{lock} is missing: fetch the project again.")
    if pack:
        python_versions(pack)  # that it is a pack, before its version
        theirs = os.path.join(pack, PROJECT, "requirements.lock")
        if text != read(theirs):
            raise SetupError(
                f"The pack {pack} is of another version: copy its folder "
                f"{PROJECT} to your disk, and start there."
            )
    base = check(venv, pack)
    if base:
        make_venv(venv, base)
    size = "from the pack" if pack else "(up to 0.7 GB to download)"
    say(f"Installing what the lessons need {size}; this takes minutes ...")
    try:
        install(python, lock, pack)
    except KeyboardInterrupt:
        say("\nStopped; the next start goes on from here.")
        raise
    quiet_news(venv)
    write(stamp_path(venv), digest(lock))
    return python


def next_step() -> str:
    """Return what to do before the lessons are set up; change nothing."""
    try:
        check(VENV)
    except SetupError as error:
        return str(error)
    return (
        f"Run {COMMAND} where there is a network: it downloads up to 0.7 GB "
        f"and takes minutes. With a pack, {COMMAND} --from PACK needs none."
    )


def check(venv: str, pack: str | None = None) -> list[str] | None:
    """Return the command of a Python to make `venv` with; None if it runs.

    Raises:
        SetupError: it can't be set up; the sentence says what to do.
    """
    if (platform.system(), platform.machine()) == ("Darwin", "x86_64"):
        raise SetupError(
            "TensorFlow no longer runs on Intel Macs: on one, use Google "
            "Colab; on an Apple-silicon Mac, install the Python of "
            f"{RELEASES} and start again with it."
        )
    versions = python_versions(pack) if pack else VERSIONS
    facts = ask([venv_python(venv)])
    if facts and facts["version"] not in versions:
        raise SetupError(
            f"The folder {venv} has Python {dotted(facts['version'])}, and "
            f"{needed(versions, pack)}: rename or delete that folder, then "
            "start again."
        )
    if facts and facts["pip"]:  # else making the venv was interrupted
        return None
    base = find_python(pack)
    free = shutil.disk_usage(ROOT).free
    if free < SPACE:
        raise SetupError(
            f"Setting up needs {SPACE / 1e9:.0f} GB, and the disk of {ROOT} "
            f"has {free / 1e9:.1f} GB left: make room, then start again."
        )
    return base


def platform_name() -> str:
    """Return what packs call this machine, for example "linux_x86_64"."""
    machine = (platform.system(), platform.machine())
    return PLATFORMS.get(machine, "_".join(machine).lower())


def python_versions(pack: str) -> list[tuple[int, ...]]:
    """Return the Pythons that a pack has packages for on this machine.

    Returns:
        A list such as [(3, 11), (3, 12)], never empty.

    Raises:
        SetupError: it is no complete pack, or none for this machine.
    """
    text = read(os.path.join(pack, TARGETS))
    if not text:
        raise SetupError(
            f"{pack} is not a complete pack: it has no {TARGETS}, which is "
            "written last. Check that it is the right folder, or make or copy "
            "the pack again."
        )
    targets = [line.rsplit("-", 1) for line in text.split()]
    versions = [v for machine, v in targets if machine == platform_name()]
    if not versions:
        raise SetupError(
            f"The pack has no packages for {platform_name()}, only for "
            f"{', '.join(sorted({machine for machine, _ in targets}))}: make "
            f"one with pack --platform {platform_name()}, or start here with "
            "a network."
        )
    return [tuple(map(int, version.split("."))) for version in versions]


def needed(versions: Iterable[tuple[int, ...]], pack: str | None) -> str:
    names = " or ".join(dotted(version) for version in sorted(versions))
    return f"{'the pack' if pack else 'TensorFlow'} needs Python {names}"


def find_python(pack: str | None = None) -> list[str]:
    """Return the command of a Python to make a venv with, this one first.

    Raises:
        SetupError: none is suitable; with a `pack`, none it has packages for.
    """
    versions = python_versions(pack) if pack else VERSIONS
    without_venv = None
    for command in candidates():
        facts = ask(command)
        if facts and facts["wide"] and facts["version"] in versions:
            if facts["venv"]:
                return command
            without_venv = without_venv or dotted(facts["version"])
    if without_venv:
        raise SetupError(
            "Python's venv module is missing: sudo apt install "
            f"python{without_venv}-venv (or as your system names it), then "
            "start again."
        )
    raise SetupError(
        f"This is Python {dotted(sys.version_info[:2])}, and "
        f"{needed(versions, pack)} of 64 bits: install it from "
        f"{RELEASES} and start again."
    )


def candidates() -> Iterator[list[str]]:
    """Yield the commands that may be a suitable Python."""
    yield [sys.executable]
    for version in VERSIONS:
        if os.name == "nt":
            yield ["py", "-" + dotted(version)]
        else:
            yield ["python" + dotted(version)]


def ask(command: list[str]) -> dict[str, Any] | None:
    """Return what a Python reports about itself; None if it does not run.

    A name on the PATH proves nothing: pyenv has one for each version. -I
    keeps the user's settings out.
    """
    try:
        done = subprocess.run(
            [*command, "-I", "-c", PROBE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        facts = json.loads(done.stdout.decode("utf-8"))
    except (OSError, ValueError):
        return None
    return {**facts, "version": tuple(facts["version"])}


def dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def is_set_up(venv: str, lock: str) -> bool:
    """Return whether the Python of a venv runs and has all of a lock.

    Its stamp, written last, is the hash of the lock.
    """
    stamp = read(stamp_path(venv))
    runs = ask([venv_python(venv)]) is not None
    return bool(stamp) and runs and stamp == digest(lock)


def digest(path: str) -> str:
    """Return the SHA-256 of a text file as a hex string."""
    return hashlib.sha256((read(path) or "").encode()).hexdigest()


def stamp_path(venv: str) -> str:
    return os.path.join(venv, "installed.txt")


def venv_python(venv: str) -> str:
    """Return where the Python of a venv is, or would be."""
    windows = os.path.join(venv, "Scripts", "python.exe")
    return windows if os.name == "nt" else os.path.join(venv, "bin", "python")


def make_venv(venv: str, base: list[str]) -> None:
    """Make a venv with the Python that the command `base` starts."""
    command = [*base, "-m", "venv", venv]
    if base != [sys.executable]:
        say(f"This Python can't be used; {' '.join(base)} is used instead.")
    if os.path.isdir(venv) and os.listdir(venv):
        if not os.path.exists(os.path.join(venv, "pyvenv.cfg")):
            raise SetupError(
                f"The folder {venv} was not made by Python: rename it, then "
                "start again."
            )
        say(f"The Python in {venv} is gone or broken; it is made again.")
        command.append("--clear")
    say(f"Making {os.path.basename(venv)} ...")
    done = run_quietly(command)
    if done.returncode:
        raise SetupError(
            f"Python could not make the folder {venv} "
            f"({last_line(done.stdout)}): fix that, then start again."
        )


def run_quietly(
    command: list[str], folder: str = ROOT
) -> subprocess.CompletedProcess[bytes]:
    """Run a command without input; return it with its whole output."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=environment(),
    )


def last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    line = lines[-1] if lines else "it did not say why"
    return line.replace("ERROR:", "").strip().rstrip(".:")


def install(python: str, lock: str, pack: str | None = None) -> None:
    """Install the file `lock` for a Python, by uv if it is there, or by pip.

    Both pass over what an interrupted install has left, and check the
    packages by the hashes in the lock. uv is faster; where it fails, as
    behind a package index that only pip has been told of, pip tries again.

    Args:
        pack: the folder of a pack; without it, packages come from the index.

    Raises:
        SetupError: it fails; pip has shown why.
    """
    options = ["-r", lock]
    if pack:
        wheels = os.path.join(pack, WHEELS)
        options += ["--no-index", "--find-links", wheels]
    uv = shutil.which("uv")
    if not uv or run([uv, "pip", "install", "--python", python], options):
        pip(python, "install", options)


def pip(python: str, command: str, options: list[str]) -> None:
    """Run pip, which shows its progress; raise what `install` raises."""
    quiet = ["--disable-pip-version-check", "--no-input"]
    if run([python, "-m", "pip", command, *quiet], options):
        raise SetupError(
            "The packages could not be installed; pip shows why above. Often "
            "this computer is offline or its disk is full: fix that, then "
            "start again."
        )


def run(command: list[str], options: list[str]) -> int:
    """Run pip or uv with a lock; return the exit code."""
    return subprocess.call(
        [*command, "--require-hashes", "--only-binary=:all:", *options],
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
        env=environment(),
    )


def quiet_news(venv: str) -> None:
    """Keep JupyterLab from asking about news over the first lesson.

    It is a default: what the learner sets in JupyterLab wins.
    """
    plugin = "@jupyterlab/apputils-extension:notification"
    settings = {"fetchNews": "false", "checkForUpdates": False}
    write(
        os.path.join(venv, "share/jupyter/lab/settings/overrides.json"),
        json.dumps({plugin: settings}),
    )


def environment() -> dict[str, str]:
    """Return the environment variables for the programs started from here.

    What the user has set for other programs must not change results or stop
    a start. Kept are proxies, certificates, package indexes, KERAS_HOME and
    JupyterLab's user settings, such as its theme.
    """
    variables = {
        name: value
        for name, value in os.environ.items()
        if name not in DROPPED
    }
    if not variables.get("JUPYTERLAB_SETTINGS_DIR"):
        jupyter = variables.get("JUPYTER_CONFIG_DIR")
        jupyter = jupyter or os.path.expanduser("~/.jupyter")
        variables["JUPYTERLAB_SETTINGS_DIR"] = os.path.join(
            jupyter, "lab", "user-settings"
        )
    # In the encoding of the terminal, with `?` for the letters it lacks.
    encoding = variables.get("PYTHONIOENCODING", "").partition(":")[0]
    variables.update(
        IPYTHONDIR=os.path.join(VENV, "ipython"),
        JUPYTER_CONFIG_DIR=os.path.join(VENV, "jupyter"),
        KERAS_BACKEND="tensorflow",
        MATPLOTLIBRC=os.devnull,
        PIP_USER="0",  # some pip.conf installs outside of .venv
        PYTHONIOENCODING=encoding + ":replace",
        PYTHONNOUSERSITE="1",
        PYTHONPATH=ROOT,
        VIRTUAL_ENV=VENV,
    )
    return variables


def jupyter_command(python: str, options: list[str]) -> list[str]:
    """Return the command that opens the first lesson in JupyterLab."""
    command = [python, "-m", "jupyterlab", "--ServerApp.root_dir=" + ROOT]
    # Also in the address that it prints, for whoever has to copy that.
    command.append("--LabApp.default_url=/lab/tree/" + FIRST_LESSON)
    # One Ctrl-C is enough; JupyterLab would ask and wait for an answer.
    command.append("--ServerApp.answer_yes=True")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # usual in a container
    return command + options


def read(path: str) -> str | None:
    """Return the text of a file, or None if there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return None


def write(path: str, text: str) -> None:
    """Write a file completely or not at all."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".part", path)
