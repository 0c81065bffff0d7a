"""`start.py retrain` runs the page and says what came of it."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers import kernel
from tools import retrain

CELLS = (
    ("code", "from helpers import paths\nimport json"),
    (
        "code",
        "FOLDER, FRACTIONS = 'drawn', (1, 2, 3)\n"
        "LABELS, CLASS, GROUP, SHAPE = None, None, None, 'squeeze'\n"
        "OUT = paths.work()",
    ),
    ("markdown", "# Page\n\n## The photos"),
    (
        "code",
        "if 'bad' in FOLDER:\n    raise ValueError(f'{FOLDER}: no photos.')",
    ),
    ("markdown", "Read it.\n\n## Training"),
    (
        "code",
        "if 'odd' in FOLDER:\n    raise RuntimeError('too odd')\n"
        "if 'halting' in FOLDER and not (OUT / 'labels.txt').exists():\n"
        "    (OUT / 'labels.txt').touch()\n"
        "    raise RuntimeError('halted')\n"
        "print('learned from', FOLDER, FRACTIONS)\n"
        "print('sorted by', LABELS, CLASS, GROUP, SHAPE)",
    ),
    (
        "code",
        "found = {'classes': ['a', 'b'], 'test_photos': 8, 'excluded': 1,\n"
        "    'accuracy': {'frozen': 0.5, 'fine_tuned': 0.75},\n"
        "    'balanced_accuracy': {'frozen': 0.5, 'fine_tuned': 0.625},\n"
        "    'majority_class': 0.625,\n"
        "    'chosen': 'fine_tuned', 'seconds': 1.0,\n"
        "    'weights': 'random' if 'blank' in FOLDER else 'starter'\n"
        "    if 'imagenet' not in FOLDER else 'imagenet'}\n"
        "OUT.mkdir(parents=True, exist_ok=True)\n"
        "_ = (OUT / 'results.json').write_text(json.dumps(found))",
    ),
)


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A small page in place of lesson 07, and a work folder of its own."""
    new = {"code": new_code_cell, "markdown": new_markdown_cell}
    notebook = new_notebook(cells=[new[kind](text) for kind, text in CELLS])
    path = retrain.NOTEBOOK.with_name("page.ipynb")
    monkeypatch.setattr(retrain, "NOTEBOOK", path)
    monkeypatch.setattr(
        retrain.nbformat, "read", lambda *_, **__: nbformat.from_dict(notebook)
    )
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("PYTHONPATH", str(retrain.paths.ROOT))
    return tmp_path


def test_a_folder_becomes_a_report(page, capsys):
    out = page / "out"
    assert retrain.main([str(page / "mine"), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "1/2 The photos ..." in said and "2/2 Training ..." in said
    assert "majority class 62.5%" in said
    assert "fine_tuned     75.0%, balanced 62.5%  <- chosen" in said
    assert "of 8 test photos of 2 classes; 1 file excluded" in said
    report = (out / "report.html").read_text()
    assert f"learned from {page / 'mine'} (60, 20, 20)" in report
    assert "print(" not in report  # no code
    assert "http" not in report and "<script" not in report


def test_the_options_on_the_layout_reach_the_lesson(page, monkeypatch):
    monkeypatch.chdir(page)
    (page / "beside.csv").touch()
    options = ["--group", r"(part\d+)_", "--shape", "pad"]
    for name, shown in (("beside.csv", page / "beside.csv"), ("in.csv",) * 2):
        args = [str(page / "mine"), "--out", str(page / name.upper())]
        args += ["--labels", name, *options]
        assert retrain.main(args) == 0
        report = (page / name.upper() / "report.html").read_text()
        assert f"sorted by {shown} None (part\\d+)_ pad" in report


def test_without_a_folder_the_synthetic_images_are_used(page, capsys):
    assert retrain.main([]) == 0
    out = page / "work" / "retrained" / "surfaces"
    report = (out / "report.html").read_text()
    assert "learned from drawn (1, 2, 3)" in report
    text = capsys.readouterr().out
    assert "started from the weights: starter" in text
    assert "ImageNet" not in text  # starter weights suit these images


@pytest.mark.parametrize("name", ["blank", "imagenet"])
def test_the_last_lines_say_which_weights_were_used(page, capsys, name):
    args = [str(page / name), "--out", str(page / "out")]
    assert retrain.main(args) == 0
    weights = "random" if name == "blank" else name
    lines = capsys.readouterr().out.splitlines()[-4:]
    assert f"started from the weights: {weights}" in lines
    advice = [li for li in lines if "ImageNet's weights do much" in li]
    assert len(advice) == (weights != "imagenet")
    assert all("WORKBOOK_WEIGHTS" in line for line in advice)


def test_a_bad_folder_gets_its_sentence_and_exit_code_2(page, capsys):
    out = page / "out"
    assert retrain.main([str(page / "bad"), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert said.strip() == f"{page / 'bad'}: no photos."
    assert not out.exists()


def test_a_step_that_fails_is_named(page, capsys):
    assert retrain.main([str(page / "odd")]) == 1
    said = capsys.readouterr()
    assert "too odd" in said.err and "Traceback" not in said.err
    assert said.out.rstrip().endswith("2/2 Training ...")


def test_a_finished_run_is_not_overwritten(page, capsys):
    args = [str(page / "mine"), "--out", str(page / "out")]
    retrain.main(args)
    before = {f: f.read_bytes() for f in (page / "out").iterdir()}
    assert retrain.main(args) == 2
    assert "it holds a finished run" in capsys.readouterr().err
    assert before == {f: f.read_bytes() for f in (page / "out").iterdir()}


def contents(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_run_goes_on_after_an_error_or_ctrl_c(page, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    args = [str(page / "halting"), "--out", str(page / "out")]
    with monkeypatch.context() as patch:
        patch.setattr(retrain, "_run", stop)
        assert retrain.main(args) == 130
    assert retrain.main(args) == 1
    names = {path.name for path in (page / "out").iterdir()}
    assert names == {"labels.txt", retrain.MARK}
    assert retrain.main(args) == 0
    names = {path.name for path in (page / "out").iterdir()}
    assert names == {"labels.txt", "results.json", "report.html"}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("labels.txt", 2),
        ("thesis/model.keras", 2),
        (".DS_Store", 0),
        ("unfinished-1a/chief/note", 2),  # not under our mark
    ],
)
def test_a_folder_of_other_things_is_left_alone(page, capsys, name, code):
    mine = page / "out" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    before = contents(page / "out")
    args = [str(page / "mine"), "--out", str(page / "out")]
    assert retrain.main(args) == code
    said = capsys.readouterr().err
    assert ("holds something else" in said) == (code == 2)
    if code == 2:
        assert contents(page / "out") == before
    assert mine.read_text() == "mine"


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("mine", "among the photos"),
        ("mine/new", "among the photos"),
        ("mine/a/deeper/new", "among the photos"),
        ("file", "file is a file"),
        ("file/new", "file is a file"),
    ],
)
def test_results_go_to_no_place_that_is_not_for_them(page, capsys, out, words):
    (page / "mine" / "a").mkdir(parents=True)
    (page / "file").write_text("mine")
    args = [str(page / "mine"), "--out", str(page / out)]
    assert retrain.main(args) == 2
    assert words in capsys.readouterr().err
    assert contents(page) == {page / "file": b"mine"}


def test_a_full_disk_is_one_sentence(page, monkeypatch, capsys):
    def full(*_):
        raise retrain.paths.WriteError("the disk is full")

    monkeypatch.setattr(retrain, "_mark", full)
    args = [str(page / "mine"), "--out", str(page / "out")]
    assert retrain.main(args) == 1
    assert capsys.readouterr().err.strip() == "the disk is full"


def test_no_cell_is_stopped_for_the_time_it_takes(page, monkeypatch):
    clients, make_client = [], kernel.client

    def record(*args, **options):
        clients.append(make_client(*args, **options))
        return clients[-1]

    monkeypatch.setattr(kernel, "client", record)
    # Results beside the photos are not among them.
    out = page / "mine too"
    assert retrain.main([str(page / "mine"), "--out", str(out)]) == 0
    assert [client.timeout for client in clients] == [None]
