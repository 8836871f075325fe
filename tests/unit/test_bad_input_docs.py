"""`docs/bad-input.md` has a row for each case, and a test for each row."""

from __future__ import annotations

import ast

import pytest

from tests.bad_detection import DETECTION
from tests.bad_input import CASES
from tests.bad_input_table import LIST, ROOT, ROWS

TABLE_TEST = "tests/e2e/test_bad_input_table.py::test_bad_input"


def test_there_are_more_than_thirty_kinds():
    assert len(ROWS) == len(LIST) >= 30


@pytest.mark.promise("kinds of bad input")
def test_every_case_has_a_row_and_every_row_of_the_table_test_a_case():
    assert [name for name, row in LIST if row.test == TABLE_TEST] == [*CASES, *DETECTION]


@pytest.mark.parametrize("name", ROWS)
def test_the_named_test_exists(name):
    file, _, function = ROWS[name].test.partition("::")
    defined = {n.name for n in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(n, ast.FunctionDef)}
    assert function.startswith("test_")
    assert function in defined


@pytest.mark.parametrize("name", ROWS)
def test_the_row_says_what_happens(name):
    row = ROWS[name]
    assert row.exit_code in (0, 1, 2)
    assert len(row.says.replace("…", "")) > 20
    if row.exit_code == 2:
        assert row.says.split(":")[0] in ("ConfigError", "DataError", "WeightsError", "OutputError", "FolderInUse")
