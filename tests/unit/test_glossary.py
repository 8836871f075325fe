"""`docs/glossary.md` says where each word is used; here, that it is there, and that no word stands twice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tlbench.config.keys import exists
from tlbench.tasks.registry import specs

ROOT = Path(__file__).parents[2]
ROWS = [
    line.strip("| ").split(" | ", 1)
    for line in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| word |")
]
PLACES = [(word, place) for word, text in ROWS for place in re.findall("`([^`]+)`", text.partition("→")[2])]


@pytest.mark.promise("glossary")
@pytest.mark.parametrize(("word", "place"), PLACES)
def test_where_a_word_leads_to_there_is_something(word: str, place: str):
    if "/" in place or place.endswith((".md", ".py")):
        assert (ROOT / place).exists()
    else:
        assert exists(place), f"{word}: no key {place}"


def test_each_word_stands_once_and_leads_somewhere():
    words = [word for word, _ in ROWS]
    assert len(words) == len(set(words)) > 40
    assert {word for word, _ in PLACES} == set(words)


def test_what_is_no_key_is_told_apart():
    assert not exists("data.nope")


def test_the_tasks_and_main_metrics_are_those_that_there_are():
    text = dict(ROWS)
    for spec in specs().values():
        assert f"`{spec.name}`" in text["task"]
        assert f"`{spec.main_metric}` in {spec.name}" in text["main metric"]
