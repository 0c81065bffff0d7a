"""Figures to try things on: controls, a line in words, and a picture.

Each is shown by a call at the end of a cell, below a plain figure of the
same matter, which is there where widgets do not run. None changes a model
or a photo.
"""

from helpers.widgets.augmentation_panel import augmentation
from helpers.widgets.boundary_panel import anatomy
from helpers.widgets.feature_maps_panel import feature_maps
from helpers.widgets.learning_rate_panel import learning_rates
from helpers.widgets.mistakes_panel import mistakes
from helpers.widgets.upload_panel import upload

__all__ = [
    "anatomy",
    "augmentation",
    "feature_maps",
    "learning_rates",
    "mistakes",
    "upload",
]
