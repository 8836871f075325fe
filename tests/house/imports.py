"""What imports what in `tlbench/`, inside functions as well; what is imported for types alone is left out."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]


@functools.cache
def modules() -> Mapping[str, Path]:
    """Module → its file; a package stands for its `__init__`."""
    found = {}
    for path in sorted((ROOT / "tlbench").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


@functools.cache
def imports() -> Mapping[str, frozenset[str]]:
    """Module → the modules of tlbench that it imports."""
    return {name: frozenset(_imported(ast.parse(path.read_text()))) - {name, ""} for name, path in modules().items()}


def _imported(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        if isinstance(child, ast.ImportFrom) and child.module is not None:
            yield from (_known(f"{child.module}.{alias.name}") for alias in child.names)
        elif isinstance(child, ast.Import):
            yield from (_known(alias.name) for alias in child.names)
        yield from _imported(child)


def _known(name: str) -> str:
    """The module that a dotted name lies in; none of tlbench's: ""."""
    while name and name not in modules():
        name = name.rpartition(".")[0]
    return name
