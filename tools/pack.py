"""Makes a pack: all that a room without a network needs.

A pack is a folder for a stick or a shared disk. Its folder inception-workbook
is this project with the pictures, cached features and weights that git does
not track, and the choice of weights. Its folder wheels has the packages for
each platform; `start.py --from` installs them. An interrupted command
downloads only what is missing when it is started again.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

from helpers import checkpoints, downloads, shared
from helpers.dataset import flowers
from helpers.features import storage
from helpers.network import weights
from helpers.paths import ROOT, data, shown, work
from helpers.surfaces import render
from tools import _venv
from tools._venv import PROJECT, TARGETS, WHEELS, SetupError

READ_FIRST = "READ_ME_FIRST.txt"

# {platform: sys_platform, os_name, tags of wheels}; Linux with glibc 2.28.
LINUX = [f"manylinux_2_{minor}" for minor in range(28, 4, -1)]
LINUX += ["manylinux2014", "manylinux2010", "manylinux1", "linux"]
PLATFORMS = {
    "linux_x86_64": ("linux", "posix", [f"{x}_x86_64" for x in LINUX]),
    "linux_aarch64": ("linux", "posix", [f"{x}_aarch64" for x in LINUX]),
    "win_amd64": ("win32", "nt", ["win_amd64"]),
    "macosx_arm64": ("darwin", "posix", ["macosx_12_0_arm64"]),
}
# The project's own files; what its user has added is not packed.
OWN = (
    *("*.md", "*.py", "*.toml", "*.cff", "*.yml", "LICENSE", ".gitignore"),
    *("requirements.*", "data/README.md", "data/surfaces.jpg"),
    *("data/starter/*", ".ci/*", ".github/**/*", ".pre-commit-config.yaml"),
    *("binder/*", "docs/**/*", "helpers/**/*.py", "helpers/**/*.j2"),
    *("helpers/**/*.json", "helpers/**/*.txt", "recipes/*.py"),
    "data/experiments/*.json",
    *("pretraining/*", "scale/*"),
    *("tests/*", "tools/*", "workshop/*", "notebooks/helpers.py"),
    *("notebooks/[0-9][0-9]_*.ipynb", ".gitattributes"),
    "colab/*.ipynb",
)
INSTRUCTIONS = """\
Retrain Inception v3 on your own photos: the workbook, without a network
========================================================================

This folder has packages for:
{targets}

Copy the folder {project} from here to your own disk. Open a terminal (on
Windows: PowerShell) in the copy and type, with the path of this folder, in
which {project} lies, for PACK:

    python3 start.py --from PACK

(on Windows: py start.py --from PACK). It installs the workbook there, which
takes minutes, and opens it. It needs 6 GB of disk and no network. From then
on, without this folder:

    python3 start.py doctor     says READY, or what to do
    python3 start.py            opens the workbook
"""


def main(argv: list[str]) -> int:
    """Make a pack; return the exit code."""
    parser = argparse.ArgumentParser(prog="pack", description=__doc__)
    parser.add_argument("folder", help="the pack, for example on a stick")
    parser.add_argument(
        "--platform",
        action="append",
        choices=PLATFORMS,
        help="of the other machines; may be repeated (default: as here)",
    )
    parser.add_argument(
        "--python",
        action="append",
        choices=[_venv.dotted(version) for version in _venv.VERSIONS],
        help="of the other machines; may be repeated (default: as here)",
    )
    args = parser.parse_args(argv)
    pack = Path(args.folder).resolve()
    platforms = args.platform or [_venv.platform_name()]
    pythons = args.python or [_venv.dotted(sys.version_info[:2])]
    try:
        _make(pack, [f"{p}-{python}" for p in platforms for python in pythons])
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"{error.filename or pack}: {error.strerror or error}; fix that, "
            "and run the same command again.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.")
        return 130
    return 0


def _make(pack: Path, targets: list[str]):
    """Make a pack for targets such as "win_amd64-3.12"."""
    if pack.exists() and not (pack / READ_FIRST).is_file():
        if not pack.is_dir() or any(pack.iterdir()):
            raise SetupError(
                f"{pack} holds something else: name a new folder, as in "
                f"{pack / 'pack'}"
            )
    # The pack holds data/, not a shared folder.
    os.environ.pop(shared.VARIABLE, None)
    sources = {
        path.relative_to(ROOT).as_posix(): path
        for pattern in OWN
        for path in ROOT.glob(pattern)
        if path.is_file()
    }
    sources |= pictures() | _features() | _imagenet() | _choice()
    sources |= _flowers()
    for path in data().glob(checkpoints.archive("*").name):
        sources[f"data/{path.name}"] = path
    lines = "\n".join(f"    {_in_words(target)}" for target in targets)
    text = INSTRUCTIONS.format(targets=lines, project=PROJECT)
    _venv.write(str(pack / READ_FIRST), text)
    (pack / TARGETS).unlink(missing_ok=True)  # of an older pack
    for target in targets:
        _download(pack, target)
    for name, source in sorted(sources.items()):
        copy = pack / PROJECT / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    _venv.write(str(pack / TARGETS), "\n".join(targets))
    size = sum(p.stat().st_size for p in pack.rglob("*") if p.is_file()) / 1e9
    print(f"{pack}: {size:.2f} GB, for")
    print(f"{lines}\n{READ_FIRST} says what to type.")


def _in_words(target: str):
    platform, _, python = target.rpartition("-")
    return f"{platform} with Python {python}"


# --- What goes in ---------------------------------------------------------


def _files_in(folder: Path, name: str):
    """Return {name in the pack: path} of the files of a folder."""
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": path
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def pictures() -> dict[str, Path]:
    """Return the default pictures, drawn if need be, with their masks."""
    try:
        render.all_folders()
    except ValueError as error:
        raise SetupError(str(error)) from None
    return _files_in(data() / "surfaces", "data/surfaces")


def _features():
    """Return the cached features of the default pictures.

    Those of a user's own photos are private and not packed.
    """
    photos = (data() / "surfaces").rglob("*.jpg")
    keys = {downloads.digest(photo) for photo in photos}
    files = {}
    # Names that begin with a dot are of unfinished files.
    for path in sorted(storage.folder().glob("[!.]*.npy")):
        cached = storage.load(path)
        if cached and keys.issuperset(cached[1]):
            files[f"data/work/features/{path.name}"] = path
    print(
        f"{len(files)} files of cached features. To have those of a lesson "
        "in the pack, run it in JupyterLab first; otherwise each machine "
        "computes them itself."
    )
    return files


def _imagenet():
    """Return ImageNet's weights, if they are here or can be downloaded."""
    try:
        path = weights.imagenet()
    except downloads.DownloadError as error:
        print(f"Without ImageNet weights: {error}")
        return {}
    return {f"data/work/weights/{weights.IMAGENET_NAME}": path}


def _choice():
    """Return the remembered choice of weights, unless it is a file here."""
    choice = weights.read_choice()
    if choice is None or choice.path:
        return {}
    path = work() / weights.REMEMBERED
    return {f"data/work/{weights.REMEMBERED}": path}


def _flowers():
    """Return the flower photos, if a lesson has downloaded them."""
    folder = data() / "flower_photos"
    if not folder.is_dir():
        print(f"Without flowers: {shown(folder)} is not here.")
        return {}
    return _files_in(flowers.folder(), "data/flower_photos")


# --- Packages -------------------------------------------------------------


def _download(pack: Path, target: str):
    """Let pip download the packages for a target into a pack."""
    platform, _, python = target.rpartition("-")
    print(f"Packages for {_in_words(target)} ...", flush=True)
    options = ["--no-deps", "--implementation=cp", "-d", str(pack / WHEELS)]
    # The highest patch version: it satisfies every package.
    options.append(f"--python-version={python}.99")
    options += [f"--platform={tag}" for tag in PLATFORMS[platform][2]]
    lock = Path(_venv.LOCK).read_text("utf-8")
    # A machine may have an early or a late patch version of this Python.
    early, late = (_pins(lock, target, patch) for patch in (0, 99))
    for pins in (early, [pin for pin in late if pin not in early]):
        if pins:
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "target.lock")
                _venv.write(path, "\n".join(pins))
                _venv.pip(sys.executable, "download", [*options, "-r", path])


def _pins(lock: str, target: str, patch: int):
    """Return the lines of a lock that a target needs, without markers.

    pip would evaluate the markers for this machine and its own Python.

    Args:
        lock: the text of the lock.
        target: such as "win_amd64-3.12".
        patch: the last number of the Python's version.
    """
    platform, _, python = target.rpartition("-")
    environment = {
        "sys_platform": PLATFORMS[platform][0],
        "os_name": PLATFORMS[platform][1],
        "python_version": python,
        "python_full_version": f"{python}.{patch}",
        "implementation_name": "cpython",
    }
    lines = []
    for entry in lock.replace("\\\n", " ").splitlines():
        requirement, *hashes = entry.split("--hash=")
        if not hashes:
            continue
        pin = Requirement(requirement.strip())
        if pin.marker is None or pin.marker.evaluate(environment):
            pin.marker = None
            lines.append(
                " ".join([str(pin), *(f"--hash={h}" for h in hashes)])
            )
    return lines
