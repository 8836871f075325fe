"""Every task, source and strategy is in the contract suite; what is left out is listed, and nothing else is."""

from __future__ import annotations

import itertools

import pytest
import torch

from tests.composed import CONF
from tests.contract.rows import SIZES, STRATEGIES, axes, cover, left_out
from tests.contract.subject import subjects
from tlbench.tasks.registry import specs

LEFT_OUT = {
    "classification: source=imagenet": "its weights are downloaded",
    "classification: source=timm": "its weights are downloaded",
    "detection: source=coco": "its weights are downloaded",
}
"""Of tlbench's own tasks."""


def test_every_task_is_in_the_suite():
    assert subjects().keys() == specs().keys()


def test_every_strategy_is_in_the_suite():
    assert set(STRATEGIES) == {path.stem for path in (CONF / "strategy").glob("*.yaml")}


def test_nothing_is_left_out_without_a_reason():
    own = ("classification: ", "detection: ", "device=")
    here = {} if torch.cuda.is_available() else {"device=cuda": "this machine has none"}
    assert {what: why for what, why in left_out().items() if what.startswith(own)} == LEFT_OUT | here


@pytest.mark.parametrize("what", left_out())
def test_left_out(what):
    """So that it is counted, and said at the end."""
    pytest.skip(f"{what}: {left_out()[what]}")


@pytest.mark.parametrize("task", subjects())
def test_every_pair_is_in_a_row(task):
    wanted, found = axes(subjects()[task]), set()
    for row, (then, *_) in cover().items():
        if (row.task, row.device, row.size) == (task, "cpu", ""):
            values = (row.source, row.strategy, row.storage, row.norm, then)
            found |= set(itertools.combinations(enumerate(values), 2))
    pairs = {
        ((i, one), (j, other))
        for (i, first), (j, second) in itertools.combinations(enumerate(wanted), 2)
        for one, other in itertools.product(first, second)
    }
    assert found == pairs


@pytest.mark.promise("rectangles")
@pytest.mark.parametrize("task", subjects())
def test_every_device_and_every_size_has_a_row(task):
    assert {row.device for row in cover() if row.task == task} >= {"cpu", "processes"}
    assert {row.size for row in cover() if row.task == task} == set(SIZES)
