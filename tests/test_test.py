"""The command `test`: which Python runs which tests, and what is excluded."""

import os
import sys
import types

import pytest

from helpers.paths import ROOT
from tools import _extras, _pinned, _venv
from tools import test as command


@pytest.fixture
def given(tmp_path, monkeypatch):
    """Runs the command with a stand-in for pytest.

    Returns what pytest was given, its environment, and the locks installed.
    """
    started, installed = [], []

    def popen(arguments, cwd, env):
        started.append((arguments, env))
        return types.SimpleNamespace(wait=lambda: 5)

    monkeypatch.setattr(command.subprocess, "Popen", popen)
    monkeypatch.setattr(_extras, "install", installed.append)
    monkeypatch.setattr(_extras, "chromium", lambda: "/usr/bin/chromium")
    monkeypatch.setattr(_venv, "set_up", lambda venv, lock: f"{venv}/python")
    monkeypatch.setattr(command, "COLAB_WORK", tmp_path / "colab")
    monkeypatch.setattr(_pinned, "WORK", tmp_path / "pinned")
    for work in (command.COLAB_WORK, _pinned.WORK):
        for folder in ("results", "features"):
            (work / folder).mkdir(parents=True)

    def run(*args):
        installed.clear()
        assert command.main([*args]) == 5
        return *started[-1], list(installed)

    return run


def test_all_tests_but_those_of_a_release_run_two_at_a_time(given):
    arguments, _, installed = given()
    assert arguments[0] == sys.executable
    assert arguments[-2:] == ["-m", "not release"]
    assert {"-n2", "--nbval-lax"} <= set(arguments)
    assert installed == [_extras.SITE, _extras.BROWSER]
    arguments, _, installed = given("--all")
    assert "-n2" in arguments and "not release" not in arguments
    assert _extras.APP in installed
    arguments, *_ = given("-k", "a b")
    assert arguments[3:] == [*command.OPTIONS, "-k", "a b"]


def test_without_the_packages_of_the_site_the_other_tests_run(
    given, monkeypatch, capsys
):
    def offline(lock):
        raise _venv.SetupError("no network")

    monkeypatch.setattr(_extras, "install", offline)
    given()
    assert "no network" in capsys.readouterr().err


@pytest.mark.parametrize("there", [True, False])
def test_the_weights_are_the_ones_that_ship(
    given, monkeypatch, tmp_path, there
):
    (tmp_path / "weights").touch()
    file = tmp_path / ("weights" if there else "none")
    monkeypatch.setattr(_pinned.starter, "FILE", file)
    monkeypatch.setenv("WORKBOOK_WEIGHTS", "imagenet")
    monkeypatch.setenv("WORKBOOK_WORK", "of the learner")
    _, environment, _ = given()
    weights = "starter" if there else "random"
    assert environment["WORKBOOK_WEIGHTS"] == weights
    assert environment["WORKBOOK_WORK"] == str(_pinned.WORK)


def test_only_a_whole_run_forgets_the_results_of_the_last(given):
    given("-k", "one")
    assert (_pinned.WORK / "results").is_dir()
    given()
    assert os.listdir(_pinned.WORK) == ["features"]
    assert (command.COLAB_WORK / "results").is_dir()


def test_colab_is_an_environment_of_its_own(given):
    arguments, environment, _ = given("--colab")
    assert arguments[0] == f"{command.COLAB_VENV}/python"
    assert environment["WORKBOOK_WORK"] == str(command.COLAB_WORK)
    assert os.listdir(command.COLAB_WORK) == ["features"]
    assert "--ignore=tests/test_pack.py" in arguments
    for name in command.NOT_ON_COLAB:
        assert (ROOT / "tests" / f"test_{name}.py").is_file()
