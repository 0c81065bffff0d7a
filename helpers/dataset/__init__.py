"""What is in a folder of photos, its splits, and pixels for training.

Imports text, paths, downloads and shared; the packages from surfaces on import
it. Every lesson uses it.
"""

from helpers.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "corrections": "",
        "corrupted": "add_a_photo corrupted_demo",
        "decoding": "resize SHAPES",
        "pipeline": "load_photo load_photos single_pass",
        "scan": "check",
        "splits": "assign_splits manifest_path Split split whole_folder",
    },
)
