"""The command `test`: which Python runs which tests, and what is excluded."""

import json
import os
import re
import subprocess
import sys

import pytest
from clone import Clone

from helpers.paths import ROOT
from tools import _extras, _pinned, _venv
from tools import test as command

PYTEST = """
import json, os, sys
if __name__ == "__main__":
    given = dict(os.environ, python=sys.prefix, arguments=sys.argv[1:])
    print(json.dumps(given))
    sys.exit(5)
"""


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone with stand-ins for pip and pytest, as .venv and .venv-colab."""
    made = Clone(tmp_path / "clone")
    (next(made.venv.rglob("site-packages")) / "pytest.py").write_text(PYTEST)
    monkeypatch.setattr(_venv, "ROOT", str(made.root))
    monkeypatch.setattr(_venv, "VENV", str(made.venv))
    for module in (command, _extras):
        monkeypatch.setattr(module, "ROOT", made.root)
    monkeypatch.setattr(sys, "prefix", str(made.venv))
    monkeypatch.setattr(sys, "executable", _venv.venv_python(made.venv))
    monkeypatch.setattr(_extras, "chromium", lambda: "/usr/bin/chromium")
    monkeypatch.setattr(command, "COLAB_VENV", made.venv)
    for module, name in (
        *((_extras, "BROWSER"), (_extras, "SITE"), (_extras, "APP")),
        (command, "COLAB_LOCK"),
    ):
        lock = made.root / f"{name}.lock"
        lock.write_text("tensorflow==2.21.0\n")
        monkeypatch.setattr(module, name, lock)
    monkeypatch.setattr(command, "COLAB_WORK", tmp_path / "colab")
    monkeypatch.setattr(_pinned, "WORK", tmp_path / "pinned")
    for work in (command.COLAB_WORK, _pinned.WORK):
        for folder in ("results", "features"):
            (work / folder).mkdir(parents=True)
    return made


@pytest.fixture
def given(capfd):
    """Runs the command; returns what pytest was given."""

    def run(*args):
        assert command.main([*args]) == 5
        return json.loads(capfd.readouterr().out.splitlines()[-1])

    return run


def test_all_tests_but_those_of_a_release_run_two_at_a_time(clone, given):
    arguments = given()["arguments"]
    assert arguments[-2:] == ["-m", "not release"]
    assert {"-n2", "--nbval-lax"} <= set(arguments)
    arguments = given("--all")["arguments"]
    assert "-n2" in arguments
    assert "not release" not in arguments
    arguments = given("-k", "a b")["arguments"]
    assert arguments == [*command.OPTIONS, "-k", "a b"]


@pytest.mark.parametrize("there", [True, False])
def test_the_weights_are_the_ones_that_ship(
    clone, given, monkeypatch, tmp_path, there
):
    (tmp_path / "weights").touch()
    file = tmp_path / ("weights" if there else "none")
    monkeypatch.setattr(_pinned.starter, "FILE", file)
    monkeypatch.setenv("WORKBOOK_WEIGHTS", "imagenet")
    monkeypatch.setenv("WORKBOOK_WORK", "of the learner")
    environment = given()
    weights = "starter" if there else "random"
    assert environment["WORKBOOK_WEIGHTS"] == weights
    assert environment["WORKBOOK_WORK"] == str(_pinned.WORK)


def test_only_a_whole_run_forgets_the_results_of_the_last(clone, given):
    given("-k", "one")
    assert (_pinned.WORK / "results").is_dir()
    given()
    assert os.listdir(_pinned.WORK) == ["features"]
    assert (command.COLAB_WORK / "results").is_dir()
    given("--colab")
    assert os.listdir(command.COLAB_WORK) == ["features"]


def test_what_the_browser_and_the_site_need_is_installed_once(
    clone, given, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setenv("OFFLINE", "1")
        given()  # the tests run all the same
    assert len(clone.installs()) == 2
    given()
    given()
    assert len(clone.installs()) == 4
    _extras.BROWSER.write_text("playwright==9\n")
    given()
    assert len(clone.installs()) == 5
    assert not clone.stamp.exists()  # the stamp of the lessons' packages
    given("--all")  # drives the app as well
    assert len(clone.installs()) == 6
    monkeypatch.setattr(sys, "prefix", str(clone.root))
    _extras.SITE.write_text("sphinx==9\n")
    given()  # in an environment that is not .venv
    assert len(clone.installs()) == 6


def test_colab_is_an_environment_of_its_own(clone, given, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("OFFLINE", "1")
        assert command.main(["--colab"]) == 1
    for _ in range(2):
        environment = given("--colab")
    assert environment["python"] == str(clone.venv)
    assert environment["WORKBOOK_WORK"] == str(command.COLAB_WORK)
    assert "--ignore=tests/test_pack.py" in environment["arguments"]
    _, call = clone.installs()
    assert call.endswith(command.COLAB_LOCK.name)
    for name in command.NOT_ON_COLAB:
        assert (ROOT / "tests" / f"test_{name}.py").is_file()


# --- conftest.py ----------------------------------------------------------


def run_pytest(*args, cwd=ROOT, **environment):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        + [*args],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("strict", ["", "true"])
def test_without_a_browser_tests_are_skipped_but_fail_in_ci(strict, tmp_path):
    done = run_pytest("tests/test_browser.py", CI=strict, PATH=str(tmp_path))
    *_, reason, last = done.stdout.splitlines()
    assert "There is no Chromium on this computer." in done.stdout
    result = r"[1-9]\d* errors in " if strict else r"[1-9]\d* skipped in "
    assert re.match(result, last)
    assert done.returncode == bool(strict)


def test_memory_is_limited_and_tests_of_a_release_are_counted(
    tmp_path, notebook, code, save
):
    for name, size in (("01_small", 0), ("02_large", 300)):
        kept = code(f"kept = bytearray({size} * 2**20)", 1)
        save(notebook(kept, code("print(len(kept))", 2)), f"{name}.ipynb")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.release\ndef test_slow(): pass\n"
    )
    conftest = (ROOT / "conftest.py").read_text(encoding="utf-8")
    limit = "BINDER = 2 * 2**30"
    assert limit in conftest
    (tmp_path / "conftest.py").write_text(
        conftest.replace(limit, "BINDER = 2**28"), encoding="utf-8"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = release: slow")
    options = ("--nbval-lax", "--nbval-current-env")
    done = run_pytest(*options, "-m", "not release", ".", cwd=tmp_path)
    assert "02_large.ipynb: the kernel used " in done.stdout
    assert "01_small.ipynb: the kernel" not in done.stdout
    assert "1 slow tests that only a release needs did not" in done.stdout
    result = "4 passed, 1 deselected, 1 error in"
    assert result in done.stdout.splitlines()[-1]
