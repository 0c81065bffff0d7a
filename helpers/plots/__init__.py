"""Every figure of the lessons, readable with any class names.

May import `dataset`, `surfaces` and `network`; lessons 00 to 08 use it.
"""

from helpers.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "basic": (
            "accuracies class_counts confusion curves feature_maps "
            "learning_curve learning_rates mistakes photos pixel_values "
            "relative_change sample seconds"
        ),
        "deployment": "alerts drift prediction size_and_speed",
        "diagrams": "block_diagram inception_module model_parts",
        "evaluation": "by_class heatmaps rejection reliability",
        "experiments": "seeds",
    },
)
