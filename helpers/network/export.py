"""Models in the formats they leave in, and how each of them is asked.

Every format takes pixels of 0 to 255 and gives probabilities. What stands
here is run in a process of its own (see `fresh`): the converter needs a
gigabyte for a moment, and a model is worth what it says somewhere else.
"""

import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from helpers import setup
from helpers.dataset import pipeline, splits
from helpers.network import saving
from helpers.paths import atomic
from helpers.text import one_line

THREADS = 2  # for every format, so that their times can be compared
TIMED = 20  # photos asked one at a time, against the clock


def convert_to_int8(saved, path, photo_paths):
    """Convert a SavedModel to LiteRT in whole numbers of eight bits.

    Args:
        saved: the folder of the SavedModel.
        path: the `.tflite` file to write.
        photo_paths: of the photos that are shown to the converter.
    """

    def shown():
        for pixels in pipeline.load_photos(photo_paths):
            yield [np.float32(pixels[None])]
            print("done 1", flush=True)

    converter = tf.lite.TFLiteConverter.from_saved_model(saved)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = shown
    whole = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
    converter.target_spec.supported_ops = [whole]
    with atomic(path) as temporary:
        temporary.write_bytes(converter.convert())
        saving.write_names(temporary, saving.read_names(saved))


def convert_to_float16(saved, path):
    """Convert a SavedModel to LiteRT with half the digits.

    Args:
        saved: the folder of the SavedModel.
        path: the `.tflite` file to write.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(saved)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    with atomic(path) as temporary:
        temporary.write_bytes(converter.convert())
        saving.write_names(temporary, saving.read_names(saved))


def export_litert(path, photo_paths):
    """Convert a classifier to LiteRT twice, and list its classes.

    Beside the file come one of the same name that ends in -float16.tflite,
    one in -int8.tflite, and labels.txt with a class in each line. A line
    break in a name is written there as a backslash and an n (`one_line`);
    the names as they are stand in each of the three files.

    Args:
        path: the `.keras` file.
        photo_paths: of the photos that are shown to the converter.
    """
    path = Path(path)
    model, names = saving.load(path)
    with tempfile.TemporaryDirectory() as saved:
        model.export(saved, verbose=False)
        saving.write_names(saved, names)
        half, whole = lite_paths(path)
        convert_to_float16(saved, half)
        convert_to_int8(saved, whole, photo_paths)
    with atomic(path.with_name("labels.txt")) as temporary:
        lines = [f"{one_line(name)}\n" for name in names]
        temporary.write_text("".join(lines), encoding="utf-8")


def lite_paths(path):
    """Return where the two LiteRT files of a `.keras` file lie."""
    return [
        path.with_name(f"{path.stem}-{digits}.tflite")
        for digits in ("float16", "int8")
    ]


def megabytes(path):
    """Return the size of a file or folder in millions of bytes."""
    path = Path(path)
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(f.stat().st_size for f in files if f.is_file()) / 1e6


def load_predictor(path):
    """Return a function that asks a saved model about photos.

    Args:
        path: a `.keras` file, a `.tflite` file, or the folder of a
            SavedModel.

    Returns:
        A function from pixels, uint8 (b, 299, 299, 3), to probabilities,
        float32 (b, classes).
    """
    path = Path(path)
    if path.is_dir():
        return _saved_model(path)
    return _litert(path) if path.suffix == ".tflite" else _keras(path)


def _keras(path):
    model, _ = saving.load(path)
    return model.predict_on_batch


def _saved_model(path):
    loaded = tf.saved_model.load(str(path))
    serve = loaded.signatures["serving_default"]
    (name,) = serve.structured_input_signature[1]

    def ask(pixels):
        (answer,) = serve(**{name: tf.cast(pixels, tf.float32)}).values()
        return answer.numpy()

    # The function does not keep alive what it was loaded with.
    ask.loaded = loaded
    return ask


def interpreter(path):
    """Return a LiteRT interpreter of a `.tflite` file.

    It is the one of the package ai-edge-litert. Where that is missing, as
    it may be on Colab, it is the older one that comes with TensorFlow.
    """
    try:
        from ai_edge_litert import interpreter as litert
    except ImportError:
        litert = tf.lite
    return litert.Interpreter(str(path), num_threads=THREADS)


def _litert(path):
    model = interpreter(path)
    model.allocate_tensors()
    (given,) = model.get_input_details()
    (answer,) = model.get_output_details()

    def ask(pixels):
        found = []
        for photo in np.float32(pixels):
            model.set_tensor(given["index"], photo[None])
            model.invoke()
            found.append(model.get_tensor(answer["index"])[0])
        return np.stack(found)

    return ask


def predict_and_time(model_paths, list_path, answers_path):
    """Ask saved models about photos; print on the way what is done.

    Args:
        model_paths: each as for `opened`.
        list_path: a JSON file, [file names, their content hashes].
        answers_path: the `.npz` file to write, with a row for each model:
            `probabilities`, float32 (models, n, classes), and `seconds`
            for one photo alone, the median of some.
    """
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    paths, keys = json.loads(Path(list_path).read_text(encoding="utf-8"))
    labels = np.zeros(len(paths), "int64")
    split = splits.Split("asked", (), paths, labels, keys)
    probabilities, seconds = [], []
    for path in model_paths:
        print("about", Path(path).name, flush=True)
        ask, found = load_predictor(path), []
        for pixels, _ in pipeline.single_pass(split).as_numpy_iterator():
            found.append(ask(pixels))
            print("done", len(pixels), flush=True)
        probabilities.append(np.concatenate(found))
        seconds.append(_seconds(ask, pipeline.load_photos(paths[:TIMED])))
        del ask  # one model at a time: each takes half a gigabyte
        setup.trim()
    np.savez(answers_path, probabilities=probabilities, seconds=seconds)


def predict_pixels(path, pixels_path, answers_path):
    """Ask a saved model about pixels.

    Args:
        path: as for `opened`.
        pixels_path: a `.npy` file, uint8 (n, 299, 299, 3).
        answers_path: the `.npy` file to write, float32 (n, classes).
    """
    pixels, ask = np.load(pixels_path), load_predictor(path)
    batches = np.array_split(pixels, -(-len(pixels) // 16))
    np.save(answers_path, np.concatenate([ask(batch) for batch in batches]))


def _seconds(ask, some):
    """Return the seconds of one photo, the median of some."""
    ask(some[:1])  # draws up the plan for one photo
    times = []
    for photo in some:
        begun = time.perf_counter()
        ask(photo[None])
        times.append(time.perf_counter() - begun)
    return statistics.median(times)
