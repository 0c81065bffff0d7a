"""start.py sets up once, hands over, and says in one sentence why it can't."""

import ast
import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from clone import PATH, SOURCE, STANDARD, Clone, one_sentence

import start
from tools import _venv

HERE = "{}.{}".format(*sys.version_info[:2])
POSIX = pytest.mark.skipif(os.name == "nt", reason="uses a shell script")


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path / "a photo atelier, naïve ü")


def test_the_first_start_installs_and_the_second_does_not(clone):
    first = clone.run("hello")
    assert first.returncode == 7, first.stderr
    assert "progress of pip" in first.stdout
    (call,) = clone.installs()
    assert "--require-hashes" in call and call.endswith("requirements.lock")
    settings = clone.venv / "share/jupyter/lab/settings/overrides.json"
    (values,) = json.loads(settings.read_text()).values()
    assert values["fetchNews"] == "false"  # no question over lesson 00

    second = clone.run("hello")
    assert second.returncode == 7
    assert len(clone.installs()) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda clone: clone.lock.write_text("tensorflow==2.21.1\n"),
        lambda clone: clone.stamp.write_text(
            clone.stamp.read_text().replace(HERE, "3.1")
        ),
        lambda clone: clone.stamp.write_text(""),
        lambda clone: clone.stamp.write_text("half a st"),
    ],
)
def test_it_installs_again_when_the_stamp_does_not_fit(clone, change):
    clone.run("hello")
    change(clone)
    assert clone.run("hello").returncode == 7
    assert len(clone.installs()) == 2
    assert f"python {HERE}" in clone.stamp.read_text()


def test_a_second_start_is_refused_while_the_first_sets_up(clone):
    with _venv.alone(str(clone.venv), str(clone.lock)):
        second = clone.run("hello")
        assert second.returncode == 1
        assert "Another start" in one_sentence(second.stderr)
        assert clone.installs() == []
    assert clone.run("hello").returncode == 7


@POSIX
@pytest.mark.parametrize("code", [0, 1])
def test_uv_installs_where_there_is_one_and_pip_if_uv_fails(
    clone, tmp_path, code
):
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(f'#!/bin/sh\nenv; echo "uv: $*"; exit {code}\n')
    uv.chmod(0o755)
    done = clone.run(
        "hello",
        PATH=os.pathsep.join([str(uv.parent), PATH]),
        UV_DEFAULT_INDEX="https://example.org",
        UV_NO_VERIFY_HASHES="1",
    )
    assert done.returncode == 7, done.stderr
    (call,) = re.findall(r"^uv: .*", done.stdout, re.MULTILINE)
    assert "--require-hashes" in call and str(clone.venv) in call
    assert "UV_DEFAULT_INDEX=https://example.org" in done.stdout
    assert "UV_NO_VERIFY_HASHES" not in done.stdout
    assert len(clone.installs()) == code


# What is said when it fails.


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        (
            "WARNING: Retrying after connection broken by "
            "'NewConnectionError(... Temporary failure in name resolution)'\n"
            "ERROR: No matching distribution found for absl-py",
            "online",
        ),
        ("ERROR: ReadTimeoutError: HTTPSConnectionPool", "online"),
        ("ERROR: [Errno 28] No space left on device", "make room"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "DO NOT MATCH"),
        (" ", "did not say why"),
    ],
)
def test_a_failed_install_is_one_sentence(clone, complaint, words):
    done = clone.run("hello", COMPLAINT=complaint)
    assert done.returncode == 1
    assert words in one_sentence(done.stderr)
    assert complaint in (clone.venv / "install.log").read_text()
    assert not clone.stamp.exists()


def _file_as_venv(clone):
    shutil.rmtree(clone.venv)
    clone.venv.write_text("mine")


def _folder_as_venv(clone):
    shutil.rmtree(clone.venv)
    clone.venv.mkdir()
    (clone.venv / "mine.txt").write_text("mine")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda clone: clone.lock.unlink(), "requirements.lock"),
        (_file_as_venv, ".venv"),
        (_folder_as_venv, "rename it"),
    ],
)
def test_what_is_in_the_way_is_one_sentence_and_stays(clone, spoil, words):
    spoil(clone)
    done = clone.run("hello")
    assert done.returncode == 1
    assert words in one_sentence(done.stderr)
    assert clone.venv.exists()
    for mine in (clone.venv, clone.venv / "mine.txt"):
        assert not mine.is_file() or mine.read_text() == "mine"


@pytest.fixture
def inside(clone, monkeypatch, capsys):
    """start.main for the clone, in this process; returns code and output."""
    for module in (start, _venv):
        monkeypatch.setattr(module, "ROOT", str(clone.root))
        monkeypatch.setattr(module, "VENV", str(clone.venv))
        monkeypatch.setattr(module, "LOCK", str(clone.lock))
    monkeypatch.setenv("PATH", PATH)
    # The real function would replace this process.
    monkeypatch.setattr(start, "hand_over", lambda *args: 0)

    def main(*argv):
        code = start.main(list(argv))
        return code, *capsys.readouterr()

    return main


def facts(version, venv=True, wide=True):
    return {"version": version, "venv": venv, "wide": wide, "pip": True}


def pythons(monkeypatch, answers):
    """Let these Pythons exist: {command: facts, or None if broken}."""
    commands = [[command] for command in answers]
    monkeypatch.setattr(_venv, "candidates", lambda: commands)
    monkeypatch.setattr(_venv, "ask", lambda command: answers.get(command[0]))


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({sys.executable: facts((3, 10))}, "3.11 or 3.12 or 3.13"),
        (
            {sys.executable: facts((3, 14)), "python3.12": None},
            "3.11 or 3.12 or 3.13",
        ),
        ({sys.executable: facts((3, 12), wide=False)}, "64 bits"),
        ({sys.executable: None}, "install it"),
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
def test_a_suitable_python_is_used(
    inside, monkeypatch, clone, answers, command
):
    shutil.rmtree(clone.venv)
    pythons(monkeypatch, answers)
    calls = []

    def run(command, venv):
        calls.append(command)
        raise _venv.SetupError("stop")

    monkeypatch.setattr(_venv, "run_or_raise", run)
    _, output, _ = inside("hello")
    assert [call[0] for call in calls] == [command]
    assert ("good is used instead" in output) == (command == "good")


@POSIX
def test_a_shim_that_fails_is_passed_over(monkeypatch, tmp_path):
    answer = json.dumps(facts((3, 98)))
    for name, script in {
        "python3.99": "echo command not found >&2; exit 127",
        "python3.98": f"echo '{answer}'",
    }.items():
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_venv, "VERSIONS", ((3, 99), (3, 98)))
    assert _venv.find_python() == [str(tmp_path / "python3.98")]


@pytest.mark.parametrize(
    ("free", "has_tensorflow", "code"),
    [(10**9, False, 1), (5 * 10**9, False, 0), (10**9, True, 0)],
)
def test_too_little_space_is_one_sentence(
    inside, monkeypatch, clone, free, has_tensorflow, code
):
    if has_tensorflow:
        packages = next(clone.venv.rglob("site-packages"))
        (packages / "tensorflow-2.21.0.dist-info").mkdir()
    usage = shutil._ntuple_diskusage(0, 0, free)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    got, _, error = inside("hello")
    assert got == code
    assert not code or "4 GB" in one_sentence(error)
    assert len(clone.installs()) == 1 - code


def test_an_intel_mac_is_one_sentence(inside, monkeypatch):
    monkeypatch.setattr(_venv.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(_venv.platform, "machine", lambda: "x86_64")
    code, _, error = inside("hello")
    assert code == 1
    assert "Intel" in one_sentence(error)


@POSIX
def test_a_disk_without_locks_is_no_hindrance(inside, clone, monkeypatch):
    def flock(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(_venv.fcntl, "flock", flock)
    assert inside("hello")[0] == 0
    assert len(clone.installs()) == 1


def test_a_venv_of_another_python_is_kept(inside, monkeypatch, clone):
    monkeypatch.setattr(_venv, "ask", lambda command: facts((3, 10)))
    code, _, error = inside("hello")
    assert code == 1
    assert "rename or delete" in one_sentence(error)
    assert clone.venv.is_dir()


@pytest.mark.parametrize("state", ["broken", "missing", "without pip"])
def test_an_incomplete_venv_is_completed(inside, monkeypatch, clone, state):
    if state == "broken":
        Path(_venv.venv_python(_venv.VENV)).unlink()
    elif state == "missing":
        shutil.rmtree(clone.venv)
    else:
        next(clone.venv.rglob("pip.py")).unlink()
    calls = []

    def run_or_raise(command, venv):
        calls.append(command)
        if "venv" in command:  # pip would take seconds
            subprocess.run([*command, "--without-pip"], check=True)

    monkeypatch.setattr(_venv, "run_or_raise", run_or_raise)
    monkeypatch.setattr(_venv, "install", lambda *args: None)
    assert inside("hello")[0] == 0
    assert [c for c in calls if "ensurepip" in c]
    made = [c for c in calls if "venv" in c]
    assert len(made) == (state != "without pip")
    assert any("--clear" in c for c in made) == (state == "broken")
    assert Path(_venv.venv_python(_venv.VENV)).exists()


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
    shutil.rmtree(clone.venv)
    assert "up to 0.7 GB" in one_sentence(clone.run("doctor").stdout)
    assert not clone.venv.exists()


# What is handed over.


@pytest.mark.parametrize("folder", ["project", "elsewhere"])
def test_a_verb_runs_in_the_current_folder(clone, tmp_path, folder):
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
        "print('na\\u00efve \\u00fc', 7)"
    )
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    settings = {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    settings |= {"PYTHONIOENCODING": encoding} if encoding else {}
    done = clone.run("hello", **settings)
    assert done.returncode == 0, done.stderr
    assert output in done.stdout.encode()


def test_what_follows_the_dashes_goes_to_jupyterlab(clone, tmp_path):
    for options in ([], ["--no-browser", "--x=a b"], ["--port=9000"]):
        arguments = ["--", *options] if options else []
        done = clone.run(*arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        got = json.loads(done.stdout.splitlines()[-1])
        assert Path(got[0]) == Path("notebooks/00_start_here.ipynb")
        assert f"--ServerApp.root_dir={clone.root}" in got
        assert got[len(got) - len(options) :] == options
        assert ("--allow-root" in got) == (
            os.name != "nt" and not os.geteuid()
        )
        # Another port than the one that was asked for would be no help.
        retries = "--ServerApp.port_retries=0" in got
        assert retries == ("--port=9000" in options)


@pytest.mark.parametrize(
    "verb", ["fly", "_venv", "__init__", "--quick", "--from"]
)
def test_an_unknown_verb_is_one_sentence(clone, verb):
    done = clone.run(verb)
    assert done.returncode == 1
    assert verb in one_sentence(done.stderr)
    assert clone.installs() == []


@pytest.mark.parametrize("flag", ["--help", "-h", "help"])
def test_help_lists_the_verbs_one_line_each(clone, flag):
    done = clone.run(flag)
    assert done.returncode == 0
    (hello,) = [li for li in done.stdout.splitlines() if " hello " in li]
    assert hello.endswith("Says what it was given.")
    assert "_venv" not in done.stdout
    assert clone.installs() == []


def test_every_verb_has_a_docstring_and_a_main():
    assert {"regenerate", "test"} <= set(start.verbs())
    for verb, line in start.verbs().items():
        assert re.fullmatch(r"[A-Z].{10,70}\.", line), verb
        path = SOURCE.parent / "tools" / f"{verb}.py"
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
        assert "main" in [f.name for f in functions], verb


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
    ours = {"tools", "tools._venv"}
    assert modules <= ours | sys.stdlib_module_names
