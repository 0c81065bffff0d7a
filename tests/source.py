"""The files of the project, and what the code in them defines and imports."""

import ast
import subprocess

from helpers.paths import ROOT


def tracked():
    """Return the paths of all files that git tracks or would add."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode("utf-8")
    paths = [ROOT / name for name in names.split("\0") if name]
    return [path for path in paths if path.is_file()]


def imported(source):
    """Return the modules a source imports, with dots, as a set.

    `from helpers import x` counts as `helpers.x`.
    """
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
            names |= {f"{node.module}.{a.name}" for a in node.names}
    return names


def defined(source):
    """Return the names that a piece of code defines, as a set."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
    return names


def read(source):
    """Return the names that a piece of code reads, without parameters."""
    nodes = list(ast.walk(ast.parse(source)))
    names = {
        node.id
        for node in nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    return names - {node.arg for node in nodes if isinstance(node, ast.arg)}
