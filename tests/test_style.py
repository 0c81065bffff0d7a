"""The project is of a piece: style, imports, requirements, commands."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement

import start
from helpers.paths import ROOT
from tools import _outputs

LIGHT = ("files", "journal", "measure", "surfaces")
HEAVY = {"keras", "tensorflow"}
CONDA_KEYS = {"name", "channels", "dependencies"}
PYTHONS = ("3.11", "3.12", "3.13")


def ruff(*args, source=None):
    return subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", *args],
        cwd=ROOT,
        input=source,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def test_ruff_has_nothing_to_say():
    done = ruff("--output-format=concise", ".")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("source", ["import os\n", f"x = '{'a' * 80}'\n"])
def test_ruff_would_say_so(source):
    done = ruff("--stdin-filename=helpers/new.py", "-", source=source)
    assert done.returncode == 1


def tracked():
    """Return the paths of all files that git tracks or would add."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z", "-co", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    names = listing.decode("utf-8").split("\0")
    return [ROOT / name for name in names if name]


def test_no_file_names_a_folder_of_one_machine():
    found = []
    for path in tracked():
        # Notebooks have a test of their own, cell by cell.
        if path.suffix == ".ipynb" or not path.is_file():
            continue
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for line in _outputs.machine_paths(content.decode("utf-8")):
            found.append(f"{path.relative_to(ROOT)}: {line}")
    assert found == []


@pytest.mark.parametrize("folder", [ROOT / "x", Path.home() / "x"])
def test_a_folder_of_this_machine_would_be_found(folder):
    assert _outputs.machine_paths(f"see {folder}.") == [f"see {folder}."]


def imported(source):
    """Return the modules a source imports, with dots, as a set.

    `from helpers import x` counts as `helpers.x`.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
            found |= {f"{node.module}.{a.name}" for a in node.names}
    return found


def graph(folder):
    """Return {"helpers.x": modules it imports} of a folder of modules."""
    found = {}
    for path in sorted(Path(folder).rglob("*.py")):
        parts = path.relative_to(Path(folder).parent).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        found[name] = imported(path.read_text(encoding="utf-8"))
    return found


def reached(modules, name):
    """Return all that `name` imports, directly or through `modules`."""
    found, new = set(), set(modules[name])
    while new:
        found |= new
        new = set().union(*(modules.get(m, set()) for m in new)) - found
    return found


def upward(modules):
    """Return the modules that import what stands above the helpers."""
    above = {"tools", "pretraining", "tests", "start"}
    return [
        name
        for name in modules
        if {m.partition(".")[0] for m in modules[name]} & above
    ]


def circular(modules):
    """Return the modules that reach themselves, but for the package."""
    return [m for m in modules if "." in m and m in reached(modules, m)]


def heavy(modules, names):
    """Return those of `names` that reach TensorFlow or Keras."""
    return [
        name
        for name in names
        if {m.partition(".")[0] for m in reached(modules, name)} & HEAVY
    ]


def test_helpers_import_one_way():
    modules = graph(ROOT / "helpers")
    assert upward(modules) == []
    assert circular(modules) == []


def test_light_helpers_do_without_tensorflow():
    names = [f"helpers.{name}" for name in LIGHT]
    assert heavy(graph(ROOT / "helpers"), names) == []


def test_wrong_imports_would_be_found(tmp_path):
    folder = tmp_path / "helpers"
    folder.mkdir()
    for name, source in {
        "__init__": "",
        "up": "def f():\n    from tools import test",
        "ring": "from helpers import round",
        "round": "import helpers.ring",
        "files": "from helpers import photos",
        "photos": "from keras import layers",
    }.items():
        (folder / f"{name}.py").write_text(source)
    modules = graph(folder)
    assert upward(modules) == ["helpers.up"]
    assert circular(modules) == ["helpers.ring", "helpers.round"]
    names = ["helpers.paths", "helpers.ring"]
    assert heavy(modules, names) == ["helpers.paths"]


def ranges(source):
    """Return the requirements of a requirements.txt, as a list."""
    lines = (line.partition("#")[0].strip() for line in source.splitlines())
    return [Requirement(line) for line in lines if line]


def pins(source):
    """Return [(requirement, number of hashes)] of a requirements.lock."""
    found = []
    for entry in source.replace("\\\n", " ").splitlines():
        if entry.strip() and not entry.lstrip().startswith("#"):
            pin, *hashes = entry.split("--hash=sha256:")
            found.append((Requirement(pin.strip()), len(hashes)))
    return found


def unmet(wanted, locked):
    """Return a sentence for each way in which a lock is not enough.

    Looked at for each Python, on Linux, macOS and Windows.
    """
    found = [f"{pin} has no hash" for pin, hashes in locked if not hashes]
    for requirement in wanted:
        for python in PYTHONS:
            for system in ("linux", "darwin", "win32"):
                here = {"python_version": python, "sys_platform": system}
                here["python_full_version"] = f"{python}.0"
                fitting = [
                    pin
                    for pin, _ in locked
                    if pin.name == requirement.name
                    and (pin.marker is None or pin.marker.evaluate(here))
                ]
                versions = [next(iter(p.specifier)).version for p in fitting]
                if [requirement.specifier.contains(v) for v in versions] != [
                    True
                ]:
                    found.append(
                        f"{requirement} on Python {python}, {system}: "
                        f"locked {versions or 'nothing'}"
                    )
    return found


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        ("requirements.txt", "requirements.lock"),
        ("tests/requirements.txt", "requirements.lock"),
        ("tests/browser.txt", "tests/browser.lock"),
        ("tests/colab.txt", "tests/colab.lock"),
        ("tests/site.txt", "tests/site.lock"),
    ],
)
def test_a_lock_holds_what_is_required(name, lock):
    wanted = ranges(read(name))
    assert wanted
    assert unmet(wanted, pins(read(lock))) == []


# Module -> package, where the names differ.
PACKAGES = {
    "ai_edge_litert": "ai-edge-litert",
    "IPython": "ipython",
    "PIL": "pillow",
    "fontTools": "fonttools",
    "jupyter_client": "jupyter-client",
    "jupyter_core": "jupyter-core",
    "sklearn": "scikit-learn",
    "websocket": "websocket-client",
    "yaml": "pyyaml",
}
# Packages that are needed and imported by no file.
UNSEEN = {"backports-strenum", "jupyterlab", "nbval", "ruff"}
# What only `rehearse` imports is declared with what tests need.
REHEARSE = {"requests", "websocket-client"}
# Installed on their own: tests/browser.txt, workshop/hub.txt, pretraining/.
APART = {"playwright", "jupyterhub", "docutils", "jax"}


def needed(*folders):
    """Return the packages that files and notebooks of folders import."""
    sources = []
    for path in (p for f in folders for p in sorted((ROOT / f).rglob("*"))):
        if path.suffix == ".py":
            sources.append(path.read_text(encoding="utf-8"))
        elif path.suffix == ".ipynb" and path.parent == ROOT / "notebooks":
            cells = nbformat.read(path, as_version=4).cells
            sources += [c.source for c in cells if c.cell_type == "code"]
    modules = {m.partition(".")[0] for s in sources for m in imported(s)}
    ours = {p.stem for g in ("*.py", "tests/*.py") for p in ROOT.glob(g)}
    ours |= {p.name for p in ROOT.iterdir() if p.is_dir()}
    modules -= ours | set(sys.stdlib_module_names)
    return {PACKAGES.get(module, module) for module in modules} - APART


def declared(name):
    return {requirement.name for requirement in ranges(read(name))}


def test_what_is_imported_is_declared_and_nothing_else():
    run_time = needed("helpers", "tools", "scale", "notebooks", "workshop")
    in_tests = needed("tests", "pretraining")
    assert run_time - declared("requirements.txt") == REHEARSE
    unused = declared("requirements.txt") - run_time
    assert unused <= UNSEEN
    both = declared("requirements.txt") | declared("tests/requirements.txt")
    assert in_tests - both == set()
    unused = declared("tests/requirements.txt") - in_tests
    assert unused <= UNSEEN | REHEARSE


def test_the_versions_of_colab_are_within_the_ranges():
    colab = pins(read("tests/colab.lock"))
    there = {pin.name for pin, _ in colab}
    wanted = ranges(read("requirements.txt"))
    assert unmet([r for r in wanted if r.name in there], colab) == []
    # JupyterLab is Colab's own affair. LiteRT is not on Colab.
    missing = {r.name for r in wanted} - there
    assert missing == {"jupyterlab", "ai-edge-litert", "backports-strenum"}


@pytest.mark.parametrize("lock", ["tests/browser.lock", "tests/site.lock"])
def test_what_a_verb_needs_besides_replaces_nothing(lock):
    # On which systems a pin is meant may differ, its version may not.
    ours = {(p.name, p.specifier) for p, _ in pins(read("requirements.lock"))}
    names = {name for name, _ in ours}
    for pin, _ in pins(read(lock)):
        assert pin.name not in names or (pin.name, pin.specifier) in ours


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        ("", "locked nothing"),
        ("numpy==1.9 --hash=sha256:0", "locked ['1.9']"),
        ("numpy==2.1", "no hash"),
        (
            "numpy==2.1 ; python_full_version < '3.12' --hash=sha256:0",
            "Python 3.12, linux: locked nothing",
        ),
        (
            "numpy==2.1 --hash=sha256:0\nnumpy==2.2 --hash=sha256:0",
            "locked ['2.1', '2.2']",
        ),
    ],
)
def test_a_wrong_lock_would_be_found(lock, words):
    found = unmet(ranges("numpy>=2.0,<3  # why"), pins(lock))
    assert words in "\n".join(found)


def conda_faults(source):
    """Return what is wrong with an environment.yml, as sentences.

    Conda is not asked: its channels may be out of reach. What can go wrong
    without it is little: two conda packages, all else left to pip.
    """
    found = []
    content = yaml.safe_load(source)
    if not re.fullmatch(r"[a-z][a-z0-9-]*", str(content.get("name"))):
        found.append("the name is not a plain one")
    if content.get("channels") != ["conda-forge"]:
        found.append("the channels are not conda-forge alone")
    if content.get("dependencies") != [
        "python>=3.11,<3.14",
        "pip",
        {"pip": ["-r requirements.txt"]},
    ]:
        found.append("the dependencies are not Python, pip and the rest")
    return found + [f"unknown key {k}" for k in set(content) - CONDA_KEYS]


def test_the_conda_file_leads_to_the_same_set():
    assert conda_faults(read("environment.yml")) == []
    assert (ROOT / "requirements.txt").is_file()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("conda-forge", "defaults"),
        ("<3.14", "<3.15"),
        ("  - pip\n", ""),
        ("requirements.txt", "requirements.lock"),
        ("name: ", "prefix: "),
    ],
)
def test_a_wrong_conda_file_would_be_found(old, new):
    source = read("environment.yml").replace(old, new)
    assert conda_faults(source)


def unknown_verbs(source):
    """Return the words after `start.py` in a text that are no verbs."""
    words = re.findall(r"start\.py +([a-z]\w*)", source)
    return [word for word in words if word not in start.verbs()]


@pytest.mark.parametrize(
    "name",
    [
        *("README.md", "CONTRIBUTING.md", "INSTRUCTORS.md"),
        *("workshop/README.md", "docs/own_photos.md", "docs/offline.md"),
        "docs/benchmark.md",
    ],
)
def test_the_commands_of_a_page_exist(name):
    assert "start.py" in read(name)
    assert unknown_verbs(read(name)) == []


def test_a_command_that_does_not_exist_would_be_found():
    page = "`python3 start.py test`, `python3 start.py fly` or start.py --"
    assert unknown_verbs(page) == ["fly"]
