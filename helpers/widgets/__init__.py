"""Figures to try things on: controls, a line in words, and a picture.

Each is shown by a call at the end of a cell, below a plain figure of the
same matter, which is there where widgets do not run. None changes a model
or a photo.
"""

from helpers.widgets.bench import augmentation
from helpers.widgets.browser import mistakes
from helpers.widgets.finder import learning_rates
from helpers.widgets.freezing import anatomy
from helpers.widgets.maps import answers
from helpers.widgets.uploading import upload

__all__ = [
    "anatomy",
    "answers",
    "augmentation",
    "learning_rates",
    "mistakes",
    "upload",
]
