"""What a file in a folder of photos is, and what to do where it would hurt.

A file is looked at without being changed: its name, its first bytes, its
header, and at last the picture, decoded by the function that training uses.
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
import tensorflow as tf
from PIL import Image

from helpers.dataset import near_duplicates

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")  # what Keras lists
LEAST = 75  # pixels on the shorter side: Inception v3 takes no less
MOST = 89_000_000  # pixels; PIL, too, takes more for an attack
LARGE = 2048  # pixels on the shorter side: a JPEG is decoded as a draft
LONG = 3  # times as long as high, squeezed into a square
# What operating systems, servers and programs leave in folders: names of files
# and of folders, in lower case, as patterns.
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
_IS_SYSTEM_NAME = re.compile("|".join(map(fnmatch.translate, SYSTEM_NAMES)))
HEAD = 1024  # bytes that tell the kind of a file
DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras and scanners deliver
ORIENTATION = 0x0112  # the EXIF tag that says which side was up

# The first bytes of what is found among photos. ISO files (HEIC, AVIF, MP4)
# say what they are in bytes 4 to 12.
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
BRANDS = {
    b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"mif1": "HEIC",
    b"msf1": "HEIC", b"hevx": "HEIC", b"avif": "AVIF", b"avis": "AVIF",
    b"crx ": "camera raw", b"qt  ": "MOV", b"isom": "MP4", b"mp42": "MP4",
    b"M4V ": "MP4",
}  # fmt: skip
RAW_SUFFIXES = (
    ".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".raf", ".rw2",
)  # fmt: skip
# Files that their first bytes do not tell, but their names.
FILMS = (".avi", ".mkv", ".mpg", ".webm", ".wmv")
ARCHIVES = (
    ".7z", ".rar", ".tar", ".tar.bz2", ".tar.gz", ".tar.xz", ".tar.zst",
    ".tgz", ".zip", ".zip.001", ".zipx",
)  # fmt: skip
OTHER_PICTURES = (
    ".czi", ".dds", ".exr", ".fits", ".ico", ".nii", ".nii.gz", ".pcx", ".tga",
)  # fmt: skip
NAMED = (*FILMS, *ARCHIVES, *OTHER_PICTURES, ".icloud")
# A file of one of these names should hold a picture, readable here or not.
PICTURE_SUFFIXES = (
    *SUFFIXES, *RAW_SUFFIXES, *OTHER_PICTURES, ".avif", ".dcm", ".heic",
    ".heif", ".jfif", ".jp2", ".jpe", ".jxl", ".pgm", ".ppm", ".psd", ".svg",
    ".tif", ".tiff", ".webp",
)  # fmt: skip
# Endings under which a program keeps something other than the photo itself.
LEFTOVERS = {
    **dict.fromkeys(
        (".crdownload", ".download", ".part", ".partial"),
        "an unfinished download",
    ),
    **dict.fromkeys((".bak", ".old", ".orig", "~"), "a backup copy"),
    ".thm": "a camera's thumbnail",
}
PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<svg")
READ = {  # kinds that TensorFlow decodes, and the suffixes they should have
    "JPEG": (".jpg", ".jpeg"), "PNG": (".png",), "GIF": (".gif",),
    "BMP": (".bmp",), "WebP": (".webp",),
}  # fmt: skip
EXPORT = "Open it and export it as JPEG or PNG."
FILM = "It is a film; save single pictures of it as .jpg to use them."
UNPACK = "Unpack it, and sort what is inside into the class folders."
MICROSCOPE = "Export it as PNG, for example with Fiji (ImageJ)."
SLICES = "Export its slices as PNG."
ADVICE = {
    **{suffix[1:].upper(): FILM for suffix in (*FILMS, ".mov", ".mp4")},
    **{suffix[1:].upper(): UNPACK for suffix in ARCHIVES},
    "CZI": MICROSCOPE,
    "FITS": MICROSCOPE,
    "ICLOUD": "Download the photo from iCloud first.",
    "NII": SLICES,
    "NII.GZ": SLICES,
    "DICOM": "Export it as PNG, with a DICOM viewer such as Weasis or with "
    "dcmj2pnm of DCMTK.",
    "camera raw": "Export it as JPEG, with the camera's program, darktable "
    "or RawTherapee.",
    "page": "Open the page in a browser and save the picture itself.",
}
NOT_PICTURES = {
    "ICLOUD": "still in iCloud, not on this computer",
    "page": "a web page, not a photo",
}
COPY = "Copy it again from where it came from."
NOTHING = "Nothing to do."


@dataclass(frozen=True)
class Photo:
    """One photo: its file, class, content hash and size in pixels.

    `name` is that of its class folder and file, with a slash between, and
    `class_name` that of the folder unless its label was mended. `likeness`
    is its thumbnail (see `near_duplicates.thumbnail`). `depth` is the bit
    depth at which a 16-bit PNG is read; None for all other photos, and for
    one that is black at every depth.
    """

    path: Path
    class_name: str
    sha256: str
    width: int
    height: int
    likeness: bytes
    depth: int | None = None

    @property
    def name(self):
        return f"{self.path.parent.name}/{self.path.name}"


@dataclass(frozen=True)
class Problem:
    """What is wrong with a file or a class, and what to do.

    `name` is that of the class, or of class and file with a slash between;
    `files` is how many files it is about.
    """

    name: str
    problem: str
    excluded: bool
    advice: str
    files: int = 1


class _UnusableError(Exception):
    """A file can't be used; it comes with the problem and the advice."""


def look(file):
    """Return the `Photo` in a file, or None, and the `Problem`s with it.

    Args:
        file: a `pathlib.Path` in a class folder.
    """
    name = printed(f"{file.parent.name}/{file.name}")
    try:
        _require_utf8(file)
        content = _content(file)
        kind = _kind(content) or _kind_by_name(file.name)
        _require_readable(file, kind)
        decoded, size, notes = _decoded(content)
    except _UnusableError as found:
        problem, advice = found.args
        return None, [Problem(name, problem, True, advice)]
    if file.suffix.lower() not in READ[kind]:
        notes.append((f"a {kind} under another suffix", NOTHING))
    photo = Photo(
        file,
        file.parent.name,
        hashlib.sha256(content).hexdigest(),
        *size,
        near_duplicates.thumbnail(decoded.numpy()),
        _depth(content),
    )
    return photo, [Problem(name, what, False, do) for what, do in notes]


def printed(name):
    """Return a name of a file as it can be printed and written as UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()


def is_system_name(name: str) -> bool:
    """Say whether a file or folder of this name is no one's photos.

    Operating systems, servers and programs leave such files: thumbnails,
    notes, recycle bins. Another name is not one of these because it begins
    with a dot: `.22_LR` may be a class.
    """
    return _IS_SYSTEM_NAME.match(name.lower()) is not None


def is_named_as_picture(name: str) -> bool:
    """Say whether a file of this name should hold a picture."""
    return name.lower().endswith(PICTURE_SUFFIXES)


def is_sidecar(file: Path) -> bool:
    """Say whether another program keeps its notes about photos in a file.

    Neither its name nor its first bytes are those of a picture, a film or an
    archive: XMP, labels, tables, texts. A broken photo is none of these as
    long as its name is that of a picture.
    """
    if is_named_as_picture(file.name):
        return False
    try:
        if not file.is_file():  # opening a pipe would wait for ever
            return False
        with open(file, "rb") as opened:
            kind = _kind(opened.read(HEAD)) or _kind_by_name(file.name)
    except (OSError, ValueError):  # `look` says what is wrong with it
        return False
    # .xlsx and .npz are ZIP files, too.
    office = kind == "ZIP" and not file.name.lower().endswith(ARCHIVES)
    return kind in (None, "page") or office


def passed_over_as(file: Path) -> str:
    """Return what a file that is passed over counts as in a report."""
    if is_system_name(file.name):
        return "._*" if file.name.startswith("._") else printed(file.name)
    return printed(f"*{file.suffix.lower()}") if file.suffix else "no suffix"


def _require_utf8(file):
    """Raise if TensorFlow and our lists could not name a file."""
    try:
        str(file).encode()
    except UnicodeEncodeError:
        raise _UnusableError(
            "its name is not UTF-8",
            "Rename it, or the folder it is in, in letters that are.",
        ) from None


def _content(file):
    """Return the bytes of a file that is worth decoding."""
    try:
        status = file.stat()
    except PermissionError:
        raise _UnusableError(
            "you may not look at it",
            "Give yourself the right to, in the properties of the folder "
            "that holds it.",
        ) from None
    except OSError as error:
        loop = error.errno == errno.ELOOP
        where = "to itself" if loop else "nowhere"
        raise _UnusableError(
            f"a link that leads {where}", "Copy the photo itself to here."
        ) from None
    if not stat.S_ISREG(status.st_mode):
        raise _UnusableError("not a file", "Take it out of the folder.")
    if not status.st_size:
        raise _UnusableError("the file is empty", COPY)
    try:
        return file.read_bytes()
    except PermissionError:
        raise _UnusableError(
            "you may not read it",
            "Give yourself the right to, in the properties of the file.",
        ) from None
    except OSError as error:
        raise _UnusableError(
            f"it cannot be read ({error.strerror})", COPY
        ) from None


def _kind(content):
    """Return what a file is by its first `HEAD` bytes, or None.

    "page" stands for web pages and other XML.
    """
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
    if not text.startswith(PAGES):
        return None
    drawing = text.startswith((b"<svg", b"<?xml")) and b"<svg" in text
    return "SVG" if drawing else "page"


def _kind_by_name(name):
    """Return what a file is by the end of its name if it is in `NAMED`."""
    ends = [end for end in NAMED if name.lower().endswith(end)]
    return ends[0][1:].upper() if ends else None


def _require_readable(file, kind):
    """Raise if a file is of a kind, or has a name, that Keras ignores."""
    if kind is None:
        raise _UnusableError("not a picture of any kind known here", COPY)
    if kind in NOT_PICTURES:
        raise _UnusableError(NOT_PICTURES[kind], ADVICE[kind])
    suffix = file.suffix.lower()
    if kind == "TIFF" and suffix in RAW_SUFFIXES:  # many are built like one
        kind = "camera raw"
    if kind not in READ:
        advice = ADVICE.get(kind) or _conversion(kind, file.suffix)
        what = f"{kind} is not read here"
        if suffix in SUFFIXES:
            what = f"really {kind}, which is not read here"
        raise _UnusableError(what, advice)
    if suffix in SUFFIXES:
        return
    for end, what in LEFTOVERS.items():
        if file.name.lower().endswith(end):
            raise _UnusableError(
                what, "Nothing to do if the photo itself is here, too."
            )
    shown = f"ending in {file.suffix}" if suffix else "without a suffix"
    right = READ[kind][0]
    raise _UnusableError(
        f"a {kind}, but Keras ignores files {shown}",
        f"Rename it to end in {right}."
        if right in SUFFIXES
        else _conversion(kind, file.suffix),
    )


def _conversion(kind, suffix):
    """Return how to convert a picture of a kind that is not read here."""
    lower = suffix.lower()
    if lower in SUFFIXES or lower not in PICTURE_SUFFIXES:
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


def _decoded(content):
    """Decode a picture; return pixels, width and height, and notes.

    The pixels are uint8 (height, width, 3), those of a large JPEG 8 times
    fewer on each side. A note of what is odd is a pair of problem and
    advice.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # we ask for the size ourselves
        try:
            image = Image.open(io.BytesIO(content))
        except Image.DecompressionBombError:
            raise _too_large() from None
        except Exception:  # any of PIL's readers may stumble over bytes
            raise _damaged() from None
        if image.width * image.height > MOST:
            raise _too_large()
        # That reads all of the file, and finds what full decoding finds.
        draft = content.startswith(b"\xff\xd8") and min(image.size) >= LARGE
        try:
            if draft:
                decoded = tf.io.decode_jpeg(content, channels=3, ratio=8)
            else:
                decoded = decode(content)
        except tf.errors.OpError:
            decoded = None
        if image.format == "BMP":
            _require_same(image, decoded)
        if decoded is None:
            raise _undecodable(image, _kind(content))
        notes = _notes(content, image)
    width, height = image.size if draft else decoded.shape[1::-1]
    if min(height, width) < LEAST:
        notes.append(
            (
                f"smaller than {LEAST} pixels",
                "Enlarged it is a blur; take a larger photo.",
            )
        )
    if max(height, width) > LONG * min(height, width):
        notes.append(
            (
                f"more than {LONG} times as long as wide",
                "It is squeezed into a square; crop it first.",
            )
        )
    return decoded, (width, height), notes


def _require_same(image, decoded):
    """Raise if TensorFlow does not see what PIL sees in a BMP.

    It takes places in a palette for colours, and can't read those of less
    than 8 bits.

    Args:
        image: the BMP, opened by PIL.
        decoded: what TensorFlow made of it, uint8 (height, width, 3), or
            None.
    """
    try:
        right = np.asarray(image.convert("RGB"))
    except Exception:  # any of PIL's readers may stumble over bytes
        raise _damaged() from None
    if decoded is None or not np.array_equal(decoded, right):
        raise _UnusableError("a BMP of a kind that is not read here", EXPORT)


def _undecodable(image, kind):
    """Return what is wrong with a picture that TensorFlow does not decode.

    Args:
        image: the same picture, opened by PIL.
        kind: what it is by its first bytes.
    """
    try:
        image.load()
    except Exception:  # any of PIL's readers may stumble over bytes
        return _damaged()
    if getattr(image, "n_frames", 1) > 1:
        return _UnusableError(
            f"an animated {kind}, which is not read here",
            "Save one picture of it as .png to use it.",
        )
    return _UnusableError(f"a {kind} of a kind that is not read here", EXPORT)


def _damaged():
    return _UnusableError("cannot be decoded: damaged or cut off", COPY)


def _too_large():
    return _UnusableError(
        f"more than {MOST // 10**6} million pixels",
        "Save it smaller; if it is not your own photo, delete it.",
    )


def _notes(content, image):
    """Return what is odd about a picture that can be used all the same."""
    notes = []
    if image.mode == "CMYK":
        notes.append(
            (
                "colours for print (CMYK)",
                "They may look off; save it as RGB if they do.",
            )
        )
    if image.mode == "P" and image.format == "PNG":
        notes.append(("colours from a palette", NOTHING))
    if _is_transparent(image):
        notes.append(
            (
                "transparent in places",
                "The network sees what lies beneath; fill it with a colour.",
            )
        )
    # An MPO is a JPEG with a preview or a second view; nothing moves.
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        notes.append(("animated", "Its first picture is used."))
    if orientation(content) != 1:
        notes.append(
            ("stored turned (EXIF)", "It is turned upright when read.")
        )
    return notes


def _is_transparent(image):
    if "A" not in image.getbands() and "transparency" not in image.info:
        return False
    try:
        alpha = image.convert("RGBA").getchannel("A")
    except Exception:  # TensorFlow could decode it: that is what counts
        return False
    return alpha.getextrema()[0] < 255


def decode(content):
    """Decode a photo, everywhere in the same way.

    A PNG with 16 bits a colour mostly holds what a camera or scanner
    delivered with fewer. It is read with the smallest of `DEPTHS` that holds
    its largest value, so that it is neither cut off nor nearly black.

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
        lambda: _to_8_bits(_decoded_with_16_bits(content)),
        lambda: tf.io.decode_image(
            content, channels=3, expand_animations=False
        ),
    )


def _decoded_with_16_bits(content):
    return tf.io.decode_png(content, channels=3, dtype=tf.uint16)


def _depth(content):
    """Return the bit depth of a 16-bit PNG that is not black, or None."""
    if _kind(content) != "PNG" or content[24] != 16:
        return None
    pixels = _decoded_with_16_bits(content)
    return bit_depth(pixels) if np.any(pixels) else None


def _to_8_bits(photo):
    """Return uint16 pixels as uint8, without the lowest bits."""

    def shift(photo):
        return (photo >> (bit_depth(photo) - 8)).astype("uint8")

    shifted = tf.numpy_function(shift, [photo], tf.uint8)
    return tf.ensure_shape(shifted, (None, None, 3))


def bit_depth(photo) -> int:
    """Return the smallest of `DEPTHS` that holds all values of a photo.

    Args:
        photo: uint16 pixels of any shape, an array or a tensor.
    """
    largest = int(np.max(photo))
    return next(depth for depth in DEPTHS if largest < 2**depth)


def orientation(content):
    """Return how a photo was held, as EXIF says it: 1 (upright) to 8.

    Args:
        content: the bytes of the file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = Image.open(io.BytesIO(content)).getexif()[ORIENTATION]
    except Exception:  # none there, or none that can be read
        return 1
    return value if value in range(1, 9) else 1
