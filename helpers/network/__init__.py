"""Inception v3: weights, blocks, checks, saved models, predictions, Grad-CAM.

May import `dataset`, `surfaces`, `stats` and what is below them, and is
imported by `features`, `plots`, `widgets`, `exercises`, scale/ and tools/.
Every lesson uses it.
"""

from helpers.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "blocks": "feature_maps relative_change table",
        "dtypes": "fastest_dtype with_dtype",
        "export": "",
        "gradcam": "heatmaps",
        "lesson_models": "lesson_model",
        "linear": "dense_head",
        "model_card": "write_model_card",
        "predict": "write_csv write_predictions",
        "saving": "",
        "subprocesses": "",
        "validate": "",
        "weights": "",
    },
)
