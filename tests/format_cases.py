"""The kinds of pictures, and what happens to each.

`python tests/format_cases.py` writes them into data/README.md as a table.
"""

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from layout_cases import write
from make_photos import noise, png_of_16_bits, saved
from PIL import Image, ImageCms
from pillow_heif import register_heif_opener

register_heif_opener()
BEGIN, END = "<!-- formats: tests/format_cases.py -->", "<!-- formats end -->"
READ = "Colours are converted to sRGB by the profile in the file, if any."


@dataclass(frozen=True)
class Case:
    """A file, and what `dataset.check` says of it.

    Attributes:
        picture: its kind, as Markdown.
        content: the bytes of the file.
        pixels: (h, w, 3) as they are read; None if the file is excluded.
        tolerance: how far pixels may be from these.
        result: the note on the photo, or the advice if it is excluded.
    """

    picture: str
    content: bytes
    pixels: np.ndarray | None = None
    tolerance: int = 0
    result: str = ""


def gradient(width=120, height=90):
    """A smooth picture whose four corners differ."""
    across = np.tile(np.linspace(20, 235, width), (height, 1))
    down = np.tile(np.linspace(235, 20, height), (width, 1)).T
    pixels = np.stack([across, down, (across + down) / 2], -1)
    return Image.fromarray(pixels.astype("uint8"))


def rgb(image):
    return np.asarray(image.convert("RGB"), "int16")


def swapped_profile():
    """A profile in which red and green are swapped."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    content = profile.tobytes()
    for old, new in ((b"rXYZ", b"tXYZ"), (b"gXYZ", b"rXYZ"), (b"tX", b"gX")):
        content = content.replace(old, new, 1)
    name = "sRGB".encode("utf-16-be")
    return content.replace(name, "swap".encode("utf-16-be"))


def tiff_file(pixels, order="<", compressed=False):
    """A TIFF of grey, RGB or RGBA in the type of the array."""
    height, width, channels = pixels.shape
    kind, size = pixels.dtype.kind, pixels.dtype.itemsize
    data = pixels.astype(f"{order}{kind}{size}").tobytes()
    data = zlib.compress(data) if compressed else data
    tags = {
        256: (4, width),
        257: (4, height),
        258: (3, *[8 * size] * channels),
        259: (3, 8 if compressed else 1),
        262: (3, 2 if channels > 1 else 1),
        273: (4, 0),
        277: (3, channels),
        278: (4, height),
        279: (4, len(data)),
    }
    if channels == 4:
        tags[338] = (3, 2)
    if kind != "u":
        tags[339] = (3, *[{"i": 2, "f": 3}[kind]] * channels)
    end = 8 + 2 + 12 * len(tags) + 4
    tags[273] = (4, end + 16)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(
        f"{order}IH", 8, len(tags)
    )
    more = b""
    for tag, (type_, *values) in tags.items():
        number = len(values)
        cells = struct.pack(f"{order}{number}{'HI'[type_ == 4]}", *values)
        if len(cells) > 4:
            place = struct.pack(f"{order}I", end + len(more))
            more, cells = more + cells, place
        head += struct.pack(f"{order}HHI", tag, type_, number)
        head += cells.ljust(4, b"\0")
    return head + bytes(4) + more.ljust(16, b"\0") + data


def read(picture, image, kind, tolerance=0, result="", **options):
    """A case of which the pixels are those of the image."""
    content = saved(image, kind, **options)
    return Case(picture, content, rgb(image), tolerance, result)


def two():
    """Options that save another picture into the same file."""
    return {"save_all": True, "append_images": [noise(1, (90, 120))]}


def held_sideways(image):
    """A JPEG that is stored turned, as its EXIF data say."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = image.transpose(Image.Transpose.ROTATE_90)
    return saved(stored, "JPEG", quality=95, exif=exif.tobytes())


SCENE = gradient()
WHITE_LEFT = SCENE.copy()
WHITE_LEFT.paste("white", (0, 0, 60, 90))
CLEAR_LEFT = SCENE.convert("RGBA")
CLEAR_LEFT.paste((0, 0, 0, 0), (0, 0, 60, 90))
LZW = {"compression": "tiff_lzw"}
CMYK = SCENE.convert("CMYK")
GREY = SCENE.convert("L")
BLACK_OR_WHITE = SCENE.convert("1")
PALETTE = SCENE.quantize(64)
DEEP = rgb(SCENE).astype("uint16") << 4

PRINT = (
    "Colours for print (CMYK). They are converted to RGB and may look a "
    "little different."
)
SEVERAL = (
    "Several pictures in one file, or animated. Its first picture is used."
)
PAGES = "A file of 2 pages. Its first page is used."
CLEAR = "Transparent in places. What is transparent is read as white."
TURNED = "Stored turned (EXIF). It is turned upright when read."
DEPTH = (
    "16 bits a colour, read as 12 bits. Nothing to do if all photos come "
    "from one camera."
)
RAW = "Export it as JPEG, with the camera's program, darktable or RawTherapee."
FILM = (
    "It is a video: save single frames of it as .jpg, for example with VLC "
    "or ffmpeg."
)
SLICES = "Export its slices as PNG, for example with ITK-SNAP or 3D Slicer."
DICOM = (
    "Export it as PNG, with a DICOM viewer such as Weasis or with dcmj2pnm "
    "of DCMTK."
)
PDF = "Save its pages as PNG, for example with pdftoppm of Poppler."
LABORATORY = (
    "Convert it to 8 bits and save it as PNG, for example with Fiji "
    "(ImageJ): Image > Type > 8-bit."
)
FIJI = "Export it as PNG, for example with Fiji (ImageJ)."
GIMP = "Export it as PNG, for example with GIMP."
INKSCAPE = "Export it as PNG, for example with Inkscape."
DJXL = "Convert it to PNG, for example with djxl of libjxl."
UNPACK = "Unpack it, and sort what is inside into the class folders."
ICLOUD = "Download the photo from iCloud first."
PAGE = "Open the page in a browser and save the picture itself."
ISO = b"\0\0\0\x18ftyp"

CASES = {
    "photo.jpg": read("JPEG", SCENE, "JPEG", 6, quality=95),
    "progressive.jpg": read("JPEG", SCENE, "JPEG", 9, progressive=True),
    "grey.jpg": read("JPEG", GREY, "JPEG", 3, quality=95),
    "print.jpg": read("JPEG", CMYK, "JPEG", 9, PRINT, quality=95),
    "camera.jpg": read("MPO", SCENE, "MPO", 9, **two()),
    "turned.jpg": Case("JPEG", held_sideways(SCENE), rgb(SCENE), 9, TURNED),
    "photo.png": read("PNG", SCENE, "PNG"),
    "grey.png": read("PNG", GREY, "PNG"),
    "two.png": read("PNG", BLACK_OR_WHITE, "PNG"),
    "palette.png": read("PNG", PALETTE, "PNG"),
    "alpha.png": read("PNG", SCENE.convert("RGBA"), "PNG"),
    "grey alpha.png": read("PNG", SCENE.convert("LA"), "PNG"),
    "clear.png": Case(
        "PNG", saved(CLEAR_LEFT, "PNG"), rgb(WHITE_LEFT), 2, CLEAR
    ),
    "moving.png": read("PNG", SCENE, "PNG", 0, SEVERAL, **two()),
    "deep.png": Case("PNG", png_of_16_bits(DEEP), rgb(SCENE), 0, DEPTH),
    "photo.gif": read("GIF", PALETTE, "GIF"),
    "moving.gif": read("GIF", PALETTE, "GIF", 0, SEVERAL, **two()),
    "photo.bmp": read("BMP", SCENE, "BMP"),
    "palette.bmp": read("BMP", PALETTE, "BMP"),
    "two.bmp": read("BMP", BLACK_OR_WHITE, "BMP"),
    "photo.tif": read("TIFF", SCENE, "TIFF"),
    "packed.tiff": read("TIFF", SCENE, "TIFF", **LZW),
    "print.tif": read("TIFF", CMYK, "TIFF", 0, PRINT),
    "pages.tif": read("TIFF", SCENE, "TIFF", 0, PAGES, **two()),
    "deep.tif": Case("TIFF", tiff_file(DEEP), rgb(SCENE), 0, DEPTH),
    "photo.webp": read("WebP", SCENE, "WEBP", 12, quality=95),
    "clear.webp": Case(
        "WebP",
        saved(CLEAR_LEFT, "WEBP", lossless=True),
        rgb(WHITE_LEFT),
        2,
        CLEAR,
    ),
    "moving.webp": read("WebP", SCENE, "WEBP", 12, SEVERAL, **two()),
    "photo.heic": read("HEIC", SCENE, "HEIF", 9, quality=95),
    "photo.avif": read("AVIF", SCENE, "AVIF", 9, quality=95),
    "photo.jp2": read("JPEG 2000", SCENE, "JPEG2000", 1),
    "photo.ppm": read("PPM", SCENE, "PPM"),
    "face.pgm": read("PGM", GREY, "PPM"),
    "profile.jpg": Case(
        "JPEG",
        saved(SCENE, "JPEG", quality=95, icc_profile=swapped_profile()),
        rgb(SCENE)[..., [1, 0, 2]],
        14,
    ),
    "float.tif": Case(
        "TIFF of floating-point values",
        saved(Image.fromarray(np.ones((80, 80), "float32")), "TIFF"),
        result=LABORATORY,
    ),
    "colour.tif": Case(
        "TIFF of floating-point values",
        tiff_file(np.ones((80, 80, 3), "float64")),
        result=LABORATORY,
    ),
    "signed.tif": Case(
        "TIFF of signed values",
        tiff_file(np.full((80, 80, 1), -5, "int16")),
        result=LABORATORY,
    ),
    "long.tif": Case(
        "TIFF of 32 bits",
        tiff_file(np.full((80, 80, 3), 5, "uint32")),
        result=LABORATORY,
    ),
    "raw.nef": Case(
        "camera raw: NEF", b"MM\0*" + bytes(99), result=RAW
    ),
    "raw.dng": Case("DNG", saved(SCENE, "TIFF"), result=RAW),
    "raw.cr3": Case("CR3", ISO + b"crx " + bytes(99), result=RAW),
    "scan.dcm": Case("DICOM", bytes(128) + b"DICM", result=DICOM),
    "scan.nii.gz": Case("NIfTI", b"\x1f\x8b", result=SLICES),
    "cells.czi": Case("CZI", b"ZISRAW", result=FIJI),
    "sky.fits": Case("FITS", b"SIMPLE  =", result=FIJI),
    "page.pdf": Case("PDF", b"%PDF-1.7" + bytes(99), result=PDF),
    "film.mp4": Case("video: MP4", ISO + b"isom" + bytes(99), result=FILM),
    "film.avi": Case("AVI", b"RIFF\0\0\0\0AVI ", result=FILM),
    "live.jpg": Case("MOV", ISO + b"qt  " + bytes(99), result=FILM),
    "drawing.svg": Case("SVG", b"<svg xmlns=''></svg>", result=INKSCAPE),
    "layers.psd": Case("Photoshop", b"8BPS" + bytes(99), result=GIMP),
    "photo.tga": Case("TGA", bytes(99), result=GIMP),
    "photo.jxl": Case("JPEG XL", b"\xff\x0a" + bytes(99), result=DJXL),
    "photos.zip": Case(
        "archive: ZIP", b"PK\x03\x04" + bytes(99), result=UNPACK
    ),
    "photos.rar": Case("RAR", b"Rar!\x1a\7", result=UNPACK),
    "photo.jpg.icloud": Case(
        "iCloud placeholder", b"bplist00", result=ICLOUD
    ),
    "saved.jpg": Case("web page", b"<!doctype html>", result=PAGE),
}  # fmt: skip


def table() -> str:
    """Return the table of kinds of pictures as Markdown."""
    pictures: dict[str, list[str]] = {}
    for case in CASES.values():
        is_read = "Excluded" if case.pixels is None else "Read"
        result = f"{is_read}. {case.result or READ}"
        pictures.setdefault(result, []).append(case.picture)
    lines = ["| kind of picture | what happens |", "|---|---|"]
    lines += [
        f"| {', '.join(dict.fromkeys(kinds))} | {result} |"
        for result, kinds in pictures.items()
    ]
    return "\n".join([BEGIN, *lines, END])


if __name__ == "__main__":
    write(BEGIN, END, table())
