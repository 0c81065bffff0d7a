"""The synthetic photos that lessons use by default, with their masks.

May import `dataset`. Every lesson uses it: 04 and 06 the shifted test set,
05 the masks and the out-of-distribution images.
"""

from helpers.surfaces import ground_truth
from helpers.surfaces.ood import ood_images
from helpers.surfaces.render import FRACTIONS, folder
from helpers.surfaces.shifted import shifted_test

__all__ = ["FRACTIONS", "folder", "ground_truth", "ood_images", "shifted_test"]
