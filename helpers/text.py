"""Names of classes and files, made safe for the places they are put into.

A folder may have any name: with line breaks, with Markdown in it, or with
characters that change the direction of the text around them.
"""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

# Characters that end a line, move the cursor or reverse the text after them,
# and halves of a surrogate pair.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)
# An underscore within a word means nothing in Markdown.
_MARKDOWN = re.compile(r"([\\`*\[\]<>|$~&]|(?<![^\W_])_|_(?![^\W_]))")
# What starts a formula, after apostrophes that were there before.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def counted(count: int, noun: str) -> str:
    """Return a number and a noun, in the plural unless the number is 1."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def one_line(text: str) -> str:
    """Return a text on one line: control characters become escapes.

    A line break becomes a backslash and an n, as in Python. Everything
    else stays, in every script.
    """
    return _CONTROL.sub(
        lambda match: match[0].encode("unicode_escape").decode(), text
    )


def markdown(text: str) -> str:
    """Return a text for the middle of a line of Markdown, shown as it is."""
    return _MARKDOWN.sub(r"\\\1", one_line(text))


def markdown_code(text: str) -> str:
    """Return a text as inline code in Markdown, whatever it holds."""
    text = one_line(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{text}{space}{fence}"


def csv_bytes(rows: Iterable[Iterable[str]]) -> bytes:
    """Return a table as a CSV file for spreadsheets, which run no formula.

    Args:
        rows: the names of the columns, then the cells of each row.
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerows(
        [f"'{cell}" if _FORMULA.match(cell) else cell for cell in row]
        for row in rows
    )
    return text.getvalue().encode("utf-8-sig")


def read_csv(path: str | Path) -> list[list[str]]:
    """Return the rows of a CSV file as `csv_bytes` got them.

    Args:
        path: of a file in UTF-8, with a byte order mark or without.

    Raises:
        FileNotFoundError: there is no such file.
        UnicodeDecodeError: it is not UTF-8.
        csv.Error: it is not a CSV file.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        return [
            [
                cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell
                for cell in row
            ]
            for row in csv.reader(file, strict=True)
        ]
