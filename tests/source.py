"""What the code of a notebook defines and reads."""

import ast


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
