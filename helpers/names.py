"""Names of classes and files, made safe for the places they are put into.

A folder may have any name: with line breaks, with Markdown in it, or with
characters that change the direction of the text around them.
"""

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
