"""Every task, source and strategy is in the contract suite; what is left out is listed, and nothing else is."""

from __future__ import annotations

import itertools
from dataclasses import astuple

import pytest
import torch

from tests.composed import CONF
from tests.contract.rows import ONNX, SIZES, STRATEGIES, THEN, Row, axes, cover, first_rows, left_out, pairs, values_met
from tests.contract.subject import subjects
from tlbench.tasks.registry import built_in, specs

LEFT_OUT = {
    "classification: source=imagenet": "its weights are downloaded",
    "classification: source=timm": "its weights are downloaded",
    "detection: source=coco": "its weights are downloaded",
    "semantic_segmentation: source=imagenet": "its weights are downloaded",
    "semantic_segmentation: source=timm": "its weights are downloaded",
}
"""Of tlbench's own tasks."""


def test_every_task_is_in_the_suite():
    assert subjects().keys() == specs().keys()


def test_every_strategy_is_in_the_suite():
    assert set(STRATEGIES) == {path.stem for path in (CONF / "strategy").glob("*.yaml")}


def test_nothing_is_left_out_without_a_reason():
    own = (*(f"{task}: " for task in built_in()), "device=")
    here = {} if torch.cuda.is_available() else {"device=cuda": "this machine has none"}
    assert {what: why for what, why in left_out().items() if what.startswith(own)} == LEFT_OUT | here


@pytest.mark.parametrize("what", left_out())
def test_left_out(what):
    """So that it is counted, and said at the end."""
    pytest.skip(f"{what}: {left_out()[what]}")


def test_every_pair_is_in_a_row():
    """Of tasks, sources, strategies, storage and norm layers, but for sources that a task has not."""
    possible = [Row(task, *values) for task, of in subjects().items() for values in itertools.product(*axes(of))]
    wanted = {pair for row in possible for pair in pairs(row)}
    assert {pair for row in cover() if row.device == "cpu" for pair in pairs(row)} == wanted


@pytest.mark.parametrize("task", subjects())
def test_each_task_meets_every_value_of_its_axes_in_the_first_rows(task):
    own = [set(astuple(row)[1:-1]) for row in first_rows() if row.task == task]
    assert set().union(*own) == {value for values in axes(subjects()[task]) for value in values}
    assert set(first_rows()) <= cover().keys()


@pytest.mark.parametrize("then", THEN)
def test_what_takes_long_meets_every_value(then):
    wanted = {value for row in cover() if row.device == "cpu" for value in values_met(row)}
    tried = [row for row in first_rows() if then in cover()[row]]
    assert {value for row in tried for value in values_met(row)} == wanted


@pytest.mark.promise("rectangles")
@pytest.mark.parametrize("task", subjects())
def test_every_device_and_every_size_has_a_row(task):
    assert {row.device for row in cover() if row.task == task} >= {"cpu", "processes"}
    of_sizes = {
        size: [tried for row, tried in cover().items() if (row.task, row.size) == (task, size)] for size in SIZES
    }
    assert all(of_sizes.values())
    assert any(ONNX in tried for tried in of_sizes["wide"])
