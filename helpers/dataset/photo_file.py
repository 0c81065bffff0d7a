"""One file of a folder of photos: the photo in it, or why it is not used.

A file is never changed. Its name and first bytes are looked at, and its
pixels are decoded by the function that training uses.
"""

import errno
import fnmatch
import hashlib
import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from helpers.dataset import decoding, pixel_cache
from helpers.dataset.decoding import COPY, Picture, UnusableError

MIN_SIDE = 75  # pixels on the shorter side: Inception v3 takes no less
MAX_RATIO = 3  # times as long as wide: little is left in a square
GRID = 32  # cells on each side of a thumbnail
HEAD = 1024  # bytes that tell the kind of a file
# Files and folders, in lower case, that operating systems, servers and
# programs leave.
SYSTEM_NAMES = (
    "._*", ".apdisk", ".appledb", ".appledesktop", ".appledouble", ".ds_store",
    ".documentrevisions-v100", ".fseventsd", ".localized", ".spotlight-v100",
    ".temporaryitems", "__macosx", "icon\r", "network trash folder",
    "$recycle.bin", "desktop.ini", "ehthumbs*.db", "thumbs.db",
    "system volume information", "~$*",
    ".directory", ".fuse_hidden*", ".nfs*", ".thumbnails", ".~lock.*",
    ".trash*", "lost+found",
    "#recycle", "#snapshot", ".@*", ".recycle", ".snapshot*",
    ".synologyworkingdirectory", ".zfs", "@__thumb", "@eadir",
    "@recently-snapshot", "@recycle", "@syno*", "@tmp", "~snapshot",
    "found.[0-9][0-9][0-9]", "recycler",
    "*.lrdata", ".bridge*", ".thumb", "captureone", "ipod photo cache",
    ".tmp.drivedownload", ".tmp.driveupload", "_gsdata_",
    ".dropbox*", ".nomedia", ".picasa*", ".stfolder", ".stversions",
    ".sync*", "picasa.ini",
    ".cache", ".dvc", ".git*", ".hg", ".idea", ".ipynb_checkpoints", ".svn",
    ".venv", ".vscode", "__pycache__",
    ".part-*",  # this project's own, while it writes
)  # fmt: skip
_SYSTEM_NAME = re.compile("|".join(map(fnmatch.translate, SYSTEM_NAMES)))
STARTS = {
    b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF8": "GIF",
    b"II*\0": "TIFF", b"MM\0*": "TIFF", b"II+\0": "TIFF", b"MM\0+": "TIFF",
    b"\0\0\0\x0cjP  ": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000",
    b"%PDF": "PDF", b"PK\x03\x04": "ZIP", b"8BPS": "Photoshop",
    b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL",
    b"FUJIFILMCCD-RAW": "camera raw", b"IIRO": "camera raw",
    b"IIU\0": "camera raw",
}  # fmt: skip
BRANDS = {  # in bytes 8 to 12 of ISO files
    b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"mif1": "HEIC",
    b"msf1": "HEIC", b"hevx": "HEIC", b"heim": "HEIC", b"heis": "HEIC",
    b"avif": "AVIF", b"avis": "AVIF",
    b"crx ": "camera raw", b"qt  ": "MOV", b"isom": "MP4", b"mp42": "MP4",
    b"M4V ": "MP4",
}  # fmt: skip
PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<svg")
RAW_SUFFIXES = (
    ".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".raf", ".rw2",
)  # fmt: skip
# Files whose kind the name tells, not the first bytes.
FILMS = (".avi", ".mkv", ".mpg", ".webm", ".wmv")
ARCHIVES = (
    ".7z", ".rar", ".tar", ".tar.bz2", ".tar.gz", ".tar.xz", ".tar.zst",
    ".tgz", ".zip", ".zip.001", ".zipx",
)  # fmt: skip
OTHER_PICTURES = (
    ".czi", ".dds", ".exr", ".fits", ".ico", ".nii", ".nii.gz", ".pcx", ".tga",
)  # fmt: skip
# A file of one of these names should hold a picture, readable here or not.
PICTURE_SUFFIXES = (
    *RAW_SUFFIXES, *OTHER_PICTURES, ".avif", ".bmp", ".dcm", ".gif", ".heic",
    ".heif", ".hif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".jxl", ".pbm",
    ".pgm", ".png", ".ppm", ".psd", ".svg", ".tif", ".tiff", ".webp",
)  # fmt: skip
# The kinds that are decoded, as they are called in a sentence.
DECODED = {
    "AVIF": "AVIF", "BMP": "BMP", "GIF": "GIF", "HEIF": "HEIC",
    "JPEG": "JPEG", "JPEG2000": "JPEG 2000", "MPO": "JPEG", "PNG": "PNG",
    "PPM": "PPM", "TIFF": "TIFF", "WEBP": "WebP",
}  # fmt: skip
NOTHING = "Nothing to do."
EXPORT = "Export it as PNG, for example with GIMP."
FILM = (
    "It is a video: save single frames of it as .jpg, for example with VLC "
    "or ffmpeg."
)
UNPACK = "Unpack it, and sort what is inside into the class folders."
ADVICE = {
    **{suffix[1:].upper(): FILM for suffix in (*FILMS, ".mov", ".mp4")},
    **{suffix[1:].upper(): UNPACK for suffix in ARCHIVES},
    **dict.fromkeys(
        ("CZI", "FITS"), "Export it as PNG, for example with Fiji (ImageJ)."
    ),
    **dict.fromkeys(
        ("NII", "NII.GZ"),
        "Export its slices as PNG, for example with ITK-SNAP or 3D Slicer.",
    ),
    "DICOM": "Export it as PNG, with a DICOM viewer such as Weasis or with "
    "dcmj2pnm of DCMTK.",
    "JPEG XL": "Convert it to PNG, for example with djxl of libjxl.",
    "PDF": "Save its pages as PNG, for example with pdftoppm of Poppler.",
    "SVG": "Export it as PNG, for example with Inkscape.",
    "camera raw": "Export it as JPEG, with the camera's program, darktable "
    "or RawTherapee.",
}
NOT_PICTURES = {
    "ICLOUD": ("still in iCloud, not on this computer",
               "Download the photo from iCloud first."),
    "page": ("a web page, not a photo",
             "Open the page in a browser and save the picture itself."),
}  # fmt: skip


@dataclass(frozen=True)
class Photo:
    """One photo: its file, class, content hash and size in pixels.

    `name` is the path from the folder of photos, with slashes, as printed.
    `split` is the split that the folder or table puts it into, and photos of
    one `group` stay in one split; None where there is none.
    `thumbnail` comes from `make_thumbnail`. `depth` is the bit depth at which
    a photo of 16 bits a colour is read; None for all others, and for a black
    one.
    """

    path: Path
    name: str
    class_name: str
    sha256: str
    width: int
    height: int
    thumbnail: bytes
    depth: int | None = None
    split: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Problem:
    """What is wrong with a file or a class, and what to do.

    `name` is that of a photo, or of a folder with a slash at the end;
    `files` is how many files it is about.
    """

    name: str
    problem: str
    advice: str
    excluded: bool = False
    files: int = 1


def look(
    file: Path, name: str, class_name: str, shape: str | None = None
) -> tuple[Photo | None, list[Problem]]:
    """Return the photo in a file, or None, and problems.

    With a shape, the pixels for training are kept (see `pixel_cache`). The
    name is the path from the folder of photos.
    """
    name = printed(name)
    try:
        content = read_bytes(file)
        picture = read(content, file.name)
    except UnusableError as error:
        problem = Problem(name, error.problem, error.advice, excluded=True)
        return None, [problem]
    sha256 = hashlib.sha256(content).hexdigest()
    if shape:
        pixel_cache.save(picture, sha256, shape)
    size = picture.width, picture.height
    thumbnail = make_thumbnail(picture.pixels)
    photo = Photo(
        file, name, class_name, sha256, *size, thumbnail, picture.depth
    )
    return photo, [Problem(name, *note) for note in picture.notes]


def read(content: bytes, name: str) -> Picture:
    """Return the picture in a file, with all that is odd about it.

    Raises:
        UnusableError: it is no picture that can be read.
    """
    _require_decodable(content, name)
    picture = decoding.decode(content)
    kind = DECODED[picture.format]
    short, long = sorted((picture.width, picture.height))
    which = "the wrong" if Path(name).suffix else "no"
    notes = [
        (_kind_by_suffix(name) != kind,
         f"{kind} with {which} file extension", NOTHING),
        (short < MIN_SIDE, f"smaller than {MIN_SIDE} pixels",
         "Enlarged it is a blur; take a larger photo."),
        (long > MAX_RATIO * short,
         f"more than {MAX_RATIO} times as long as wide",
         "Little of it is left in a square; crop it first."),
    ]  # fmt: skip
    found = [(what, advice) for applies, what, advice in notes if applies]
    return replace(picture, notes=picture.notes + found)


def make_thumbnail(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return mean colours of (h, w, 3) on a grid: uint8 (32, 32, 3)."""
    image = Image.fromarray(pixels)
    return image.resize((GRID, GRID), Image.Resampling.BOX).tobytes()


def printed(name: str) -> str:
    """Return the name of a file as it can be printed and written as UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()


def is_system_name(name: str) -> bool:
    """Say whether a system or program leaves files or folders of this name.

    A dot at the beginning is not enough: `.22_LR` may be a class.
    """
    return _SYSTEM_NAME.match(name.lower()) is not None


def is_named_as_picture(name: str) -> bool:
    """Say whether a file of this name should hold a picture."""
    return name.lower().endswith(PICTURE_SUFFIXES)


def is_sidecar(file: Path) -> bool:
    """Say whether a file holds another program's notes about photos.

    Neither its name nor its first bytes are those of a picture, a film or an
    archive: XMP, labels, tables, texts. A broken photo is not a sidecar if
    its name is that of a picture.
    """
    if is_named_as_picture(file.name):
        return False
    try:
        if not file.is_file():  # opening a pipe would wait for ever
            return False
        with open(file, "rb") as opened:
            kind = _kind(opened.read(HEAD), file.name)
    except (OSError, ValueError):  # `look` says what is wrong with it
        return False
    # .xlsx and .npz are ZIP files, too.
    office = kind == "ZIP" and not file.name.lower().endswith(ARCHIVES)
    return kind in (None, "page") or office


def read_bytes(file: Path) -> bytes:
    """Return the bytes of a file that is worth decoding.

    Raises:
        UnusableError: it is no file, or can't be read.
    """
    try:
        str(file).encode()
        if not stat.S_ISREG(file.stat().st_mode):
            raise UnusableError("not a file", "Take it out of the folder.")
        return file.read_bytes()
    except UnicodeEncodeError:  # neither TensorFlow nor a list could name it
        problem = "its name is not UTF-8"
        advice = "Rename it, or the folder it is in, in letters that are."
    except PermissionError:
        problem = "you may not read it"
        advice = (
            "Give yourself the right to, in the properties of the file or of "
            "the folder that holds it."
        )
    except OSError as error:
        problem, advice = f"it cannot be read ({error.strerror})", COPY
        if error.errno == errno.ENOENT:
            problem = "there is no such file"
        if file.is_symlink():
            where = "to itself" if error.errno == errno.ELOOP else "nowhere"
            problem = f"a link that leads {where}"
            advice = "Copy the photo itself to here."
    raise UnusableError(problem, advice)


def _kind(content: bytes, name: str):
    """Return the kind of a file by its first bytes or its name, or None."""
    for start, kind in STARTS.items():
        if content.startswith(start):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WebP"
    if content[4:8] == b"ftyp":
        return BRANDS.get(content[8:12], "ISO media")
    if re.match(rb"P[1-6]\s", content):
        return "PPM"
    if content[:2] == b"BM" and content[6:10] == bytes(4):  # not "BMI,age"
        return "BMP"
    if content[128:132] == b"DICM":
        return "DICOM"
    text = content[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(PAGES):
        drawing = text.startswith((b"<svg", b"<?xml")) and b"<svg" in text
        return "SVG" if drawing else "page"
    for suffix in (*FILMS, *ARCHIVES, *OTHER_PICTURES, ".icloud"):
        if name.lower().endswith(suffix):
            return suffix[1:].upper()
    return None


def _kind_by_suffix(name: str):
    suffix = Path(name).suffix.lower()
    return DECODED.get(Image.registered_extensions().get(suffix, ""))


def _require_decodable(content: bytes, name: str):
    if not content:
        raise UnusableError("the file is empty", COPY)
    kind = _kind(content, name)
    if kind is None:
        raise UnusableError("not a picture in any known format", COPY)
    if kind in NOT_PICTURES:
        raise UnusableError(*NOT_PICTURES[kind])
    # Many raw files are built like a TIFF.
    if kind == "TIFF" and name.lower().endswith(RAW_SUFFIXES):
        kind = "camera raw"
    if kind not in DECODED.values():
        what = f"{kind} is not read here"
        if _kind_by_suffix(name):
            what = f"really {kind}, which is not read here"
        raise UnusableError(what, ADVICE.get(kind, EXPORT))
    if package := decoding.missing_package(kind):
        raise UnusableError(
            f"{kind} is not read without the package {package}",
            f"Run pip install {package}, and restart the kernel.",
        )
