"""The verb `test`: which Python runs which tests, and what is left out."""

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
    given = {key: os.environ.get(key) for key in os.environ}
    given["python"], given["arguments"] = sys.prefix, sys.argv[1:]
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
    monkeypatch.setattr(verb, "ROOT", made.root)
    monkeypatch.setattr(sys, "prefix", str(made.venv))
    monkeypatch.setattr(sys, "executable", _venv.venv_python(made.venv))
    monkeypatch.setattr(_browser, "path", lambda: "/usr/bin/chromium")
    monkeypatch.setattr(_colab, "VENV", made.venv)
    for module in (_browser, _colab, _sphinx):
        lock = made.root / f"{module.__name__}.lock"
        lock.write_text("tensorflow==2.21.0\n")
        monkeypatch.setattr(module, "LOCK", lock)
    for module in (_browser, _sphinx):
        monkeypatch.delenv(module.REASON, raising=False)
    monkeypatch.setattr(_colab, "WORK", tmp_path / "colab")
    monkeypatch.setattr(_pinned, "WORK", tmp_path / "pinned")
    for work in (_colab.WORK, _pinned.WORK):
        (work / "results").mkdir(parents=True)
    return made


@pytest.fixture
def given(capfd):
    """Runs the verb; returns what pytest was given."""

    def run(*args):
        assert verb.main([*args]) == 5
        return json.loads(capfd.readouterr().out.splitlines()[-1])

    return run


def test_all_tests_but_those_of_a_release_run_two_at_a_time(clone, given):
    arguments = given()["arguments"]
    assert arguments[-2:] == ["-m", "not release"]
    assert "-n2" in arguments
    assert "--nbval-lax" in arguments
    arguments = given("--all")["arguments"]
    assert "-n2" in arguments
    assert "not release" not in arguments


def test_arguments_go_to_pytest(clone, given):
    arguments = given("-k", "a b")["arguments"]
    assert arguments == [*verb.OPTIONS, "-k", "a b"]


def test_only_a_whole_run_forgets_the_results_of_the_last(clone, given):
    given("-k", "one")
    assert (_pinned.WORK / "results").is_dir()
    given()
    assert not (_pinned.WORK / "results").exists()
    assert (_colab.WORK / "results").is_dir()
    given("--colab")
    assert not (_colab.WORK / "results").exists()


def test_what_the_browser_and_the_site_need_is_installed_once(clone, given):
    for _ in range(2):
        environment = given()
        assert environment[_browser.REASON] == ""
        assert environment[_sphinx.REASON] == ""
    assert len(clone.installs()) == 2
    _browser.LOCK.write_text("playwright==9\n")
    given()
    assert len(clone.installs()) == 3
    assert not clone.stamp.exists()  # the stamp of the lessons' packages


def test_without_a_network_the_tests_run(clone, given, monkeypatch):
    monkeypatch.setenv("COMPLAINT", "ERROR: NameResolutionError")
    environment = given()
    assert "online" in one_sentence(environment[_browser.REASON])
    assert "online" in one_sentence(environment[_sphinx.REASON])


def test_another_environment_than_venv_is_left_alone(clone, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(clone.root))
    monkeypatch.setattr(_browser, "LOCK", ROOT / "tests" / "browser.lock")
    monkeypatch.setattr(_browser.importlib.util, "find_spec", lambda _: None)
    assert _browser.install() == ""
    assert clone.installs() == []
    assert "browser.lock" in one_sentence(_browser.why_not())


def test_colab_is_an_environment_of_its_own(clone, given):
    for _ in range(2):
        environment = given("--colab")
    assert environment["python"] == str(clone.venv)
    assert environment["WORKBOOK_WORK"] == str(_colab.WORK)
    assert environment[_browser.REASON]
    assert environment[_sphinx.REASON]
    assert "--ignore=tests/test_style.py" in environment["arguments"]
    (asked,) = clone.installs()
    assert "--require-hashes" in asked
    assert asked.endswith(_colab.LOCK.name)


def test_no_network_for_colab_is_one_sentence(clone, capfd, monkeypatch):
    monkeypatch.setenv("COMPLAINT", "ERROR: NameResolutionError")
    assert verb.main(["--colab"]) == 1
    assert "online" in one_sentence(capfd.readouterr().err)


def test_what_colab_leaves_out_is_there():
    names = {path.stem for path in (ROOT / "tests").glob("test_*.py")}
    assert set(_colab.EXCLUDED) <= names


@pytest.mark.parametrize("name", _browser.NAMES)
def test_a_chromium_is_found_by_its_name(tmp_path, monkeypatch, name):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _browser.path() is None
    program = tmp_path / name
    program.touch(0o755)
    assert _browser.path() == str(program)


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
def test_what_cannot_run_is_skipped_and_says_why_but_fails_in_ci(strict):
    names = ("test_browser.py", "test_site.py", "test_site_browser.py")
    reasons = {_browser.REASON: "No browser.", _sphinx.REASON: "No Sphinx."}
    done = run_pytest(*(f"tests/{n}" for n in names), CI=strict, **reasons)
    lines = done.stdout.splitlines()
    assert "The browser tests did not run: No browser." in lines
    assert "The tests of the site did not run: No Sphinx." in lines
    result = r"[1-9]\d* errors in " if strict else r"[1-9]\d* skipped in "
    assert re.match(result, lines[-1])
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


def test_ci_is_strict_and_runs_the_command_of_the_readme():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert "export CI=true" in lines
    assert lines[-1] == "exec python3 start.py test"
