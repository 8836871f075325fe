"""`docs/promises.md` names what shows each promise; here, that what it names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMISES = (ROOT / "docs" / "promises.md").read_text()
TOKENS = re.findall(r"`([^`]+)`", "\n".join(line for line in PROMISES.splitlines() if line.startswith("|")))
EVIDENCE = [line.rsplit("|", 2)[-2] for line in PROMISES.splitlines() if line.startswith("|")]


def names_in(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("token", sorted({t for t in TOKENS if t.startswith("tests/")}))
def test_the_named_test_exists(token):
    file, _, name = token.partition("::")
    assert (ROOT / file).is_file()
    found = {found for found in names_in(ROOT / file) if found.startswith("test_")}
    assert name in found if name else found


@pytest.mark.parametrize("token", sorted({t for t in TOKENS if re.fullmatch(r"make [a-z-]+", t)}))
def test_the_named_make_target_exists(token):
    assert re.search(rf"^{token.removeprefix('make ')}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


FILES = re.compile(r"(docs|benchmarks|conf)/|constraints|\.ci/")


@pytest.mark.parametrize("token", sorted({t for t in TOKENS if FILES.match(t)}))
def test_the_named_file_exists(token):
    assert (ROOT / token).exists()


def test_every_promise_names_what_shows_it():
    rows = [row for row in EVIDENCE if row.strip(" -") and row.strip() != "shown by"]
    assert len(rows) > 40
    for row in rows:
        assert re.search(r"`(tests/|make |docs/|benchmarks/|\.ci/|constraints|README)", row), row
