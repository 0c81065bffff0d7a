"""Class names as labels in a figure: drawable, short and distinct."""

import collections
import unicodedata
from collections.abc import Iterable, Sequence

import matplotlib
from matplotlib import font_manager, ft2font
from matplotlib.textpath import text_to_path

from helpers import text

# Matplotlib 3.11 and later draw Arabic, Hebrew and Indic scripts correctly.
SHAPES = hasattr(ft2font, "__libraqm_version__")
# Fonts of macOS, Windows and Linux that have more characters than the default.
FONTS = (
    "Arial Unicode MS", "Hiragino Sans", "Microsoft YaHei", "Malgun Gothic",
    "Yu Gothic", "Nirmala UI", "Leelawadee UI", "Segoe UI", "Noto Sans CJK JP",
    "Noto Sans CJK SC", "Noto Sans Thai", "Noto Sans Devanagari",
    "Noto Sans Arabic", "Noto Sans Hebrew", "WenQuanYi Zen Hei", "FreeSans",
    "STIXGeneral",
)  # fmt: skip


def families() -> list[str]:
    """Return the fonts of the figures: the default, then what it lacks."""
    installed = set(font_manager.fontManager.get_font_names())
    more = [name for name in FONTS if name in installed]
    return [*matplotlib.rcParamsDefault["font.family"], *more]


def classes(
    class_names: Sequence[str], inches: float, size: float | None = None
) -> list[str]:
    """Return class names as distinct labels for a figure.

    A long name is shortened in its middle. If no installed font has a
    character of a name, or nothing of it is visible, the label is "class 3"
    (its index in `class_names`), which `explain` prints with the name.
    Labels that would look the same get the index, too.

    Args:
        class_names: n names.
        inches: maximum width of a label.
        size: of its font in points; that of the figure by default.
    """
    names = [text.one_line(name) for name in class_names]
    drawable = [_is_visible(name) and _is_drawable(name) for name in names]
    labels = [
        _shortened(name, inches, size) if drawable[i] else f"class {i}"
        for i, name in enumerate(names)
    ]
    count = collections.Counter(map(_appearance, labels))
    for i, label in enumerate(labels):
        if drawable[i] and count[_appearance(label)] > 1:
            end = f" (class {i})"
            room = inches - _width(end, size)
            labels[i] = _shortened(label, room, size) + end
    return labels


def titles(texts: Sequence[str], inches: float, size: float) -> list[str]:
    """Return texts as titles of photos side by side.

    Args:
        texts: n texts, of one or more lines. One that can't be drawn
            becomes "photo 3" (its index), as in `classes`.
        inches: maximum width of a title.
        size: of its font in points.
    """
    lines = [[*map(text.one_line, label.split("\n"))] for label in texts]
    return [
        "\n".join(_shortened(line, inches, size) for line in title)
        if _is_drawable("".join(title))
        else f"photo {i}"
        for i, title in enumerate(lines)
    ]


def explain(
    texts: Sequence[str],
    labels: Sequence[str],
    shown: Iterable[int] | None = None,
    noun: str = "class",
) -> None:
    """Print the texts whose labels are numbers.

    Args: as for `explanations`.
    """
    for line in explanations(texts, labels, shown, noun):
        print(line)


def explanations(
    texts: Sequence[str],
    labels: Sequence[str],
    shown: Iterable[int] | None = None,
    noun: str = "class",
) -> list[str]:
    """Return a line for each text whose label is a number.

    Args:
        texts: n class names, or n titles.
        shown: the indices in the figure; all by default.
    """
    lines = []
    for i in range(len(labels)) if shown is None else sorted(set(shown)):
        name = text.one_line(texts[i])
        number = f"{noun} {i}"
        if labels[i] != name and number in labels[i]:
            visible = name if name == name.strip() else f'"{name}"'
            lines.append(f"{number}: {visible}")
    return lines


def _is_visible(label: str) -> bool:
    return any(
        not char.isspace() and unicodedata.category(char) != "Cf"
        for char in label
    )


def _is_drawable(label: str) -> bool:
    fonts = [
        font_manager.get_font(
            font_manager.findfont(font_manager.FontProperties(family=[family]))
        )
        for family in matplotlib.rcParams["font.family"]
    ]
    return all(
        any(font.get_char_index(ord(char)) for font in fonts)
        and (SHAPES or not _is_shaped(char))
        for char in label
    )


def _is_shaped(char: str) -> bool:
    """Return whether older versions of Matplotlib misplace a character."""
    return (
        unicodedata.bidirectional(char) in ("R", "AL", "AN")
        or unicodedata.category(char) == "Mc"
    )


def _appearance(label: str) -> str:
    """Return a text that is equal for labels that look the same."""
    return " ".join(unicodedata.normalize("NFC", label).split())


def _width(label: str, size: float | None) -> float:
    """Return the width of a text in a figure, in inches."""
    font = font_manager.FontProperties(
        size=size or matplotlib.rcParams["font.size"]
    )
    width, *_ = text_to_path.get_text_width_height_descent(label, font, False)
    return width / 72


def _shortened(label: str, inches: float, size: float | None) -> str:
    """Return a text without its middle if it is too wide."""
    if _width(label, size) <= inches:
        return label
    count = len(label) - 1
    while count > 2 and _width(_without_middle(label, count), size) > inches:
        count -= 1
    return _without_middle(label, count)


def _without_middle(label: str, count: int) -> str:
    return f"{label[: -(-count // 2)]}…{label[len(label) - count // 2 :]}"
