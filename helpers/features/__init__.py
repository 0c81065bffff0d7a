"""Features of a frozen network, computed once and cached on disk.

May import `dataset` and `network`. Lessons 01 to 09 use it.
"""

from helpers.lazy import attach

__getattr__, __dir__ = attach(__name__, {"extraction": "dataset extract"})
