"""Predicts photos with the LiteRT model beside it: use_it.py PHOTO..."""

import io
import json
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageCms, ImageOps

PATH = min(Path(__file__).parent.glob("*.tflite"))  # float16 before int8
ABOUT = json.loads(zipfile.ZipFile(PATH).read("classifier.json"))
SIZE, METHOD = (299, 299), Image.Resampling.BILINEAR
MODEL = Interpreter(str(PATH))
MODEL.allocate_tensors()


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


def prepare(image: Image.Image) -> np.ndarray:
    """Return the pixels of an image of 8 bits a colour, as in training."""
    image.draft(None, (598, 598))  # of a large JPEG that is enough
    profile = io.BytesIO(image.info.get("icc_profile", b""))
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data or image.mode not in ("L", "CMYK"):
        image = image.convert("RGBA")
    image = image.reduce(max(1, min(image.size) // 598))
    with suppress(ImageCms.PyCMSError, OSError):  # no profile that fits
        srgb = ImageCms.createProfile("sRGB")
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(
            image, profile, srgb, outputMode=mode
        )
        image = converted or image
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    image = Image.alpha_composite(white, image).convert("RGB")
    if ABOUT["shape"] == "crop":
        return np.asarray(ImageOps.fit(image, SIZE, METHOD))
    if ABOUT["shape"] == "pad":
        return np.asarray(ImageOps.pad(image, SIZE, METHOD, "black"))
    return np.asarray(image.resize(SIZE, METHOD))


def main(paths: list[str]) -> None:
    """Print a line for each photo."""
    for path in paths:
        try:
            probs, accepted = classify(Image.open(path))
        except (OSError, Image.DecompressionBombError) as error:
            print(f"{path}: {error}")
            continue
        name, prob = max(probs.items(), key=lambda item: item[1])
        first = f"{name}, {prob:.1%}"
        print(f"{path}: {first if accepted else f'none of these ({first})'}")


if __name__ == "__main__":
    main(sys.argv[1:])
