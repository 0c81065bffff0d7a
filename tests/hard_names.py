"""Names that a class may have and that are hard to show."""

import numpy as np

from helpers.dataset.splits import Split

DRAWN = (  # DejaVu Sans, which comes with Matplotlib, has all of these
    *("$1_$5", "$x^2$", "$5_$10", "_hidden", "a^b_c", r"\alpha", "100%"),
    *("{x}", "<b>bold</b>", "'single'", '"double"', "a|b`c`*d*", "=1+2"),
    *("Äpfel", "Жук", "Katze", "katze"),
)
NOT_DRAWN = ("良品", "불량", "กำแพง", "   ", "🦊")
RIGHT_TO_LEFT = ("خدش", "שריטה")
ALIKE = ("K\u00e4fer", "Ka\u0308fer", "Hund", "Hund ")
LONG = (
    "x" * 60,
    "y" * 120,
    "z" * 60 + "a" + "z" * 59,
    "z" * 60 + "b" + "z" * 59,
)
CONTROL = ("two\nlines", "tab\tstop", "\x1b[31mred", "abc\u202edef")
HARD = DRAWN + NOT_DRAWN + RIGHT_TO_LEFT + ALIKE + LONG + CONTROL


def two_each(class_names, photo):
    """A split with two photos of each class, all of one file."""
    labels = np.repeat(np.arange(len(class_names)), 2)
    keys = [str(i) for i in range(len(labels))]
    return Split("test", class_names, [photo] * len(labels), labels, keys)
