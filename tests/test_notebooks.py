"""What nbval does not notice in the lessons as they are stored."""

import ast
import re
import statistics

import nbformat
import pytest

from tools import _outputs, _pinned, regenerate

PATHS = _pinned.notebooks()
LESSONS = PATHS[1:]
CHECK = "nbval-check-output"
each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)


def read(path):
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code_cells(path):
    return [c for c in read(path).cells if c.cell_type == "code"]


@each_notebook
def test_a_notebook_is_stored_as_regenerate_stores_it(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert _outputs.problems(notebook) == []
    _outputs.normalise(notebook)
    is_same = regenerate.text(notebook) == path.read_text(encoding="utf-8")
    # Not a plain comparison: pytest would print both, pictures and all.
    assert is_same, f"run: python3 start.py regenerate {path.stem}"


@each_notebook
def test_every_cell_was_run_once_in_order(path):
    counts = [cell.execution_count for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))


@each_notebook
def test_no_failure_passes_nbval_unnoticed(path):
    for cell in read(path).cells:
        tags = set(cell.metadata.get("tags", []))
        assert tags <= {CHECK}
        assert not re.search("NBVAL_|PYTEST_VALIDATE_", cell.source)
        if cell.cell_type == "code":
            ast.parse(cell.source)  # no magics or shell lines
            # A tagged cell shows text; pictures are not compared.
            texts = [
                output.get("text") or output.get("data", {}).get("text/plain")
                for output in cell.outputs
            ]
            assert not tags or any(
                text and text.strip() and not text.startswith("<Figure")
                for text in texts
            )


@each_lesson
def test_three_cells_or_more_are_compared_with_what_they_printed(path):
    tags = [cell.metadata.get("tags", []) for cell in code_cells(path)]
    assert sum(CHECK in names for names in tags) >= 3


@each_notebook
def test_cells_can_be_read_at_a_glance(path):
    sizes = sorted(
        sum(bool(line.strip()) for line in cell.source.splitlines())
        for cell in code_cells(path)
    )
    assert statistics.median(sizes) <= 4
    assert sizes[int(0.95 * len(sizes))] <= 15
    assert sizes[-1] <= 25
    first = code_cells(path)[0].source
    assert sum(bool(line.strip()) for line in first.splitlines()) <= 6
    least, most = (12, 30) if path == PATHS[0] else (25, 40)
    assert least <= len(read(path).cells) <= most


@each_notebook
def test_a_notebook_says_what_it_is_about_and_where_to_read_on(path):
    first, *_, last = (cell.source for cell in read(path).cells)
    assert re.match(r"# \S", first)
    for pattern in ("Questions?", r"Time\b.*\d+\s*min", "Needs?"):
        assert re.search(rf"\*\*{pattern}", first)
    for heading in ("What you learned", "Further reading"):
        assert heading in last


def test_one_line_chooses_the_photos_and_it_is_the_same_in_all_lessons():
    lines = [
        re.findall(r"(?m)^FOLDER.*$", "\n".join(c.source for c in code))
        for code in map(code_cells, LESSONS)
    ]
    assert len(lines[0]) == 1
    assert all(line == lines[0] for line in lines)
