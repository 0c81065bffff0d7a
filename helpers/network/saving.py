"""Saved classifiers: with the names of their classes, and safe to load.

A `.keras` file is a ZIP archive of a description, weights and notes. The
names of the classes go into it as one file more, which Keras passes over.
"""

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import h5py
import keras

from helpers import paths

NAMES = "class_names.json"
EXTRA = "assets.extra"  # where a SavedModel keeps what is not TensorFlow's
# {module: classes} of all that the lessons and scale/ save. Keras has others
# that read a file, fetch one or run code while they are loaded.
SAVED = {
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
NOT_WHOLE = (
    "not a whole .keras file; save the classifier again, or copy the file "
    "again from where it came from."
)
DESCRIPTION = "config.json"


def save(model, class_names, lesson):
    """Save a classifier whole, as lesson 02 does it; return its path.

    Args:
        model: a `keras.Model` from pixels to probabilities.
        class_names: the names, in the order of its answers.
        lesson: the notebook's name, for example "04_augmentation".
    """
    path = paths.model_path(lesson)
    write(model, class_names, path)
    return path


def write(model, class_names, path):
    """Write a classifier whole into a `.keras` file.

    Args:
        model: a `keras.Model` from pixels to probabilities.
        class_names: the names, in the order of its answers.
        path: of the file.
    """
    with paths.atomic(path) as temporary:
        model.save(temporary)
        write_names(temporary, class_names)


def write_names(path, class_names):
    """Write the names of the classes into a saved model.

    Into a `.keras` file, which is an archive; a `.tflite` file, which may
    end in one (the way of LiteRT's metadata); or the folder of a SavedModel.

    Args:
        path: the file or folder.
        class_names: the names, in the order of the model's answers.
    """
    text = json.dumps(list(class_names))
    if Path(path).is_dir():
        (Path(path) / EXTRA).mkdir(exist_ok=True)
        (Path(path) / EXTRA / NAMES).write_text(text, encoding="utf-8")
        return
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(NAMES, text)


def read_names(path):
    """Return the names that `write_names` has put there, as a tuple.

    Raises:
        ValueError: there are none.
    """
    try:
        if Path(path).is_dir():
            return tuple(json.loads((Path(path) / EXTRA / NAMES).read_bytes()))
        with zipfile.ZipFile(path) as file:
            return tuple(json.loads(file.read(NAMES)))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        raise ValueError(
            f"{path}: it holds no class names; export the model again."
        ) from None


def without_optimizers(model):
    """Return a copy of a model that predicts the same and cannot train on.

    A model that was compiled is saved with its optimiser, and so are the
    models nested in it: for Adam that is two numbers for each weight that
    was trained. Whoever only asks the model has no need of them.

    Args:
        model: of layers that Keras knows; models may be nested in it.
    """
    config = model.get_config()
    _drop_compiling(config)
    copy = type(model).from_config(config)
    copy.set_weights(model.get_weights())
    return copy


def _drop_compiling(config):
    for layer in config["layers"]:
        layer.pop("compile_config", None)
        if "layers" in layer["config"]:
            _drop_compiling(layer["config"])


def unfinished(folder, split, weights_name):
    """Return where a training may note how far it has come.

    It is another place whenever photos, labels or weights are others, so
    that no training goes on from what belongs to another. What lies there
    and is damaged, as whoever was stopped while writing leaves it, is
    removed with a line: Keras would stop at it each time.

    Args:
        folder: where such places are.
        part: the `dataset.Split` that is trained on.
        weights_name: which weights the base started from.
    """
    about = f"{weights_name} {split.key} {split.labels.tolist()}"
    key = hashlib.sha256(about.encode()).hexdigest()[:16]
    place = folder / f"unfinished-{key}"
    if place.is_dir() and not _is_whole(place):
        shutil.rmtree(place)
        print(
            f"{place.name}: what a stopped training has left is damaged, so "
            "it is removed and the training begins anew."
        )
    return place


def _is_whole(place):
    """Return whether `keras.callbacks.BackupAndRestore` can read a place."""
    try:
        h5py.File(place / "latest.weights.h5").close()
        json.loads((place / "training_metadata.json").read_bytes())
    except (OSError, ValueError):
        return False
    return True


def load(path):
    """Load a classifier that a lesson saved.

    Before Keras sees it, its description is read: a file that names any
    other class than the lessons save (`SAVED`) is refused, so that none of
    its code runs. Old `.h5` files and pickles are not read at all.

    Args:
        path: a `.keras` file with the names of its classes inside.

    Returns:
        The `keras.Model`, from pixels of 0 to 255, uint8 or float32
        (b, height, width, 3), to probabilities, float32 (b, classes); and
        the tuple of class names.

    Raises:
        ValueError: the file is missing, damaged or foreign.
    """
    try:
        with zipfile.ZipFile(path) as file:
            names = tuple(json.loads(file.read(NAMES)))
            description = json.loads(file.read(DESCRIPTION))
            damaged = file.testzip()
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
        raise ValueError(f"{path}: {NOT_WHOLE}") from None
    if damaged:
        raise ValueError(f"{path}: {NOT_WHOLE}")
    parts = list(_parts(description))
    for name, module, registered in parts:
        known = isinstance(name, str) and name in SAVED.get(module, ())
        # Keras would look for a registered name first.
        if not known or registered not in (None, name):
            holds = f"{name} of {module}" if module else name
            raise ValueError(
                f"{path}: it holds {holds}, which no lesson saves and which "
                "could run code or read files; load only files that these "
                "lessons saved."
            )
    if "Rescaling" not in {name for name, _, _ in parts}:
        raise ValueError(
            f"{path}: it does not scale its pixels, so whoever uses it would "
            "have to; put Rescaling(1 / 127.5, offset=-1) first and save it."
        )
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises of every kind
        raise ValueError(
            f"{path}: Keras cannot load it ({str(error).splitlines()[0]}); "
            "save it again with this version."
        ) from None
    if model.output_shape[-1] != len(names):
        raise ValueError(
            f"{path}: it has {model.output_shape[-1]} answers and "
            f"{len(names)} class names; save it again."
        )
    return model, names


def _parts(config):
    """Yield (class, module, registered name) of all in a description."""
    if isinstance(config, dict):
        if "class_name" in config:
            keys = ("class_name", "module", "registered_name")
            yield tuple(config.get(key) for key in keys)
        config = list(config.values())
    if isinstance(config, list):
        for inner in config:
            yield from _parts(inner)
