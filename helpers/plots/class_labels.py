"""Names of classes as labels in a figure: drawable, short and different."""

import collections
import unicodedata

import matplotlib
from matplotlib import font_manager, ft2font
from matplotlib.textpath import text_to_path

from helpers import text

# Matplotlib 3.11 and later draw Arabic, Hebrew and Indic scripts correctly.
SHAPES = hasattr(ft2font, "__libraqm_version__")
# Of fonts that have equally many of the characters, one of these is taken.
SANS = (
    *("Noto Sans", "Microsoft YaHei", "Malgun Gothic", "Yu Gothic"),
    *("PingFang", "Hiragino Sans", "Apple SD Gothic", "Arial Unicode"),
    *("Nirmala UI", "Leelawadee UI", "Segoe UI", "WenQuanYi"),
)  # fmt: skip
# Fonts that have a glyph for everything, or glyphs that are drawn empty.
USELESS = ("lastresort", "applecoloremoji", "notocoloremoji", "adobeblank")


def classes(class_names, inches, size=None):
    """Return the names of classes as labels for a figure.

    A long name is shortened in its middle. Where no installed font has a
    character of a name, or nothing of it can be seen, the label is "class 3"
    (the place of the class in `class_names`, from 0 on), which `explain`
    then tells. Labels that would look the same get that number, too.

    Args:
        class_names: n texts.
        inches: how wide a label may be.
        size: of its font in points; that of the figure by default.

    Returns:
        A list of n texts, all different.
    """
    texts = [text.one_line(name) for name in class_names]
    _find_fonts("".join(texts))
    drawn = [_is_drawable(label) for label in texts]
    labels = [
        _short(label, inches, size) if its else f"class {number}"
        for number, (label, its) in enumerate(zip(texts, drawn, strict=True))
    ]
    count = collections.Counter(map(_look, labels))
    for number, label in enumerate(labels):
        if drawn[number] and count[_look(label)] > 1:
            end = f" (class {number})"
            room = inches - _inches(end, size)
            labels[number] = _short(label, room, size) + end
    return labels


def titles(texts, inches, size, noun="photo"):
    """Return texts as titles of pictures that stand side by side.

    Args:
        texts: n texts, of one line or several.
        inches: how wide a title may be.
        size: of its font in points.
        noun: a title that can't be drawn becomes this and its number, from
            0 on, which `explain` then tells.

    Returns:
        A list of n texts.
    """
    lines = [[*map(text.one_line, label.split("\n"))] for label in texts]
    _find_fonts("".join(map("".join, lines)))
    return [
        "\n".join(_short(line, inches, size) for line in its)
        if _can_draw("".join(its))
        else f"{noun} {number}"
        for number, its in enumerate(lines)
    ]


def explain(texts, labels, places=None, noun="class"):
    """Print the texts that have a number for a label instead.

    Args:
        texts: n names of classes, or n titles.
        labels: what `classes` or `titles` made of them.
        places: which of them the figure shows; all by default.
        noun: what stands before the number.
    """
    everything = range(len(labels))
    for number in everything if places is None else sorted(set(places)):
        label = text.one_line(texts[number])
        numbered = f"{noun} {number}"
        if labels[number] != label and numbered in labels[number]:
            bare = label if label == label.strip() else f'"{label}"'
            print(f"{numbered}: {bare}")


def _is_drawable(label):
    """Return whether something of a text is seen, and all can be drawn."""
    seen = any(
        not char.isspace() and unicodedata.category(char) != "Cf"
        for char in label
    )
    return seen and _can_draw(label)


def _can_draw(label):
    return not _missing(label) and (SHAPES or not any(map(_is_shaped, label)))


def _is_shaped(char):
    """Return whether a character is one that Matplotlib once misplaced."""
    return (
        unicodedata.bidirectional(char) in ("R", "AL", "AN")
        or unicodedata.category(char) == "Mc"
    )


def _missing(label, families=None):
    """Return the characters for which none of some fonts has a glyph."""
    fonts = [
        font_manager.get_font(
            font_manager.findfont(font_manager.FontProperties(family=[family]))
        )
        for family in families or matplotlib.rcParams["font.family"]
    ]
    return {
        char
        for char in set(label)
        if not any(font.get_char_index(ord(char)) for font in fonts)
    }


def _find_fonts(label):
    """Let figures use those installed fonts that a text needs.

    The default font goes first, so what it has looks as before.
    """
    missing = _missing(label) - _nowhere
    families = [] if not missing else _families()
    while missing:
        lacks = {family: _missing(missing, [family]) for family in families}
        best = min(
            families,
            key=lambda its: (len(lacks[its]), not its.startswith(SANS)),
            default=None,
        )
        if best is None or len(lacks[best]) == len(missing):
            break
        usual = matplotlib.rcParams["font.family"]
        matplotlib.rcParams["font.family"] = [*usual, best]
        missing = lacks[best]
    _nowhere.update(missing)


_nowhere: set[str] = set()  # characters that no installed font has


def _families():
    """Return the names of the installed fonts that may be of use."""
    return sorted(
        {
            font.name
            for font in font_manager.fontManager.ttflist
            if font.style == "normal"
            and font.weight == 400
            and not _plain(font.name).startswith(USELESS)
        }
    )


def _plain(name):
    return name.replace(" ", "").replace(".", "").lower()


def _look(label):
    """Return what two labels that look the same have in common."""
    return " ".join(unicodedata.normalize("NFC", label).split())


def _inches(label, size):
    """Return how wide a text is in a figure."""
    prop = font_manager.FontProperties(
        size=size or matplotlib.rcParams["font.size"]
    )
    width, *_ = text_to_path.get_text_width_height_descent(label, prop, False)
    return width / 72


def _short(label, inches, size):
    """Return a text with its middle left out if it is too wide."""
    if _inches(label, size) <= inches:
        return label
    # The most characters that fit, by halving.
    fits, most = 2, len(label)
    while most - fits > 1:
        middle = (fits + most) // 2
        wide = _inches(_without_middle(label, middle), size) > inches
        fits, most = (fits, middle) if wide else (middle, most)
    return _without_middle(label, fits)


def _without_middle(label, count):
    return f"{label[: -(-count // 2)]}…{label[len(label) - count // 2 :]}"
