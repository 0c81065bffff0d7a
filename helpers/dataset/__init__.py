"""What is in a folder of photos, its splits, and pixels for training.

Imports text, paths, downloads and shared; the rooms from surfaces on import
it. Every lesson uses it.
"""

from helpers.dataset.corrupted import add_a_photo, corrupted_demo
from helpers.dataset.photo_file import decode
from helpers.dataset.pipeline import (
    batches,
    load_photo,
    load_photos,
    single_pass,
    upright,
)
from helpers.dataset.scan import check
from helpers.dataset.splits import (
    assign_splits,
    manifest_path,
    split,
    whole_folder,
)

__all__ = [
    "add_a_photo",
    "assign_splits",
    "batches",
    "check",
    "corrupted_demo",
    "decode",
    "load_photo",
    "load_photos",
    "manifest_path",
    "single_pass",
    "split",
    "upright",
    "whole_folder",
]
