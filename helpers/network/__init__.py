"""Inception v3: weights, blocks, checks, saved models, predictions, Grad-CAM.

May import `dataset`, `surfaces`, `stats` and what is below them, and is
imported by `features`, `plots`, `widgets`, `exercises`, scale/ and tools/.
Every lesson uses it.
"""

from helpers.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "export": "",
        "saving": "",
        "subprocesses": "",
        "validate": "",
        "weights": "",
        "feature_maps": "blocks",
        "relative_change": "blocks",
        "table": "blocks",
        "lesson_model": "lesson_models",
        "dense_head": "linear",
        "fastest_dtype": "dtypes",
        "with_dtype": "dtypes",
        "heatmaps": "gradcam",
        "write_model_card": "model_card",
        "write_csv": "predict",
        "write_predictions": "predict",
    },
)
