"""start.py sets up once, hands over, and says one sentence when it can't."""

import ast
import contextlib
import errno
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from clone import SOURCE, Clone, one_sentence

import start

HERE = "{}.{}".format(*sys.version_info[:2])
POSIX = pytest.mark.skipif(os.name == "nt", reason="uses a shell script")


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path / "a photo atelier, naïve ü")


# What is set up, and when.


def test_the_first_start_installs_and_the_second_does_not(clone):
    first = clone.run("hello")
    assert first.returncode == 7, first.stderr
    assert "progress of pip" in first.stdout
    (asked,) = clone.installs()
    assert "--require-hashes" in asked
    assert asked.endswith("requirements.lock")

    second = clone.run("hello")
    assert second.returncode == 7
    assert len(clone.installs()) == 1
    assert "progress of pip" not in second.stdout


def test_a_new_lock_is_installed(clone):
    clone.run("hello")
    clone.lock.write_text("tensorflow==2.21.1\n")
    assert clone.run("hello").returncode == 7
    assert len(clone.installs()) == 2


def test_the_stamp_is_of_one_python(clone):
    clone.run("hello")
    clone.stamp.write_text(clone.stamp.read_text().replace(HERE, "3.1"))
    clone.run("hello")
    assert len(clone.installs()) == 2
    assert f"python {HERE}" in clone.stamp.read_text()


@pytest.mark.parametrize("text", ["", "half a st"])
def test_a_damaged_stamp_is_none(clone, text):
    clone.stamp.write_text(text)
    assert clone.run("hello").returncode == 7
    assert len(clone.installs()) == 1


def test_a_failed_install_is_taken_up_again(clone):
    failed = clone.run("hello", COMPLAINT="ERROR: no")
    assert failed.returncode == 1
    assert not clone.stamp.exists()
    assert clone.run("hello").returncode == 7
    assert len(clone.installs()) == 2
    assert clone.stamp.exists()


def test_a_second_start_is_refused_while_the_first_sets_up(clone):
    with start.alone(str(clone.venv), str(clone.lock)):
        second = clone.run("hello")
        assert second.returncode == 1
        assert "Another start" in one_sentence(second.stderr)
        assert clone.installs() == []
    assert clone.run("hello").returncode == 7
    # With nothing to install there is nothing to wait for.
    with start.alone(str(clone.venv), str(clone.lock)):
        assert clone.run("hello").returncode == 7
    assert len(clone.installs()) == 1


def test_jupyterlab_asks_nothing_about_news(clone):
    clone.run("hello")
    settings = clone.venv / "share/jupyter/lab/settings/overrides.json"
    (values,) = json.loads(settings.read_text()).values()
    assert values["fetchNews"] == "false"


# What is said when it can't be.


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
    ],
)
def test_a_failed_install_is_one_sentence(clone, complaint, words):
    done = clone.run("hello", COMPLAINT=complaint)
    assert done.returncode == 1
    assert words in one_sentence(done.stderr)
    log = clone.venv / "install.log"
    assert complaint in log.read_text()


def test_a_pip_that_says_nothing_is_one_sentence(clone):
    done = clone.run("hello", COMPLAINT=" ")
    assert done.returncode == 1
    assert "did not say why" in one_sentence(done.stderr)


def test_a_missing_lock_is_one_sentence(clone):
    clone.lock.unlink()
    done = clone.run("hello")
    assert done.returncode == 1
    assert "requirements.lock" in one_sentence(done.stderr)


def test_a_file_in_place_of_venv_is_one_sentence(clone):
    shutil.rmtree(clone.venv)
    clone.venv.write_text("mine")
    done = clone.run("hello")
    assert done.returncode == 1
    assert ".venv" in one_sentence(done.stderr)
    assert clone.venv.read_text() == "mine"


@pytest.fixture
def inside(clone, monkeypatch, capsys):
    """start.py as a module, at work on the clone; returns main's end."""
    monkeypatch.setattr(start, "ROOT", str(clone.root))
    monkeypatch.setattr(start, "VENV", str(clone.venv))
    monkeypatch.setattr(start, "LOCK", str(clone.lock))
    # The real one would put what it starts in the place of this process.
    monkeypatch.setattr(start, "hand_over", lambda *c: pytest.fail(str(c)))

    def main(*argv):
        code = start.main(list(argv))
        return code, capsys.readouterr().err

    return main


def facts(version, venv=True, wide=True):
    return {"version": version, "venv": venv, "wide": wide, "pip": True}


def pythons(monkeypatch, answers):
    """Let there be these Pythons: {command: facts, or None if broken}."""
    monkeypatch.setattr(start, "candidates", lambda: [[c] for c in answers])
    monkeypatch.setattr(start, "ask", lambda command: answers.get(command[0]))


@pytest.mark.parametrize(
    "answers",
    [
        {sys.executable: facts((3, 10))},
        {sys.executable: facts((3, 14)), "python3.12": None},
        {sys.executable: facts((3, 12), wide=False)},
        {sys.executable: None},
    ],
)
def test_a_wrong_python_is_one_sentence(inside, monkeypatch, clone, answers):
    shutil.rmtree(clone.venv)
    pythons(monkeypatch, answers)
    code, error = inside("hello")
    assert code == 1
    assert "Python 3.11, 3.12 and 3.13" in one_sentence(error)
    assert not clone.venv.exists()


@pytest.mark.parametrize(
    ("answers", "package"),
    [
        ({sys.executable: facts((3, 11), venv=False)}, "python3-venv"),
        (
            {
                sys.executable: facts((3, 14)),
                "python3.12": facts((3, 12), venv=False),
            },
            "python3.12-venv",
        ),
    ],
)
def test_no_venv_module_is_one_sentence(
    inside, monkeypatch, clone, answers, package
):
    shutil.rmtree(clone.venv)
    pythons(monkeypatch, answers)
    code, error = inside("hello")
    assert code == 1
    assert f"sudo apt install {package} " in one_sentence(error)


@pytest.fixture
def taken(inside, monkeypatch, clone):
    """Of which Python .venv would be made, and what is said of that."""

    def make_venv(venv, base):
        raise start.StartError(base[0])

    shutil.rmtree(clone.venv)
    said = []
    monkeypatch.setattr(start, "say", said.append)
    monkeypatch.setattr(start, "make_venv", make_venv)
    return lambda: (inside("hello"), said)


def test_another_python_is_taken_and_said(taken, monkeypatch):
    pythons(
        monkeypatch,
        {
            sys.executable: facts((3, 14)),
            "a-shim": None,
            "no-venv": facts((3, 12), venv=False),
            "good": facts((3, 13)),
        },
    )
    end, said = taken()
    assert end == (1, "good\n")
    assert HERE in one_sentence(said[0])
    assert "3.13 from good" in said[0]


def test_this_python_is_taken_without_a_word(taken, monkeypatch):
    answers = {sys.executable: facts((3, 11)), "other": facts((3, 12))}
    pythons(monkeypatch, answers)
    assert taken() == ((1, f"{sys.executable}\n"), [])


# What doctor says before there are packages.


@pytest.fixture
def doctor(clone):
    """A clone with a doctor that says so and ends with 7."""
    (clone.root / "tools" / "doctor.py").write_text(
        (clone.root / "tools" / "hello.py").read_text()
    )
    return clone


def test_a_doctor_installs_nothing(doctor):
    done = doctor.run("doctor")
    assert done.returncode == 1
    assert "up to 0.7 GB" in one_sentence(done.stdout)
    assert done.stderr == ""
    shutil.rmtree(doctor.venv)
    done = doctor.run("doctor")
    assert done.returncode == 1
    assert "up to 0.7 GB" in one_sentence(done.stdout)
    assert doctor.installs() == []
    assert not doctor.venv.exists()


def test_what_is_set_up_goes_to_the_doctor(doctor):
    doctor.run("hello")
    assert doctor.run("doctor").returncode == 7
    doctor.lock.write_text("tensorflow==2.21.1\n")
    assert doctor.run("doctor").returncode == 1


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({sys.executable: facts((3, 14))}, "install one of them"),
        ({sys.executable: facts((3, 11), venv=False)}, "python3-venv"),
    ],
)
def test_a_doctor_knows_what_python_lacks(
    inside, monkeypatch, doctor, answers, words
):
    shutil.rmtree(doctor.venv)
    said = []
    monkeypatch.setattr(start, "say", said.append)
    pythons(monkeypatch, answers)
    assert inside("doctor") == (1, "")
    assert len(said) == 1 and words in one_sentence(said[0])


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
    monkeypatch.setattr(start, "VERSIONS", ((3, 99), (3, 98)))
    assert start.find_python() == [str(tmp_path / "python3.98")]


def test_what_a_python_says_of_itself():
    told = start.ask([sys.executable])
    assert told["version"] == sys.version_info[:2]
    assert told["venv"]
    assert start.ask(["no-such-python"]) is None
    assert start.ask([sys.executable, "--no-such-option"]) is None


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
    monkeypatch.setattr(start, "hand_over", lambda *command: 0)
    got, error = inside("hello")
    assert got == code
    if code:
        assert "4 GB" in one_sentence(error)
        assert clone.installs() == []


def test_an_intel_mac_is_one_sentence(inside, monkeypatch):
    monkeypatch.setattr(start.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(start.platform, "machine", lambda: "x86_64")
    code, error = inside("hello")
    assert code == 1
    assert "Intel" in one_sentence(error)


def test_what_another_start_has_just_set_up_is_not_made_anew(
    inside, clone, monkeypatch
):
    alone = start.alone

    @contextlib.contextmanager
    def late(venv, lock):
        clone.run("hello")  # it is through before this one gets its turn
        with alone(venv, lock):
            yield

    monkeypatch.setattr(start, "alone", late)
    monkeypatch.setattr(start, "hand_over", lambda *command: 0)
    assert inside("hello") == (0, "")
    assert len(clone.installs()) == 1


@POSIX
def test_a_disk_that_locks_nothing_is_no_hindrance(inside, clone, monkeypatch):
    def flock(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(start.fcntl, "flock", flock)
    monkeypatch.setattr(start, "hand_over", lambda *command: 0)
    assert inside("hello") == (0, "")
    assert len(clone.installs()) == 1


def test_a_venv_of_another_python_is_kept(inside, monkeypatch, clone):
    monkeypatch.setattr(start, "ask", lambda command: facts((3, 10)))
    code, error = inside("hello")
    assert code == 1
    assert "rename or delete" in one_sentence(error)
    assert clone.venv.is_dir()


def test_a_folder_that_is_no_venv_is_kept(clone):
    shutil.rmtree(clone.venv)
    clone.venv.mkdir()
    (clone.venv / "mine.txt").write_text("mine")
    done = clone.run("hello")
    assert done.returncode == 1
    assert "rename it" in one_sentence(done.stderr)
    assert (clone.venv / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("broken", [True, False])
def test_a_broken_venv_is_made_anew(inside, monkeypatch, clone, broken):
    if broken:
        Path(start.venv_python(start.VENV)).unlink()
    else:
        shutil.rmtree(clone.venv)
    made = []
    ran = subprocess.run

    def run(command, **options):
        if "venv" in command:
            made.append(command)
            command = [*command, "--without-pip"]  # it takes seconds
        return ran(command, **options)

    monkeypatch.setattr(start.subprocess, "run", run)
    monkeypatch.setattr(start, "give_pip", lambda *args: None)
    monkeypatch.setattr(start, "install", lambda *args: None)
    monkeypatch.setattr(start, "hand_over", lambda *command: 0)
    assert inside("hello") == (0, "")
    assert len(made) == 1
    assert ("--clear" in made[0]) == broken
    assert Path(start.venv_python(start.VENV)).exists()


# What is handed over, and to whom.


@pytest.mark.parametrize("inside", [True, False])
def test_paths_given_to_a_verb_count_from_the_current_folder(
    clone, tmp_path, inside
):
    here = clone.root if inside else tmp_path
    given = ["-k", "a b", "--", "--help", "ü"]
    done = clone.run("hello", *given, cwd=here)
    assert done.returncode == 7, done.stderr
    got = json.loads(done.stdout.splitlines()[-1])
    assert got["argv"] == given
    assert Path(got["cwd"]) == here


@POSIX  # for the way in which its pipe is made to lack letters
@pytest.mark.parametrize(
    ("wish", "said"), [("", b"na?ve ? 7"), ("utf-8", "naïve ü 7".encode())]
)
def test_letters_that_a_pipe_lacks_stop_nothing(
    clone, monkeypatch, wish, said
):
    clone.run("hello")
    (clone.root / "tools" / "hello.py").write_text(
        "print('na\\u00efve \\u00fc', 7)"
    )
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    settings = {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    settings |= {"PYTHONIOENCODING": wish} if wish else {}
    done = clone.run("hello", **settings)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout.encode()


def test_what_follows_the_dashes_goes_to_jupyterlab(clone, tmp_path):
    done = clone.run("--", "--no-browser", "--x=a b", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout.splitlines()[-1])
    assert Path(got[0]) == Path("notebooks/00_start_here.ipynb")
    assert f"--ServerApp.root_dir={clone.root}" in got
    assert got[-2:] == ["--no-browser", "--x=a b"]


@pytest.mark.parametrize(("user", "allowed"), [(0, True), (1000, False)])
def test_root_is_allowed_only_for_root(monkeypatch, user, allowed):
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    command = start.jupyter_command("python", [])
    assert ("--allow-root" in command) == allowed


def test_jupyterlab_is_what_a_bare_start_opens(clone):
    done = clone.run()
    assert done.returncode == 0, done.stderr
    assert "00_start_here.ipynb" in done.stdout


@pytest.mark.parametrize(
    "given",
    ["--port={}", "--ServerApp.port={}", "--port {}"],
)
def test_a_taken_port_is_one_sentence(clone, given):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = clone.run("--", *given.format(port).split())
    assert done.returncode == 1
    assert f"Port {port}" in one_sentence(done.stderr)
    assert clone.installs() == []


@pytest.mark.parametrize("given", ["--port=eight", "--port=70000", "--port"])
def test_what_is_no_port_is_one_sentence(clone, given):
    done = clone.run("--", given)
    assert done.returncode == 1
    assert "not a port" in one_sentence(done.stderr)


def test_no_port_at_all_is_one_sentence(inside, monkeypatch):
    def bind(self, address):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket.socket, "bind", bind)
    code, error = inside()
    assert code == 1
    assert "port" in one_sentence(error)


@pytest.mark.parametrize("verb", ["fly", "_shared", "__init__", "--quick"])
def test_an_unknown_verb_is_one_sentence(clone, verb):
    done = clone.run(verb)
    assert done.returncode == 2
    assert verb in one_sentence(done.stderr)
    assert "hello" in done.stderr
    assert clone.installs() == []


@pytest.mark.parametrize("flag", ["--help", "-h", "help"])
def test_help_lists_the_verbs_one_line_each(clone, flag):
    done = clone.run(flag)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    (hello,) = [line for line in lines if " hello " in line]
    assert hello.endswith("Says what it was given.")
    assert "_shared" not in done.stdout
    assert clone.installs() == []


def test_every_verb_says_what_it_does():
    assert {"regenerate", "test"} <= set(start.verbs())
    for verb, line in start.verbs().items():
        assert re.fullmatch(r"[A-Z].{10,70}\.", line), verb


def test_every_verb_has_a_main():
    for verb in start.verbs():
        path = SOURCE.parent / "tools" / f"{verb}.py"
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
        assert "main" in [f.name for f in functions], verb


def test_ctrl_c_is_quiet(inside, monkeypatch):
    def interrupted(venv, python, lock):
        raise KeyboardInterrupt

    monkeypatch.setattr(start, "install", interrupted)
    assert inside("hello") == (130, "")


def test_an_old_python_can_read_it():
    source = SOURCE.read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    with pytest.raises(SyntaxError):
        ast.parse("if x := 1: pass", feature_version=(3, 6))


def test_it_needs_only_the_standard_library():
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    names = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    ]
    froms = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    assert froms == []
    assert set(names) <= sys.stdlib_module_names
