"""Saved classifiers: with the names of their classes, and safe to load.

A `.keras` file is a ZIP archive of a configuration, weights and metadata.
Its `Metadata` is one more file in it, which Keras ignores.
"""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras

from helpers import paths
from helpers.dataset import splits
from helpers.network.metadata import Metadata, read_metadata, write_metadata

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
        "Dropout",
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

# Arguments that Keras 3.15 saves and older versions, such as Colab's, refuse;
# dropped where they have their default.
NEWER = {
    "input_axes": None,
    "output_axes": None,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
}


def save(model: keras.Model, split: splits.Split, lesson: str) -> Path:
    """Save the classifier of a lesson (its notebook's name); return its path.

    The names of its classes and the shape of its photos are those of
    `split`, on which it was trained.
    """
    path = paths.model_path(lesson)
    write(model, Metadata(split.class_names, split.shape), path)
    return path


def write(model: keras.Model, metadata: Metadata, path: str | Path) -> None:
    """Write a classifier with its metadata into a `.keras` file."""
    with paths.atomic(path) as temporary:
        model.save(temporary)
        write_metadata(temporary, metadata)


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


def load(path: str | Path) -> tuple[keras.Model, Metadata]:
    """Load a classifier that a lesson saved.

    Its configuration is read first: a file that names any other class than
    the lessons save (`SAVED`) is refused, so that none of its code runs. Old
    `.h5` files and pickles are not read at all.

    Args:
        path: a `.keras` file with its metadata inside.

    Returns:
        The model, from pixels of 0 to 255, uint8 or float32
        (b, height, width, 3), to probabilities, float32 (b, classes); and
        its metadata. The probabilities are without the temperature.

    Raises:
        ValueError: the file is missing, damaged or not from a lesson.
    """
    metadata = read_metadata(path)
    config = _config(path)
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
        model = keras.saving.deserialize_keras_object(
            _portable(config), safe_mode=True
        )
        model.load_weights(path)
    except Exception as error:  # Keras raises many kinds
        raise ValueError(
            f"{path}: Keras cannot load it ({str(error).splitlines()[0]}); "
            "save it again with this version."
        ) from None
    count = len(metadata.class_names)
    if model.output_shape[-1] != count:
        raise ValueError(
            f"{path}: it has {model.output_shape[-1]} outputs and {count} "
            "class names; save it again."
        )
    return model, metadata


def _config(path: str | Path) -> Any:
    """Return the configuration in a `.keras` file."""
    try:
        with zipfile.ZipFile(path) as file:
            config = json.loads(file.read(CONFIG))
            if file.testzip():
                raise zipfile.BadZipFile
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        raise ValueError(
            f"{path}: not a complete .keras file; save the classifier again, "
            "or copy the file again from its source."
        ) from None
    return config


def _portable(config: Any) -> Any:
    """Return a configuration that older versions of Keras read as well.

    Without `compile_config`, Keras compiles nothing.
    """
    if isinstance(config, list):
        return [_portable(item) for item in config]
    if not isinstance(config, dict):
        return config
    return {
        key: _portable(value)
        for key, value in config.items()
        if key != "compile_config"
        and not (key in NEWER and value == NEWER[key])
    }


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
