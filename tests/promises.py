"""Writes `docs/promises.md` (`make promises`) from `tests/promises.md` and the marks on the tests.

A test names the keys of the promises that it shows, one or several, above its other marks:
`@pytest.mark.promise("crowds", "antialias")`. Tests are read as source, so that nothing is imported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "promises.md"
LIST = ROOT / "tests" / "promises.md"
"""The page with the promises' keys, and without the tests that show them."""
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Promise:
    """A row of the list; `beside` is what shows it beside the marked tests, in Markdown."""

    key: str
    text: str
    beside: str


@dataclass(frozen=True)
class Mark:
    """A test's word that it shows a promise.

    Attributes:
        key: The promise's.
        test: As pytest names it, `file::function` or `file::Class::function`; `file` or `file::Class` where all of its
            tests are marked at once.
        slow: Whether only `make test-all` runs it.
    """

    key: str
    test: str
    slow: bool


def promise_of(line: str) -> Promise | None:
    """The promise that a line of the list holds, if it holds one."""
    cells = [cell.strip() for cell in _CELL.split(line)[1:-1]]
    return Promise(*cells) if cells and cells[0] not in ("key", "---") else None


def promises() -> list[Promise]:
    """All promises of the list, in order."""
    return [promise for promise in map(promise_of, LIST.read_text().splitlines()) if promise]


def marks() -> list[Mark]:
    """All marks of `tests/`, by file and line."""
    sources = ((path.relative_to(ROOT).as_posix(), path.read_text()) for path in (ROOT / "tests").rglob("*.py"))
    return [mark for file, source in sorted(sources) if "mark.promise" in source for mark in marks_in(file, source)]


def marks_in(file: str, source: str) -> list[Mark]:
    """The marks in one file, by line.

    Raises:
        ValueError: A mark stands where no test would have it, or its keys are not plain strings.
    """
    tree = ast.parse(source)
    found, read = [], set()
    for test, mark, slow in _on_tests(tree, file):
        keys = mark.args if isinstance(mark, ast.Call) else []
        if not keys or not all(isinstance(key, ast.Constant) and isinstance(key.value, str) for key in keys):
            raise ValueError(f"{file}:{mark.lineno}: a promise mark takes one or more plain strings")
        found += [Mark(key.value, test, slow) for key in keys]
        read.add(mark.func)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_mark(node, "promise") and node not in read:
            raise ValueError(f"{file}:{node.lineno}: a promise mark belongs above a test, or in pytestmark")
    return found


def page(listed: str, found: Iterable[Mark]) -> str:
    """The text of the page, from the list's."""
    shown_by: dict[str, list[str]] = {}
    for mark in found:
        shown_by.setdefault(mark.key, []).append(f"{'*slow* ' if mark.slow else ''}`{mark.test}`")
    lines = []
    for line in listed.splitlines():
        if promise := promise_of(line):
            beside = [promise.beside] if promise.beside else []
            line = f"| {promise.text} | {', '.join(shown_by.get(promise.key, []) + beside)} |"
        elif line.startswith("|"):
            line = "|---|---|" if line.startswith("|--") else "| promise | shown by |"
        lines.append(line)
    return "\n".join(lines) + "\n"


def _on_tests(node: ast.AST, name: str, slow: bool = False) -> Iterator[tuple[str, ast.expr, bool]]:
    """For each promise mark: the test's name, the mark, and whether the test is slow."""
    own = list(_marks_on(node))
    slow = slow or any(_is_mark(mark, "slow") for mark in own)
    yield from ((name, mark, slow) for mark in own if _is_mark(mark, "promise"))
    if isinstance(node, ast.Module | ast.ClassDef):
        for child in node.body:
            if isinstance(child, ast.FunctionDef | ast.ClassDef) and re.match("test|Test", child.name):
                yield from _on_tests(child, f"{name}::{child.name}", slow)


def _marks_on(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield from node.decorator_list
    if isinstance(node, ast.Module | ast.ClassDef):
        for child in node.body:
            if isinstance(child, ast.Assign) and "pytestmark" in map(ast.unparse, child.targets):
                yield from child.value.elts if isinstance(child.value, ast.List) else [child.value]


def _is_mark(node: ast.expr, name: str) -> bool:
    """Whether it is `pytest.mark.NAME`, called or not."""
    node = node.func if isinstance(node, ast.Call) else node
    return isinstance(node, ast.Attribute) and node.attr == name and ast.unparse(node.value) in ("pytest.mark", "mark")


if __name__ == "__main__":
    PAGE.write_text(page(LIST.read_text(), marks()))
