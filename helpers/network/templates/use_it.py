"""Predicts photos with the LiteRT model beside it: use_it.py PHOTO..."""

import json
import sys
import zipfile
from pathlib import Path

from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from preprocess import preprocess

PATH = min(Path(__file__).parent.glob("*.tflite"))  # float16 before int8
ABOUT = json.loads(zipfile.ZipFile(PATH).read("classifier.json"))
MODEL = Interpreter(str(PATH)).get_signature_runner()
(INPUT,) = MODEL.get_input_details()


def classify(image: Image.Image) -> tuple[dict[str, float], bool]:
    """Return the probability of each class, and False for none of these."""
    outputs = MODEL(**{INPUT: preprocess(image, ABOUT["shape"])})
    probs = next(iter(outputs.values()))[0].clip(1e-12)
    probs **= 1 / ABOUT["temperature"]
    values = (probs / probs.sum()).tolist()
    accepted = max(values) >= ABOUT["threshold"]
    return dict(zip(ABOUT["class_names"], values, strict=True)), accepted


if __name__ == "__main__":
    for path in sys.argv[1:]:
        try:
            values, accepted = classify(Image.open(path))
            name = max(values, key=lambda name: values[name])
            line = f"{name}, {values[name]:.1%}"
            print(f"{path}:", line if accepted else f"none of these ({line})")
        except (OSError, Image.DecompressionBombError) as error:
            print(f"{path}: {error}")
