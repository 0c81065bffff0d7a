"""What several tests build on, and which are not collected."""

import nbformat
import pytest
from nbformat import v4

from tools import _browser, _sphinx

NO_BROWSER, NO_SITE = _browser.why_not(), _sphinx.why_not()
collect_ignore = ["test_browser.py"] if NO_BROWSER else []
collect_ignore += ["test_site.py"] if NO_SITE else []
collect_ignore += ["test_site_browser.py"] if NO_SITE or NO_BROWSER else []


def pytest_terminal_summary(terminalreporter):
    if NO_BROWSER:
        terminalreporter.write_line(
            f"The browser tests did not run: {NO_BROWSER}"
        )
    if NO_SITE:
        terminalreporter.write_line(
            f"The tests of the site did not run: {NO_SITE}"
        )


def _code(source, count=1, text=None, tags=(), outputs=()):
    outputs = list(outputs)
    if text is not None:
        outputs.append(v4.new_output("stream", name="stdout", text=text))
    cell = v4.new_code_cell(source, execution_count=count, outputs=outputs)
    cell.metadata.tags = list(tags)
    return cell


def _notebook(*cells, **metadata):
    notebook = v4.new_notebook(cells=list(cells), metadata=metadata)
    notebook.metadata.setdefault("language_info", {"name": "python"})
    # Ids are random otherwise, and files would differ from run to run.
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    return notebook


@pytest.fixture
def code():
    """Makes a code cell: source, execution count, stdout, tags, outputs."""
    return _code


@pytest.fixture
def text():
    """Makes a Markdown cell from its source."""
    return v4.new_markdown_cell


@pytest.fixture
def notebook():
    """Makes a notebook from cells, with metadata by keyword."""
    return _notebook


@pytest.fixture
def save(tmp_path):
    """Writes a notebook into an empty folder and returns its path."""

    def write(notebook, name="01_small.ipynb"):
        path = tmp_path / name
        nbformat.write(notebook, path)
        return path

    return write


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The whole site, built once: the path of its folder."""
    from tools import site

    out = tmp_path_factory.mktemp("built") / "site"
    site.build(out)
    return out
