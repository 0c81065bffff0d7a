"""Lists, tables and reports hold for any name that a class may have."""

import keras
import numpy as np
import pytest
from hard_names import CONTROL, DRAWN, LONG, two_each
from make_photos import png, put
from mistune import html as rendered
from PIL import Image

from helpers import text, widgets
from helpers.dataset import corrections, exclusions, scan, splits
from helpers.network import export, model_card, predict, saving
from scale import shards


def test_the_mistakes_widget_shows_hard_names(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    class_names = tuple(sorted(DRAWN + CONTROL + LONG[:1]))
    paths = []
    for name in class_names:
        path = tmp_path / "mine" / name.replace("/", "\u2215") / "a\nb.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (80, 80)).save(path)
        paths.append(str(path))
    n = len(paths)
    split = splits.Split("test", class_names, paths, np.arange(n), paths)
    panel = widgets.mistakes(split, np.eye(n)[::-1])
    pages = panel.line.value
    for page in panel.controls["page"].options[1:]:
        panel.controls["page"].value = page
        pages += panel.line.value
    assert "did not work" not in pages
    assert "&lt;b&gt;bold&lt;" in pages and "<b>" not in pages
    assert r"two\nlines" in pages and r"a\nb.png" in pages


@pytest.fixture
def folder_of(tmp_path, monkeypatch):
    """Makes a folder with three photos of each of some classes."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))

    def make(*class_names):
        for i, name in enumerate(class_names):
            photos = {f"{n}.png": png(10 * i + n) for n in range(3)}
            put(tmp_path / "mine" / name, photos)
        return tmp_path / "mine"

    return make


def test_a_report_has_one_line_for_each_entry(folder_of, capsys):
    scan.check(folder_of(*CONTROL)).report()
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith(r"  two\nlines  ") for line in lines)
    assert any("two\\nlines/" in li for li in lines if li.startswith("- "))
    assert all(line.isprintable() for line in lines)


def test_predictions_open_in_a_spreadsheet(tmp_path, photo):
    class_names = ("=1+2", "Äpfel", "two\nlines", 'a, "b"')
    split = two_each(class_names, photo)
    probs = np.tile([0.925, 0.025, 0.025, 0.025], (len(split), 1))
    metadata = saving.Metadata(class_names)
    predict.write_csv(tmp_path / "p.csv", split, probs, metadata)
    raw = (tmp_path / "p.csv").read_bytes().decode("utf-8")
    assert raw.startswith("\ufefffile,label,class,probability")
    assert ",'=1+2," in raw and ",=1+2" not in raw
    head, *rows = text.read_csv(tmp_path / "p.csv")
    told = [row[head.index("label")] for row in rows]
    assert told == [class_names[i] for i in split.labels]
    assert {row[head.index("probability")] for row in rows} == {"0.925"}


@pytest.mark.parametrize("name", ["=1+2", "-x", "Hund ", "two\nlines", "'=x"])
def test_a_noted_label_of_a_hard_name_is_applied(name, folder_of):
    folder = folder_of("plain", name)
    corrections.note(folder, f"{name}/0.png", "plain", name)
    corrections.note(folder, "plain/1.png", name, "plain")
    assert corrections.noted(folder) == {
        f"{name}/0.png": "plain",
        "plain/1.png": name,
    }
    corrections.apply(folder)
    assert scan.check(folder).counts() == {"plain": 3, name: 3}


@pytest.mark.parametrize("name", ["=1+2", "-x", " Hund", "two\nlines"])
def test_a_choice_about_a_hard_name_holds(name, folder_of):
    folder = folder_of("plain", name)
    copy = folder / name / "z copy.png"
    copy.write_bytes((folder / name / "0.png").read_bytes())
    assert scan.check(folder).excluded() == 1
    path = exclusions.path(folder)
    label = path.read_bytes().decode("utf-8")
    assert label.startswith("\ufeff") and ",yes," in label
    # As an editor saves it that knows no mark.
    path.write_text(label[1:].replace(",yes,", ",no,"), "utf-8", newline="")
    assert scan.check(folder).excluded() == 0


def test_a_list_of_photos_for_shards_holds_hard_names(tmp_path, photo):
    class_names = tuple(sorted(("=1+2", "Äpfel", "two\nlines", "cr\rx")))
    split = two_each(class_names, photo)
    path = tmp_path / "photos.csv"
    shards.write_list(split, path)
    for content in (path.read_bytes(), b"\xef\xbb\xbf" + path.read_bytes()):
        path.write_bytes(content)
        read = shards.read_list(path)
        assert read.class_names == class_names
        assert (read.labels == split.labels).all()


# --- Card, labels.txt, report ---------------------------------------------


def test_a_card_shows_hard_names_in_one_row_each(tmp_path, photo, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    class_names = ("x|y", "<b>bold</b>", "two\nlines", "`c`", "*d*", "_e_")
    path = tmp_path / "m.keras"
    saving.write_metadata(path, saving.Metadata(class_names))
    split = two_each(class_names, photo)
    written = model_card.write_model_card(
        path, [split], "a`b", tmp_path / "my`s", {}, split.labels >= 0, {}
    )
    label = written.read_text(encoding="utf-8")
    page = rendered(label)
    for name in class_names:
        shown = text.one_line(name).replace("<", "&lt;").replace(">", "&gt;")
        assert f"<td>{shown}</td>\n  <td>2</td>" in page
    assert page.count("<tr>") == 1 + len(class_names)
    assert "<code>a`b</code>" in page


def test_labels_txt_has_a_line_for_each_class(tmp_path, monkeypatch):
    class_names = ("Äpfel", "two\nlines", "a\u2028b", "cr\rx")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    loaded = model, saving.Metadata(class_names)
    monkeypatch.setattr(saving, "load", lambda path: loaded)
    for name in ("convert_to_float16", "convert_to_int8"):
        monkeypatch.setattr(export, name, lambda *given: None)
    export.export_litert(tmp_path / "m.keras", [])
    content = (tmp_path / "labels.txt").read_text(encoding="utf-8")
    assert content.splitlines() == [
        "Äpfel", r"two\nlines", r"a\u2028b", r"cr\rx",
    ]  # fmt: skip
