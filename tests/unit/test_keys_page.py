"""`docs/keys.md` is what `make keys` writes: every key of every command."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from tlbench.cli.command import TOOLS
from tlbench.config.described import keys_of
from tlbench.tasks.registry import built_in, run_schema

ROOT = Path(__file__).parents[2]


def make_keys():
    spec = importlib.util.spec_from_file_location("make_keys", ROOT / "docs" / "make_keys.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.promise("page of keys")
def test_the_page_is_up_to_date():
    maker = make_keys()
    assert maker.PAGE.read_text(encoding="utf-8") == maker.page(), "make keys"
    assert ["train", *maker.TOOLS] == list(TOOLS)


@pytest.mark.promise("page of keys")
@pytest.mark.parametrize("task", built_in())
def test_every_key_has_a_row_with_a_default(task):
    rows = [re.split(r"(?<!\\) \| ", line) for line in (ROOT / "docs/keys.md").read_text().splitlines()]
    defaults = {row[0].removeprefix("| "): row[2] for row in rows if len(row) == 4}
    assert [key.name for key in keys_of(run_schema(task)) if not defaults.get(f"`{key.name}`")] == []
    assert defaults["`optimizer.lr`"] == "`0.001`; `0.05` (sgd); `0.01` (yolo_sgd)"
    assert defaults["`strategy.head_epochs`"] == "`2`"
    assert defaults["`optimizer.final_lr`"] == "`null`; `0.01` (yolo, yolo_sgd)"
