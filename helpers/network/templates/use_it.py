"""Predicts photos with the LiteRT model beside it: use_it.py PHOTO..."""

import io
import json
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageCms, ImageOps

PATH = min(Path(__file__).parent.glob("*.tflite"))  # float16 before int8
ABOUT = json.loads(zipfile.ZipFile(PATH).read("classifier.json"))
MODEL = Interpreter(str(PATH))
MODEL.allocate_tensors()
SHAPES: dict[str, Any] = {"squeeze": Image.Image.resize, "crop": ImageOps.fit}
SRGB = ImageCms.createProfile("sRGB")


def prepare(image: Image.Image) -> np.ndarray:
    """Return the pixels of an image of 8 bits a colour, as in training."""
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
    resize = SHAPES.get(ABOUT["shape"], ImageOps.pad)
    return np.asarray(resize(photo, (299, 299), Image.Resampling.BILINEAR))


def classify(image: Image.Image) -> tuple[dict[str, float], bool]:
    """Return the probability of each class, and False for none of these."""
    photo = prepare(image)[None].astype("float32")
    MODEL.set_tensor(MODEL.get_input_details()[0]["index"], photo)
    MODEL.invoke()
    probs = MODEL.get_tensor(MODEL.get_output_details()[0]["index"])[0]
    probs = np.maximum(probs, 1e-12) ** (1 / ABOUT["temperature"])
    values = (probs / probs.sum()).tolist()
    accepted = max(values) >= ABOUT["threshold"]
    return dict(zip(ABOUT["class_names"], values, strict=True)), accepted


if __name__ == "__main__":
    for path in sys.argv[1:]:
        try:
            probs, accepted = classify(Image.open(path))
            name = max(probs, key=lambda name: probs[name])
            line = f"{name}, {probs[name]:.1%}"
            line = line if accepted else f"none of these ({line})"
        except (OSError, Image.DecompressionBombError) as error:
            line = str(error)
        print(f"{path}: {line}")
