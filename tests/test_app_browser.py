"""The page of `start.py app`, which is an exported app.py, in a browser.

They run only where there are Gradio and a Chromium: see conftest.py.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import browser
import pytest
from PIL import Image

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
COLOURS = {"red": "red", "green": "lime", "none of these": "grey"}


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A folder with a page and photos."""
    folder = tmp_path_factory.mktemp("app")
    shutil.copytree(TEMPLATES, folder, dirs_exist_ok=True)
    (folder / "use_it.py").write_text(USE_IT)
    (folder / "model-float16.tflite").touch()
    for name, colour in COLOURS.items():
        Image.new("RGB", (3000, 2000), colour).save(folder / f"{name}.jpg")
    return folder


@pytest.fixture(scope="module")
def address(there):
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "tools.app", str(there)],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(there), "BROWSER": "true"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed = []
    for line in process.stdout:
        printed.append(line)
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            break
    else:
        raise AssertionError("".join(printed))
    yield found.group()
    process.send_signal(signal.SIGINT)
    process.communicate()
    # Photos are left nowhere.
    assert not list(there.glob("workbook-app-*"))


@pytest.mark.parametrize("width", [1280, 390])
def test_a_photo_gets_its_class(chromium, address, there, width):
    page = chromium.new_page(viewport={"width": width, "height": 800})
    faults = []
    page.on("pageerror", lambda e: faults.append(str(e)))
    page.goto(address)
    for name in COLOURS:
        photo = str(there / f"{name}.jpg")
        page.set_input_files("input[type=file]", photo)
        page.get_by_role("button", name="Submit").click()
        answer = page.get_by_label("Class", exact=True)
        browser.expect(answer).to_have_value(name, timeout=browser.ANSWER)
        page.get_by_role("button", name="Clear").click()
    page.close()
    assert faults == []


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
