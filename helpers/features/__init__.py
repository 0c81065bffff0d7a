"""Features of a frozen network, computed once and cached on disk.

May import `dataset` and `network`. Lessons 01 to 08 use it.
"""

from helpers.features.extraction import dataset, extract

__all__ = ["dataset", "extract"]
