"""Saved classifiers: with the names of their classes, and safe to load.

A `.keras` file is a ZIP archive of a configuration, weights and metadata.
The names of the classes and the shape of the photos (see
`dataset.load_photo`) are more files in it, which Keras ignores.
"""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import keras

from helpers import paths
from helpers.dataset import splits

NAMES = "class_names.json"
SHAPE = "photo_shape.json"
EXTRA = "assets.extra"  # of a SavedModel, for files that TensorFlow ignores
CONFIG = "config.json"
# {module: classes} of all that the lessons and scale/ save. Keras has others
# that read a file, download one or run code while they are loaded.
SAVED: dict[str | None, set[str]] = {
    "keras": {"DTypePolicy", "Sequential"},
    "keras.initializers": {"GlorotUniform", "Ones", "Zeros"},
    "keras.layers": {
        "Activation",
        "AveragePooling2D",
        "BatchNormalization",
        "Concatenate",
        "Conv2D",
        "Dense",
        "GlobalAveragePooling2D",
        "InputLayer",
        "MaxPooling2D",
        "Rescaling",
    },
    "keras.metrics": {"SparseCategoricalAccuracy"},
    "keras.optimizers": {"Adam", "RMSprop"},  # what `compile()` takes
    "keras.optimizers.schedules": {"CosineDecay"},
    "keras.src.models.functional": {"Functional"},
    None: {"__keras_tensor__"},  # the output of a layer
}


def save(model: keras.Model, split: splits.Split, lesson: str) -> Path:
    """Save the classifier of a lesson (its notebook's name); return its path.

    The names of its classes and the shape of its photos are those of
    `split`, on which it was trained.
    """
    path = paths.model_path(lesson)
    write(model, split.class_names, path, split.shape)
    return path


def write(
    model: keras.Model,
    class_names: Sequence[str],
    path: str | Path,
    shape: str = "squeeze",
) -> None:
    """Write a classifier with names and shape into a `.keras` file."""
    with paths.atomic(path) as temporary:
        model.save(temporary)
        write_names(temporary, class_names, shape)


def write_names(
    path: str | Path, class_names: Sequence[str], shape: str = "squeeze"
) -> None:
    """Write the names of the classes and the shape into a saved model.

    Args:
        path: a `.keras` file, which is an archive; a `.tflite` file, which
            may end in one (as LiteRT's metadata does); or the folder of a
            SavedModel.
        class_names: in the order of the model's outputs.
        shape: of the photos that it was trained on, "squeeze", "crop" or
            "pad".
    """
    path = Path(path)
    for name, value in ((NAMES, list(class_names)), (SHAPE, shape)):
        text = json.dumps(value)
        if path.is_dir():
            (path / EXTRA).mkdir(exist_ok=True)
            (path / EXTRA / name).write_text(text, encoding="utf-8")
        else:
            with zipfile.ZipFile(path, "a") as file:
                file.writestr(name, text)


def read_names(path: str | Path) -> tuple[str, ...]:
    """Return the names that `write_names` has written.

    Raises:
        ValueError: there are none.
    """
    return tuple(_read_entry(path, NAMES, "class names"))


def read_shape(path: str | Path) -> str:
    """Return the shape of the photos that `write_names` has written.

    Raises:
        ValueError: there is none.
    """
    return _read_entry(path, SHAPE, "shape of the photos")


def _read_entry(path: str | Path, name: str, what: str) -> Any:
    path = Path(path)
    try:
        if path.is_dir():
            return json.loads((path / EXTRA / name).read_bytes())
        with zipfile.ZipFile(path) as file:
            return json.loads(file.read(name))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        raise ValueError(
            f"{path}: it holds no {what}; export the model again."
        ) from None


def without_optimizers(model: keras.Model) -> keras.Model:
    """Return a copy that predicts the same and has no optimizer state.

    A compiled model is saved with its optimizer, and so are the models
    nested in it: for Adam that is two numbers for each trained weight.
    """
    config = model.get_config()
    _drop_compile_config(config)
    copy = type(model).from_config(config)
    copy.set_weights(model.get_weights())
    return copy


def _drop_compile_config(config: dict[str, Any]) -> None:
    for layer in config["layers"]:
        layer.pop("compile_config", None)
        if "layers" in layer["config"]:
            _drop_compile_config(layer["config"])


def unfinished(folder: Path, split: splits.Split, weights_name: str) -> Path:
    """Return the folder where a training saves its progress.

    It is in `folder`, and another one if photos, labels or weights are
    others. A damaged one is removed with a message: Keras would raise an
    error each time.
    """
    data = f"{weights_name} {split.key} {split.labels.tolist()}"
    key = hashlib.sha256(data.encode()).hexdigest()[:16]
    backup = folder / f"unfinished-{key}"
    if not backup.is_dir():
        return backup
    try:  # as `keras.callbacks.BackupAndRestore` will
        h5py.File(backup / "latest.weights.h5").close()
        json.loads((backup / "training_metadata.json").read_bytes())
    except (OSError, ValueError):
        shutil.rmtree(backup)
        print(
            f"{backup.name}: the progress of an interrupted training is "
            "damaged, so it is removed and the training begins anew."
        )
    return backup


def load(path: str | Path) -> tuple[keras.Model, tuple[str, ...]]:
    """Load a classifier that a lesson saved.

    Its configuration is read first: a file that names any other class than
    the lessons save (`SAVED`) is refused, so that none of its code runs. Old
    `.h5` files and pickles are not read at all.

    Args:
        path: a `.keras` file with the names of its classes inside.

    Returns:
        The model, from pixels of 0 to 255, uint8 or float32
        (b, height, width, 3), to probabilities, float32 (b, classes); and
        the class names.

    Raises:
        ValueError: the file is missing, damaged or not from a lesson.
    """
    class_names, config = _read(path)
    classes = list(_classes(config))
    for name, module, registered in classes:
        is_plain = isinstance(name, str) and isinstance(module, str | None)
        known = is_plain and name in SAVED.get(module, ())
        # Keras would look for a registered name first.
        if not known or registered not in (None, name):
            unknown = f"{name} of {module}" if module else name
            raise ValueError(
                f"{path}: it holds {unknown}, which no lesson saves and which "
                "could run code or read files; load only files that these "
                "lessons saved."
            )
    if "Rescaling" not in {name for name, _, _ in classes}:
        raise ValueError(
            f"{path}: it does not scale its pixels; put "
            "keras.layers.Rescaling(1 / 127.5, offset=-1) first and save it "
            "again."
        )
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds
        raise ValueError(
            f"{path}: Keras cannot load it ({str(error).splitlines()[0]}); "
            "save it again with this version."
        ) from None
    if model.output_shape[-1] != len(class_names):
        raise ValueError(
            f"{path}: it has {model.output_shape[-1]} outputs and "
            f"{len(class_names)} class names; save it again."
        )
    return model, class_names


def _read(path: str | Path) -> tuple[tuple[str, ...], Any]:
    """Return the class names and the configuration in a `.keras` file."""
    try:
        with zipfile.ZipFile(path) as file:
            class_names = tuple(json.loads(file.read(NAMES)))
            config = json.loads(file.read(CONFIG))
            if file.testzip():
                raise zipfile.BadZipFile
    except FileNotFoundError:
        raise ValueError(
            f"{path}: there is no such file; save a classifier first."
        ) from None
    except KeyError as error:
        raise ValueError(
            f"{path}: not a classifier of these lessons ({error.args[0]}); "
            "load one that they saved."
        ) from None
    except (OSError, ValueError, zipfile.BadZipFile):
        raise ValueError(
            f"{path}: not a complete .keras file; save the classifier again, "
            "or copy the file again from its source."
        ) from None
    return class_names, config


def _classes(config: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield (class, module, registered name) of all in a configuration."""
    if isinstance(config, dict):
        if "class_name" in config:
            yield (
                config["class_name"],
                config.get("module"),
                config.get("registered_name"),
            )
        config = list(config.values())
    if isinstance(config, list):
        for item in config:
            yield from _classes(item)
