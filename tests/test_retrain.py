"""`start.py retrain` runs lesson 08, shows its progress and its result."""

import io
import json

import keras
import nbformat
import psutil
import pytest
from clone import contents
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from tqdm import tqdm

from helpers import kernel
from tools import _progress, retrain

CELLS = (
    ("code", "from helpers import paths\nimport json, os, sys, time"),
    (
        "code",
        "FOLDER, FRACTIONS = 'drawn', (1, 2, 3)\n"
        "LABELS, CLASS, GROUP, SHAPE = None, None, None, 'squeeze'\n"
        "OUT = paths.work()\n"
        "name = os.path.basename(FOLDER)",
    ),
    ("markdown", "# Page\n\n## The photos"),
    (
        "code",
        "if name == 'bad':\n    raise ValueError(f'{FOLDER}: no photos.')",
    ),
    ("markdown", "Read it.\n\n## Training"),
    (
        "code",
        "if name == 'odd':\n    raise RuntimeError('too odd')\n"
        "if name == 'full':\n    raise MemoryError\n"
        "if name == 'killed':\n    os._exit(1)\n"
        "if name == 'halting' and not (OUT / 'labels.txt').exists():\n"
        "    (OUT / 'labels.txt').touch()\n"
        "    raise RuntimeError('halted')",
    ),
    (
        "code",
        "if name == 'stopped' and not (OUT / 'model.md').exists():\n"
        "    import signal, subprocess\n"
        "    wait = [sys.executable, '-c', 'import time; time.sleep(900)']\n"
        "    child = subprocess.Popen(wait)\n"
        "    (OUT / 'model.md').write_text(f'{os.getpid()} {child.pid}')\n"
        "    os.kill(os.getppid(), signal.SIGINT)\n"
        "    child.wait()",
    ),
    (
        "code",
        "os.system('echo noise; echo noise >&2')\n"
        "print('Epoch 4/4')\n"
        "for step in range(1, 5):\n"
        "    print(f'\\r{step}/4 ━━━━ 2s', end='', flush=True)",
    ),
    ("markdown", "## The result"),
    (
        "code",
        "def accuracy(correct):\n"
        "    return {'correct': correct, 'n': 8, 'accuracy': correct / 8,\n"
        "            'low': 0.25, 'high': 0.875, 'balanced_accuracy': 0.625}\n"
        "results = {\n"
        "    'classes': ['a', 'b'], 'majority_class': accuracy(5),\n"
        "    'photos': {'training': 24, 'validation': 8, 'test': 8,\n"
        "               'excluded': 1},\n"
        "    'models': {'frozen': {'test': accuracy(4)},\n"
        "               'fine-tuned': {'test': accuracy(6)}},\n"
        "    'chosen': 'fine-tuned', 'verdict': 'It is not sure.',\n"
        "    'next': ['Add photos of a.', 'Test again.'],\n"
        "    'weights': 'starter', 'command': 'start.py retrain',\n"
        "    'weights_advice': None if name == 'drawn' else 'Use others.',\n"
        "    'seconds': {}}\n"
        "OUT.mkdir(parents=True, exist_ok=True)\n"
        "_ = (OUT / 'results.json').write_text(json.dumps(results))\n"
        "text = f'{FOLDER} {FRACTIONS}, {LABELS} {CLASS} {GROUP} {SHAPE}'\n"
        "_ = (OUT / 'report.html').write_text(text)",
    ),
    ("markdown", "## What you have\n\nRead the report."),
)


@pytest.fixture
def page(tmp_path, tmp_path_factory, monkeypatch):
    """A small page in place of lesson 08, and a work folder of its own."""
    new = {"code": new_code_cell, "markdown": new_markdown_cell}
    notebook = new_notebook(cells=[new[kind](text) for kind, text in CELLS])
    path = tmp_path_factory.mktemp("notebooks") / "page.ipynb"
    nbformat.write(notebook, path)
    monkeypatch.setattr(retrain, "NOTEBOOK", path)
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("PYTHONPATH", str(retrain.paths.ROOT))
    return tmp_path


def test_a_folder_becomes_a_report(page, monkeypatch, capsys):
    clients, make_client = [], kernel.client

    def record(*args, **options):
        clients.append(make_client(*args, **options))
        return clients[-1]

    monkeypatch.setattr(kernel, "client", record)
    out = page / "mine too"  # beside the photos is not among them
    assert retrain.main([str(page / "mine"), "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    stages = ["Getting ready", "The photos", "Training", "The result"]
    for number, (line, name) in enumerate(zip(lines, stages, strict=False), 1):
        assert line.startswith(f"{number}/4 {name} ... ")
        assert line.endswith(" s")
    assert lines[4:] == [
        "",
        "majority class  62.5% (95% interval 25.0% to 87.5%), balanced 62.5%",
        "frozen          50.0% (95% interval 25.0% to 87.5%), balanced 62.5%",
        "fine-tuned      75.0% (95% interval 25.0% to 87.5%), "
        "balanced 62.5%  <- chosen",
        "Accuracy on 8 test photos of 2 classes; 1 file excluded.",
        "",
        "It is not sure.",
        "- Add photos of a.",
        "- Test again.",
        "",
        "Training started from the weights: starter.",
        "Use others.",
        f"Read {out / 'report.html'}",
    ]
    report = (out / "report.html").read_text()
    assert report.startswith(f"{page / 'mine'} (60, 20, 20)")
    assert [client.timeout for client in clients] == [None]  # of no cell


def test_the_weights_are_named_before_training_begins(page, capsys):
    notebook = nbformat.read(retrain.NOTEBOOK, as_version=4)
    source = r"print('imagenet is missing.\nWeights: starter.')"
    notebook.cells.insert(5, new_code_cell(source))
    nbformat.write(notebook, retrain.NOTEBOOK)
    assert retrain.main([str(page / "mine")]) == 0
    lines = capsys.readouterr().out.splitlines()
    begun = lines.index("imagenet is missing.")
    assert lines[begun - 1] == "3/4 Training ... "
    assert lines[begun + 1] == "Weights: starter."
    assert lines[begun + 2].startswith("3/4 Training ... ")
    assert retrain.main([str(page / "new"), "--json-lines"]) == 0
    assert 'missing.\\nWeights: starter."' in capsys.readouterr().out


def test_lesson_08_has_the_stage_that_checks_the_photos():
    notebook = nbformat.read(retrain.NOTEBOOK, as_version=4)
    (cells,) = [
        [notebook.cells[index].source for index in indices]
        for name, indices in retrain._stages(notebook)
        if name == retrain.PHOTOS
    ]
    assert any("dataset.check(FOLDER" in source for source in cells)


def test_the_options_on_the_layout_reach_the_lesson(page, monkeypatch):
    monkeypatch.chdir(page)
    (page / "beside.csv").touch()
    options = ["--group", r"(part\d+)_", "--shape", "pad"]
    for name, shown in (("beside.csv", page / "beside.csv"), ("in.csv",) * 2):
        args = [str(page / "mine"), "--out", str(page / name.upper())]
        args += ["--labels", name, *options]
        assert retrain.main(args) == 0
        report = (page / name.upper() / "report.html").read_text()
        assert report.endswith(f", {shown} None (part\\d+)_ pad")


def test_without_a_folder_the_synthetic_images_are_used(page, capsys):
    assert retrain.main([]) == 0
    out = page / "work" / "retrained" / "surfaces"
    report = (out / "report.html").read_text()
    assert report.startswith("drawn (1, 2, 3)")
    # The starter weights suit these images: no other advice follows.
    line, last = capsys.readouterr().out.splitlines()[-2:]
    assert line == "Training started from the weights: starter."
    assert last == f"Read {retrain.paths.shown(out / 'report.html')}"


def test_a_bad_folder_gets_its_sentence_and_exit_code_2(page, capsys):
    out = page / "out"
    assert retrain.main([str(page / "bad"), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert said.strip() == f"{page / 'bad'}: no photos."
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("odd", "too odd"),
        ("full", "MemoryError"),
        ("killed", "the process that trains has ended"),
    ],
)
def test_a_stage_that_fails_is_named(page, capsys, name, reason):
    assert retrain.main([str(page / name)]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(f"Training: {reason}")
    assert "Traceback" not in printed.err
    assert printed.out.endswith("3/4 Training ... \n")


def test_a_finished_run_is_not_overwritten(page, capsys):
    args = [str(page / "mine"), "--out", str(page / "out")]
    retrain.main(args)
    before = contents(page / "out")
    assert retrain.main(args) == 2
    assert "it holds a finished run" in capsys.readouterr().err
    assert contents(page / "out") == before


def test_a_run_goes_on_after_an_error(page):
    args = [str(page / "halting"), "--out", str(page / "out")]
    assert retrain.main(args) == 1
    names = {path.name for path in (page / "out").iterdir()}
    assert names == {"labels.txt", retrain.MARK}
    assert retrain.main(args) == 0
    names = {path.name for path in (page / "out").iterdir()}
    assert names == {"labels.txt", "results.json", "report.html"}


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_ctrl_c_ends_every_process_and_the_run_goes_on(page, capsys):
    args = [str(page / "stopped"), "--out", str(page / "out")]
    assert retrain.main(args) == 130
    printed = capsys.readouterr()
    assert printed.out.endswith(
        "3/4 Training ... \nStopped; the same command goes on from here.\n"
    )
    assert printed.err == ""
    pids = (page / "out" / "model.md").read_text().split()
    assert [is_running(int(pid)) for pid in pids] == [False, False]
    names = {path.name for path in (page / "out").iterdir()}
    assert names == {"model.md", retrain.MARK}
    assert retrain.main(args) == 0


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
    assert contents(page) == {"file": b"mine"}


def test_a_full_disk_is_one_sentence(page, monkeypatch, capsys):
    def full(*_):
        raise retrain.paths.WriteError("the disk is full")

    monkeypatch.setattr(retrain, "_mark", full)
    args = [str(page / "mine"), "--out", str(page / "out")]
    assert retrain.main(args) == 1
    assert capsys.readouterr().err.strip() == "the disk is full"


# Progress.


def test_json_lines_are_all_that_a_program_reads(page, capfd):
    args = [str(page / "mine"), "--out", str(page / "out"), "--json-lines"]
    assert retrain.main(args) == 0
    printed = capfd.readouterr()
    events = [json.loads(line) for line in printed.out.splitlines()]
    names = ["Getting ready", "The photos", "Training", "The result"]
    assert [e for e in events if e["event"] == "stage"] == [
        {"event": "stage", "number": number, "of": 4, "name": name}
        for number, name in enumerate(names, 1)
    ]
    steps = [event for event in events if event["event"] == "progress"]
    assert steps[-1] == {
        **{"event": "progress", "stage": 3},
        **{"done": 16, "total": 16},
    }
    *_, last = events
    assert last["event"] == "finished"
    assert last["report"] == str(page / "out" / "report.html")
    assert last["results"]["models"]["fine-tuned"]["test"]["correct"] == 6
    assert set(last["results"]) == set(retrain.SUMMARY)
    assert printed.err == ""


@pytest.mark.parametrize(
    ("name", "code", "event"),
    [
        ("bad", 2, {"event": "failed", "message": "{}: no photos."}),
        ("stopped", 130, {"event": "stopped"}),
    ],
)
def test_json_lines_end_with_what_went_wrong(page, capsys, name, code, event):
    folder = str(page / name)
    args = [folder, "--out", str(page / "out"), "--json-lines"]
    assert retrain.main(args) == code
    printed = capsys.readouterr()
    *_, last = map(json.loads, printed.out.splitlines())
    assert last == {k: v.format(folder) for k, v in event.items()}
    assert printed.err == ""


def test_json_lines_say_why_nothing_was_begun(page, capsys):
    (page / "out").write_text("mine")
    args = [str(page / "mine"), "--out", str(page / "out"), "--json-lines"]
    assert retrain.main(args) == 2
    event = json.loads(capsys.readouterr().out)
    assert event["event"] == "failed" and "is a file" in event["message"]


# What Keras and tqdm write, with colours, and backspaces for the line before.
FIT = (
    "Epoch 1/2\n"
    "\r\x1b[1m1/5\x1b[0m \x1b[32m━━━━\x1b[0m\x1b[37m━━━━━━━━━━━━━━━━\x1b[0m "
    "\x1b[1m1s\x1b[0m 309ms/step - loss: 0.5000" + 36 * "\b" + "\r"
    "\x1b[1m5/5\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m "
    "\x1b[1m0s\x1b[0m 7ms/step - loss: 0.2500  \n"
    "Epoch 2/2\n"
    "\r\x1b[1m2/5\x1b[0m \x1b[32m━━━━━━━━\x1b[0m\x1b[37m━━━━━━━━━━━━\x1b[0m "
    "\x1b[1m0s\x1b[0m 20ms/step - loss: 0.2000"
)
PHOTOS = (
    "\rtrain:   0%|          | 0/360 [00:00<?, ?photo/s]"
    "\rtrain:   4%|▍         | 16/360 [00:01<00:22, 15.10photo/s]"
    "\rtrain: 100%|██████████| 360/360 [00:15<00:00, 23.02photo/s]\n"
)
DOWNLOAD = (
    "\rweights.h5:   0%|          | 0.00/93.0M [00:00<?, ?B/s]"
    "\rweights.h5:  12%|█▏        | 11.2M/93.0M [00:01<00:08, 9.9MB/s]"
)
STORIES = {
    "fit": (FIT, [(1, 10), (5, 10), (7, 10)]),
    "photos": (PHOTOS, [(0, 360), (16, 360), (360, 360)]),
    "download": (DOWNLOAD, [(0, 100), (12, 100)]),
    "both": (
        PHOTOS + FIT,
        [(0, 360), (16, 360), (360, 360), (1, 10), (5, 10), (7, 10)],
    ),
    "no total": ("7/Unknown ━━━\r12it [00:00, 99.00it/s]\n", []),
    "prose": ("265 of 300 photos: 88.3%\n3/8 of them\nEpoch 1/2\n", []),
}


@pytest.mark.parametrize("size", [1, 2, 7, 40])
@pytest.mark.parametrize("story", STORIES)
def test_progress_is_read_from_pieces_of_any_size(story, size):
    text, expected = STORIES[story]
    reports = []
    reader = _progress.Reader(lambda *progress: reports.append(progress))
    for start in range(0, len(text), size):
        reader.read(text[start : start + size])
    assert reports == expected


def test_a_long_piece_reports_its_latest_state():
    reports = []
    _progress.Reader(lambda *progress: reports.append(progress)).read(FIT)
    assert reports == [(7, 10)]


def test_the_bars_of_the_installed_versions_are_read(capsys):
    reports = []
    reader = _progress.Reader(lambda *progress: reports.append(progress))
    keras.utils.Progbar(23).update(12, [("loss", 0.5)])
    reader.read("Epoch 3/8\n" + capsys.readouterr().out)
    tqdm(total=40, initial=7, file=(stream := io.StringIO())).close()
    reader.read("\n" + stream.getvalue())
    assert reports == [(2 * 23 + 12, 8 * 23), (7, 40)]


class Terminal(io.StringIO):
    """What a terminal gets; `lines` is what it shows."""

    encoding = "utf-8"

    def isatty(self):
        return True

    def lines(self):
        shown = []
        for line in self.getvalue().split("\n"):
            text = ""
            for part in line.split("\r"):
                text = part + text[len(part) :]
            shown.append(text.rstrip())
        return shown


def test_a_terminal_shows_a_bar_while_a_stage_runs(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    display = _progress.Lines()
    display.stage(1, 2, "Features")
    display.progress(0, 360)
    display.progress(90, 360)
    (line,) = terminal.lines()
    assert line.startswith("1/2 Features ... ██▌       ")
    assert "90/360" in line and line.endswith(" left")
    display.progress(10, 40)  # another task of the same stage
    (line,) = terminal.lines()
    assert " 10/40, " in line and "360" not in line
    display.stage(2, 2, "Training")
    first, second = terminal.lines()
    assert first.startswith("1/2 Features ... ") and first.endswith(" s")
    assert "40" not in first and second == "2/2 Training ..."


def test_nothing_moves_where_there_is_no_terminal(capsys):
    display = _progress.Lines()
    display.stage(1, 1, "Features")
    display.progress(90, 360)
    assert capsys.readouterr().out == "1/1 Features ... "
