"""Packages, versions, commands and workflows agree with each other."""

import importlib.util
import re
import tomllib
from importlib.metadata import packages_distributions

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from source import imported, tracked

import start
from helpers.paths import ROOT
from tools import _venv

PYTHONS = [_venv.dotted(version) for version in sorted(_venv.VERSIONS)]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


SETTINGS = tomllib.loads(read("pyproject.toml"))


# Packages.


def required(name):
    """Return the requirements of a requirements file or dependency group."""
    groups = SETTINGS["dependency-groups"]
    lines = groups[name] if name in groups else read(name).splitlines()
    lines = [line.partition("#")[0].strip() for line in lines]
    return [Requirement(line) for line in lines if line]


def pins(name):
    """Return [(requirement, number of hashes)] of a lock."""
    locked = []
    for entry in read(name).replace("\\\n", " ").splitlines():
        if entry.strip() and not entry.lstrip().startswith("#"):
            pin, *hashes = entry.split("--hash=sha256:")
            locked.append((Requirement(pin.strip()), len(hashes)))
    return locked


def unmet(requirements, locked):
    """Return a sentence for each way in which a lock is insufficient.

    Every Python on Linux, macOS and Windows is considered.
    """
    problems = [f"{pin} has no hash" for pin, hashes in locked if not hashes]
    for requirement in requirements:
        for python in PYTHONS:
            for system in ("linux", "darwin", "win32"):
                here = {"python_version": python, "sys_platform": system}
                here["python_full_version"] = f"{python}.0"
                versions = [
                    next(iter(pin.specifier)).version
                    for pin, _ in locked
                    if pin.name == requirement.name
                    and (pin.marker is None or pin.marker.evaluate(here))
                ]
                matches = [requirement.specifier.contains(v) for v in versions]
                if matches != [True]:
                    problems.append(
                        f"{requirement} on Python {python}, {system}: "
                        f"locked {versions or 'nothing'}"
                    )
    return problems


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        ("requirements.txt", "requirements.lock"),
        ("test", "requirements.lock"),
        ("browser", "tests/browser.lock"),
        ("site", "tests/site.lock"),
        ("app", "tools/app.lock"),
        ("publish", "tools/publish.lock"),
        ("hub", "workshop/hub.lock"),
        ("tests/colab.txt", "tests/colab.lock"),
        ("colab", "tests/colab.lock"),
    ],
)
def test_a_lock_meets_the_requirements(name, lock):
    requirements = required(name)
    assert requirements
    assert unmet(requirements, pins(lock)) == []


@pytest.mark.parametrize(
    "lock",
    [
        *("tests/browser.lock", "tests/site.lock", "tools/app.lock"),
        "workshop/hub.lock",
    ],
)
def test_a_second_lock_has_the_versions_of_the_first(lock):
    # A pin may be for other systems than the same pin there.
    ours = {(p.name, p.specifier) for p, _ in pins("requirements.lock")}
    names = {name for name, _ in ours}
    for pin, _ in pins(lock):
        assert pin.name not in names or (pin.name, pin.specifier) in ours


def modules(folder):
    """Return the modules that the code in a folder imports."""
    sources = []
    for path in sorted((ROOT / folder).rglob("*")):
        if path.parent.name == "templates":
            continue  # an exported app has requirements of its own
        if path.suffix == ".py":
            sources.append(path.read_text(encoding="utf-8"))
        elif path.suffix == ".ipynb":
            cells = nbformat.read(path, as_version=4).cells
            sources += [c.source for c in cells if c.cell_type == "code"]
    return {m.partition(".")[0] for s in sources for m in imported(s)}


@pytest.mark.parametrize(
    ("folder", "groups"),
    [
        *((name, []) for name in ("helpers", "scale", "notebooks")),
        ("tools", ["test", "app"]),  # `test` has those of the load test
        *((name, ["test", "hub"]) for name in ("workshop", "pretraining")),
        ("tests", ["test", "browser", "site", "app"]),
    ],
)
def test_the_imported_packages_are_required(folder, groups):
    allowed = {
        canonicalize_name(requirement.name)
        for name in ["requirements.txt", *groups]
        for requirement in required(name)
    }
    installed = packages_distributions()
    for module in modules(folder) & set(installed):
        packages = set(map(canonicalize_name, installed[module]))
        assert packages & allowed, module


def test_an_exported_app_takes_the_packages_that_are_tested():
    name = "helpers/network/templates/requirements.txt"
    requirements = required(name)
    assert {r.name for r in requirements} == {
        *("ai-edge-litert", "gradio", "numpy", "pillow"),
    }
    locked = dict.fromkeys(pins("requirements.lock") + pins("tools/app.lock"))
    assert unmet(requirements, locked) == []


def test_the_versions_of_colab_are_within_the_ranges():
    colab = pins("tests/colab.lock")
    there = {pin.name for pin, _ in colab}
    requirements = required("requirements.txt")
    assert unmet([r for r in requirements if r.name in there], colab) == []
    # Colab needs no JupyterLab; the lessons do without the others there.
    missing = {r.name for r in requirements} - there
    assert missing == {
        *("jupyterlab", "ai-edge-litert", "backports-strenum", "pillow-heif"),
        *("onnx", "onnxruntime", "tf2onnx"),
    }


# Versions.


def test_the_same_pythons_are_supported_everywhere():
    supported = SETTINGS["project"]["requires-python"]
    minors = [f"3.{minor}" for minor in range(7, 30)]
    assert list(SpecifierSet(supported).filter(minors)) == PYTHONS
    classifiers = SETTINGS["project"]["classifiers"]
    prefix = "Programming Language :: Python :: "
    assert [c.removeprefix(prefix) for c in classifiers if prefix in c] == (
        PYTHONS
    )
    conda = yaml.safe_load(read("environment.yml"))
    assert conda["dependencies"][0] == f"python{supported}"
    tests = yaml.safe_load(read(".github/workflows/tests.yml"))
    matrix = tests["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["python"] == PYTHONS


def test_conda_and_binder_install_the_same_packages():
    """Binder's file differs in the Python alone.

    repo2docker takes the Python from a spec like `python=3.12`; with a range
    it starts from its own, older Python, which conda can't replace
    (https://github.com/jupyterhub/repo2docker/issues/1301).
    """
    conda = yaml.safe_load(read("environment.yml"))
    binder = yaml.safe_load(read("binder/environment.yml"))
    assert conda["channels"] == binder["channels"] == ["conda-forge"]
    python, *others = conda["dependencies"]
    assert others == ["pip", {"pip": ["-r requirements.txt"]}]
    python, *others = binder["dependencies"]
    assert python == f"python={_venv.dotted(_venv.VERSIONS[0])}"
    # The path counts from the folder binder/.
    assert others == ["pip", {"pip": ["-r ../requirements.txt"]}]


def test_the_version_is_the_same_everywhere():
    version = SETTINGS["project"]["version"]
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["version"] == version
    assert citation["license"] == SETTINGS["project"]["license"]
    released = citation["date-released"]
    headings = re.findall(r"^## (.*)$", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[:2] == ["[Unreleased]", f"[{version}] - {released}"]


# Commands.


def test_the_commands_in_pages_and_workflows_exist():
    texts = [p for p in tracked() if p.suffix in {".md", ".yml"}]
    assert {ROOT / "README.md", *WORKFLOWS} <= set(texts)
    for path in texts:
        text = path.read_text(encoding="utf-8")
        commands = set(re.findall(r"start\.py +([a-z]\w*)", text))
        assert commands <= set(start.commands()), path
        modules = re.findall(r"python -m ((?:tools|scale)[\w.]+)", text)
        assert all(map(importlib.util.find_spec, modules)), path
