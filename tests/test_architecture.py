"""The packages of `helpers/` import one way, as docs/architecture.md draws."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from helpers.paths import ROOT

LEVELS = (
    ("text", "paths", "lazy", "kernel"),
    ("downloads", "shared", "stats", "colab"),
    ("results", "setup"),
    ("dataset",),
    ("surfaces",),
    ("network", "experiments"),
    ("features",),
    ("plots",),
    ("widgets", "exercises", "report"),
)
LEVEL = {
    package: n for n, packages in enumerate(LEVELS) for package in packages
}


def imported(path, modules):
    """Return the names among `modules` that a Python file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            full = {f"{node.module}.{a.name}" for a in node.names}
            # A sibling imports the module beside it, not the package.
            names |= full if full <= modules else full | {node.module}
    return names & modules


def graph(root, folder="helpers"):
    """Return {module: modules of the same folder that it imports}.

    The `__init__` of a package is the module named like the package.
    """
    paths = {}
    for path in sorted((root / folder).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        paths[".".join(parts).removesuffix(".__init__")] = path
    modules = set(paths) - {folder}
    return {name: imported(paths[name], modules) for name in modules}


def package(module):
    return module.split(".")[1]


def upward(modules):
    """Return (module, import) where a package imports one not below it."""
    return sorted(
        (module, other)
        for module, others in modules.items()
        for other in others
        if package(module) != package(other)
        and LEVEL[package(module)] <= LEVEL[package(other)]
    )


def circular(modules):
    """Return the modules that can't be put into an order of imports."""
    left = {name: set(others) for name, others in modules.items()}
    while free := {name for name, others in left.items() if not others}:
        left = {n: o - free for n, o in left.items() if n not in free}
    return sorted(left)


def drawn(modules):
    """Return the graph of the packages as text: a line for each package."""
    packages = defaultdict(set)
    for module, others in modules.items():
        packages[package(module)] |= {package(other) for other in others}
    return "\n".join(
        f"{name:<10} imports  "
        + (
            ", ".join(sorted(packages[name] - {name}, key=list(LEVEL).index))
            or "nothing"
        )
        for level in LEVELS
        for name in level
    )


def test_rooms_import_only_what_stands_below_them():
    assert upward(graph(ROOT)) == []


def test_no_modules_import_each_other():
    assert circular(graph(ROOT)) == []


def test_the_page_draws_the_graph_as_it_is():
    page = Path(ROOT, "docs", "architecture.md").read_text(encoding="utf-8")
    assert drawn(graph(ROOT)) in page


@pytest.mark.parametrize("folder", ["scale", "tools", "workshop"])
def test_helpers_import_nothing_that_uses_them(folder):
    above = {folder} | set(graph(ROOT, folder))
    for path in (ROOT / "helpers").rglob("*.py"):
        assert not imported(path, above), path


def test_wrong_imports_are_found(tmp_path):
    for name, source in {
        "paths": "from helpers.dataset import scan",
        "dataset/scan": "def f():\n    from helpers.dataset import folder",
        "dataset/folder": "import helpers.dataset.scan",
        "plots": "from helpers import stats",
        "stats": "",
    }.items():
        path = tmp_path / "helpers" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    modules = graph(tmp_path)
    assert upward(modules) == [("helpers.paths", "helpers.dataset.scan")]
    assert circular(modules) == [
        "helpers.dataset.folder",
        "helpers.dataset.scan",
        "helpers.paths",
    ]
