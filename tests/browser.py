"""Pages in a browser, and JupyterLab there, as a learner has it."""

import collections
import contextlib
import functools
import http.server
import json
import os
import subprocess
import sys
import threading

import nbformat

from tools import _extras, _pinned

with contextlib.suppress(ImportError):  # then conftest.py runs none of them
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import expect, sync_playwright  # noqa: F401

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
START = 120_000  # milliseconds in which JupyterLab or a kernel has to start
RUN = 1_200_000  # for all cells; far more than they take
ANSWER = 30_000  # for a widget, on a machine that does much else

# No news from the network. Every cell stays in the page, seen or not.
SETTINGS = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    "notebook-extension/tracker": {"windowingMode": "none"},
}

# What is run before JupyterLab is connected opens a dialog that asks for a
# kernel.
READY = """path => {
    const context = window.jupyterapp?.shell.currentWidget?.context;
    const kernel = context?.sessionContext?.session?.kernel;
    return context?.path === path && context.isReady
        && kernel?.connectionStatus === "connected"
        && kernel.status === "idle";
}"""
# Every cell has a star from the start; after an error the rest lose theirs.
ENDED = """() => {
    const prompts = [...document.querySelectorAll(
        ".jp-CodeCell .jp-InputPrompt"
    )].map(prompt => prompt.textContent);
    const running = prompts.some(prompt => prompt.includes("*"));
    return document.querySelector(".jp-Dialog")
        || /[0-9]/.test(prompts[0]) && !running;
}"""
RUN_ALL = """() => {
    jupyterapp.commands.execute("notebook:run-all-cells");
}"""
NOTEBOOK = """() =>
    jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON()"""

# What reaches past the right edge, unless something around it scrolls.
TOO_WIDE = """() => {
    const width = document.documentElement.clientWidth;
    const scrolls = e => e && (
        ["auto", "scroll"].includes(getComputedStyle(e).overflowX)
        || scrolls(e.parentElement)
    );
    const article = document.querySelector("article") || document.body;
    const found = [...article.querySelectorAll("*")].filter(
        e => e.getBoundingClientRect().right > width + 1
            && (e.tagName === "IMG" || !scrolls(e.parentElement))
    ).map(e => `<${e.tagName}> ${e.textContent.slice(0, 40)}`);
    if (document.documentElement.scrollWidth > width) found.push("the page");
    return found;
}"""
# Images that could not be loaded.
BROKEN = """() => [...document.images]
    .filter(image => image.complete && !image.naturalWidth)
    .map(image => image.alt || image.src)"""
# What the Tab key stops at in the output of a cell, and the control there.
FOCUSABLE = ":is(select, button, [tabindex='0']):visible"
FOCUSED = """cell => {
    const output = cell.querySelector(".jp-Cell-outputArea");
    const e = output.contains(document.activeElement)
        && document.activeElement.closest(".jupyter-widgets");
    const label = e && e.querySelector(".widget-label") || e;
    return label ? label.textContent.split(" (")[0].trim() : "";
}"""
CUT_OFF = """cell => {
    const edge = Math.min(innerWidth, cell.getBoundingClientRect().right);
    return [...cell.querySelectorAll(".jp-OutputArea-output *")].filter(
        e => e.getBoundingClientRect().right > edge + 1
    ).map(e => `<${e.tagName}> ${e.textContent.slice(0, 40)}`);
}"""
Server = collections.namedtuple("Server", "url token root")


@contextlib.contextmanager
def jupyterlab(root, kept):
    """Run JupyterLab on the folder `root` while the block runs.

    `kept` is a new folder for all that it writes elsewhere; no setting of
    whoever runs the tests has a say.
    """
    for name, values in SETTINGS.items():
        file = kept / "settings/@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    folders = {
        "WORKBOOK_WORK": "work",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser"]
    command += ["--port=0", f"--ServerApp.root_dir={root}"]
    command.append("--LabApp.expose_app_in_browser=True")
    if os.geteuid() == 0:
        command.append("--allow-root")
    with open(kept / "log.txt", "wb") as log:
        process = subprocess.Popen(
            command,
            cwd=root,
            env=_pinned.environment()
            | {name: str(kept / folder) for name, folder in folders.items()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield Server(*_address(process, kept), root)
    finally:
        process.terminate()
        process.wait()


def _address(process, kept):
    """Return address and token as soon as JupyterLab has noted them."""
    for _ in range(START // 200):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
            break
        for file in (kept / "runtime").glob("jpserver-*.json"):
            with contextlib.suppress(ValueError):  # half written
                found = json.loads(file.read_text())
                return found["url"], found["token"]
    raise AssertionError(
        "JupyterLab did not start:\n" + (kept / "log.txt").read_text()
    )


def chromium(playwright):
    """Start the Chromium of this machine, without a window."""
    flags = list(FLAGS)
    if os.geteuid() == 0:
        flags.append("--no-sandbox")  # root has none
    return playwright.chromium.launch(
        executable_path=_extras.chromium(), args=flags
    )


def listen(page, note):
    """Call `note` with each error and failed answer of a page."""
    page.on("pageerror", lambda e: note(f"page error: {e}"))
    page.on("response", lambda r: r.status < 400 or note(r.url))
    page.on("console", lambda m: m.type == "error" and note(m.text))


@contextlib.contextmanager
def opened(running, *addresses, **options):
    """Open a page while the block runs; at the end it has had no faults.

    Nor has it asked for an address but those that begin with `addresses`.
    """
    page, faults = running.new_page(**options), []
    listen(page, faults.append)
    page.on(
        "request",
        lambda r: (
            r.url.startswith((*addresses, "data:")) or faults.append(r.url)
        ),
    )
    yield page
    page.close()
    assert faults == []


def violations(page, where=None):
    """Return {rule: impact} of what axe-core finds on a page, or a part."""
    found = Axe().run(page, context=where).response["violations"]
    return {v["id"]: v["impact"] for v in found}


def serious(page, where=None):
    """Return the rules of the violations that keep somebody out."""
    found = violations(page, where)
    return {r for r in found if found[r] in ("serious", "critical")}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextlib.contextmanager
def served(handler):
    """Serve by a handler, or a folder, while the block runs; its address."""
    if isinstance(handler, os.PathLike):
        handler = functools.partial(_Quiet, directory=handler)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Notebook:
    """A notebook of the server's folder, open in the browser, with a kernel.

    `faults` has a sentence for each fault of the page so far, such as a
    failed request.
    """

    def __init__(self, browser, server, path):
        self._root = server.root
        self.faults = []
        self.page = browser.new_page(viewport={"width": 1280, "height": 900})
        listen(self.page, self.faults.append)
        self.page.on(
            "requestfailed",
            lambda r: self.faults.append(f"request failed: {r.url}"),
        )
        self.page.goto(
            f"{server.url}lab/workspaces/auto-t/tree/{path}"
            f"?token={server.token}&reset"
        )
        self.page.wait_for_function(
            READY, arg=path, polling=200, timeout=START
        )

    def run_all(self):
        """Run all cells, wait for the last, and `check`."""
        self.page.evaluate(RUN_ALL)
        self.page.wait_for_function(ENDED, polling=200, timeout=RUN)
        self.check()

    def _cells(self):
        """Return the cells as they stand in the page."""
        return nbformat.from_dict(self.page.evaluate(NOTEBOOK)).cells

    def check(self):
        """Check that cells, widgets and the page have no faults."""
        found = list(self.faults)
        for cell in self._cells():
            for output in cell.outputs:
                if output.output_type == "error":
                    found.append(f"{output.ename}: {output.evalue}")
        lost = self.page.get_by_text("Error displaying widget")
        # A dialog is open if the kernel has died.
        for shown in (self.page.locator(".jp-Dialog-content"), lost):
            found += shown.all_inner_texts()
        assert not found, "\n".join(found)

    def widget(self, words):
        """Return the `Widget` of the one code cell that has these words."""
        (place,) = (
            n for n, cell in enumerate(self._cells()) if words in cell.source
        )
        cells = self.page.locator(".jp-Notebook .jp-Cell")
        return Widget(self.page, cells.nth(place), self._root)


class Widget:
    """What a cell shows to be moved: controls, a line of text, a picture.

    Controls are found by their description, buttons by what they say. The
    element `status` tells a screen reader the `line`, which it owns.
    """

    def __init__(self, page, cell, root):
        self._page, self._cell, self._root = page, cell, root
        self.status = cell.get_by_role("status")
        line = self.status.get_attribute("aria-owns")
        self.line = cell.locator(f"[id='{line}']")
        self._image = cell.locator("img.widget-image")

    def move(self, label, steps, handle=0):
        """Move a slider by so many steps, below 0 to the left, with keys."""
        handles = self._control("slider", label).locator(".noUi-handle")
        handle = handles.nth(handle)
        for _ in range(abs(steps)):
            handle.press("ArrowRight" if steps > 0 else "ArrowLeft")

    def choose(self, label, option):
        """Choose an option, by what it says, in a dropdown."""
        self.dropdown(label).select_option(label=option)

    def press(self, words):
        """Press the button that says `words`."""
        self.button(words).click()

    def dropdown(self, label):
        """Return the locator of a dropdown."""
        return self._control("dropdown", label).locator("select")

    def button(self, words):
        """Return the locator of the button whose text has these words."""
        return self._cell.get_by_role("button", name=words)

    def upload(self, words, name):
        """Upload a file of the project by the button with these words."""
        with self._page.expect_file_chooser() as asked:
            self.button(words).click()
        asked.value.set_files(self._root / name)

    def _control(self, kind, label):
        said = self._page.locator(".widget-label").get_by_text(
            label, exact=True
        )
        return self._cell.locator(f".widget-{kind}").filter(has=said)

    def tab_order(self):
        """Return what the controls say that the Tab key reaches."""
        names = []
        outputs = self._cell.locator(".jp-OutputArea-output")
        outputs.locator(FOCUSABLE).first.focus()
        while name := self._cell.evaluate(FOCUSED):
            if name not in names[-1:]:  # of a handle, and of its number
                names.append(name)
            self._page.keyboard.press("Tab")
        return names

    def cut_off(self):
        """Return what reaches past the right edge of the cell."""
        return self._cell.evaluate(CUT_OFF)

    @contextlib.contextmanager
    def answers(self):
        """See that what the block moves changes the text and the picture."""
        line = self.line.inner_text()
        picture = self._image.get_attribute("src")
        yield
        expect(self.line).not_to_have_text(line, timeout=ANSWER)
        # A new picture is a new element: its address holds all pixels.
        expect(self._image).not_to_have_attribute(
            "src", picture, timeout=ANSWER
        )
