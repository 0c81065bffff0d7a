"""The verb `test` takes the right Python, and says what it leaves out."""

import json
import os
import re
import subprocess
import sys

import pytest
from clone import Clone, one_sentence

from helpers.paths import ROOT
from tools import _browser, _colab, _pinned, _sphinx, _venv
from tools import test as verb

PYTEST = """
import json, os, sys
if __name__ == "__main__":
    keys = ("WORKBOOK_WORK", "WORKBOOK_WEIGHTS", "WORKBOOK_NO_BROWSER")
    keys += ("WORKBOOK_NO_SITE",)
    given = {key: os.environ.get(key) for key in keys}
    given["python"], given["arguments"] = sys.prefix, sys.argv[1:]
    print(json.dumps(given))
    sys.exit(5)
"""


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone with stand-ins for pip and pytest, in place of .venv-colab."""
    made = Clone(tmp_path / "clone")
    (next(made.venv.rglob("site-packages")) / "pytest.py").write_text(PYTEST)
    monkeypatch.setattr(_venv, "ROOT", str(made.root))
    monkeypatch.setattr(verb, "ROOT", made.root)
    monkeypatch.setattr(_colab, "VENV", made.venv)
    monkeypatch.setattr(_colab, "LOCK", made.lock)
    monkeypatch.setattr(_colab, "WORK", tmp_path / "work")
    monkeypatch.setattr(_pinned, "WORK", tmp_path / "not used")
    return made


# Under Colab's versions.


def test_colab_is_an_environment_of_its_own(clone, capfd):
    assert verb.main(["--colab", "-k", "a b"]) == 5
    given = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert given["python"] == str(clone.venv)
    assert given["WORKBOOK_WORK"] == str(_colab.WORK)
    assert given["WORKBOOK_WEIGHTS"] in ("starter", "random")
    assert given["WORKBOOK_NO_BROWSER"]
    assert given["WORKBOOK_NO_SITE"]
    assert given["arguments"][-2:] == ["-k", "a b"]
    assert "--nbval-lax" in given["arguments"]
    assert "--ignore=tests/test_style.py" in given["arguments"]


def test_colab_is_installed_once(clone, capfd):
    for _ in range(2):
        assert verb.main(["--colab"]) == 5
    (asked,) = clone.installs()
    assert "--require-hashes" in asked
    assert asked.endswith(clone.lock.name)
    capfd.readouterr()
    clone.lock.write_text("tensorflow==2.20.1\n")
    assert verb.main(["--colab"]) == 5
    assert len(clone.installs()) == 2


def test_no_network_for_colab_is_one_sentence(clone, capfd, monkeypatch):
    monkeypatch.setenv("COMPLAINT", "ERROR: NameResolutionError")
    assert verb.main(["--colab"]) == 1
    said = capfd.readouterr()
    assert "online" in one_sentence(said.err)
    assert "WORKBOOK_WORK" not in said.out


def test_ctrl_c_while_colab_is_installed_is_quiet(clone, monkeypatch, capfd):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(_venv, "install", interrupted)
    assert verb.main(["--colab"]) == 130
    assert capfd.readouterr().err == ""


def test_the_journal_of_colab_is_forgotten(clone):
    for work in (_colab.WORK, _pinned.WORK):
        (work / "journal").mkdir(parents=True)
    verb.main(["--colab", "-k", "one"])
    assert (_colab.WORK / "journal").is_dir()
    verb.main(["--colab"])
    assert not (_colab.WORK / "journal").exists()
    assert (_pinned.WORK / "journal").is_dir()


def test_what_stands_apart_from_colab_is_there():
    names = {path.stem for path in (ROOT / "tests").glob("test_*.py")}
    assert set(_colab.APART) <= names
    assert {"test_models", "test_photos", "test_plots"}.isdisjoint(
        _colab.APART
    )


# What drives the browser, and what builds the site.


@pytest.fixture
def venv(clone, monkeypatch):
    """A .venv, whose Python runs this as far as can be seen."""
    monkeypatch.setattr(_venv, "VENV", str(clone.venv))
    monkeypatch.setattr(sys, "prefix", str(clone.venv))
    monkeypatch.setattr(sys, "executable", _venv.venv_python(clone.venv))
    monkeypatch.setattr(_browser, "path", lambda: "/usr/bin/chromium")
    return clone


@pytest.fixture(params=[_browser, _sphinx])
def besides(request, venv, monkeypatch):
    """One of the two, with the lock of the clone; the other installs not."""
    for module in (_browser, _sphinx):
        monkeypatch.delenv(module.REASON, raising=False)
        if module is not request.param:
            monkeypatch.setattr(module, "install", lambda: "")
    monkeypatch.setattr(request.param, "LOCK", venv.lock)
    return request.param


def test_what_is_needed_besides_is_installed_once(besides, venv, capfd):
    for _ in range(2):
        assert verb.main([]) == 5
        given = json.loads(capfd.readouterr().out.splitlines()[-1])
        assert given[besides.REASON] == ""
    assert len(venv.installs()) == 1
    venv.lock.write_text("playwright==9\n")
    verb.main([])
    assert len(venv.installs()) == 2
    assert not venv.stamp.exists()  # the learner's stamp is another


def test_without_a_browser_nothing_is_installed(venv, monkeypatch):
    monkeypatch.delenv(_browser.REASON, raising=False)
    monkeypatch.setattr(_browser, "path", lambda: None)
    assert _browser.install() == ""
    assert venv.installs() == []
    assert "no Chromium" in one_sentence(_browser.why_not())


def test_an_environment_of_ones_own_is_left_alone(besides, venv, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(venv.root))
    monkeypatch.setattr(besides.importlib.util, "find_spec", lambda _: None)
    name = "browser.lock" if besides is _browser else "site.lock"
    monkeypatch.setattr(besides, "LOCK", ROOT / "tests" / name)
    assert besides.install() == ""
    assert venv.installs() == []
    assert name in one_sentence(besides.why_not())


def test_no_network_for_it_stops_no_test(besides, venv, capfd, monkeypatch):
    monkeypatch.setenv("COMPLAINT", "ERROR: NameResolutionError")
    assert verb.main([]) == 5
    said = capfd.readouterr()
    assert said.err == ""
    given = json.loads(said.out.splitlines()[-1])
    assert "online" in one_sentence(given[besides.REASON])


def test_a_reason_is_the_last_word(besides, monkeypatch):
    monkeypatch.setattr(besides.importlib.util, "find_spec", lambda _: True)
    assert besides.why_not() == ""
    monkeypatch.setenv(besides.REASON, "It rains.")
    assert besides.why_not() == "It rains."


@pytest.mark.parametrize("name", _browser.NAMES)
def test_a_chromium_is_found_by_its_name(tmp_path, monkeypatch, name):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _browser.path() is None
    program = tmp_path / name
    program.touch(0o755)
    assert _browser.path() == str(program)


GROUPS = ("test_browser.py", "test_site.py", "test_site_browser.py")


def run_groups(**environment):
    """Run the tests that need a browser or Sphinx as if both were missing."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        + [f"tests/{name}" for name in GROUPS],
        cwd=ROOT,
        env=os.environ
        | {_browser.REASON: "No browser.", _sphinx.REASON: "No Sphinx."}
        | environment,
        capture_output=True,
        text=True,
    )


def test_groups_that_cannot_run_are_skipped_and_say_why():
    done = run_groups(CI="")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout
    assert "The browser tests did not run: No browser." in lines
    assert "The tests of the site did not run: No Sphinx." in lines
    assert re.match(r"[1-9]\d* skipped in ", lines[-1])


def test_groups_that_cannot_run_fail_in_ci():
    done = run_groups(CI="true")
    assert done.returncode == 1, done.stdout
    assert re.match(r"[1-9]\d* errors in ", done.stdout.splitlines()[-1])
    for name in GROUPS:
        assert f"ERROR tests/{name}" in done.stdout
    assert "No browser." in done.stdout and "No Sphinx." in done.stdout


def test_ci_is_strict_and_runs_the_command_of_the_readme():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert "export CI=true" in lines
    assert lines[-1] == "exec python3 start.py test"
