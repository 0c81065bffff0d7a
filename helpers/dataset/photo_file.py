"""One file of a folder of photos: the photo in it, or why it is not used.

A file is never changed. Its name, first bytes and header are looked at, and
its pixels are decoded by the function that training uses.
"""

import errno
import fnmatch
import hashlib
import io
import re
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from PIL import Image

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")  # what Keras lists
MIN_SIDE = 75  # pixels on the shorter side: Inception v3 takes no less
MAX_PIXELS = 89_000_000  # Pillow, too, takes more for an attack
LARGE = 2048  # pixels on the shorter side: a JPEG is decoded as a draft
MAX_RATIO = 3  # times as long as high, squeezed into a square
GRID = 32  # cells on each side of a thumbnail
HEAD = 1024  # bytes that tell the kind of a file
DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras and scanners deliver
ORIENTATION = 0x0112  # the EXIF tag that says which side was up
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
    b"%PDF": "PDF", b"PK\x03\x04": "ZIP", b"8BPS": "Photoshop",
    b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000",
    b"P2\n": "PGM", b"P5\n": "PGM", b"P3\n": "PPM", b"P6\n": "PPM",
    b"FUJIFILMCCD-RAW": "camera raw", b"IIRO": "camera raw",
    b"IIU\0": "camera raw",
}  # fmt: skip
BRANDS = {  # in bytes 8 to 12 of ISO files
    b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"mif1": "HEIC",
    b"msf1": "HEIC", b"hevx": "HEIC", b"avif": "AVIF", b"avis": "AVIF",
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
    *SUFFIXES, *RAW_SUFFIXES, *OTHER_PICTURES, ".avif", ".dcm", ".heic",
    ".heif", ".jfif", ".jp2", ".jpe", ".jxl", ".pgm", ".ppm", ".psd", ".svg",
    ".tif", ".tiff", ".webp",
)  # fmt: skip
LEFTOVERS = {
    (".crdownload", ".download", ".part", ".partial"):
        "an unfinished download",
    (".bak", ".old", ".orig", "~"): "a backup copy",
    (".thm",): "a camera's thumbnail",
}  # fmt: skip
DECODED = {  # kinds that TensorFlow decodes, and the suffixes they should have
    "JPEG": (".jpg", ".jpeg"), "PNG": (".png",), "GIF": (".gif",),
    "BMP": (".bmp",), "WebP": (".webp",),
}  # fmt: skip
EXPORT = "Open it and export it as JPEG or PNG."
COPY = "Copy it again from where it came from."
NOTHING = "Nothing to do."
FILM = "It is a video; save single frames of it as .jpg to use them."
UNPACK = "Unpack it, and sort what is inside into the class folders."
FIJI = "Export it as PNG, for example with Fiji (ImageJ)."
ADVICE = {
    **{suffix[1:].upper(): FILM for suffix in (*FILMS, ".mov", ".mp4")},
    **{suffix[1:].upper(): UNPACK for suffix in ARCHIVES},
    **dict.fromkeys(("CZI", "FITS"), FIJI),
    **dict.fromkeys(("NII", "NII.GZ"), "Export its slices as PNG."),
    "DICOM": "Export it as PNG, with a DICOM viewer such as Weasis or with "
    "dcmj2pnm of DCMTK.",
    "camera raw": "Export it as JPEG, with the camera's program, darktable "
    "or RawTherapee.",
}
NOT_PICTURES = {
    "ICLOUD": ("still in iCloud, not on this computer",
               "Download the photo from iCloud first."),
    "page": ("a web page, not a photo",
             "Open the page in a browser and save the picture itself."),
}  # fmt: skip
DAMAGED = "cannot be decoded: damaged or cut off", COPY


@dataclass(frozen=True)
class Photo:
    """One photo: its file, class, content hash and size in pixels.

    `name` is the path from the folder of photos, with slashes, as printed.
    `split` is the split that the folder or table puts it into, and photos of
    one `group` stay in one split; None where there is none.
    `thumbnail` comes from `make_thumbnail`. `depth` is the bit depth at which
    a 16-bit PNG is read; None for all other photos, and for a black one.
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


class _UnusableError(Exception):
    """A file can't be used; its arguments are the problem and the advice."""


def look(
    file: Path, name: str, class_name: str
) -> tuple[Photo | None, list[Problem]]:
    """Return the photo in a file, or None, and problems.

    Args:
        file: where it lies.
        name: its path from the folder of photos, for messages.
        class_name: of the photo.
    """
    name = printed(name)
    try:
        content = _read(file)
        kind = _require_readable(file, content)
        pixels, width, height, notes = _decode_and_check(content, kind)
    except _UnusableError as error:
        problem, advice = error.args
        return None, [Problem(name, problem, advice, excluded=True)]
    if file.suffix.lower() not in DECODED[kind]:
        notes.append((f"a {kind} with the wrong file extension", NOTHING))
    photo = Photo(
        file,
        name,
        class_name,
        hashlib.sha256(content).hexdigest(),
        width,
        height,
        make_thumbnail(pixels),
        _depth(content) if kind == "PNG" else None,
    )
    return photo, [Problem(name, *note) for note in notes]


def make_thumbnail(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return mean colours on a 32×32 grid, by which photos are compared.

    Args:
        pixels: (height, width, 3), values 0-255.

    Returns:
        The bytes of a uint8 array of shape (32, 32, 3).
    """
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


def _read(file: Path):
    """Return the bytes of a file that is worth decoding."""
    try:
        str(file).encode()
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _UnusableError("not a file", "Take it out of the folder.")
        if not status.st_size:
            raise _UnusableError("the file is empty", COPY)
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
        if file.is_symlink():
            where = "to itself" if error.errno == errno.ELOOP else "nowhere"
            problem = f"a link that leads {where}"
            advice = "Copy the photo itself to here."
    raise _UnusableError(problem, advice)


def _kind(content: bytes, name: str):
    """Return the kind of a file by its first bytes or its name, or None."""
    for start, kind in STARTS.items():
        if content.startswith(start):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WebP"
    if content[4:8] == b"ftyp":
        return BRANDS.get(content[8:12], "ISO media")
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


def _require_readable(file: Path, content: bytes):
    """Return the kind of a file; raise if Keras ignores the kind or name."""
    kind = _kind(content, file.name)
    suffix = file.suffix.lower()
    if kind is None:
        raise _UnusableError("not a picture of any kind known here", COPY)
    if kind in NOT_PICTURES:
        raise _UnusableError(*NOT_PICTURES[kind])
    if kind == "TIFF" and suffix in RAW_SUFFIXES:  # many are built like one
        kind = "camera raw"
    if kind not in DECODED:
        what = f"{kind} is not read here"
        if suffix in SUFFIXES:
            what = f"really {kind}, which is not read here"
        raise _UnusableError(
            what, ADVICE.get(kind) or _conversion(kind, file.suffix)
        )
    if suffix in SUFFIXES:
        return kind
    for ends, what in LEFTOVERS.items():
        if file.name.lower().endswith(ends):
            raise _UnusableError(
                what, "Nothing to do if the photo itself is here, too."
            )
    ending = f"ending in {file.suffix}" if suffix else "without a suffix"
    right = DECODED[kind][0]
    advice = f"Rename it to end in {right}."
    if right not in SUFFIXES:
        advice = _conversion(kind, file.suffix)
    raise _UnusableError(f"a {kind}, but Keras ignores files {ending}", advice)


def _conversion(kind: str, suffix: str):
    """Return how to convert a picture of a kind that is not read here."""
    if suffix.lower() in SUFFIXES or not is_named_as_picture(suffix):
        return EXPORT  # the command below would match readable photos, too
    to = "jpg" if kind == "HEIC" else "png"
    advice = (
        f"Convert it to .{to}, for example with ImageMagick (magick mogrify "
        f"-format {to} *{suffix})."
    )
    if kind == "HEIC":
        advice += (
            " On an iPhone, Settings > Camera > Formats > Most Compatible "
            "makes JPEGs from now on."
        )
    return advice


def _decode_and_check(content: bytes, kind: str):
    """Return pixels, width, height, and pairs of problem and advice.

    The pixels are uint8 (height, width, 3), those of a large JPEG 8 times
    fewer on each side.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the size is checked here
        image = _open(content)
        # That reads all of the file, and finds what full decoding finds.
        draft = kind == "JPEG" and min(image.size) >= LARGE
        try:
            if draft:
                pixels = tf.io.decode_jpeg(content, channels=3, ratio=8)
            else:
                pixels = decode(content)
        except tf.errors.OpError:
            raise _undecodable(image, kind) from None
        pixels = pixels.numpy()
        if kind == "BMP":
            _require_same(image, pixels)
        if draft:
            width, height = image.size
        else:
            height, width, _ = pixels.shape
        notes = _notes(content, image, width, height)
        return pixels, width, height, notes


def _open(content: bytes):
    """Return a picture opened by Pillow, which decodes nothing yet."""
    try:
        image = Image.open(io.BytesIO(content))
        too_large = image.width * image.height > MAX_PIXELS
    except Image.DecompressionBombError:
        too_large = True
    except Exception:  # any of Pillow's readers may stumble over bytes
        raise _UnusableError(*DAMAGED) from None
    if too_large:
        raise _UnusableError(
            f"more than {MAX_PIXELS // 10**6} million pixels",
            "Save it smaller; if it is not your own photo, delete it.",
        )
    return image


def _require_same(image: Image.Image, pixels: npt.NDArray[np.uint8]):
    """Raise if TensorFlow has read the places in a palette as colours."""
    try:
        expected = np.asarray(image.convert("RGB"))
    except Exception:  # any of Pillow's readers may stumble over bytes
        raise _UnusableError(*DAMAGED) from None
    if not np.array_equal(pixels, expected):
        raise _UnusableError("a BMP of a kind that is not read here", EXPORT)


def _undecodable(image: Image.Image, kind: str):
    """Return the error for a picture that TensorFlow does not decode."""
    try:
        image.load()
    except Exception:  # any of Pillow's readers may stumble over bytes
        return _UnusableError(*DAMAGED)
    if getattr(image, "n_frames", 1) > 1:
        return _UnusableError(
            f"an animated {kind}, which is not read here",
            "Save one picture of it as .png to use it.",
        )
    return _UnusableError(f"a {kind} of a kind that is not read here", EXPORT)


def _notes(content: bytes, image: Image.Image, width: int, height: int):
    """Return what is odd about a picture that can be used all the same."""
    short, long = sorted((width, height))
    palette = image.mode == "P" and image.format == "PNG"
    # An MPO is a JPEG with a preview or a second view; nothing moves.
    animated = getattr(image, "n_frames", 1) > 1 and image.format != "MPO"
    notes = [
        (image.mode == "CMYK", "colours for print (CMYK)",
         "They may look off; save it as RGB if they do."),
        (palette, "colours from a palette", NOTHING),
        (_is_transparent(image), "transparent in places",
         "The network sees what lies beneath; fill it with a colour."),
        (animated, "animated", "Its first picture is used."),
        (orientation(content) != 1, "stored turned (EXIF)",
         "It is turned upright when read."),
        (short < MIN_SIDE, f"smaller than {MIN_SIDE} pixels",
         "Enlarged it is a blur; take a larger photo."),
        (long > MAX_RATIO * short,
         f"more than {MAX_RATIO} times as long as wide",
         "It is squeezed into a square; crop it first."),
    ]  # fmt: skip
    return [(what, advice) for applies, what, advice in notes if applies]


def _is_transparent(image: Image.Image):
    if not image.has_transparency_data:
        return False
    try:
        alpha = image.convert("RGBA").getchannel("A")
    except Exception:  # TensorFlow could decode it, which is enough
        return False
    return bool(np.asarray(alpha).min() < 255)


def decode(content: bytes | tf.Tensor) -> tf.Tensor:
    """Decode a photo, everywhere in the same way.

    A PNG with 16 bits a colour mostly holds fewer bits of a camera or
    scanner. It is read with the smallest of `DEPTHS` that holds its largest
    value, so that it is neither clipped nor nearly black.

    Args:
        content: the bytes of a file, or a scalar string tensor of them.

    Returns:
        A uint8 tensor of shape (height, width, 3), values 0-255, RGB; of an
        animation, the first picture.

    Raises:
        tf.errors.OpError: TensorFlow cannot decode it.
    """
    # Byte 24 of a PNG is how many bits a colour has.
    is_png = tf.strings.substr(content, 0, 4) == b"\x89PNG"
    has_16_bits = tf.strings.substr(content, 24, 1) == b"\x10"
    return tf.cond(
        is_png & has_16_bits,
        lambda: _to_8_bits(_decode_16_bits(content)),
        lambda: tf.io.decode_image(
            content, channels=3, expand_animations=False
        ),
    )


def _decode_16_bits(content: bytes | tf.Tensor):
    return tf.io.decode_png(content, channels=3, dtype=tf.uint16)


def _to_8_bits(pixels: tf.Tensor):
    """Return uint16 pixels as uint8, without the lowest bits."""

    def shift(pixels: npt.NDArray[np.uint16]):
        return (pixels >> (_bit_depth(pixels) - 8)).astype("uint8")

    shifted = tf.numpy_function(shift, [pixels], tf.uint8)
    return tf.ensure_shape(shifted, (None, None, 3))


def _bit_depth(pixels: npt.NDArray[np.uint16]):
    """Return the smallest of `DEPTHS` that holds all uint16 values."""
    largest = int(np.max(pixels))
    return next(depth for depth in DEPTHS if largest < 2**depth)


def _depth(content: bytes):
    """Return the bit depth of a 16-bit PNG that is not black, or None."""
    if content[24] != 16:
        return None
    pixels = _decode_16_bits(content)
    return _bit_depth(pixels) if np.any(pixels) else None


def orientation(content: bytes) -> int:
    """Return how a photo was held by its EXIF data: 1 (upright) to 8."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = Image.open(io.BytesIO(content)).getexif()[ORIENTATION]
    except Exception:  # none there, or none that can be read
        return 1
    return value if value in range(1, 9) else 1
