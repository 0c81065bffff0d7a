"""Regenerating stores what a run gave, the same bytes on any machine."""

import os

import nbformat
import pytest
from nbformat import v4

from helpers import paths
from tools import _outputs, _pinned, regenerate


@pytest.fixture
def lessons(monkeypatch, tmp_path):
    """A folder of small notebooks in place of the lessons."""
    monkeypatch.setattr(_pinned, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(_pinned, "WORK", tmp_path / "work")
    monkeypatch.setattr(os, "environ", os.environ.copy())
    return tmp_path


NOISY = """
import os
assert os.environ["WORKBOOK_WEIGHTS"] in ("starter", "random")
for i in range(3):
    print(f"\\r{i}/2", end="", flush=True)
print()
print("\\x1b[1mbold\\x1b[0m", os.path.basename(os.getcwd()), flush=True)
""".strip()


def test_a_notebook_is_run_and_stored(lessons, notebook, code, text, save):
    made = notebook(
        text("# A lesson"),
        code(NOISY, None, tags=["nbval-check-output"]),
        code("i + 40\n", 9, "old\n"),
        kernelspec={"name": "no-such-kernel", "display_name": "Old"},
        widgets={"state": {}},
    )
    made.cells[1].metadata["execution"] = {"iopub.execute_input": "2020"}
    path = save(made)
    path.chmod(0o644)

    assert regenerate.main([]) == 0
    first = path.read_bytes()
    stored = nbformat.read(path, as_version=4)
    assert [c.id for c in stored.cells] == ["cell-0", "cell-1", "cell-2"]
    assert [c.execution_count for c in stored.cells[1:]] == [1, 2]
    assert stored.cells[1].outputs == [
        v4.new_output(
            "stream", name="stdout", text=f"2/2\nbold {lessons.name}\n"
        )
    ]
    assert stored.cells[2].outputs[0].data == {"text/plain": "42"}
    assert stored.cells[1].metadata == {"tags": ["nbval-check-output"]}
    assert stored.metadata.kernelspec.name == "python3"
    assert stored.metadata.language_info.name == "python"
    assert set(stored.metadata) == {"kernelspec", "language_info"}
    assert path.stat().st_mode & 0o777 == 0o644

    assert regenerate.main(["01_small"]) == 0
    assert path.read_bytes() == first
    assert list(lessons.iterdir()) == [path]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("1/0", "ZeroDivisionError"),
        ("import os\nos._exit(3)", "died"),
        ("%nosuchmagic", "nosuchmagic"),
    ],
)
def test_a_notebook_that_fails_is_left_alone(
    lessons, notebook, code, save, capsys, source, words
):
    tags = ["raises-exception"]  # no tag excuses an error
    path = save(notebook(code("x = 1"), code(source, tags=tags)))
    before = path.read_bytes()
    assert regenerate.main([]) == 1
    said = capsys.readouterr().err
    assert path.name in said
    assert "cell 2" in said
    assert words in said
    assert "\x1b" not in said
    assert path.read_bytes() == before
    assert list(lessons.glob(".part-*")) == []


def test_what_another_program_has_saved_meanwhile_is_kept(
    lessons, notebook, code, save, capsys
):
    # The cell stands for JupyterLab: it saves the notebook while it is run.
    source = "with open('01_small.ipynb', 'a') as file:\n    file.write(' ')"
    path = save(notebook(code(source.replace("' '", "''"), None)))
    assert regenerate.main([]) == 0  # opened, and nothing changed
    assert path.read_text().endswith("}\n")

    path = save(notebook(code(source, None)))
    before = path.read_bytes()
    assert regenerate.main([]) == 1
    said = capsys.readouterr().err
    assert "01_small.ipynb was saved by another program" in said
    assert path.read_bytes() == before + b" "
    assert list(lessons.iterdir()) == [path]


def test_outputs_that_are_not_for_others_are_refused(
    lessons, notebook, code, save, capsys, monkeypatch
):
    # One cell prints where the notebook lies: let that be the project.
    monkeypatch.setattr(paths, "ROOT", lessons)
    faults = {
        "import sys\nprint('loading', file=sys.stderr)": "on stderr",
        "print('UserWarning: old')": "a warning",
        "object()": "a memory address",
        "from pathlib import Path\nPath.home() / 'x'": "of one machine",
        "import tempfile\ntempfile.gettempdir()": "of one machine",
        "import os\nos.path.abspath('photos')": "of one machine",
    }
    path = save(notebook(code("1"), *(code(source) for source in faults)))
    before = path.read_bytes()
    assert regenerate.main([]) == 1
    said = capsys.readouterr().err
    assert path.name in said
    assert "cell 1" not in said
    for number, what in enumerate(faults.values(), 2):
        assert any(
            f"cell {number} " in line and what in line
            for line in said.splitlines()
        ), what
    assert path.read_bytes() == before


def test_a_name_that_is_not_there_is_one_sentence(
    lessons, notebook, code, save, capsys
):
    save(notebook(code("1")))
    assert regenerate.main(["07_none"]) == 1
    said = capsys.readouterr().err
    assert "07_none: no such notebook; there are 01_small." in said


@pytest.mark.parametrize("content", ["", "{}"])
def test_a_damaged_file_is_one_sentence(lessons, content, capsys):
    (lessons / "01_bad.ipynb").write_text(content)
    assert regenerate.main([]) == 1
    assert "not a notebook" in capsys.readouterr().err


def test_outputs_are_stored_in_one_form(notebook, code):
    path = f"{paths.shown(_pinned.WORK / 'models').as_posix()}/m.keras"
    view = {_outputs.WIDGET: {"model_id": "a1"}, "text/plain": "IntSlider()"}
    outputs = [
        v4.new_output("display_data", data=view),
        v4.new_output("stream", name="stdout", text=f"{path}: 1 MB"),
    ]
    made = notebook(code("x = 'ü'", outputs=outputs))
    _outputs.normalise(made)
    shown, printed = made.cells[0].outputs
    assert shown.data == {"text/plain": "IntSlider()"}  # without its state
    assert printed.text == "data/work/models/m.keras: 1 MB"  # a reader's
    written = regenerate.text(made)
    assert "ü" in written
    assert written.startswith('{\n "cells"') and written.endswith("}\n")
