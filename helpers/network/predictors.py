"""Predictions with a saved model, in whatever format it is.

TensorFlow is imported only for the formats that need it: an interpreter
starts in a second without.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from helpers.network.predict import Predictor

THREADS = 2  # for every format, so that their times can be compared
FILES = (".keras", ".tflite", ".onnx")
MODELS = (
    "a .keras, .tflite or .onnx file, or the folder that retrain has written"
)


def find_model(path: str | Path) -> Path:
    """Return the model that a path leads to.

    That is the path itself, or `model.keras` in the folder of a run of
    `retrain`.

    Raises:
        ValueError: there is none.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise ValueError(f"{path}: there is no such model; give {MODELS}.")
    if path.is_dir() and not (path / "saved_model.pb").is_file():
        if not (path / "model.keras").is_file():
            raise ValueError(
                f"{path}: there is no model.keras in this folder; give "
                f"{MODELS}."
            )
        return path / "model.keras"
    if path.is_file() and path.suffix not in FILES:
        raise ValueError(f"{path}: not a model; give {MODELS}.")
    return path


def load_predictor(path: str | Path) -> Predictor:
    """Return a function that predicts with a saved model.

    It takes pixels (b, 299, 299, 3) and returns probabilities (b, classes),
    without the temperature.

    Args:
        path: a `.keras`, `.tflite` or `.onnx` file, or the folder of a
            SavedModel.

    Raises:
        ValueError: the model can't be loaded.
    """
    path = Path(path)
    if path.suffix == ".tflite":
        return _litert_predictor(path)
    if path.suffix == ".onnx":
        return _onnx_predictor(path)
    if path.is_dir():
        import tensorflow as tf

        loaded = tf.saved_model.load(str(path))
        return lambda x: loaded.serve(tf.cast(x, tf.float32)).numpy()
    from helpers.network import saving

    return saving.load(path)[0].predict_on_batch


def interpreter(path: str | Path) -> Any:
    """Return a LiteRT interpreter of a `.tflite` file.

    It is from the package ai-edge-litert. Where that is missing, as it may
    be on Colab, it is the older one of TensorFlow.
    """
    try:
        from ai_edge_litert import interpreter as litert
    except ImportError:
        from tensorflow import lite as litert
    return litert.Interpreter(str(path), num_threads=THREADS)


def _litert_predictor(path: Path) -> Predictor:
    try:
        model = interpreter(path)
        model.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"{path}: LiteRT cannot load it ({str(error).splitlines()[0]}); "
            "export the model again."
        ) from None
    (inputs,) = model.get_input_details()
    (outputs,) = model.get_output_details()

    def predict(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        probs = []
        for photo in pixels.astype(np.float32):
            model.set_tensor(inputs["index"], photo[None])
            model.invoke()
            probs.append(model.get_tensor(outputs["index"])[0])
        return np.stack(probs)

    return predict


def _onnx_predictor(path: Path) -> Predictor:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    try:
        session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its own kinds
        raise ValueError(
            f"{path}: ONNX Runtime cannot load it "
            f"({str(error).splitlines()[0]}); export the model again."
        ) from None
    (inputs,) = session.get_inputs()

    def predict(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return session.run(None, {inputs.name: pixels.astype(np.float32)})[0]

    return predict
