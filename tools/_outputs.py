"""Makes a notebook's stored outputs the same on every machine."""

import re
import tempfile
from pathlib import Path

from helpers import paths
from tools import _pinned

KERNELSPEC = {
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
    "name": "python3",
}
# Without the version, which is that of whoever ran the notebook last.
LANGUAGE_INFO = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
# The folder of such runs, and the one that it stands for.
_KEPT = [
    f"{paths.shown(folder).as_posix()}/"
    for folder in (_pinned.WORK, _pinned.WORK.parent)
]
WIDGET = "application/vnd.jupyter.widget-view+json"

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*([@-~])|\][^\x07]*\x07|[@-_])")
_MACHINE = re.compile(
    r"(?<![\w.])(?:/(?:home|root|Users|tmp|private|var/folders)/\S"
    r"|[A-Za-z]:\\+(?:Users|Temp)\b)"
)
_WARNING = re.compile(r"\b[A-Z]\w*Warning\b|\bWARNING\b|\b[Ww]arning:")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{8,}\b")
_PICTURE = re.compile(r"data:image/[\w.+-]+;base64,[\w+/=\s]+")


def normalise(notebook):
    """Change `notebook` in place to what is worth keeping of a run.

    Progress bars become their last state, and pieces of one stream become
    one. Colours, timings, widgets' state and versions go. The folder that
    such runs keep their results in gets the name of a reader's. Cell ids,
    tags and execution counts stay: nbval and JupyterLab need them.

    Args:
        notebook: an `nbformat.NotebookNode` of version 4.5 or later.
    """
    notebook.metadata = {
        "kernelspec": dict(KERNELSPEC),
        "language_info": dict(LANGUAGE_INFO),
    }
    for cell in notebook.cells:
        for key in ("execution", "ExecuteTime", "collapsed", "trusted"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = _merged(cell.outputs)
            for output in cell.outputs:
                if "data" in output:
                    output.data.pop(WIDGET, None)


def _merged(outputs):
    """Return the outputs with adjacent pieces of one stream made one."""
    kept = []
    for output in outputs:
        last = kept[-1] if kept else None
        is_stream = output.output_type == "stream"
        if is_stream and last and last.get("name") == output.name:
            last.text += output.text
        else:
            kept.append(output)
    for output in kept:
        if output.output_type == "stream":
            output.text = shown(output.text).replace(*_KEPT)
    return [o for o in kept if o.output_type != "stream" or o.text]


def shown(text):
    r"""Return what a terminal shows in the end of a text.

    Follows `\r`, `\b` and "erase to the end of the line"; drops colours and
    all other escape sequences.
    """
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        lines.append(_typed(line) if re.search("[\r\b\x1b]", line) else line)
    return "\n".join(lines)


def _typed(line):
    """Return one line as it stands after all its overwriting."""
    row, at, i = [], 0, 0
    while i < len(line):
        escape = _ESCAPE.match(line, i)
        if escape:
            if escape[1] == "K":
                del row[at:]
            i = escape.end()
            continue
        letter = line[i]
        i += 1
        if letter == "\r":
            at = 0
        elif letter == "\b":
            at = max(0, at - 1)
        else:
            row[at : at + 1] = [letter]
            at += 1
    return "".join(row).rstrip() if "\r" in line else "".join(row)


def label(number, cell):
    """Return how a complaint names a cell: its place and first line."""
    first = cell.source.strip().partition("\n")[0][:40]
    return f'cell {number} ("{first}")'


def complaints(notebook):
    """Return a sentence for each output that a lesson should not show.

    Those are errors, what went to stderr, warnings, memory addresses and
    paths of one machine.
    """
    found = []
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", []):
            for what in _faults(output):
                found.append(f"{label(number, cell)}: {what}")
    return found


def _faults(output):
    if output.output_type == "error":
        yield f"the stored error {output.ename}: {output.evalue}"
        return
    text = _text(output)
    if output.get("name") == "stderr":
        yield f"an output on stderr: {text.strip()[:80]}"
    for pattern, what in (
        (_WARNING, "a warning"),
        (_ADDRESS, "a memory address, different in each run"),
    ):
        hit = pattern.search(text)
        if hit:
            yield f"{what}: {_around(text, hit)}"
    for path in machine_paths(text):
        yield f"a path of one machine: {path}"


def _text(output):
    """Return all that can be read in an output, without pictures."""
    parts = [output.get("text", "")]
    for kind, content in output.get("data", {}).items():
        if kind in ("image/png", "image/jpeg", WIDGET):
            continue
        parts.append(content if isinstance(content, str) else str(content))
    return _PICTURE.sub("", "\n".join(parts))


def _around(text, hit):
    start = text.rfind("\n", 0, hit.start()) + 1
    return text[start:].partition("\n")[0][:80]


def machine_paths(text):
    """Return the lines' parts that are paths of one machine.

    Looked for are home and temporary folders of any usual system, and this
    machine's own, and the folder of this project.
    """
    own = [str(paths.ROOT), str(Path.home()), tempfile.gettempdir()]
    found = [_around(text, hit) for hit in _MACHINE.finditer(text)]
    for folder in own:
        if len(Path(folder).parts) < 2:  # "/" would be found in any text
            continue
        pattern = rf"(?<![\w.]){re.escape(folder)}(?!\w)"
        found += [_around(text, hit) for hit in re.finditer(pattern, text)]
    return list(dict.fromkeys(found))
