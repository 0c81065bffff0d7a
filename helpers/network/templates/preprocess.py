"""Prepares a photo for the model as the training did."""

import io
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps

SHAPES: dict[str, Any] = {
    "squeeze": Image.Image.resize,
    "crop": ImageOps.fit,
    "pad": ImageOps.pad,
}
SRGB = ImageCms.createProfile("sRGB")


def preprocess(image: Image.Image, shape: str) -> np.ndarray:
    """Return float32 pixels (1, 299, 299, 3), 0 to 255, of 8-bit colours."""
    image.draft(None, (598, 598))  # of a large JPEG that is enough
    icc = io.BytesIO(image.info.get("icc_profile", b""))
    image = ImageOps.exif_transpose(image)
    image = image if image.mode in ("L", "CMYK") else image.convert("RGBA")
    image = image.reduce(max(1, min(image.size) // 598))
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    with suppress(ImageCms.PyCMSError, OSError):  # no profile that fits
        new = ImageCms.profileToProfile(image, icc, SRGB, outputMode=mode)
        image = new or image
    image = image.convert("RGBA")
    photo = Image.new("RGB", image.size, "white")
    photo.paste(image, mask=image)
    photo = SHAPES[shape](photo, (299, 299), Image.Resampling.BILINEAR)
    return np.asarray(photo, "float32")[None]
