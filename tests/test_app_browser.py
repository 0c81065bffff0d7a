"""The page of `start.py app` and an exported app.py, in a browser.

They run only where there are Gradio and a Chromium: see conftest.py.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import browser
import colour_classifier
import pytest
from clone import contents
from colour_classifier import photo

from helpers.dataset import corrections
from helpers.paths import ROOT
from tools import app

pytestmark = pytest.mark.release

TEMPLATES = ROOT / "helpers" / "network" / "templates"
# In place of the file that lies beside an exported app.py.
USE_IT = '''"""Tells red from green."""
import numpy as np


def classify(image):
    red, green, _ = np.asarray(image.convert("RGB")).mean(axis=(0, 1)) / 255
    red = (1 + red - green) / 2
    return {"red": red, "green": 1 - red}, abs(red - 0.5) > 0.3
'''
WIDE = "document.documentElement.scrollWidth - innerWidth"


@contextlib.contextmanager
def serving(command, folder, **environment):
    """Run a command that serves a page; yield the address it prints."""
    process = subprocess.Popen(
        [sys.executable, "-u", *command],
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "BROWSER": "true"}
        | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed = []
    try:
        for line in process.stdout:
            printed.append(line)
            if address := re.search(r"http://127\.0\.0\.1:\d+", line):
                yield address.group()
                break
        else:
            raise AssertionError("".join(printed))
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A folder with a model, the folder mine of photos, and more files."""
    folder = tmp_path_factory.mktemp("app")
    colour_classifier.write(folder / "model.keras", threshold=0.75)
    colour_classifier.folder(folder / "mine")
    photo("grey").save(folder / "grey.png")
    photo("green", (8000, 5000)).save(folder / "large.jpg")
    (folder / "notes.jpg").write_text("Dear diary, today")
    (folder / "huge.png").write_bytes(bytes(101 * 1024**2))
    return folder


@pytest.fixture(scope="module")
def address(there):
    command = ["-m", "tools", "app", str(there)]
    command += ["--photos", str(there / "mine")]
    command += ["--port", str(free_port())]
    work = str(there / "work")
    with serving(command, there, WORKBOOK_WORK=work) as address:
        yield address
    # Photos are left nowhere.
    assert not list(there.glob("workbook-app-*"))


@pytest.fixture(params=[1280, 390])
def page(request, chromium):
    """A page of this width, which asks no other machine for anything."""
    local = "http://127.0.0.1:", "blob:"
    size = {"width": request.param, "height": 800}
    with browser.opened(chromium, *local, viewport=size) as page:
        page.set_default_timeout(browser.ANSWER)
        yield page
        assert page.evaluate(WIDE) == 0


def give(page, *files):
    page.set_input_files("input[type=file]", [str(file) for file in files])


def says(page, words):
    """See that words are shown, and read aloud by a screen reader."""
    status = page.locator("#status[role=status][aria-live=polite]")
    browser.expect(status).to_contain_text(words, timeout=browser.ANSWER)


def image(page):
    return page.get_by_alt_text("The photo, as the model sees it")


def test_every_file_has_its_answer(page, address, there):
    page.goto(address)
    give(page, there / "mine" / "red" / "1.png")
    says(page, "1.png: red, 9")
    says(page, "In mine it is red/1.png, with the label red.")
    browser.expect(page.get_by_role("radio")).to_have_count(0)
    page.reload()
    give(page, *(there / f for f in ("large.jpg", "grey.png", "notes.jpg")))
    says(page, "large.jpg: green, 9")
    page.get_by_role("radio", name="grey.png: none of these").check()
    says(page, "grey.png: none of these (most likely")
    assert list(there.glob("workbook-app-*/**/grey.png"))
    browser.expect(image(page)).to_be_visible()
    page.get_by_role("radio", name="notes.jpg").check()
    says(page, "notes.jpg: not a picture in any known format. Copy it")
    browser.expect(image(page)).not_to_be_visible()


def test_a_file_that_is_too_large_is_refused(page, address, there):
    page.goto(address)
    give(page, there / "huge.png")
    browser.expect(page.get_by_text("maximum")).to_be_visible()


def test_grad_cam_is_shown_when_asked_for(page, address, there):
    page.goto(address)
    give(page, there / "mine" / "red" / "1.png")
    says(page, "1.png: red")
    before = image(page).get_attribute("src")
    page.get_by_role("button", name="Show Grad-CAM").press("Enter")
    says(page, "Grad-CAM: bright is evidence for red.")
    says(page, "1.png: red")
    browser.expect(image(page)).not_to_have_attribute("src", before)


def test_a_wrong_label_is_listed(page, address, there, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(there / "work"))
    before = contents(there / "mine")
    corrections.path(there / "mine").unlink(missing_ok=True)
    page.goto(address)
    give(page, there / "mine" / "green" / "0.png")
    says(page, "with the label green")
    note = page.get_by_role("button", name="Note this class")
    note.press("Enter")
    says(page, "Choose the class first.")
    assert not corrections.noted(there / "mine")
    page.get_by_label("Correct class").click()
    page.get_by_role("option", name="red").click()
    note.press("Enter")
    says(page, "green/0.png is listed as red in ")
    assert corrections.noted(there / "mine") == {"green/0.png": "red"}
    assert contents(there / "mine") == before


def test_only_this_computer_reaches_the_page(address):
    port = int(address.rpartition(":")[2])
    socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_a_port_in_use_is_one_sentence(there, capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert app.main([str(there), "--port", port]) == 1
    assert f"Port {port} is not free" in capsys.readouterr().err


def test_an_exported_app_runs_as_it_is(page, there, tmp_path):
    folder = tmp_path / "exported"
    shutil.copytree(TEMPLATES, folder)
    (folder / "use_it.py").write_text(USE_IT)
    settings = {"GRADIO_SERVER_PORT": str(free_port())}
    settings["GRADIO_TEMP_DIR"] = str(tmp_path)
    with serving(["app.py"], folder, **settings) as address:
        page.goto(address)
        give(page, there / "large.jpg")
        page.get_by_role("button", name="Submit").click()
        answer = page.get_by_label("Class", exact=True)
        browser.expect(answer).to_have_value("green", timeout=browser.ANSWER)
        page.goto("about:blank")  # an open page would delay its end
