"""What is special on Google Colab: its versions, Drive, uploads, downloads.

Each notebook has a machine of its own there, and a session that ends takes
all files with it. Work that is kept on Drive is found by the next notebook.
"""

import filecmp
import importlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from packaging.requirements import Requirement

from helpers.paths import ROOT

DRIVE = ROOT.parent / "drive"  # /content/drive on Colab
MINE = DRIVE / "MyDrive"
KEPT = MINE / "workbook"
UNPACKED = ROOT.parent / "unpacked_photos"
FRACTIONS = (60, 20, 20)  # of the photos for train, validation, test
UPLOAD, DRIVE_PHOTOS, DEMO = "upload a ZIP", "from Drive", "demo photos"
# Of these packages a new version may change results; others only draw.
COMPUTING = {"tensorflow", "keras", "numpy", "scipy", "scikit-learn"}
COMPUTING |= {"h5py", "pillow"}
HEIC = "pillow-heif>=1,<2"  # reads what iPhones save; Colab lacks it
MENU = "Runtime ▸ Change runtime type"
QUESTION = (
    "Keep your work on your Google Drive, so that other lessons and later "
    "sessions find it? Type yes or no: "
)


def is_here() -> bool:
    """Return whether this is Colab."""
    return "COLAB_RELEASE_TAG" in os.environ


def start() -> None:
    """Say what differs on this machine, and offer to keep the work on Drive.

    The choice is left in WORKBOOK_WORK, so it is made once in a session, and
    kernels that a lesson starts inherit it.
    """
    if "WORKBOOK_WORK" in os.environ:
        return
    for sentence in version_problems():
        print(sentence)
    if not os.path.exists("/dev/nvidia0"):
        print(f"No GPU: choose one in {MENU}, and training takes less time.")
    kept = MINE.is_dir() or _wants_drive() and _mount()
    os.environ["WORKBOOK_WORK"] = str(KEPT if kept else ROOT / "data" / "work")
    if kept:
        print(f"Your work is kept on your Drive, in the folder {KEPT.name}.")
    else:
        print(
            "Your work is deleted when this session ends. To be asked about "
            "Drive again, choose Runtime ▸ Restart session."
        )


def _wants_drive() -> bool:
    try:
        return input(QUESTION).strip().lower().startswith("y")
    except (EOFError, RuntimeError):  # nobody is there to answer
        return False


def _mount() -> bool:
    """Mount Drive, which asks for permission; return whether it is there."""
    try:
        importlib.import_module("google.colab.drive").mount(str(DRIVE))
    except Exception as error:  # Colab raises its own kinds
        print(f"Your Drive is not connected: {error}")
    return MINE.is_dir()


def version_problems() -> list[str]:
    """Return a sentence for each package whose version was never tried."""
    sentences = []
    for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines():
        wanted = line.partition("#")[0].strip()
        if not wanted:
            continue
        requirement = Requirement(wanted)
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            continue  # the lessons do without those that Colab lacks
        if requirement.specifier.contains(version, prereleases=True):
            continue
        advice = "no result depends on it, so go on."
        if requirement.name in COMPUTING:
            advice = (
                "results may differ or a cell may fail. If one does, choose "
                f"an older runtime version in {MENU}."
            )
        sentences.append(
            f"{requirement.name} {version} was never tried, only {wanted}: "
            f"{advice}"
        )
    return sentences


def photos(
    source: str, on_drive: str = ""
) -> tuple[Path, tuple[int, int, int]] | None:
    """Return the folder of photos that was chosen, and how to split it.

    An uploaded ZIP file is kept on Drive if the work is. What reads HEIC
    photos is installed if there are any; `dataset` is to be imported after.

    Args:
        source: `UPLOAD`, `DRIVE_PHOTOS` or `DEMO`.
        on_drive: for `DRIVE_PHOTOS`, the path of a folder or a ZIP file.

    Returns:
        The folder and `FRACTIONS`, or None for the demo photos.

    Raises:
        SystemExit: there is no such folder or ZIP file; one sentence.
    """
    if source == DEMO:
        return None
    path = _uploaded() if source == UPLOAD else _found_on_drive(on_drive)
    folder = path if path.is_dir() else _unpacked(path)
    if source == UPLOAD and KEPT == Path(os.environ.get("WORKBOOK_WORK", "")):
        _keep(path)
    names = (file.suffix.lower() for file in folder.rglob("*"))
    if {".heic", ".heif"} & set(names) and not _reads_heic():
        print("Installing pillow-heif, which reads HEIC photos ...")
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", HEIC])
        importlib.invalidate_caches()
    return folder, FRACTIONS


def _reads_heic() -> bool:
    return importlib.util.find_spec("pillow_heif") is not None


def _unpacked(path: Path) -> Path:
    """Return the folder of a ZIP file, which is unpacked beside the project.

    Drive is slow with many files. What an earlier ZIP file of this name held
    goes; in a folder of its own, since `drive.zip` must not replace Drive.
    """
    folder = UNPACKED / path.stem
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    except (OSError, RuntimeError, zipfile.BadZipFile) as error:
        raise SystemExit(
            f"{path.name} can't be unpacked ({error}): make a ZIP file of "
            "your folder without a password, and run this cell again."
        ) from None
    return folder


def _uploaded() -> Path:
    """Let the learner upload a ZIP file; return its path."""
    uploaded = importlib.import_module("google.colab.files").upload()
    names = list(uploaded)
    if len(names) != 1 or not names[0].lower().endswith(".zip"):
        what = names[0] if len(names) == 1 else f"{len(names) or 'no'} files"
        raise SystemExit(
            f"Uploaded: {what}. Put your folders of photos into one ZIP file, "
            "run this cell again, and choose it."
        )
    path = Path(names[0]).resolve()
    # Colab may have kept an earlier file of this name, and renamed this one.
    path.write_bytes(uploaded[names[0]])
    return path


def _keep(path: Path) -> None:
    """Copy a ZIP file to Drive, where no other file is replaced."""
    folder = KEPT / "photos"
    kept, number = folder / path.name, 1
    while kept.exists() and not filecmp.cmp(path, kept, shallow=False):
        number += 1
        kept = folder / f"{path.stem}-{number}{path.suffix}"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, kept)
    print(
        f'Kept on your Drive. Next time, choose "{DRIVE_PHOTOS}" and give '
        f"{kept.relative_to(MINE)}: you need not upload it again."
    )


def _found_on_drive(name: str) -> Path:
    """Return the path of a folder or ZIP file on Drive."""
    if not (MINE.is_dir() or _mount()):
        raise SystemExit(
            "Your photos are on Drive, which is not connected: run this cell "
            f'again and allow it, or choose "{UPLOAD}".'
        )
    path = MINE / name.strip().strip("/")
    is_zip = path.is_file() and path.suffix.lower() == ".zip"
    if path != MINE and (is_zip or path.is_dir()):
        return path
    there = sorted(p.name for p in MINE.iterdir() if p.name[0] != ".")
    raise SystemExit(
        f"{name!r} is no folder or ZIP file on your Drive: correct the path. "
        f"At the top of your Drive are {', '.join(there) or 'no files'}."
    )


def hand_out(folder: Path) -> None:
    """Download a folder of results as one ZIP file.

    Raises:
        SystemExit: it is not there yet; one sentence.
    """
    if not (folder / "report.html").is_file():
        raise SystemExit(
            f"{folder.name} holds no report yet: run all cells above first."
        )
    target = str(ROOT.parent / "model_and_report")
    path = shutil.make_archive(target, "zip", folder)
    importlib.import_module("google.colab.files").download(path)
