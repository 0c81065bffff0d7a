"""Models in the formats for deployment, and predictions with each of them.

Every format takes pixels of 0 to 255 and returns probabilities. All of it
is run in a new process (see `subprocesses`): the converter needs a gigabyte
for a moment, and predictions there are what a user of the model gets.
"""

import gc
import importlib.util
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import psutil
import tensorflow as tf

from helpers import setup
from helpers.dataset import pipeline, splits
from helpers.network import saving, subprocesses
from helpers.network.predictors import THREADS, load_predictor
from helpers.paths import atomic
from helpers.text import one_line

TEMPLATES = Path(__file__).with_name("templates")
ONNX_MEMORY = 3  # GiB
CALIBRATED, COMPARED = 16, 30  # photos


def convert_to_int8(
    saved: str | Path, path: str | Path, photo_paths: Sequence[str]
) -> None:
    """Convert a SavedModel to a `.tflite` file with int8 quantization.

    The photos calibrate it.
    """
    shape = saving.read_metadata(saved).shape

    def pixels() -> Iterator[list[npt.NDArray[np.float32]]]:
        for photo in pipeline.load_photos(photo_paths, shape):
            yield [photo[None].astype(np.float32)]
            print("done 1", flush=True)

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
    converter.representative_dataset = pixels
    int8 = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
    converter.target_spec.supported_ops = [int8]
    _convert(converter, saved, path)


def convert_to_float16(saved: str | Path, path: str | Path) -> None:
    """Convert a SavedModel to a `.tflite` file with float16 weights."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
    converter.target_spec.supported_types = [tf.float16]
    _convert(converter, saved, path)


def _convert(converter: Any, saved: str | Path, path: str | Path) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    with atomic(path) as temporary:
        temporary.write_bytes(converter.convert())
        saving.write_metadata(temporary, saving.read_metadata(saved))


def export_litert(path: str | Path, photo_paths: Sequence[str]) -> None:
    """Convert a `.keras` file to the LiteRT files of `lite_paths`.

    Beside them comes labels.txt with a class in each line. A line break in a
    name becomes a backslash and an n there (`one_line`).
    """
    path = Path(path)
    model, metadata = saving.load(path)
    float16, int8 = lite_paths(path)
    # `model.export` takes three times as long: it saves all layers, too.
    module = tf.Module()
    module.held = [variable.value for variable in model.variables]
    pixels = tf.TensorSpec(model.input_shape, tf.float32)
    module.serve = tf.function(model, input_signature=[pixels])
    with tempfile.TemporaryDirectory() as saved:
        tf.saved_model.save(module, saved, signatures=module.serve)
        saving.write_metadata(saved, metadata)
        convert_to_float16(saved, float16)
        convert_to_int8(saved, int8, photo_paths)
    with atomic(path.with_name("labels.txt")) as temporary:
        lines = [f"{one_line(name)}\n" for name in metadata.class_names]
        temporary.write_text("".join(lines), encoding="utf-8")


def convert_to_onnx(path: str | Path, output: str | Path) -> None:
    """Convert a `.keras` file to an ONNX file.

    It takes up to `ONNX_MEMORY`. Afterwards the garbage collector of this
    process is not as it was.
    """
    model, metadata = saving.load(path)
    # The converter copies all weights for each of its passes. With what is
    # here already set aside, Python frees these copies in time.
    gc.freeze()
    gc.set_threshold(500, 2, 2)
    with atomic(output) as temporary:
        model.export(
            temporary,
            format="onnx",
            verbose=False,
            input_signature=[keras.InputSpec("float32", model.input_shape)],
        )
        saving.write_metadata(temporary, metadata)


def why_no_onnx() -> str:
    """Return why no ONNX file can be made here, as a sentence, or ""."""
    packages = ("onnx", "onnxruntime", "tf2onnx")
    missing = [name for name in packages if not importlib.util.find_spec(name)]
    if missing:
        return f"No ONNX file is made: {', '.join(missing)} is missing here."
    free = psutil.virtual_memory().available / 2**30
    if free < ONNX_MEMORY:
        return (
            f"No ONNX file is made: the converter needs {ONNX_MEMORY} GiB of "
            f"memory, and {free:.1f} are free."
        )
    return ""


def lite_paths(path: Path) -> list[Path]:
    """Return the float16 and the int8 LiteRT file of a `.keras` file."""
    return [
        path.with_name(f"{path.stem}-{dtype}.tflite")
        for dtype in ("float16", "int8")
    ]


def write_programs(path: str | Path) -> None:
    """Copy the programs that use a LiteRT model beside the model at `path`.

    They are `use_it.py`, with its `preprocess.py`, `app.py` and what these
    need, `requirements.txt`. A file of that name that is there already stays
    as it is.
    """
    for template in TEMPLATES.iterdir():
        copy = Path(path).with_name(template.name)
        if template.is_file() and not copy.exists():
            with atomic(copy) as temporary:
                shutil.copyfile(template, temporary)


def litert_formats(
    path: Path, train: splits.Split, test: splits.Split
) -> dict[str, tuple[float, float, npt.NDArray[np.bool_]]]:
    """Make LiteRT files of a `.keras` file, and compare them with it.

    Beside it come these files and the programs that use them. A new process
    predicts `COMPARED` test photos with each; a line says how often the
    class is the same.

    Args:
        path: the `.keras` file.
        train: photos for the quantization, `CALIBRATED` of them.
        test: the photos to compare with.

    Returns:
        {file name: (millions of bytes, seconds for one photo, booleans
        (m,), True where the class is that of the `.keras` file)}.
    """
    files, calibration = [path, *lite_paths(path)], _spread(train, CALIBRATED)
    predictions = subprocesses.predict_in_subprocess(
        files, _spread(test, COMPARED), calibration.paths
    )
    write_programs(path)
    original = predictions[0].probabilities.argmax(axis=-1)
    result = {}
    for file, predicted in zip(files, predictions, strict=True):
        same = predicted.probabilities.argmax(axis=-1) == original
        result[file.name] = megabytes(file), predicted.seconds, same
        print(
            f"{file.name}: the same class for {same.sum()} of {len(same)} "
            "photos"
        )
    return result


def _spread(split: splits.Split, count: int) -> splits.Split:
    """Return so many photos from all over a split, or all if it has fewer."""
    count = min(count, len(split))
    return split.take(np.linspace(0, len(split) - 1, count).astype(int))


def megabytes(path: str | Path) -> float:
    """Return the size of a file or folder in millions of bytes."""
    path = Path(path)
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(f.stat().st_size for f in files if f.is_file()) / 1e6


def predict_and_time(
    model_paths: Sequence[str],
    list_path: str,
    output_path: str,
    calibration: Sequence[str],
) -> None:
    """Predict photos one by one with saved models; print the progress.

    Args:
        model_paths: each as for `predictors.load_predictor`.
        list_path: a JSON file, [photo paths, their content hashes, shape].
        output_path: the `.npz` file to write, with a row for each model:
            `probs`, float32 (models, n, classes), and `seconds`, the median
            time of one photo.
        calibration: photos for `export_litert`, which is then called first
            with the first model.
    """
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if calibration:
        export_litert(model_paths[0], calibration)
    paths, keys, shape = json.loads(
        Path(list_path).read_text(encoding="utf-8")
    )
    labels = np.zeros(len(paths), "int64")
    split = splits.Split("unlabelled", (), paths, labels, keys, shape)
    batches = pipeline.single_pass(split).as_numpy_iterator()
    photos = np.concatenate([pixels for pixels, _ in batches])
    probs, seconds = [], []
    for path in model_paths:
        print("about", Path(path).name, flush=True)
        predict, times = load_predictor(path), []
        predict(photos[:1])  # traces the graph
        for photo in photos:
            start = time.perf_counter()
            probs.append(np.asarray(predict(photo[None])))
            times.append(time.perf_counter() - start)
            print("done 1", flush=True)
        seconds.append(statistics.median(times))
        del predict  # one model at a time: each takes half a gigabyte
        setup.trim()
    rows = np.concatenate(probs).reshape(len(model_paths), len(photos), -1)
    np.savez(output_path, probs=rows, seconds=seconds)
