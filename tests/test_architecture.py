"""The packages of `helpers/` import one way, as docs/architecture.md draws."""

import ast
import graphlib

import pytest

from helpers.paths import ROOT

LEVELS = (
    ("text", "paths", "lazy", "kernel"),
    ("downloads", "shared", "stats", "colab"),
    ("results", "setup", "checkpoints"),
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


def test_rooms_import_only_what_stands_below_them():
    assert upward(graph(ROOT)) == []


def test_no_modules_import_each_other():
    graphlib.TopologicalSorter(graph(ROOT)).prepare()  # or CycleError


@pytest.mark.parametrize("folder", ["scale", "tools", "workshop"])
def test_helpers_import_nothing_that_uses_them(folder):
    above = {folder} | set(graph(ROOT, folder))
    for path in (ROOT / "helpers").rglob("*.py"):
        assert not imported(path, above), path
