"""Names of classes and files, made safe for the places they are put into.

A folder may have any name: with line breaks, with Markdown in it, or with
characters that change the direction of the text around them.
"""

import csv
import io
import re
import unicodedata

# Characters that end a line, move the cursor or reverse the text after them.
_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTIONS = {
    *("LRE", "RLE", "LRO", "RLO", "PDF"),
    *("LRI", "RLI", "FSI", "PDI"),
}  # fmt: skip
# An underscore within a word means nothing in Markdown.
_MARKDOWN = re.compile(r"([\\`*\[\]<>|$~&]|(?<![^\W_])_|_(?![^\W_]))")


def one_line(text):
    """Return a text on one line: control characters become escapes.

    A line break becomes a backslash and an n, as in Python. Everything
    else stays, in every script.
    """
    return "".join(_escaped(c) if _is_control(c) else c for c in text)


def counted(count: int, noun: str) -> str:
    """Return a number and a noun, in the plural unless the number is 1."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _is_control(char):
    return (
        unicodedata.category(char) in _CATEGORIES
        or unicodedata.bidirectional(char) in _DIRECTIONS
    )


def _escaped(char):
    return char.encode("unicode_escape").decode()


def markdown(text):
    """Return a text for the middle of a line of Markdown, shown as it is."""
    return _MARKDOWN.sub(r"\\\1", one_line(text))


def markdown_code(text):
    """Return a text as inline code in Markdown, whatever it holds."""
    text = one_line(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{text}{space}{fence}"


# What starts a formula, after apostrophes that were there before.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def csv_bytes(rows):
    """Return a table as the bytes of a CSV file.

    Args:
        rows: lists of texts, the first one with the names of the columns.
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerows([*map(_guarded, row)] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def read_csv(path):
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
