"""Every figure of the lessons, readable with any class names.

May import `dataset`, `surfaces` and `network`; lessons 00 to 08 use it.
"""

from helpers.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "accuracies": "basic",
        "alerts": "deployment",
        "block_diagram": "diagrams",
        "by_class": "evaluation",
        "class_counts": "basic",
        "confusion": "basic",
        "curves": "basic",
        "drift": "deployment",
        "feature_maps": "basic",
        "heatmaps": "evaluation",
        "inception_module": "diagrams",
        "learning_curve": "basic",
        "learning_rates": "basic",
        "mistakes": "basic",
        "model_parts": "diagrams",
        "photos": "basic",
        "pixel_values": "basic",
        "prediction": "deployment",
        "rejection": "evaluation",
        "relative_change": "basic",
        "reliability": "evaluation",
        "sample": "basic",
        "seconds": "basic",
        "seeds": "experiments",
        "size_and_speed": "deployment",
    },
)
