"""Inception v3: weights, blocks, checks, saved models, predictions, Grad-CAM.

May import `dataset`, `surfaces`, `stats` and what is below them, and is
imported by `features`, `plots`, `widgets`, `exercises`, scale/ and tools/.
Every lesson uses it.
"""

from helpers.network import export, saving, subprocesses, validate, weights
from helpers.network.blocks import feature_maps, relative_change, table
from helpers.network.checkpoints import lesson_model
from helpers.network.dtypes import fastest_dtype, with_dtype
from helpers.network.gradcam import heatmaps
from helpers.network.model_card import write_model_card
from helpers.network.predict import write_csv, write_predictions

__all__ = [
    "export",
    "fastest_dtype",
    "feature_maps",
    "heatmaps",
    "lesson_model",
    "relative_change",
    "saving",
    "subprocesses",
    "table",
    "validate",
    "weights",
    "with_dtype",
    "write_csv",
    "write_model_card",
    "write_predictions",
]
