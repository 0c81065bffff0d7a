"""Makes a pack: all that a room without a network needs.

A pack is a folder for a stick or a shared disk: this project, and in it what
git does not track but lessons need, the packages for each platform, and a
list of all files with sizes and check sums, which is written last. So what
was broken off goes on where it was, file by file. `start.py --from` (see
there) sets a machine up from it.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

import start
from helpers import downloads, paths, shared
from helpers.dataset import flowers
from helpers.features import storage
from helpers.network import weights
from helpers.paths import ROOT, shown
from helpers.surfaces import render

# As pip and the lock name what a platform is. Linux: any with glibc 2.28.
LINUX = [f"manylinux_2_{minor}" for minor in range(28, 4, -1)]
LINUX += ["manylinux2014", "manylinux2010", "manylinux1", "linux"]
PLATFORMS = {
    "linux_x86_64": ("linux", "posix", [f"{x}_x86_64" for x in LINUX]),
    "linux_aarch64": ("linux", "posix", [f"{x}_aarch64" for x in LINUX]),
    "win_amd64": ("win32", "nt", ["win_amd64"]),
    "macosx_arm64": ("darwin", "posix", ["macosx_12_0_arm64"]),
}
# The project's own files where there is no git to ask.
OWN = (
    *("*", "data/*", "data/starter/*", ".ci/*", "notebooks/*.ipynb"),
    *("helpers/**/*.py", "tools/*", "tests/*", "pretraining/*", "scale/*"),
    *("binder/*", "docs/**/*", "workshop/*", ".github/**/*"),
)
READ_FIRST = """\
Retrain Inception v3 on your own photos: the workbook, without a network
========================================================================

This folder has packages for:
{targets}

Open a terminal (on Windows: PowerShell) on your own disk, and type, with the
place of this folder in front of start.py:

    python3 {name}/start.py

(on Windows: py {name}\\start.py). It makes the folder {new} where
you are, installs the workbook there, which takes minutes, and opens it. It
needs 6 GB of disk and no network. From then on, without this folder:

    cd {new}
    python3 start.py doctor     says READY, or what to do
    python3 start.py            opens the workbook

A workbook that you have already is filled up, and nothing of yours replaced,
by this, typed in its folder:

    python3 start.py --from {name}
"""


def main(argv):
    """Make a pack, or copy one; return the exit code."""
    parser = argparse.ArgumentParser(prog="pack", description=__doc__)
    parser.add_argument("folder", help="the pack, for example on a stick")
    parser.add_argument(
        "--platform",
        action="append",
        choices=PLATFORMS,
        help="that of a machine it is for; may be given again (this one's)",
    )
    parser.add_argument(
        "--python",
        action="append",
        choices=[start.dotted(version) for version in start.VERSIONS],
        help="that of a machine it is for; may be given again (this one's)",
    )
    parser.add_argument(
        "--without-activations",
        action="store_true",
        help="pack although no lesson has stored any",
    )
    parser.add_argument("--copy", metavar="FROM", help="copy this pack there")
    args = parser.parse_args(argv)
    pack = Path(args.folder).resolve()
    try:
        if args.copy:
            _copy(Path(args.copy).resolve(), pack)
        else:
            _make(pack, args)
    except start.StartError as error:
        print(error, file=sys.stderr)
        return error.code
    except OSError as error:
        print(
            f"{error.filename or pack}: {error.strerror or error}; mend "
            "that, and the same command goes on from here.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.")
        return 130
    return 0


def _make(pack, args):
    """Make a pack, or what it lacks, with the list of its files last."""
    _require_ours(pack)
    # A pack holds what lies in data/; it would be looked for elsewhere.
    os.environ.pop(shared.VARIABLE, None)
    platforms = args.platform or [start.platform_name()]
    pythons = args.python or [start.dotted(sys.version_info[:2])]
    wanted = {name: ROOT / name for name in _project()}
    wanted |= _pictures() | _activations(args.without_activations)
    wanted |= _imagenet() | _flowers()
    targets = [f"{p}-{python}" for p in platforms for python in pythons]
    lines = "\n".join(f"    {_in_words(target)}" for target in targets)
    start.write(
        str(pack / start.READ_FIRST),
        READ_FIRST.format(targets=lines, name=pack.name, new=start.NEW),
    )
    for target in targets:
        _download(pack, target)
    files = {
        name: _put(pack, name, path) for name, path in sorted(wanted.items())
    }
    for folder in [pack / start.WHEELS / target for target in targets]:
        for path in sorted(folder.glob("*.whl")):
            files[path.relative_to(pack).as_posix()] = _facts(path)
    files[start.READ_FIRST] = _facts(pack / start.READ_FIRST)
    start.write(
        str(pack / start.MANIFEST), json.dumps({"files": files}, indent=1)
    )
    size = sum(size for size, _ in files.values()) / 1e9
    print(f"{pack}: {len(files)} files, {size:.2f} GB, for")
    print(lines)
    print(f"What to type is in {start.READ_FIRST}.")


def _copy(source, pack):
    """Copy what is not whole in the second pack; the list comes last."""
    _require_ours(pack)
    files = start.listed(source)
    lacking = [
        name
        for name, facts in files.items()
        if not start.is_whole(start.in_pack(pack, name), *facts)
    ]
    start.check_files(source, lacking)
    # First what tells a later copy that the folder is ours.
    for name in sorted(lacking, key=lambda name: name != start.READ_FIRST):
        start.bring(start.in_pack(source, name), start.in_pack(pack, name))
    start.bring(source / start.MANIFEST, str(pack / start.MANIFEST))
    print(
        f"{pack}: {len(lacking)} files copied, {len(files) - len(lacking)} "
        "were there."
    )


def _require_ours(pack):
    """Raise StartError for a folder that holds something else."""
    if pack.exists() and not (pack / start.READ_FIRST).is_file():
        if not pack.is_dir() or any(pack.iterdir()):
            raise start.StartError(
                f"{pack} holds something else: name a new folder, as in "
                f"{pack / 'pack'}"
            )


def _in_words(target):
    platform, _, python = target.rpartition("-")
    return f"{platform} with Python {python}"


def _put(pack, name, source):
    """Copy a file into a pack if it is not there; return size and hash."""
    facts = _facts(source)
    place = start.in_pack(str(pack), name)
    if not start.is_whole(place, *facts):
        start.bring(str(source), place)
    return facts


def _facts(path):
    return [path.stat().st_size, start.digest(path)]


# --- What goes in ---------------------------------------------------------


def _project():
    """Return the names of the project's own files, relative to ROOT."""
    try:
        names = _git("ls-files", "-z")
        changed = _git("diff", "--name-only", "-z", "HEAD")
    except (OSError, subprocess.CalledProcessError):
        names, changed = [], []
    if changed:
        print(
            f"{len(changed)} files go as they are here, not as git has them: "
            f"{', '.join(changed[:3])}{' ...' if changed[3:] else ''}"
        )
    if not names:  # no git, or one of other things
        paths = [path for pattern in OWN for path in ROOT.glob(pattern)]
        names = [path.relative_to(ROOT).as_posix() for path in paths]
    return [name for name in names if (ROOT / name).is_file()]


def _git(*arguments):
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, check=True
    )
    return [name for name in done.stdout.decode().split("\0") if name]


def _below(folder, place):
    """Return {name in the pack: path} of all files of a folder."""
    return {
        f"{place}/{path.relative_to(folder).as_posix()}": path
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def _pictures():
    """Return the default pictures, drawn if need be, with their masks."""
    try:
        render.folder()
        render.shifted_folder()
    except ValueError as error:
        raise start.StartError(str(error)) from None
    return _below(paths.data() / "surfaces", "data/surfaces")


def _activations(without):
    """Return what lessons have stored of the default pictures.

    Those of other photos stay here: they are nobody else's business.
    """
    photos = (paths.data() / "surfaces").rglob("*.jpg")
    drawn = {downloads.digest(photo) for photo in photos}
    found = {}
    # Without a dot in front: those are being written, or were broken off.
    for path in sorted(storage.folder().glob("[!.]*.npy")):
        stored = storage.load(path)
        if stored and drawn.issuperset(stored[1]):
            found[f"data/work/activations/{path.name}"] = path
    if not found and not without:
        raise start.StartError(
            f"{shown(storage.folder())} holds nothing of the default "
            "pictures: run lessons 01 to 04 in JupyterLab, or add "
            "--without-activations, and each machine computes them itself."
        )
    print(f"{len(found)} files of stored activations, {_arithmetic()}")
    return found


def _arithmetic():
    """Return for which machines stored activations are, as words."""
    try:
        known = json.loads(
            (paths.work() / "precision.json").read_text("utf-8")
        )
        policy = known["policy"].removeprefix("mixed_")
    except (OSError, ValueError, KeyError):
        return "in an arithmetic that is not noted"
    version = ".".join(platform.python_version_tuple()[:2])
    return (
        f"for machines that choose {policy} as this one does, those of "
        f"lesson 04's own layer for Python {version}"
    )


def _imagenet():
    """Return ImageNet's weights, if they are here or can be had."""
    try:
        path = weights.imagenet()
    except downloads.DownloadError as error:
        print(f"Without ImageNet weights: {error}")
        return {}
    return {f"data/work/weights/{weights.IMAGENET_NAME}": path}


def _flowers():
    """Return the flower photos, if a lesson has fetched them."""
    folder = paths.data() / "flower_photos"
    if not folder.is_dir():
        print(f"Without flowers: {shown(folder)} is not here.")
        return {}
    return _below(flowers.folder(), "data/flower_photos")


# --- Packages -------------------------------------------------------------


def _download(pack, target):
    """Have pip put the packages of a target into its folder of a pack."""
    platform, _, python = target.rpartition("-")
    print(f"Packages for {_in_words(target)} ...", flush=True)
    tags = PLATFORMS[platform][2]
    options = ["--no-deps", "--require-hashes", "--only-binary=:all:"]
    # A number that satisfies those who ask for a late one.
    options += ["--implementation=cp", f"--python-version={python}.99"]
    options += [f"--platform={tag}" for tag in tags]
    options += ["-d", str(pack / start.WHEELS / target)]
    for pins in _pins(Path(start.LOCK).read_text("utf-8"), target):
        with tempfile.TemporaryDirectory() as folder:
            lock = os.path.join(folder, "target.lock")
            start.write(lock, "\n".join(pins))
            start.pip(
                start.VENV, sys.executable, "download", [*options, "-r", lock]
            )


def _pins(lock, target):
    """Return the lines of a lock that a target needs, without conditions.

    pip would hold a condition against this machine and its Python. Some are
    about the third number of the version, which may be any: a second list
    has what is needed only where that is high.
    """
    platform, _, python = target.rpartition("-")
    system, name, _ = PLATFORMS[platform]
    lists = [[], []]
    for entry in lock.replace("\\\n", " ").splitlines():
        requirement, *hashes = entry.split("--hash=")
        if not hashes:
            continue
        pin = Requirement(requirement.strip())
        needed = [
            pin.marker is None
            or pin.marker.evaluate(
                {
                    "sys_platform": system,
                    "os_name": name,
                    "python_version": python,
                    "python_full_version": f"{python}.{last}",
                    "implementation_name": "cpython",
                }
            )
            for last in (0, 99)
        ]
        if any(needed):
            pin.marker = None
            line = " ".join([str(pin), *(f"--hash={h}" for h in hashes)])
            lists[0 if needed[0] else 1].append(line)
    return [pins for pins in lists if pins]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
