"""What a file in a folder of photos is, and what to do where it would hurt.

A file is looked at without being changed: its name, its first bytes, its
header, and at last the picture, decoded by the function that training uses.
"""

import errno
import hashlib
import io
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from helpers import near_duplicates

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")  # what Keras lists
LEAST = 75  # pixels on the shorter side: Inception v3 takes no less
MOST = 89_000_000  # pixels; PIL, too, takes more for an attack
LARGE = 2048  # pixels on the shorter side: a JPEG is decoded as a draft
LONG = 3  # times as long as high, squeezed into a square
NOTES = ("desktop.ini", "thumbs.db")  # of the system; no one's photos
ORIENTATION = 0x0112  # the EXIF tag that says which side was up

# The first bytes of what is found among photos. ISO files (HEIC, AVIF, MP4)
# say what they are in bytes 4 to 12.
STARTS = {
    b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF8": "GIF",
    b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"%PDF": "PDF",
    b"PK\x03\x04": "ZIP", b"\xff\x0a": "JPEG XL",
}  # fmt: skip
BRANDS = {
    b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"mif1": "HEIC",
    b"avif": "AVIF", b"qt  ": "MOV", b"isom": "MP4", b"mp42": "MP4",
}  # fmt: skip
PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<svg")
READ = {  # kinds that TensorFlow decodes, and the suffixes they should have
    "JPEG": (".jpg", ".jpeg"), "PNG": (".png",), "GIF": (".gif",),
    "BMP": (".bmp",), "WebP": (".webp",),
}  # fmt: skip
EXPORT = "Save or export it as .jpg or .png to use it."
ADVICE = {
    "HEIC": "Export it as JPEG; on an iPhone, Settings > Camera > Formats > "
    "Most Compatible makes JPEGs from now on.",
    "MOV": "It is a film; save single pictures of it as .jpg to use them.",
    "MP4": "It is a film; save single pictures of it as .jpg to use them.",
    "ZIP": "Unpack it, and sort what is inside into the class folders.",
    "page": "Open the page in a browser and save the picture itself.",
}
COPY = "Copy it again from where it came from."
NOTHING = "Nothing to do."


@dataclass(frozen=True)
class Photo:
    """One photo: its file, class, content hash and size in pixels.

    `name` is that of its class folder and file, with a slash between, and
    `class_name` that of the folder unless its label was mended. `likeness`
    is its thumbnail (see `near_duplicates.thumbnail`).
    """

    path: Path
    class_name: str
    sha256: str
    width: int
    height: int
    likeness: bytes

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
    left_out: bool
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
        kind = _kind(content)
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
    )
    return photo, [Problem(name, what, False, do) for what, do in notes]


def printed(name):
    """Return a name of a file as it can be printed and written as UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()


def is_note(file):
    """Say whether a file is one that the system keeps for itself."""
    hidden = file.name.startswith(".") and not file.name.startswith("._")
    return hidden or file.name.lower() in NOTES


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
    if file.name.startswith("._"):
        raise _UnusableError("macOS' note about another file", NOTHING)
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
    """Return what a file is by its first bytes; "page" for web pages."""
    for start, kind in STARTS.items():
        if content.startswith(start):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WebP"
    if content[4:8] == b"ftyp":
        return BRANDS.get(content[8:12], "ISO media")
    text = content[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "page" if text.startswith(PAGES) else None


def _require_readable(file, kind):
    """Raise if a file is of a kind, or has a name, that Keras passes by."""
    if kind is None:
        raise _UnusableError("not a picture of any kind known here", COPY)
    if kind == "page":
        raise _UnusableError("a web page, not a photo", ADVICE["page"])
    if kind not in READ:
        raise _UnusableError(
            f"{kind} is not read here", ADVICE.get(kind, EXPORT)
        )
    if file.suffix.lower() in SUFFIXES:
        return
    shown = f"with {file.suffix}" if file.suffix else "without a suffix"
    right = READ[kind][0]
    raise _UnusableError(
        f"a {kind}, but {shown} Keras passes it by",
        f"Rename it to end in {right}." if right in SUFFIXES else EXPORT,
    )


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
                decoded = tf.io.decode_image(
                    content, channels=3, expand_animations=False
                )
        except tf.errors.OpError:
            decoded = None
        if image.format == "BMP":
            _require_same(image, decoded)
        if decoded is None:
            raise _damaged()
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
    if image.format == "PNG" and content[24] == 16:
        notes.append(("16 bits a colour", "It is read with 8. " + NOTHING))
    if image.mode == "P" and image.format == "PNG":
        notes.append(("colours from a palette", NOTHING))
    if _is_transparent(image):
        notes.append(
            (
                "transparent in places",
                "The network sees what lies beneath; fill it with a colour.",
            )
        )
    if getattr(image, "n_frames", 1) > 1:
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
