"""Names stay readable on one line, in Markdown and in tables."""

import csv

import pytest
from hard_names import CONTROL, DRAWN, RIGHT_TO_LEFT

from helpers import text


@pytest.mark.parametrize("name", CONTROL)
def test_control_characters_are_shown_and_end_no_line(name):
    label = text.one_line(name)
    assert len(label.splitlines()) == 1
    assert label.isprintable() and "\\" in label


@pytest.mark.parametrize("name", [*DRAWN, *RIGHT_TO_LEFT, "🏳️‍🌈", "นำ"])
def test_other_characters_stay(name):
    assert text.one_line(name) == name


def test_plain_names_stand_in_a_card_as_they_are():
    for name in ("clean", "n00001_species", "Äpfel", "07_ship_it.keras"):
        assert text.markdown(name) == name


CELLS = (
    *("=1+2", "+1", "-1", "@a", "\tx", "\rx", "'=1", "''-", "'plain", "-"),
    *("", " x ", 'a, "b"', "two\nlines", "cr\rlf\r\n", "Äpfel", "'", "良品"),
)


def test_a_table_is_read_back_and_has_no_formula(tmp_path):
    content = text.csv_bytes([[cell] for cell in CELLS])
    (tmp_path / "x.csv").write_bytes(content)
    rows = text.read_csv(tmp_path / "x.csv")
    assert [row[0] for row in rows] == [*CELLS]
    assert content.startswith(b"\xef\xbb\xbf")  # Excel reads UTF-8 then
    raw = csv.reader(content.decode("utf-8-sig").splitlines(keepends=True))
    for (cell,) in (row for row in raw if row):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_table_without_a_mark_is_read_too(tmp_path):
    (tmp_path / "x.csv").write_text("Ä,=1\n", encoding="utf-8")
    assert text.read_csv(tmp_path / "x.csv") == [["Ä", "=1"]]
