"""Interactive panels: controls, a status line and a figure.

May import all packages but `exercises`; lessons 02, 03, 04 and 07 use it.
Each follows a plain figure, and none changes a model or a photo.
"""

from helpers.widgets.augmentation_panel import augmentation
from helpers.widgets.boundary_panel import boundary
from helpers.widgets.feature_maps_panel import feature_maps
from helpers.widgets.learning_rate_panel import learning_rates
from helpers.widgets.mistakes_panel import mistakes
from helpers.widgets.upload_panel import upload

__all__ = [
    "augmentation",
    "boundary",
    "feature_maps",
    "learning_rates",
    "mistakes",
    "upload",
]
