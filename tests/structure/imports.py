"""What Python files import, read from their syntax."""

import ast
from collections.abc import Iterable
from pathlib import Path


def imports_of(path: Path) -> set[str]:
    """Top-level packages that a file imports anywhere, inside functions too."""
    return packages(ast.walk(ast.parse(path.read_text("utf-8"))))


def packages(nodes: Iterable[ast.AST]) -> set[str]:
    """Top-level packages imported by these statements; relative imports are left out."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found
