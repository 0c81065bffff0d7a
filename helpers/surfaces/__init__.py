"""The synthetic photos that lessons use by default, with their masks.

May import `dataset`. Every lesson uses it: 04 and 06 the shifted test set,
05 the masks and the out-of-distribution images.
"""

from helpers.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "ground_truth": "",
        "ood_images": "ood",
        "FRACTIONS": "render",
        "folder": "render",
        "shifted_folder": "render",
        "shifted_test": "shifted",
    },
)
