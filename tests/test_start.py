"""start.py sets up once, hands over, and says in one sentence why it can't."""

import ast
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from clone import SOURCE, STANDARD, Clone, one_sentence

import start
from tools import _venv

POSIX = pytest.mark.skipif(os.name == "nt", reason="uses a shell script")


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path / "a photo atelier, naïve ü")


def test_it_installs_once_and_again_when_the_lock_has_changed(clone):
    first = clone.run("hello")
    assert first.returncode == 7, first.stderr
    assert "progress of pip" in first.stdout
    (call,) = clone.installs()
    assert "--require-hashes" in call and call.endswith("requirements.lock")
    settings = clone.venv / "share/jupyter/lab/settings/overrides.json"
    (values,) = json.loads(settings.read_text()).values()
    assert values["fetchNews"] == "false"  # no question over lesson 00
    assert clone.run("hello").returncode == 7
    assert len(clone.installs()) == 1
    clone.lock.write_text("tensorflow==2.21.1\n")
    assert clone.run("hello").returncode == 7
    assert len(clone.installs()) == 2


# What is said when it fails.


def test_a_failed_install_has_pips_reason_and_advice(clone):
    done = clone.run("hello", OFFLINE="1")
    assert done.returncode == 1
    reason, advice = done.stderr.splitlines()
    assert reason == "no network, says pip" and "offline" in advice
    assert not clone.stamp.exists()
    assert clone.run("hello").returncode == 7


def _folder_as_venv(clone):
    shutil.rmtree(clone.venv)
    clone.venv.mkdir()
    (clone.venv / "mine.txt").write_text("mine")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda clone: clone.lock.unlink(), "requirements.lock"),
        (_folder_as_venv, "rename it"),
    ],
)
def test_what_is_in_the_way_is_one_sentence_and_stays(clone, spoil, words):
    spoil(clone)
    done = clone.run("hello")
    assert done.returncode == 1
    assert words in one_sentence(done.stderr)
    assert clone.venv.exists()
    mine = clone.venv / "mine.txt"
    assert not mine.exists() or mine.read_text() == "mine"


@pytest.fixture
def inside(clone, monkeypatch, capsys):
    """start.main for the clone, in this process; returns code and output."""
    for module in (start, _venv):
        monkeypatch.setattr(module, "ROOT", str(clone.root))
        monkeypatch.setattr(module, "VENV", str(clone.venv))
        monkeypatch.setattr(module, "LOCK", str(clone.lock))
    # The real function would replace this process.
    monkeypatch.setattr(start, "hand_over", lambda *args: 0)

    def main(*argv):
        code = start.main(list(argv))
        return code, *capsys.readouterr()

    return main


def facts(version, venv=True, wide=True, pip=True):
    return {"version": version, "venv": venv, "wide": wide, "pip": pip}


def pythons(monkeypatch, answers):
    """Let these Pythons exist: {command: facts, or None if broken}."""
    commands = [[command] for command in answers]
    monkeypatch.setattr(_venv, "candidates", lambda: commands)
    monkeypatch.setattr(_venv, "ask", lambda command: answers.get(command[0]))


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (
            {sys.executable: facts((3, 14)), "python3.12": None},
            "3.11 or 3.12 or 3.13",
        ),
        ({sys.executable: facts((3, 12), wide=False)}, "64 bits"),
        (
            {
                sys.executable: facts((3, 14)),
                "python3.12": facts((3, 12), venv=False),
            },
            "sudo apt install python3.12-venv ",
        ),
    ],
)
def test_a_missing_python_is_one_sentence(
    inside, monkeypatch, clone, answers, words
):
    shutil.rmtree(clone.venv)
    pythons(monkeypatch, answers)
    code, _, error = inside("hello")
    assert code == 1
    assert words in one_sentence(error)
    assert not clone.venv.exists()
    assert inside("doctor") == (1, error, "")


@pytest.mark.parametrize(
    ("answers", "command"),
    [
        (
            {
                sys.executable: facts((3, 14)),
                "a-shim": None,
                "no-venv": facts((3, 12), venv=False),
                "good": facts((3, 13)),
            },
            "good",
        ),
        (
            {sys.executable: facts((3, 11)), "other": facts((3, 12))},
            sys.executable,
        ),
    ],
)
@pytest.mark.parametrize("state", ["broken", "missing", "without pip"])
def test_a_suitable_python_makes_an_incomplete_venv_anew(
    inside, monkeypatch, clone, answers, command, state
):
    if state == "missing":
        shutil.rmtree(clone.venv)
    if state == "without pip":  # making it was interrupted
        python = _venv.venv_python(str(clone.venv))
        answers = answers | {python: facts((3, 12), pip=False)}
    pythons(monkeypatch, answers)
    calls = []

    def run(command):
        calls.append(command)
        raise _venv.SetupError("stop")

    monkeypatch.setattr(_venv, "run_quietly", run)
    _, output, _ = inside("hello")
    assert [call[0] for call in calls] == [command]
    assert ("--clear" in calls[0]) == (state != "missing")
    assert ("good is used instead" in output) == (command == "good")


def test_too_little_space_is_one_sentence(inside, monkeypatch, clone):
    usage = shutil._ntuple_diskusage(0, 0, 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert inside("hello")[0] == 0  # the venv is there
    shutil.rmtree(clone.venv)
    code, _, error = inside("hello")
    assert code == 1
    assert "4 GB" in one_sentence(error)


def test_an_intel_mac_is_one_sentence(inside, monkeypatch):
    monkeypatch.setattr(_venv.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(_venv.platform, "machine", lambda: "x86_64")
    code, _, error = inside("hello")
    assert code == 1
    assert "Intel" in one_sentence(error)


def test_a_venv_of_another_python_is_kept(inside, monkeypatch, clone):
    monkeypatch.setattr(_venv, "ask", lambda command: facts((3, 10)))
    code, _, error = inside("hello")
    assert code == 1
    assert "rename or delete" in one_sentence(error)
    assert clone.venv.is_dir()


def test_ctrl_c_is_quiet(inside, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(_venv, "install", interrupted)
    code, output, error = inside("hello")
    assert (code, error) == (130, "")
    assert output.endswith("the next start goes on from here.\n")


def test_the_doctor_installs_nothing(clone):
    done = clone.run("doctor")
    assert done.returncode == 1
    assert "up to 0.7 GB" in one_sentence(done.stdout)
    assert done.stderr == "" and clone.installs() == []
    clone.run("hello")
    assert clone.run("doctor").returncode == 7  # of tools/doctor.py


# The weights of a whole room.


@pytest.mark.parametrize("command", [["hello"], []])
def test_the_weights_are_kept_and_the_rest_goes_on(
    clone, monkeypatch, tmp_path, command
):
    for name in ("WORKBOOK_DATA", "WORKBOOK_WORK"):
        monkeypatch.delenv(name, raising=False)
    done = clone.run("--weights", "starter", *command)
    assert done.returncode == (7 if command else 0), done.stderr
    assert "use the weights starter" in done.stdout
    note = clone.root / "data" / "work" / "weights.json"
    assert json.loads(note.read_text()) == {"name": "starter", "path": None}
    work = tmp_path / "elsewhere"
    clone.run("--weights", "imagenet", "hello", WORKBOOK_WORK=str(work))
    assert "imagenet" in (work / "weights.json").read_text()
    assert "starter" in note.read_text()


@pytest.mark.parametrize("value", [[], ["hello"], ["Starter"]])
def test_unknown_weights_are_one_sentence(clone, value):
    done = clone.run("--weights", *value)
    assert done.returncode == 1
    assert "imagenet, starter, random" in one_sentence(done.stderr)
    assert not (clone.root / "data").exists() and clone.installs() == []


# What is handed over.


@pytest.mark.parametrize("folder", ["project", "elsewhere"])
def test_a_command_runs_in_the_current_folder(clone, tmp_path, folder):
    here = clone.root if folder == "project" else tmp_path
    arguments = ["-k", "a b", "--", "--help", "ü"]
    done = clone.run("hello", *arguments, cwd=here)
    assert done.returncode == 7, done.stderr
    got = json.loads(done.stdout.splitlines()[-1])
    assert got["argv"] == arguments
    assert Path(got["cwd"]) == here


@POSIX  # for the way in which its pipe is made to lack letters
@pytest.mark.parametrize(
    ("encoding", "output"),
    [("", b"na?ve ? 7"), ("utf-8", "naïve ü 7".encode())],
)
def test_letters_that_a_pipe_lacks_stop_nothing(
    clone, monkeypatch, encoding, output
):
    clone.run("hello")
    (clone.root / "tools" / "hello.py").write_text(
        "def main(argv):\n    print('na\\u00efve \\u00fc', 7)"
    )
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    settings = {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    settings |= {"PYTHONIOENCODING": encoding} if encoding else {}
    done = clone.run("hello", **settings)
    assert done.returncode == 0, done.stderr
    assert output in done.stdout.encode()


@pytest.mark.parametrize("options", [[], ["--no-browser", "--x=a b"]])
def test_what_follows_the_dashes_goes_to_jupyterlab(clone, tmp_path, options):
    arguments = ["--", *options] if options else []
    done = clone.run(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout.splitlines()[-1])
    assert f"--ServerApp.root_dir={clone.root}" in got
    lesson = "/lab/tree/notebooks/00_start_here.ipynb"
    assert f"--LabApp.default_url={lesson}" in got
    assert got[len(got) - len(options) :] == options
    is_root = os.name != "nt" and not os.geteuid()
    assert ("--allow-root" in got) == is_root


@pytest.mark.parametrize("command", ["fly", "_venv", "--quick", "--from"])
def test_an_unknown_command_is_one_sentence(clone, command):
    done = clone.run(command)
    assert done.returncode == 1
    assert command in one_sentence(done.stderr)
    assert clone.installs() == []


def test_help_lists_the_commands_one_line_each(clone):
    done = clone.run("--help")
    assert done.returncode == 0
    (hello,) = [li for li in done.stdout.splitlines() if " hello " in li]
    assert hello.endswith("Says what it was given.")
    assert "_venv" not in done.stdout
    assert clone.installs() == []


# What a user has set for other programs changes nothing.

ENVIRONMENT = """
import json, os, sys
def main(argv):
    print(json.dumps(dict(os.environ, optimize=sys.flags.optimize)))
"""


@pytest.fixture
def foreign(tmp_path):
    """A folder for PYTHONPATH, with packages that don't load."""
    folder = tmp_path / "foreign"
    for name in ("json", "numpy", "venv", "pip", "jupyterlab"):
        (folder / name).mkdir(parents=True)
        text = "raise ImportError('of another Python')"
        (folder / name / "__init__.py").write_text(text)
    return folder


def test_foreign_environment_variables_do_not_reach_a_command(clone, foreign):
    (clone.root / "tools" / "hello.py").write_text(ENVIRONMENT)
    done = clone.run(
        "hello",
        PYTHONPATH=str(foreign),
        PYTHONSTARTUP=str(foreign / "json" / "__init__.py"),
        PYTHONOPTIMIZE="2",
        PYTHONWARNINGS="error",
        KERAS_BACKEND="torch",
        TF_USE_LEGACY_KERAS="1",
        XLA_FLAGS="--nonsense",
        MPLBACKEND="nonsense",
        IPYTHONDIR=str(foreign),
        JUPYTER_CONFIG_DIR=str(foreign),
        JUPYTER_PATH=str(foreign),
        PIP_TARGET=str(foreign),
        PIP_USER="1",
    )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout.splitlines()[-1])
    assert got["PYTHONPATH"] == str(clone.root)
    assert got["KERAS_BACKEND"] == "tensorflow"
    assert got["optimize"] == 0
    assert got["PIP_USER"] == "0"
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR"):
        assert Path(got[name]).parent == clone.venv
    assert not set(_venv.DROPPED) & set(got)


def test_proxies_caches_and_the_theme_reach_a_command(clone, tmp_path):
    (clone.root / "tools" / "hello.py").write_text(ENVIRONMENT)
    kept = {
        "https_proxy": "http://proxy.example.org:3128",
        "SSL_CERT_FILE": "/etc/own.pem",
        "CUDA_VISIBLE_DEVICES": "1",
        "KERAS_HOME": "/data/keras",
        "TMPDIR": str(tmp_path),
        "PIP_INDEX_URL": "https://pypi.example.org/simple",
        "WORKBOOK_WEIGHTS": "random",
    }
    there = {"JUPYTER_CONFIG_DIR": "/data/jupyter"}
    there["JUPYTERLAB_SETTINGS_DIR"] = ""
    done = clone.run("hello", **there, **kept)
    got = json.loads(done.stdout.splitlines()[-1])
    assert kept.items() <= got.items()
    theme = Path("/data/jupyter/lab/user-settings")
    assert Path(got["JUPYTERLAB_SETTINGS_DIR"]) == theme


def test_modules_in_the_current_folder_are_not_imported(clone, tmp_path):
    folder = tmp_path / "mine"
    (folder / "tools").mkdir(parents=True)
    (folder / "tools" / "__init__.py").write_text("")
    for name in ("json.py", "venv.py", "pip.py"):
        (folder / name).write_text("raise ImportError('not for this')")
    done = clone.run("hello", cwd=folder)
    assert done.returncode == 7, done.stderr


# What installs.


@pytest.mark.parametrize(
    ("uv", "code", "programs"),
    [
        ("/bin/uv", 0, ["uv"]),
        ("/bin/uv", 2, ["uv", "pip"]),
        (None, 0, ["pip"]),
    ],
    ids=["uv", "uv fails", "no uv"],
)
def test_uv_installs_where_it_is_there(monkeypatch, uv, code, programs):
    calls = []

    def call(command, **options):
        calls.append(command)
        return code if command[0] == uv else 0

    monkeypatch.setattr(_venv.shutil, "which", lambda name: uv)
    monkeypatch.setattr(_venv.subprocess, "call", call)
    _venv.install("my/python", "my.lock")
    assert ["uv" if c[0] == uv else c[2] for c in calls] == programs
    for command in calls:
        assert "my/python" in command and "--require-hashes" in command
        assert command[-2:] == ["-r", "my.lock"]


# What it is written in.

FILES = [SOURCE, *(SOURCE.parent / "tools" / name for name in STANDARD)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_old_python_can_read_it_without_packages(path):
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 7))
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            modules.add(node.module)
    assert modules <= {"tools", "tools._venv"} | sys.stdlib_module_names
