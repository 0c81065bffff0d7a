"""`start.py slides` shows the lessons' stored figures, or names what lacks.

In a browser they are readable, turned by keys, one to a page of a PDF.
"""

import json
import re
from html.parser import HTMLParser

import browser
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


# --- In a browser ----------------------------------------------------------

# Slides with an element past their edge, and figures with little room.
FAULTS = """height => [...document.querySelectorAll("section")].flatMap(s => {
    const edge = s.getBoundingClientRect();
    const found = [...s.querySelectorAll("*")].filter(e => {
        const box = e.getBoundingClientRect();
        return box.right > edge.right + 1 || box.bottom > edge.bottom + 1;
    }).map(e => `${s.id}: <${e.tagName}> is cut off`);
    const figure = s.querySelector("img").getBoundingClientRect();
    if (figure.height < height) found.push(`${s.id}: a small figure`);
    return found;
})"""
# Headings and lines of text that need a second line.
WRAPPED = """() => [...document.querySelectorAll("h1, h2, li")].filter(e => {
    const size = parseFloat(getComputedStyle(e).fontSize);
    return e.getBoundingClientRect().height > 2 * size;
}).map(e => e.textContent)"""
SHOWN = """() => [...document.querySelectorAll("section")].filter(s => {
    const box = s.getBoundingClientRect();
    return box.top >= -1 && box.bottom <= innerHeight + 1;
}).map(s => s.id)"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    file = tmp_path_factory.mktemp("slides") / "slides.html"
    assert slides.main([str(file)]) == 0
    return file.as_uri()


@pytest.fixture
def page(chromium, address):
    size = {"width": 1280, "height": 720}
    with browser.opened(chromium, address, viewport=size) as page:
        page.goto(address)
        yield page


@pytest.mark.release
@pytest.mark.parametrize(
    ("width", "height", "figure"),
    [(1280, 720, 230), (1920, 1080, 400), (1024, 768, 190), (640, 360, 50)],
)
def test_nothing_is_cut_off(page, width, height, figure):
    page.set_viewport_size({"width": width, "height": height})
    assert page.evaluate(FAULTS, figure) == []
    assert page.evaluate(browser.BROKEN) == []


@pytest.mark.release
def test_a_line_of_text_is_one_line(page):
    assert page.evaluate(WRAPPED) == []


@pytest.mark.release
def test_keys_turn_the_slides(page):
    for key, number in [
        ("ArrowRight", "2"),
        ("PageDown", "3"),
        ("Space", "4"),
        ("ArrowLeft", "3"),
        ("End", "12"),
        ("ArrowRight", "12"),
        ("PageUp", "11"),
        ("Home", "1"),
    ]:
        page.keyboard.press(key)
        page.wait_for_function(f"({SHOWN})().join() === '{number}'")


@pytest.mark.release
def test_a_pdf_has_a_page_for_each_slide(page):
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type /Page\b(?!s)", pdf)) == 12
    assert set(re.findall(rb"/MediaBox \[(.+?)\]", pdf)) == {b"0 0 960 540"}


@pytest.mark.release
def test_the_slides_are_accessible(page):
    assert browser.violations(page) == {}
