"""What a saved classifier says about itself, in whatever format it is.

It is one JSON file, `classifier.json`, which the readers of each format
ignore: in the archive that a `.keras` file is, in one at the end of a
`.tflite` file (as LiteRT's own metadata is), among the metadata properties
of an `.onnx` file, or in the folder of a SavedModel.
"""

import dataclasses
import json
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

from helpers.dataset import decoding

FILE = "classifier.json"
EXTRA = "assets.extra"  # of a SavedModel, for files that TensorFlow ignores


@dataclass(frozen=True)
class Metadata:
    """The classes of a classifier, and how its photos and outputs are used.

    `class_names` are in the order of its outputs. `shape` is that of the
    photos that it was trained on (see `dataset.load_photo`). `temperature`
    divides the logarithms of its probabilities (see `stats`). A photo with a
    lower confidence than `threshold` is "none of these".

    Raises:
        ValueError: a value can't be right.
    """

    class_names: tuple[str, ...]
    shape: str = "squeeze"
    temperature: float = 1.0
    threshold: float = 0.0

    def __post_init__(self) -> None:
        if not self.class_names or not all(
            isinstance(name, str) for name in self.class_names
        ):
            raise ValueError("class_names must be a list of texts")
        decoding.require_shape(self.shape)
        for name in ("temperature", "threshold"):
            if not isinstance(getattr(self, name), int | float):
                raise ValueError(f"{name} must be a number")
        if not 0 < self.temperature < math.inf:
            raise ValueError(
                f"temperature is {self.temperature}, but must be above 0"
            )
        if not 0 <= self.threshold < 1:
            raise ValueError(
                f"threshold is {self.threshold}, but must be at least 0 and "
                "below 1"
            )


def write_metadata(path: str | Path, metadata: Metadata) -> None:
    """Write the metadata of a model into its file.

    That is a `.keras`, `.tflite` or `.onnx` file, or the folder of a
    SavedModel.
    """
    path = Path(path)
    text = json.dumps(dataclasses.asdict(metadata))
    if path.is_dir():
        (path / EXTRA).mkdir(exist_ok=True)
        (path / EXTRA / FILE).write_text(text, encoding="utf-8")
    elif path.suffix == ".onnx":
        import onnx

        model = onnx.load(path)
        onnx.helper.set_model_props(model, {FILE: text})
        onnx.save(model, path)
    else:
        with zipfile.ZipFile(path, "a") as file:
            file.writestr(FILE, text)


def read_metadata(path: str | Path) -> Metadata:
    """Return what `write_metadata` has written.

    Raises:
        ValueError: the model is missing, or it holds no metadata, or what it
            holds is damaged.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(
            f"{path}: there is no such file; save a classifier first."
        )
    try:
        values = json.loads(_read(path))
        if not isinstance(values["class_names"], list):
            raise TypeError("class_names must be a list of texts")
        class_names = tuple(values.pop("class_names"))
        return Metadata(class_names, **values)
    except (FileNotFoundError, LookupError):
        reason = "not a classifier of these lessons; load one that they saved"
    except (OSError, zipfile.BadZipFile):
        reason = (
            "not a complete model of these lessons; save the classifier "
            "again, or copy the file again from its source"
        )
    except (TypeError, ValueError) as error:
        reason = f"its {FILE} is damaged ({error}); save the classifier again"
    raise ValueError(f"{path}: {reason}.")


def _read(path: Path) -> bytes:
    if path.is_dir():
        return (path / EXTRA / FILE).read_bytes()
    if path.suffix == ".onnx":
        return _read_property(path)
    with zipfile.ZipFile(path) as file:
        return file.read(FILE)


def _read_property(path: Path) -> bytes:
    import onnx

    try:
        properties = onnx.load(path).metadata_props
    except Exception:  # Protocol Buffers' own kind of error
        raise OSError("not an ONNX file") from None
    return {p.key: p.value for p in properties}[FILE].encode()
