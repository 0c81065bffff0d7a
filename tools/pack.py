"""Makes a pack: all that a room without a network needs.

A pack is a folder for a stick or a shared disk: this project, the pictures,
cached features and weights that git does not track, the packages for each
platform, and MANIFEST.json, a list of all files with sizes and hashes, which
is written last. An interrupted command goes on file by file. `start.py
--from` sets a machine up from it (tools/_pack_reader.py).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

from helpers import downloads, shared
from helpers.dataset import flowers
from helpers.features import storage
from helpers.network import weights
from helpers.paths import ROOT, data, shown
from helpers.surfaces import render
from tools import _pack_reader, _venv
from tools._pack_reader import MANIFEST, READ_FIRST, WHEELS, PackError

# {platform: sys_platform, os_name, tags of wheels}; Linux with glibc 2.28.
LINUX = [f"manylinux_2_{minor}" for minor in range(28, 4, -1)]
LINUX += ["manylinux2014", "manylinux2010", "manylinux1", "linux"]
PLATFORMS = {
    "linux_x86_64": ("linux", "posix", [f"{x}_x86_64" for x in LINUX]),
    "linux_aarch64": ("linux", "posix", [f"{x}_aarch64" for x in LINUX]),
    "win_amd64": ("win32", "nt", ["win_amd64"]),
    "macosx_arm64": ("darwin", "posix", ["macosx_12_0_arm64"]),
}
# The project's own files where there is no git.
OWN = (
    *("*", "data/*", "data/starter/*", ".ci/*", "notebooks/*.ipynb"),
    "notebooks/helpers.py",
    *("helpers/**/*.py", "tools/*", "tests/*", "pretraining/*", "scale/*"),
    *("binder/*", "docs/**/*", "workshop/*", ".github/**/*"),
)
INSTRUCTIONS = """\
Retrain Inception v3 on your own photos: the workbook, without a network
========================================================================

This folder has packages for:
{targets}

Open a terminal (on Windows: PowerShell) in a folder on your own disk and
type, with the path of this folder in front of start.py:

    python3 {name}/start.py

(on Windows: py {name}\\start.py). It makes the folder {new} there,
installs the workbook in it, which takes minutes, and opens it. It needs 6 GB
of disk and no network. From then on, without this folder:

    cd {new}
    python3 start.py doctor     says READY, or what to do
    python3 start.py            opens the workbook

If you have the workbook already, type this in its folder: it adds what is
missing and replaces nothing of yours.

    python3 start.py --from {name}
"""


def main(argv: list[str]) -> int:
    """Make a pack, or copy one; return the exit code."""
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
    parser.add_argument(
        "--without-features",
        action="store_true",
        help="pack although no lesson has cached any",
    )
    parser.add_argument("--copy", metavar="FROM", help="copy this pack")
    args = parser.parse_args(argv)
    pack = Path(args.folder).resolve()
    try:
        if args.copy:
            _copy(Path(args.copy).resolve(), pack)
        else:
            _make(pack, args)
    except (PackError, _venv.SetupError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"{error.filename or pack}: {error.strerror or error}; fix that, "
            "and the same command goes on from here.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.")
        return 130
    return 0


def _make(pack: Path, args: argparse.Namespace):
    """Make a pack, or what it lacks; the manifest comes last."""
    _require_pack(pack)
    # The pack holds data/, not a shared folder.
    os.environ.pop(shared.VARIABLE, None)
    platforms = args.platform or [_pack_reader.platform_name()]
    pythons = args.python or [_venv.dotted(sys.version_info[:2])]
    sources = {name: ROOT / name for name in _project()}
    sources |= _pictures() | _features(args.without_features)
    sources |= _imagenet() | _flowers()
    targets = [f"{p}-{python}" for p in platforms for python in pythons]
    lines = "\n".join(f"    {_in_words(target)}" for target in targets)
    text = INSTRUCTIONS.format(
        targets=lines, name=pack.name, new=_pack_reader.NEW
    )
    _venv.write(str(pack / READ_FIRST), text)
    files = {READ_FIRST: _facts(pack / READ_FIRST)}
    for target in targets:
        _download(pack, target)
        for path in sorted((pack / WHEELS / target).glob("*.whl")):
            files[path.relative_to(pack).as_posix()] = _facts(path)
    for name, source in sorted(sources.items()):
        files[name] = _facts(source)
        target = _pack_reader.path_of(pack, name)
        if not _pack_reader.is_intact(target, *files[name]):
            _pack_reader.copy(source, target)
    _venv.write(str(pack / MANIFEST), json.dumps({"files": files}, indent=1))
    size = sum(size for size, _ in files.values()) / 1e9
    print(f"{pack}: {len(files)} files, {size:.2f} GB, for")
    print(f"{lines}\n{READ_FIRST} says what to type.")


def _copy(source: Path, pack: Path):
    """Copy what a second pack lacks or has damaged; the manifest is last."""
    _require_pack(pack)
    files = _pack_reader.files(source)
    missing = [
        name
        for name, facts in files.items()
        if not _pack_reader.is_intact(_pack_reader.path_of(pack, name), *facts)
    ]
    _pack_reader.require_intact(source, missing)
    # First the file by which `_require_pack` recognises the folder.
    missing.sort(key=lambda name: name != READ_FIRST)
    for name in [*missing, MANIFEST]:
        _pack_reader.copy(
            _pack_reader.path_of(source, name),
            _pack_reader.path_of(pack, name),
        )
    print(
        f"{pack}: {len(missing)} files copied, {len(files) - len(missing)} "
        "were there."
    )


def _require_pack(pack: Path):
    """Raise PackError for a folder that holds something else."""
    if pack.exists() and not (pack / READ_FIRST).is_file():
        if not pack.is_dir() or any(pack.iterdir()):
            raise PackError(
                f"{pack} holds something else: name a new folder, as in "
                f"{pack / 'pack'}"
            )


def _in_words(target: str):
    platform, _, python = target.rpartition("-")
    return f"{platform} with Python {python}"


def _facts(path: Path):
    return [path.stat().st_size, _pack_reader.digest(path)]


# --- What goes in ---------------------------------------------------------


def _project():
    """Return the names of the project's own files, relative to ROOT."""
    try:
        names = _git("ls-files", "-z")
        changed = _git("diff", "--name-only", "-z", "HEAD")
    except (OSError, subprocess.CalledProcessError):
        names, changed = [], []
    if changed:
        print(f"Packed as changed here: {', '.join(changed)}")
    if not names:  # no git, or the repository of another project
        paths = [path for pattern in OWN for path in ROOT.glob(pattern)]
        names = [path.relative_to(ROOT).as_posix() for path in paths]
    return [name for name in names if (ROOT / name).is_file()]


def _git(*arguments: str):
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, check=True
    )
    return [name for name in done.stdout.decode().split("\0") if name]


def _files_in(folder: Path, name: str):
    """Return {name in the pack: path} of the files of a folder."""
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": path
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def _pictures():
    """Return the default pictures, drawn if need be, with their masks."""
    try:
        render.folder()
        render.shifted_folder()
    except ValueError as error:
        raise PackError(str(error)) from None
    return _files_in(data() / "surfaces", "data/surfaces")


def _features(optional: bool):
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
    if not files and not optional:
        raise PackError(
            f"{shown(storage.folder())} has nothing of the default pictures: "
            "run lessons 01 to 04 in JupyterLab, or add "
            "--without-features, and each machine computes them itself."
        )
    print(
        f"{len(files)} files of cached features; machines that compute in "
        "another precision than this one make their own."
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
    lock = Path(_venv.LOCK).read_text("utf-8")
    options = ["--no-deps", "--require-hashes", "--only-binary=:all:"]
    # The highest patch version: it satisfies every package.
    options += ["--implementation=cp", f"--python-version={python}.99"]
    options += [f"--platform={tag}" for tag in PLATFORMS[platform][2]]
    options += ["-d", str(pack / WHEELS / target)]
    # A machine may have an early or a late patch version of this Python.
    early, late = (_pins(lock, target, patch) for patch in (0, 99))
    for pins in (early, [pin for pin in late if pin not in early]):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "target.lock")
            _venv.write(path, "\n".join(pins))
            if pins:
                _venv.pip(
                    _venv.VENV,
                    sys.executable,
                    "download",
                    [*options, "-r", path],
                )


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
