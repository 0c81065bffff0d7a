"""The pixels of a photo: the one place where files are decoded.

Check, training and prediction call it, so all see the same pixels.
"""

import contextlib
import functools
import hashlib
import io
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL
from PIL import (
    Image,
    ImageCms,
    ImageFile,
    ImageOps,
    TiffImagePlugin,
    features,
)

with contextlib.suppress(ImportError):  # Colab has none
    from pillow_heif import register_heif_opener

    register_heif_opener()
Image.init()

# What Pillow may open: none of its readers that start other programs or
# take any file for a picture.
FORMATS = (
    "AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF",
    "WEBP",
)  # fmt: skip
SIZE = 299  # pixels on each side, what Inception v3 was made for
SHAPES = ("squeeze", "crop", "pad")
LARGE = 2 * SIZE  # pixels on the shorter side, of which a half is enough
MAX_PIXELS = 89_000_000  # Pillow, too, takes more for an attack
DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras and scanners deliver
ORIENTATION = 0x0112  # the EXIF tag that says which side was up
BITS_PER_SAMPLE, SAMPLE_FORMAT = 258, 339  # tags of a TIFF
NUMBERS = {1: "unsigned", 2: "signed", 3: "floating-point"}  # SAMPLE_FORMAT
# Of 16-bit colours Pillow keeps the high bytes. Read in the other byte order,
# the same samples give the low bytes; read as RGBA, grey and alpha give both.
_SWAPPED = {"little": "B", "big": "L"}[sys.byteorder]
LOW_BYTES = {
    "RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGB;16N": f"RGB;16{_SWAPPED}",
    "RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B",
    "RGBA;16N": f"RGBA;16{_SWAPPED}", "LA;16B": "RGBA",
}  # fmt: skip
COPY = "Copy it again from where it came from."

# Pillow warns of oddities in a file, such as EXIF data cut off, which change
# no pixel. Several threads decode: none may set the filters for a while.
warnings.filterwarnings("ignore", module=r"PIL\.")


class UnusableError(ValueError):
    """A file can't be used as a photo: what is wrong, and what to do."""

    def __init__(self, problem: str, advice: str):
        super().__init__(f"{problem}. {advice}")
        self.problem, self.advice = problem, advice


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    `pixels` are uint8 (h, w, 3), sRGB, upright. A large picture is decoded at
    a fraction of its size; `width` and `height` are those in the file,
    upright. `format` is Pillow's name. `depth` is the bit depth at which a
    picture of 16 bits a colour is read; None for all others, and for a black
    one. `notes` are pairs of problem and advice.
    """

    pixels: npt.NDArray[np.uint8]
    format: str
    width: int
    height: int
    depth: int | None
    notes: list[tuple[str, str]]


@functools.cache
def version() -> str:
    """Return a name that changes with the code that reads photos."""
    digest = hashlib.sha256(PIL.__version__.encode())
    for name in ("decoding.py", "photo_file.py"):
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()[:16]


def decode(content: bytes) -> Picture:
    """Return the picture in a file.

    Of pages or an animation, that is the first picture. Colours are
    converted to sRGB by the profile in the file. What is transparent lies on
    white. A picture whose shorter side is `LARGE` or more is decoded at a
    whole fraction of its size, but not below `LARGE`.

    With 16 bits a colour a file mostly holds fewer bits of a camera or
    scanner. It is read with the smallest of `DEPTHS` that holds its largest
    value, so that it is neither clipped nor nearly black.

    Raises:
        UnusableError: it is no picture that can be read, damaged, cut off or
            too large.
    """
    image = _open(content)
    try:
        return _decode(image, content)
    except UnusableError:
        raise
    except Exception:  # any of Pillow's readers may stumble over bytes
        raise _unreadable(content) from None


def require_shape(shape: str) -> None:
    """Raise ValueError if there is no such shape."""
    if shape not in SHAPES:
        raise ValueError(
            f"shape is {shape!r}; give one of {', '.join(SHAPES)}."
        )


def resize(
    pixels: npt.NDArray[np.uint8], shape: str = "squeeze"
) -> npt.NDArray[np.uint8]:
    """Return pixels as a square of 299×299, uint8, values 0-255.

    Args:
        pixels: uint8 (h, w, 3).
        shape: "squeeze" stretches a long photo into the square, "crop" takes
            the largest square from its centre, and "pad" adds black bars.
            The method is linear interpolation with antialiasing.

    Raises:
        ValueError: there is no such shape.
    """
    require_shape(shape)
    image, method = Image.fromarray(pixels), Image.Resampling.BILINEAR
    size = SIZE, SIZE
    if shape == "crop":
        return np.array(ImageOps.fit(image, size, method))
    if shape == "pad":
        return np.array(ImageOps.pad(image, size, method, "black"))
    return np.array(image.resize(size, method))


def missing_package(kind: str) -> str | None:
    """Return the package that a kind of picture needs and that is missing."""
    if kind == "HEIC" and "HEIF" not in Image.OPEN:
        return "pillow-heif"
    if kind == "AVIF" and not (
        "AVIF" in Image.OPEN and features.check("avif")
    ):
        return "'pillow>=11.3'"
    return None


def _unreadable(content: bytes) -> UnusableError:
    """Return the error for a picture of a known kind that can't be read."""
    with contextlib.suppress(Exception):  # no TIFF, or its tags are damaged
        tags = TiffImagePlugin.ImageFileDirectory_v2(content[:8])
        file = io.BytesIO(content)
        file.seek(tags.next)
        tags.load(file)
        bits, number = max(tags[BITS_PER_SAMPLE]), 1
        if SAMPLE_FORMAT in tags:
            number = max(tags[SAMPLE_FORMAT])
        if number != 1 or bits > 16:
            return UnusableError(
                f"TIFF with {bits}-bit {NUMBERS[number]} values is not read "
                "here",
                "Convert it to 8 bits and save it as PNG, for example with "
                "Fiji (ImageJ): Image > Type > 8-bit.",
            )
    return UnusableError("cannot be decoded: damaged or cut off", COPY)


def _open(content: bytes):
    """Return a picture opened by Pillow, which decodes nothing yet."""
    try:
        image = Image.open(
            io.BytesIO(content),
            formats=[name for name in FORMATS if name in Image.OPEN],
        )
        too_large = image.width * image.height > MAX_PIXELS
    except Image.DecompressionBombError:
        too_large = True
    except Exception:  # any of Pillow's readers may stumble over bytes
        raise _unreadable(content) from None
    if too_large:
        raise UnusableError(
            f"more than {MAX_PIXELS // 10**6} million pixels",
            "Save it smaller; if it is not your own photo, delete it.",
        )
    return image


def _decode(image: ImageFile.ImageFile, content: bytes):
    turned = _orientation(image)
    notes = _notes(image, turned)
    profile = image.info.get("icc_profile")
    size = None
    if image.format in ("JPEG", "MPO"):
        size = image.size[::-1] if turned > 4 else image.size
        image.draft(None, (LARGE, LARGE))
    upright, depth = _to_8_bits(_upright(image), image, content)
    width, height = size or upright.size
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        if upright.getchannel("A").getextrema()[0] == 255:
            upright = upright.convert("RGB")
        else:
            notes.append(
                ("transparent in places",
                 "What is transparent is read as white.")
            )  # fmt: skip
    elif upright.mode not in ("L", "CMYK"):
        upright = upright.convert("RGB")
    upright = upright.reduce(max(1, min(upright.size) // LARGE))
    colours = _to_srgb(upright, profile)
    if colours.mode == "RGBA":
        white = Image.new("RGBA", colours.size, "white")
        colours = Image.alpha_composite(white, colours).convert("RGB")
    return Picture(
        np.array(colours), str(image.format), width, height, depth, notes
    )


def _notes(image: ImageFile.ImageFile, turned: int):
    """Return what is said of a picture before it is decoded."""
    count = getattr(image, "n_frames", 1)
    notes = []
    if image.mode == "CMYK":
        advice = "They are converted to RGB and may look a little different."
        notes.append(("colours for print (CMYK)", advice))
    if count > 1 and image.format == "TIFF":
        notes.append((f"a file of {count} pages", "Its first page is used."))
    # An MPO is a JPEG with a preview or a second view; nothing moves.
    elif count > 1 and image.format != "MPO":
        what = "several pictures in one file, or animated"
        notes.append((what, "Its first picture is used."))
    if turned != 1:
        what = "stored turned (EXIF)"
        notes.append((what, "It is turned upright when read."))
    return notes


def _orientation(image: Image.Image):
    """Return how a photo was held by its EXIF data: 1 (upright) to 8."""
    try:
        value = image.getexif()[ORIENTATION]
    except Exception:  # none there, or none that can be read
        return 1
    return value if value in range(1, 9) else 1


def _upright(image: ImageFile.ImageFile) -> Image.Image:
    """Decode a picture, and turn it as its camera was held (EXIF)."""
    image.load()
    with contextlib.suppress(Exception):  # EXIF data that can't be read
        ImageOps.exif_transpose(image, in_place=True)
    return image


def _to_8_bits(
    upright: Image.Image, image: ImageFile.ImageFile, content: bytes
) -> tuple[Image.Image, int | None]:
    """Return a decoded picture with 8 bits a colour, and its bit depth."""
    if upright.mode == "F" or upright.mode.startswith("I"):
        values = np.asarray(upright)
        if upright.mode == "F" or values.min() < 0 or values.max() >= 2**16:
            raise ValueError("neither 8 nor 16 bits a colour")
        return _scaled(values.astype("uint16"))
    bits: tuple[int, ...] = (8,)
    if image.format == "PNG":
        bits = (content[24],)
    elif isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = image.tag_v2.get(BITS_PER_SAMPLE, bits)
    low = _low_bytes(content) if max(bits) == 16 else None
    if low is None:
        return upright, None
    high = np.asarray(upright)[..., :3].astype("uint16")
    colours, depth = _scaled(high << 8 | low)
    if upright.mode == "RGBA":
        colours.putalpha(upright.getchannel("A"))
    return colours, depth


def _low_bytes(content: bytes):
    """Return the low bytes of 16-bit colours, (h, w, 3) or (h, w, 1).

    None if Pillow reads the samples of this file in another way.
    """
    image = _open(content)
    tiles = []
    for tile in image.tile:
        is_name = isinstance(tile.args, str)
        rawmode, *rest = (tile.args,) if is_name else tile.args
        if rawmode not in LOW_BYTES:
            return None
        low = LOW_BYTES[rawmode]
        tiles.append(tile._replace(args=low if is_name else (low, *rest)))
    image.tile = tiles
    pixels = np.asarray(_upright(image))
    return pixels[..., 1:2] if rawmode == "LA;16B" else pixels[..., :3]


def _scaled(values: npt.NDArray[np.uint16]):
    """Return uint16 values as a picture of 8 bits, and its bit depth."""
    largest = int(values.max())
    depth = next(depth for depth in DEPTHS if largest < 2**depth)
    image = Image.fromarray((values >> (depth - 8)).astype("uint8"))
    return image, depth if largest else None


def _to_srgb(image: Image.Image, profile: bytes | None):
    """Return a picture in sRGB, with the alpha channel that it may have."""
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile:
        # A damaged profile, or one for other colours, says nothing.
        with contextlib.suppress(Exception):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            name = ImageCms.getProfileDescription(source)
            if not name.startswith("sRGB"):
                target = ImageCms.createProfile("sRGB")
                converted = ImageCms.profileToProfile(
                    image, source, target, outputMode=mode
                )
                return converted or image
    return image.convert(mode)
