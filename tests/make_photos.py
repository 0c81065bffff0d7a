"""Small photos and folders of photos that tests look at."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

FRACTIONS = (60, 20, 20)


def noise(seed, size=(80, 90), mode="RGB"):
    """A noise picture that no other seed gives, as a PIL image."""
    shape = {"L": size, "RGBA": (*size, 4), "CMYK": (*size, 4)}
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, shape.get(mode, (*size, 3)), "uint8")
    return Image.fromarray(pixels, mode if mode in shape else "RGB")


def saved(image, kind, **options):
    """The bytes of a file of this kind."""
    file = io.BytesIO()
    # Saving leaves settings in an image that other kinds don't take.
    image.copy().save(file, kind, **options)
    return file.getvalue()


def png(seed):
    """The bytes of a PNG that no other seed gives."""
    return saved(noise(seed), "PNG")


def png_file(width, height, bits, channels, rows):
    """A PNG with this header, whatever its rows hold."""
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    chunks = {b"IHDR": head, b"IDAT": zlib.compress(rows), b"IEND": b""}
    for kind, data in chunks.items():
        crc = struct.pack(">I", zlib.crc32(kind + data))
        content += struct.pack(">I", len(data)) + kind + data + crc
    return content


def png_of_16_bits(pixels):
    """A PNG of uint16 values: grey, grey and alpha, RGB or RGBA."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png_file(width, height, 16, channels, rows)


def put(folder, content_of):
    """Write {name: bytes} into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in content_of.items():
        (folder / name).write_bytes(content)


def noise_folder(folder, count, classes="ab", size=(80, 80), seed=0):
    """Write so many photos of noise, of each class in turn; return folder."""
    for i in range(count):
        content = saved(noise([seed, i], size), "PNG")
        put(folder / classes[i % len(classes)], {f"{i}.png": content})
    return folder


def two_classes(tmp_path, monkeypatch, count=25):
    """A folder of class folders a and b; lists are kept beside it."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    for start, name in ((1000, "a"), (2000, "b")):
        numbers = range(count)
        put(
            tmp_path / "mine" / name,
            {f"{i}.png": png(start + i) for i in numbers},
        )
    return tmp_path / "mine"


def problems(checked):
    """{name: what is wrong with it}, the last of several problems."""
    return {p.name: p.problem for p in checked.problems}
