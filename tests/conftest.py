"""What several tests build on, and which groups of tests can't run."""

import os

import browser
import nbformat
import pytest
from nbformat import v4
from PIL import Image

from tools import _extras

NO_BROWSER, NO_SITE = _extras.why_no_browser(), _extras.why_no_site()
GROUPS = {
    "test_app_browser.py": NO_BROWSER or _extras.why_no_app(),
    "test_site.py": NO_SITE,
}


@pytest.hookimpl(tryfirst=True)  # before any fixture is set up
def pytest_runtest_setup(item):
    """Skip tests that can't run here, but let them fail with CI=true."""
    reason = GROUPS.get(item.path.name)
    if "chromium" in item.fixturenames:
        reason = reason or NO_BROWSER
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    if reason:
        pytest.skip(reason)


def pytest_terminal_summary(terminalreporter):
    if NO_BROWSER:
        terminalreporter.write_line(
            f"The browser tests did not run: {NO_BROWSER}"
        )
    if NO_SITE:
        terminalreporter.write_line(
            f"The tests of the site did not run: {NO_SITE}"
        )


@pytest.fixture(scope="module")
def chromium():
    """A running browser, for the tests in one."""
    with browser.sync_playwright() as playwright:
        running = browser.chromium(playwright)
        yield running
        running.close()


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


@pytest.fixture
def figures():
    """Closes the figures of a test."""
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture(scope="session")
def photo(tmp_path_factory):
    """The path of a grey photo, as text."""
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.new("RGB", (80, 80), "grey").save(path)
    return str(path)


@pytest.fixture(scope="session")
def _inception():
    import keras

    keras.utils.set_random_seed(0)
    return keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(299, 299, 3)
    )


@pytest.fixture
def base(_inception):
    """Inception v3 with random weights, built once; nothing is frozen."""
    _inception.trainable = True
    return _inception
