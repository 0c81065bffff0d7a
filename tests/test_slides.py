"""`start.py slides` shows the lessons' stored figures, or names what lacks."""

import json
import re
from html.parser import HTMLParser

import pytest

from tools import _pinned, slides


class Page(HTMLParser):
    """Collects the elements of a page as (tag, attributes)."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def text():
    return slides.render(_pinned.NOTEBOOKS)


def test_twelve_slides_of_few_words_follow_the_lessons():
    shown = slides.slides()
    assert len(shown) == 12
    assert all(1 <= len(slide["lines"]) <= 3 for slide in shown)
    lessons = [slide["figure"][0] for slide in shown[2:]]
    assert {path.stem for path in _pinned.notebooks()} - set(lessons) == {
        "00_start_here"
    }


def test_each_slide_has_its_figure_with_the_stored_alt_text(text):
    images = [a for tag, a in Page(text).elements if tag == "img"]
    stored = {}
    for path in _pinned.notebooks():
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                if png := output.get("data", {}).get("image/png"):
                    uri = "data:image/png;base64," + png
                    alt = output["metadata"]["image/png"]["alt"]
                    stored[uri.replace("\n", "")] = alt
    assert len(images) == len(slides.slides())
    for image in images:
        assert stored[image["src"].replace("\n", "")] == image["alt"]


def test_the_page_is_one_file_with_little_script(text):
    for _, attributes in Page(text).elements:
        assert not {"href", "srcset"} & set(attributes)
        assert attributes.get("src", "data:").startswith("data:")
    assert "url(" not in text and "@import" not in text
    (script,) = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    assert len(script.strip().splitlines()) <= 30


@pytest.fixture
def lesson(tmp_path, notebook, code):
    """Writes 01_small.ipynb, whose cell-0 has figures with these alt texts."""

    def write(*alts):
        outputs = [
            {
                "output_type": "display_data",
                "data": {"image/png": f"{i}"},
                "metadata": {"image/png": {"alt": alt} if alt else {}},
            }
            for i, alt in enumerate(alts)
        ]
        made = notebook(code("plot()", outputs=outputs))
        (tmp_path / "01_small.ipynb").write_text(json.dumps(made))
        return tmp_path

    return write


def test_a_figure_is_found_by_the_beginning_of_its_alt_text(lesson):
    folder = lesson("Bars of time", "Lines: loss", None)
    found = slides.figure(folder, "01_small", "cell-0", "Lines")
    assert found == {"lesson": "01", "png": "1", "alt": "Lines: loss"}


@pytest.mark.parametrize(
    ("alts", "cell", "count"),
    [
        ([], "cell-0", 0),
        (["Bars"], "cell-0", 0),
        ([None], "cell-0", 0),
        (["Lines: loss"], "cell-1", 0),
        (["Lines: loss", "Lines: accuracy"], "cell-0", 2),
    ],
)
def test_a_lost_figure_is_named(lesson, alts, cell, count):
    with pytest.raises(slides.SlidesError) as caught:
        slides.figure(lesson(*alts), "01_small", cell, "Lines")
    message = str(caught.value)
    assert f"01_small.ipynb: the output of the cell {cell} has {count}" in (
        message
    )
    assert "“Lines”" in message and "run the lesson and save it" in message


@pytest.mark.parametrize("name", ["mine.html", "new/mine.html", "."])
def test_the_command_writes_the_file_and_names_it(tmp_path, capsys, name):
    assert slides.main([str(tmp_path / name)]) == 0
    (file,) = tmp_path.rglob("*.html")
    assert file.name == ("slides.html" if name == "." else "mine.html")
    assert str(file) in capsys.readouterr().out
    assert "<footer><span>Lesson 00" in file.read_text(encoding="utf-8")


def test_without_outputs_nothing_is_written(tmp_path, capsys, monkeypatch):
    for path in _pinned.notebooks():
        stored = json.loads(path.read_text(encoding="utf-8"))
        for cell in stored["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"] = []
        (tmp_path / path.name).write_text(json.dumps(stored))
    monkeypatch.setattr(_pinned, "NOTEBOOKS", tmp_path)
    assert slides.main([str(tmp_path / "mine.html")]) == 1
    error = capsys.readouterr().err
    assert "00_start_here.ipynb" in error and error.count("\n") == 1
    assert not (tmp_path / "mine.html").exists()
