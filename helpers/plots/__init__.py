"""Every figure of the lessons, readable with any class names.

May import `dataset`, `surfaces` and `network`; lessons 00 to 08 use it.
"""

from helpers.plots.basic import (
    accuracies,
    class_counts,
    confusion,
    curves,
    feature_maps,
    learning_curve,
    learning_rates,
    mistakes,
    photos,
    pixel_values,
    relative_change,
    sample,
    seconds,
)
from helpers.plots.deployment import (
    alerts,
    drift,
    prediction,
    size_and_speed,
)
from helpers.plots.diagrams import (
    block_diagram,
    inception_module,
    model_parts,
)
from helpers.plots.evaluation import (
    by_class,
    heatmaps,
    rejection,
    reliability,
)
from helpers.plots.experiments import seeds

__all__ = [
    "accuracies",
    "alerts",
    "block_diagram",
    "by_class",
    "class_counts",
    "confusion",
    "curves",
    "drift",
    "feature_maps",
    "heatmaps",
    "inception_module",
    "learning_curve",
    "learning_rates",
    "mistakes",
    "model_parts",
    "photos",
    "pixel_values",
    "prediction",
    "rejection",
    "relative_change",
    "reliability",
    "sample",
    "seconds",
    "seeds",
    "size_and_speed",
]
