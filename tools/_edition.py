"""Makes the edition of lesson 08 for Colab, which is opened by one link.

Its cells are those of the lesson, without the exercises. Cells before them
let someone choose the photos, and one after them downloads the results.
"""

import re
from collections.abc import Callable

from nbformat import NotebookNode, v4

from helpers import colab, kernel

LESSON = "08_your_own_photos"
PATH = "colab/own_photos.ipynb"
METADATA = {
    "accelerator": "GPU",
    "colab": {"gpuType": "T4", "provenance": []},
    "kernelspec": {"display_name": "Python 3", "name": "python3"},
    "language_info": {"name": "python"},
}
# Sentences on exercises, and on commands that need a terminal.
_ELSEWHERE = re.compile(r"xercise|start\.py")
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:)([^)]*)\)")

TITLE = """\
# Retrain Inception v3 on your own photos, in your browser

**What you get** A classifier for your photos, as one ZIP file: the model in \
three formats, a report that says how good it is, and a small app that others \
can use. Nothing is installed on your computer.

**What you need** A Google account, and one folder of photos for each class, \
with at least 20 photos in each. Put these folders into one ZIP file. To try \
the notebook without photos of your own, use the demo photos.

**Time** About 20 minutes to read. How long Colab computes has not been \
measured.

**How** Choose your photos in the form below, then *Runtime ▸ Run all*. If \
Colab warns that Google did not write this notebook, choose *Run anyway*. \
Answer the question below the first cell, and keep this tab open until the \
end.

**Privacy** Your photos go to Google's computers. Upload only what may go \
there.

This is lesson 08 of a [workbook](../README.md). A number in brackets, such \
as [02], names the lesson that explains a step. Where the text speaks of the \
stored run, it means the run on the demo photos, which \
[lesson 08](../notebooks/08_your_own_photos.ipynb) shows.
"""
PHOTOS = f"""\
## Your photos

In the form, choose where your photos come from. With "{colab.UPLOAD}", a \
button appears below the cell. With "{colab.DRIVE_PHOTOS}", `ON_DRIVE` is the \
path of a folder or a ZIP file in *My Drive*, such as `work/my_photos.zip`; \
with many photos a ZIP file is much faster than a folder. The demo photos are \
synthetic photos of machined parts.

If a cell below says that your photos have to be sorted or corrected, do so \
on your computer, make a new ZIP file, and run all cells from the next one on \
again.

In the cell after it, change the line that begins with `LABELS` only if your \
photos are not sorted into a folder for each class, or show one object \
several times: [Your own photos](../docs/own_photos.md) explains it."""
CHOOSE = f"""\
SOURCE = "{colab.UPLOAD}"  # @param ["{colab.UPLOAD}", \
"{colab.DRIVE_PHOTOS}", "{colab.DEMO}"]
ON_DRIVE = "my_photos.zip"  # @param {{"type": "string"}}
photos = colab.photos(SOURCE, ON_DRIVE)"""
TAKE = """\
## Take it with you

The next cell downloads the folder of the results as one ZIP file. Open \
`report.html` in it first. To use the model on your computer, you need \
Python. Open a terminal in the unpacked folder:

- `pip install -r requirements.txt` installs what the next two need.
- `python use_it.py photo.jpg` prints the class of a photo, which is a JPEG \
or PNG file.
- `python app.py` prints the address of a page that classifies photos."""
CHOSEN = "photos or (surfaces.folder(), surfaces.FRACTIONS)"


def make(
    lesson: NotebookNode, fetch: str, link: Callable[[str], str]
) -> NotebookNode:
    """Return the edition of a lesson; the lesson is changed.

    Args:
        lesson: lesson 08, as nbformat reads it.
        fetch: the source of its first code cell.
        link: returns the address of a file of the project, given by its
            path from the project's folder, or "" if it has none.

    Raises:
        ValueError: the lesson has no line that chooses the photos.
    """
    kernel.put(lesson, LESSON, kernel.PHOTOS, CHOSEN)
    sources = [cell.source for cell in lesson.cells]
    first = next(i for i, s in enumerate(sources) if CHOSEN in s)
    *kept, end = filter(None, map(_edited, lesson.cells[first:]))
    cells = [
        _text("title", TITLE.rstrip()),
        _code("fetch", fetch),
        _text("photos-text", PHOTOS),
        _code("photos", CHOOSE),
        *kept,
        _text("take-text", TAKE),
        _code("take", "colab.hand_out(OUT)"),
        end,
    ]
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = _LINK.sub(lambda m: _linked(m, link), cell.source)
    return v4.new_notebook(cells=cells, metadata=METADATA)


def _text(name: str, source: str) -> NotebookNode:
    return v4.new_markdown_cell(source, id=f"colab-{name}")


def _code(name: str, source: str) -> NotebookNode:
    return v4.new_code_cell(source, id=f"colab-{name}")


def _edited(cell: NotebookNode) -> NotebookNode | None:
    """Return a cell without outputs and exercises, or None if it is one."""
    if cell.cell_type == "code":
        if re.match(r"# Exercise \d", cell.source):
            return None
        lines = cell.source.split("\n")
        kept = [s for s in lines if "helpers.exercises" not in s]
        return v4.new_code_cell("\n".join(kept), id=cell.id)
    paragraphs = cell.source.split("\n\n")
    kept = [
        "\n".join(s for s in p.split("\n") if not _ELSEWHERE.search(s))
        for p in paragraphs
    ]
    source = "\n\n".join(filter(None, kept))
    return v4.new_markdown_cell(source, id=cell.id)


def _linked(match: re.Match[str], link: Callable[[str], str]) -> str:
    """Return a link to a file of the project with its address.

    If there is none, it names the file. Paths count from notebooks/.
    """
    text, path = match[1], match[2]
    inside = path.removeprefix("../")
    if inside == path:
        inside = f"notebooks/{path}"
    address = link(inside)
    return f"[{text}]({address})" if address else f"{text} (`{inside}`)"
