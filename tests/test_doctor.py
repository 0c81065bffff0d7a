"""The doctor says READY, or one sentence about the first problem."""

import errno
import functools
import http.server
import json
import os
import subprocess
import sys
import threading
import types
import webbrowser

import nbformat
import psutil
import pytest
from clone import one_sentence
from nbformat import v4

from helpers import paths, setup
from helpers.network import starter
from helpers.surfaces import render
from tools import _pinned, _venv, doctor

DISK = doctor._disk


@pytest.fixture
def other_checks_pass(monkeypatch):
    """Leaves the check that a test puts in place of `_weights`."""
    names = ("_packages", "_notebooks", "_pictures", "_machine", "_disk")
    for name in (*names, "_forward_pass"):
        monkeypatch.setattr(doctor, name, lambda: None)
    monkeypatch.setattr(doctor, "_answer", lambda lab, folder: None)
    started = [sys.executable, "-c", ""]
    monkeypatch.setattr(_venv, "jupyter_command", lambda *_: started)


def test_a_machine_that_is_set_up_is_ready():
    # Whatever else takes memory while the tests run.
    program = (
        "from tools import doctor; doctor.FREE = 0; print(doctor.main([]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
    )
    first, *_, last = done.stdout.splitlines()
    assert (first, last, done.stderr) == ("READY", "0", "")


def test_the_first_thing_is_said_and_nothing_else(
    other_checks_pass, monkeypatch, capfd
):
    monkeypatch.setattr(doctor, "_weights", lambda: "Fix the weights.")
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

    monkeypatch.setattr(doctor, "_weights", broken)
    monkeypatch.setattr(doctor.sys, "platform", system)
    assert doctor.main([]) == 1
    assert words in one_sentence(capfd.readouterr().out)


def test_without_a_browser_it_is_said_what_to_do(
    other_checks_pass, monkeypatch, capfd
):
    def none():
        raise webbrowser.Error

    monkeypatch.setattr(doctor, "_weights", lambda: None)
    monkeypatch.setattr(webbrowser, "get", none)
    assert doctor.main([]) == 0
    first, second = capfd.readouterr().out.splitlines()
    assert (first, "address" in second) == ("READY", True)


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


def test_all_lessons_are_there_and_can_be_read(monkeypatch, tmp_path):
    assert len(_pinned.notebooks()) == doctor.LESSONS  # of the project
    monkeypatch.setattr(_pinned, "NOTEBOOKS", tmp_path)
    for number in range(doctor.LESSONS):
        path = tmp_path / f"{number:02d}_lesson.ipynb"
        nbformat.write(v4.new_notebook(), path)
    assert doctor._notebooks() is None
    path.write_text(path.read_text()[:-9])
    assert "08_lesson.ipynb" in one_sentence(doctor._notebooks())
    path.unlink()
    assert "Lesson 08 is missing" in one_sentence(doctor._notebooks())


def test_damaged_weights_are_named(monkeypatch):
    assert doctor._weights() is None
    monkeypatch.setattr(starter, "SHA256", "0" * 64)
    assert starter.FILE.name in one_sentence(doctor._weights())


def test_pictures_of_another_version_are_told(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBOOK_DATA", str(tmp_path))
    assert doctor._pictures() is None  # they will be drawn
    assert not list(tmp_path.iterdir())
    (tmp_path / "surfaces" / "photos").mkdir(parents=True)
    assert "edition.txt does not say" in one_sentence(doctor._pictures())
    mark = tmp_path / "surfaces" / render.EDITION_FILE
    mark.write_text(f"{render.EDITION}\n")
    assert doctor._pictures() is None


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


def test_a_jupyterlab_that_answers_is_found(tmp_path):
    handler = functools.partial(
        http.server.SimpleHTTPRequestHandler, directory=tmp_path
    )
    (tmp_path / "api").write_text("{}")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        (tmp_path / "jpserver-1.json").write_text(json.dumps({"url": url}))
        lab = subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1)
        assert doctor._answer(lab, tmp_path) is None
        lab.communicate()
        server.shutdown()


def test_a_jupyterlab_that_ends_is_one_sentence(monkeypatch, tmp_path):
    program = "import sys; sys.exit('no such extension')"
    command = [sys.executable, "-c", program]
    monkeypatch.setattr(_venv, "jupyter_command", lambda *_: command)
    with doctor._jupyterlab(str(tmp_path)) as lab:
        problem = doctor._answer(lab, tmp_path)
    assert "no such extension" in one_sentence(problem)


def test_a_full_disk_is_one_sentence(other_checks_pass, monkeypatch, capfd):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(doctor, "_weights", DISK)
    monkeypatch.setattr(paths.os, "replace", full)
    assert doctor.main([]) == 1
    assert "the disk is full" in one_sentence(capfd.readouterr().out)


def test_the_room_check_spares_what_another_process_writes(
    tmp_path, monkeypatch
):
    for name in ("WORKBOOK_DATA", "WORKBOOK_WORK"):
        monkeypatch.setenv(name, str(tmp_path))
    (tmp_path / "doctor.txt").write_text("of another")
    assert DISK() is None
    assert [path.name for path in tmp_path.iterdir()] == ["doctor.txt"]
    assert (tmp_path / "doctor.txt").read_text() == "of another"
