"""How the code is built, in numbers: `python -m benchmarks.house [COMMIT …]`, of the working tree and of commits.

tests/house holds the rules; here is what they leave to judgement.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST = 300
"""Lines of a module."""

_TASKS = r"classification|detection"
NAMES_A_TASK = re.compile(
    rf"\b({_TASKS})\b|\b(Classification|Detection)(Config|Task|DataConfig|Augmentation)\b"
    r"|[\"'](val|test)/(oa|map50_95)[\"']"
)
OWN_FOLDERS = tuple(
    f"tlbench.{folder}" for folder in ("tasks.classification", "tasks.detection", "annotations", "data.detection")
)
"""Where a task, or a kind of annotation, is at home."""


def modules(root: Path) -> dict[str, Path]:
    """Module → its file; a package stands for its `__init__`."""
    found = {}
    for path in sorted((root / "tlbench").rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


def imports(root: Path, *, types: bool = False) -> dict[str, frozenset[str]]:
    """Module → the modules of tlbench that it imports, inside functions as well; with `types` those for types alone."""
    there = modules(root)
    trees = {name: ast.parse(path.read_text()) for name, path in there.items()}
    return {name: frozenset(_imported(tree, there, types)) - {name, ""} for name, tree in trees.items()}


def _imported(node: ast.AST, there: Mapping[str, Path], types: bool) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if not types and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        if isinstance(child, ast.ImportFrom) and child.module is not None:
            yield from (_known(f"{child.module}.{alias.name}", there) for alias in child.names)
        elif isinstance(child, ast.Import):
            yield from (_known(alias.name, there) for alias in child.names)
        yield from _imported(child, there, types)


def _known(name: str, there: Mapping[str, Path]) -> str:
    """The module that a dotted name lies in; none of tlbench's: ""."""
    while name and name not in there:
        name = name.rpartition(".")[0]
    return name


def circles(graph: Mapping[str, frozenset[str]]) -> list[set[str]]:
    """Groups of modules each of which reaches each (Tarjan 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(module: str) -> None:
        order[module] = lowest[module] = len(order)
        stack.append(module)
        for other in graph[module]:
            if other not in order:
                visit(other)
                lowest[module] = min(lowest[module], lowest[other])
            elif other in stack:
                lowest[module] = min(lowest[module], order[other])
        if lowest[module] == order[module]:
            group = set()
            while module not in group:
                group.add(stack.pop())
            if len(group) > 1:
                found.append(group)

    sys.setrecursionlimit(10_000)
    for module in graph:
        if module not in order:
            visit(module)
    return found


def measured(root: Path) -> dict[str, int]:
    """What the table shows."""
    files, graph = modules(root), imports(root)
    texts = {name: path.read_text() for name, path in files.items()}
    importers = Counter(imported for all_imported in graph.values() for imported in all_imported)
    blind = [name for name in files if not name.startswith(OWN_FOLDERS)]
    return {
        "lines": sum(len(text.splitlines()) for text in texts.values()),
        "modules": len(files),
        "modules with one importer": sum(importers[name] == 1 for name in files),
        f"modules past {LONGEST} lines": sum(len(text.splitlines()) > LONGEST for text in texts.values()),
        "circles": len(circles(graph)),
        "modules that name a task outside of its folder": sum(bool(NAMES_A_TASK.search(texts[name])) for name in blind),
        "modules at the top level": sum(name.count(".") == 1 and files[name].name != "__init__.py" for name in files),
    }


def main(commits: Sequence[str]) -> None:
    """Print the table, a column a commit and one of the working tree."""
    columns = {}
    for commit in commits:
        with tempfile.TemporaryDirectory() as folder:
            packed = subprocess.run(["git", "archive", commit, "tlbench"], cwd=ROOT, capture_output=True, check=True)
            with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
                archive.extractall(folder, filter="data")
            columns[commit] = measured(Path(folder))
    columns["working tree"] = measured(ROOT)
    print(f"| | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}")
    for row in columns["working tree"]:
        print(f"| {row} | {' | '.join(f'{values[row]:,}' for values in columns.values())} |")


if __name__ == "__main__":
    main(sys.argv[1:])
