"""CSV files that people open in a spreadsheet, and how they are read back.

They are UTF-8 with a byte order mark, without which Excel shows umlauts as
two wrong characters. A text that a spreadsheet would run as a formula gets
an apostrophe in front, which `read` takes away again.
"""

import csv
import io
import re

# What starts a formula, after apostrophes that were there before.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def encoded(rows):
    """Return a table as the bytes of a CSV file.

    Args:
        rows: lists of texts, the first one with the names of the columns.
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerows([*map(_guarded, row)] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def read(path):
    """Return the rows of a CSV file, lists of texts, as `encoded` got them.

    Args:
        path: of a file in UTF-8, with a byte order mark or without.

    Raises:
        FileNotFoundError: there is no such file.
        UnicodeDecodeError: it is not UTF-8.
        csv.Error: it is not a CSV file.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        return [[*map(_exact, row)] for row in csv.reader(file, strict=True)]


def _guarded(cell):
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _exact(cell):
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell
