"""What is in a folder of photos, its splits, and pixels for training.

Imports text, paths, downloads and shared; the packages from surfaces on import
it. Every lesson uses it.
"""

from helpers.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "corrections": "",
        "add_a_photo": "corrupted",
        "corrupted_demo": "corrupted",
        "resize": "decoding",
        "SHAPES": "decoding",
        "batches": "pipeline",
        "load_photo": "pipeline",
        "load_photos": "pipeline",
        "single_pass": "pipeline",
        "check": "scan",
        "assign_splits": "splits",
        "manifest_path": "splits",
        "Split": "splits",
        "split": "splits",
        "whole_folder": "splits",
    },
)
