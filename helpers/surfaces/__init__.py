"""The synthetic photos that lessons use by default, with their masks.

May import `dataset`. Every lesson uses it: 04, 05 and 07 the shifted sets,
06 the masks and the out-of-distribution images.
"""

from helpers.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "ground_truth": "",
        "ood": "ood_images",
        "render": "FRACTIONS folder shifted_folder",
        "shifted": "shifted_split",
    },
)
