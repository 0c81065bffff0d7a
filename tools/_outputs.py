"""Makes the stored outputs of a notebook the same on every machine."""

import re
import tempfile
from pathlib import Path

from nbconvert.filters import strip_ansi
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from nbformat import NotebookNode

from helpers import paths
from tools import _pinned

KERNELSPEC = {
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
    "name": "python3",
}
# Without the version, which is that of the last run.
LANGUAGE_INFO = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
# The folder of the results here, and that of a reader.
_WORK, _READERS_WORK = (
    f"{paths.shown(folder).as_posix()}/"
    for folder in (_pinned.WORK, _pinned.WORK.parent)
)
WIDGET = "application/vnd.jupyter.widget-view+json"

_MACHINE = re.compile(
    r"(?<![\w.])(?:/(?:home|root|Users|tmp|private|var/folders)/\S"
    r"|[A-Za-z]:\\+(?:Users|Temp)\b)"
)
# What differs from run to run, or from machine to machine.
_UNSTABLE = {
    "a warning": re.compile(r"\b[A-Z]\w*Warning\b|\bWARNING\b|\b[Ww]arning:"),
    "a memory address, different in each run": re.compile(
        r"\b0x[0-9a-fA-F]{8,}\b"
    ),
}
_PICTURE = re.compile(r"data:image/[\w.+-]+;base64,[\w+/=\s]+")


def normalise(notebook: NotebookNode) -> None:
    """Change `notebook` in place to what is stored after a run.

    Of a progress bar the last state stays, and the outputs of one stream are
    joined. Colours, timings, the state of widgets and versions are removed.
    The folder of the results gets the name that it has for a reader. Cell
    ids, tags and execution counts stay: nbval and JupyterLab need them.

    Args:
        notebook: an `nbformat.NotebookNode` of version 4.5 or later.
    """
    notebook.metadata = {
        "kernelspec": dict(KERNELSPEC),
        "language_info": dict(LANGUAGE_INFO),
    }
    CoalesceStreamsPreprocessor().preprocess(notebook, {})
    for cell in notebook.cells:
        for key in ("execution", "ExecuteTime", "collapsed", "trusted"):
            cell.metadata.pop(key, None)
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                text = strip_ansi(output.text).replace("\r", "")
                output.text = text.replace(_WORK, _READERS_WORK)
            elif "data" in output:
                output.data.pop(WIDGET, None)


def label(number: int, cell: NotebookNode) -> str:
    """Return how messages name a cell: its number and first line."""
    first = cell.source.strip().partition("\n")[0][:40]
    return f'cell {number} ("{first}")'


def problems(notebook: NotebookNode) -> list[str]:
    """Return a sentence for each output that a lesson must not show.

    These are errors, text on stderr, warnings, memory addresses and paths
    of one machine.
    """
    return [
        f"{label(number, cell)}: {problem}"
        for number, cell in enumerate(notebook.cells, 1)
        for output in cell.get("outputs", [])
        for problem in _problems(output)
    ]


def _problems(output: NotebookNode):
    if output.output_type == "error":
        yield f"the stored error {output.ename}: {output.evalue}"
        return
    text = _text(output)
    if output.get("name") == "stderr":
        yield f"an output on stderr: {text.strip()[:80]}"
    for kind, pattern in _UNSTABLE.items():
        match = pattern.search(text)
        if match:
            yield f"{kind}: {_line(text, match)}"
    for path in machine_paths(text):
        yield f"a path of one machine: {path}"


def _text(output: NotebookNode):
    """Return the readable text of an output, without pictures."""
    texts = [output.get("text", "")]
    for mime_type, content in output.get("data", {}).items():
        if mime_type not in ("image/png", "image/jpeg", WIDGET):
            texts.append(str(content))
    return _PICTURE.sub("", "\n".join(texts))


def _line(text: str, match: re.Match[str]):
    """Return the line of a match, at most 80 characters of it."""
    start = text.rfind("\n", 0, match.start()) + 1
    return text[start:].partition("\n")[0][:80]


def machine_paths(text: str) -> list[str]:
    """Return the lines that hold a path of one machine.

    These are home and temporary folders of the usual systems and of this
    machine, and the folder of this project.
    """
    lines = [_line(text, match) for match in _MACHINE.finditer(text)]
    folders = [str(paths.ROOT), str(Path.home()), tempfile.gettempdir()]
    for folder in folders:
        if len(Path(folder).parts) < 2:  # "/" is in any text
            continue
        pattern = rf"(?<![\w.]){re.escape(folder)}(?!\w)"
        lines += [_line(text, match) for match in re.finditer(pattern, text)]
    return list(dict.fromkeys(lines))
