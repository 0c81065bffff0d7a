"""The doctor says READY, or one sentence about the first problem."""

import errno
import os
import subprocess
import sys
import types

import psutil
import pytest
from clone import one_sentence

from helpers import paths, setup
from helpers.network import starter, weights
from helpers.surfaces import render
from tools import _venv, doctor

DISK, WEIGHTS = doctor._disk, doctor._weights


@pytest.fixture
def other_checks_pass(monkeypatch):
    """Leaves the check that a test puts in place of `_data`."""
    names = ("_packages", "_machine", "_disk", "_weights", "_forward_pass")
    for name in (*names, "_jupyterlab"):
        monkeypatch.setattr(doctor, name, lambda: None)
    monkeypatch.setattr(doctor, "code", lambda: "any")


def test_a_machine_that_is_set_up_is_ready():
    # Whatever else takes memory while the tests run.
    program = (
        "from tools import doctor; doctor.FREE = 0; print(doctor.main([]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=paths.ROOT,
        env={**os.environ, "WORKBOOK_WEIGHTS": "random"},
        capture_output=True,
        text=True,
    )
    first, code, last = done.stdout.splitlines()
    assert (first, last, done.stderr) == ("READY", "0", "")
    assert code.startswith("Code for your instructor: ")
    assert code.endswith("-random")


@pytest.mark.parametrize(
    ("system", "start"),
    [("win32", "win"), ("darwin", "mac"), ("linux", "lin")],
)
def test_the_code_says_machine_versions_and_weights(
    monkeypatch, capsys, tmp_path, system, start
):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    weights.choose("random")
    capsys.readouterr()
    memory = types.SimpleNamespace(total=7.7 * 2**30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(doctor.os, "cpu_count", lambda: 12)
    monkeypatch.setattr(doctor.sys, "version_info", (3, 12, 10))
    monkeypatch.setattr(doctor.sys, "platform", system)
    monkeypatch.setattr(doctor.metadata, "version", lambda name: "2.21.0")
    assert doctor.code() == f"{start}-12c-8g-py312-tf221-random"
    assert capsys.readouterr().out == ""


def test_weights_that_are_not_here_are_one_sentence(
    other_checks_pass, monkeypatch, capfd
):
    monkeypatch.setattr(doctor, "_weights", WEIGHTS)
    monkeypatch.setenv(weights.VARIABLE, "random")
    assert doctor.main([]) == 0
    capfd.readouterr()
    monkeypatch.setenv(weights.VARIABLE, "gone.h5")
    assert doctor.main([]) == 1
    assert "gone.h5" in one_sentence(capfd.readouterr().out)
    monkeypatch.setattr(starter, "SHA256", "0" * 64)
    assert doctor.main([]) == 1
    assert starter.FILE.name in one_sentence(capfd.readouterr().out)


def test_the_first_thing_is_said_and_nothing_else(
    other_checks_pass, monkeypatch, capfd
):
    monkeypatch.setattr(doctor, "_data", lambda: "Fix the weights.")
    monkeypatch.setattr(
        doctor, "_forward_pass", lambda: pytest.fail("too late")
    )
    assert doctor.main([]) == 1
    assert capfd.readouterr() == ("Fix the weights.\n", "")


@pytest.mark.parametrize(
    ("system", "error", "library_path", "words"),
    [
        (
            *("linux", ImportError("old", name="h9py"), None),
            "h9py does not load (old): rename or delete",
        ),
        (
            *("linux", ImportError("old", name="h9py"), "/opt/old"),
            "unset LD_LIBRARY_PATH and check again, or rename",
        ),
        ("win32", ImportError("DLL load failed"), None, "Visual C++"),
        (
            *("linux", OSError(errno.ENOSPC, "The disk is full"), None),
            "disk is full",
        ),
    ],
)
def test_what_breaks_is_one_sentence(
    other_checks_pass, monkeypatch, capfd, system, error, library_path, words
):
    def broken():
        raise error

    for name in doctor.LIBRARY_PATHS:
        monkeypatch.delenv(name, raising=False)
    if library_path:
        monkeypatch.setenv("LD_LIBRARY_PATH", library_path)

    monkeypatch.setattr(doctor, "_data", broken)
    monkeypatch.setattr(doctor.sys, "platform", system)
    assert doctor.main([]) == 1
    assert words in one_sentence(capfd.readouterr().out)


# Each check, on what is right and on what is wrong.


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pytest=={} \\", None),
        ("no-such-thing==1.0 ; sys_platform == 'riscv' \\", None),
        ("no-such-thing==1.0 \\", "no-such-thing is missing"),
        ("pytest==0.1", "not pytest==0.1"),
    ],
)
def test_packages_are_those_of_the_lock(monkeypatch, tmp_path, line, words):
    lock = tmp_path / "some.lock"
    lock.write_text(f"# of tests\n{line.format(pytest.__version__)}\n    # x")
    monkeypatch.setattr(_venv, "LOCK", str(lock))
    problem = doctor._packages()
    assert (
        words in problem and ".venv" in problem if words else problem is None
    )


def test_pictures_of_another_version_are_told(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBOOK_DATA", str(tmp_path))
    assert doctor._data() is None  # they will be drawn
    assert not list(tmp_path.iterdir())
    (tmp_path / "surfaces" / "photos").mkdir(parents=True)
    with pytest.raises(ValueError, match="edition.txt does not say"):
        doctor._data()
    mark = tmp_path / "surfaces" / render.EDITION_FILE
    mark.write_text(f"{render.EDITION}\n")
    assert doctor._data() is None


@pytest.mark.parametrize(
    ("total", "available", "words"),
    [(4, 2.5, None), (4, 1.5, "Close other programs"), (2, 2, "2.0")],
)
def test_memory_is_enough(monkeypatch, total, available, words):
    memory = types.SimpleNamespace(
        total=total * 2**30, available=available * 2**30
    )
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(setup, "DISK", 0)
    problem = doctor._machine()
    assert words in one_sentence(problem) if words else problem is None


def test_a_jupyterlab_that_fails_is_one_sentence(monkeypatch):
    program = "import sys; sys.exit('no such extension')"
    command = [sys.executable, "-c", program]
    monkeypatch.setattr(_venv, "jupyter_command", lambda *_: command)
    assert "no such extension" in one_sentence(doctor._jupyterlab())


def test_a_full_disk_is_one_sentence(other_checks_pass, monkeypatch, capfd):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(doctor, "_data", DISK)
    monkeypatch.setattr(paths.os, "replace", full)
    assert doctor.main([]) == 1
    assert "the disk is full" in one_sentence(capfd.readouterr().out)
