"""The axes of the contract suite, the rows that cover all pairs of their values, and what is left out.

A row is one small run. Each axis is asked of tlbench, so that what is added there is in the suite at once. The rows
that cover pairs are split: `make test` has so few of them that each task meets every value of each axis, and one row of
two processes; `make test-all` has the others and the product.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, get_args

import pytest
import torch

from tests.contract.subject import Subject, subjects
from tlbench.config.strategy import AnyStrategy
from tlbench.tasks.registry import specs

EARLIER = "checkpoint"
"""The source that is an earlier run."""

STORAGE = {"memory": ("data.cache=memory",), "files": ("data.cache=none", "data.workers=0")}
NORM = {
    "batch": (),
    "fixed": ("callbacks.freeze_batch_norm=statistics_and_affine",),
    "group": ("model.norm=group",),
}
DEVICES = {
    "cpu": (),
    "processes": ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"),
    "cuda": ("trainer=gpu",),
}
STRATEGIES = tuple(get_args(kind.model_fields["name"].annotation)[0] for kind in get_args(get_args(AnyStrategy)[0]))

SIZES = {"": (), "wide": ("data.image_size=[64,96]",)}
"""Of the network's input; the first is the subject's own."""

THEN = ("resume", "files", "tools")
"""What takes long to try: of so few rows that each meets every value of each axis. `tools` are those over a finished
run but `evaluate`."""

ONNX = "onnx"
"""What takes longest, and depends on the network alone: it is tried of one row of each task."""


TRIED_ELSEWHERE = {"processes": ("classification", "semantic_segmentation"), ONNX: ("classification", "detection")}
"""What fast tests need not try of some tasks: `test_ddp.py`, `test_tools.py` and `test_evaluate_boxes.py` in
`tests/e2e` do already, and the processes of class maps are those of labels and of boxes, whose row stays."""


@dataclass(frozen=True)
class Row:
    """A run: a value of each axis."""

    task: str
    source: str
    strategy: str
    storage: str
    norm: str
    size: str = ""
    device: str = "cpu"

    def __str__(self) -> str:
        return "-".join(filter(None, astuple(self)))

    @property
    def options(self) -> tuple[str, ...]:
        """Its overrides, but for the subject's own."""
        return (
            *(f"strategy={self.strategy}", f"source={self.source}"),
            *(*STORAGE[self.storage], *NORM[self.norm], *SIZES[self.size], *DEVICES[self.device]),
            *(subjects()[self.task].wide if self.size else ()),
        )


def sources(subject: Subject) -> list[str]:
    """Those of the task's sources that a test can reach."""
    return [name for name in specs()[subject.task].sources if name in ("random", EARLIER, *subject.sources)]


def devices() -> list[str]:
    """Those that this machine has."""
    return [name for name in DEVICES if name != "cuda" or torch.cuda.is_available()]


def left_out() -> Mapping[str, str]:
    """What no row has → why."""
    found = {
        f"{task}: source={name}": "its weights are downloaded"
        for task, subject in subjects().items()
        for name in specs()[task].sources
        if name not in sources(subject)
    }
    return found | {f"device={name}": "this machine has none" for name in DEVICES if name not in devices()}


def axes(subject: Subject) -> list[Sequence[str]]:
    """What a task's rows are made of, on one device."""
    return [sources(subject), STRATEGIES, tuple(STORAGE), tuple(NORM), tuple(SIZES)]


def pairs(row: Row) -> set[Any]:
    """All pairs of its values, the device aside."""
    return set(itertools.combinations(enumerate(astuple(row)[:-1]), 2))


def values_met(row: Row) -> set[Any]:
    """Its values, the device aside."""
    return set(enumerate(astuple(row)[:-1]))


def _values_of_its_task(row: Row) -> set[Any]:
    """Its values, each with the task."""
    return {(row.task, value) for value in values_met(row)}


def _fewest(rows: Sequence[Row], met: Callable[[Row], set[Any]], given: Sequence[Row] = ()) -> list[Row]:
    """About as few rows as meet together, with given ones, all that any of them meets; and of their pairs many."""
    found, unmet = [], {each for row in rows for each in met(row)}.difference(*map(met, given))
    new = {pair for row in rows for pair in pairs(row)}.difference(*map(pairs, given))
    while unmet:  # the row that meets most of it, and most pairs; of equal ones the first
        found.append(max(rows, key=lambda row: (len(unmet & met(row)), len(new & pairs(row)))))
        unmet -= met(found[-1])
        new -= pairs(found[-1])
    return found


def _all() -> list[Row]:
    """The product of all axes, on the first device."""
    return [Row(of.task, *values) for of in subjects().values() for values in itertools.product(*axes(of))]


@functools.cache
def first_rows() -> Sequence[Row]:
    """Those of `cover` that `make test` has on the first device: with them each task meets every value of its axes."""
    return _fewest(_all(), _values_of_its_task)


@functools.cache
def cover() -> Mapping[Row, tuple[str, ...]]:
    """Rows of which each pair of values of two axes, tasks among them, is in at least one; and what is tried of them.

    Of the devices beyond the first each task has one row.
    """
    few = first_rows()
    rows: dict[Row, tuple[str, ...]] = dict.fromkeys((*few, *_fewest(_all(), pairs, few)), ())
    for then in THEN:
        rows |= {row: (*rows[row], then) for row in _fewest(few, values_met)}
    for subject in subjects().values():
        task = subject.task
        wide = max((row for row in few if row.task == task), key=lambda row: bool(row.size))  # where there is one
        rows[wide] = (*rows[wide], ONNX)
        last = sources(subject)[-1]
        further = [Row(task, last, "head_then_full", "files", "group", device=each) for each in devices()[1:]]
        rows |= dict.fromkeys(further, ("files", "tools"))
    return rows


@functools.cache
def product() -> Sequence[Row]:
    """All other rows: the product of all axes but sizes on the first device, and on others those that cover pairs."""
    rows = [
        Row(subject.task, *values)
        for subject in subjects().values()
        for values in itertools.product(*axes(subject)[:-1])
    ]
    rows += [replace(row, device=device) for row in cover() if row.device == "cpu" for device in devices()[1:]]
    return tuple(row for row in rows if row not in cover())


def rows(then: str | None = None) -> pytest.MarkDecorator:
    """Parametrises a test over all rows; those are slow that are not among the first ones of the first device, that are
    not of the `then`, or that are tried elsewhere.
    """
    fast = [
        row
        for row, tried in cover().items()
        if (row.device != "cpu" or row in first_rows())
        and (then is None or then in tried)
        and not any(row.task in TRIED_ELSEWHERE.get(what, ()) for what in (row.device, then or ""))
    ]
    slow = [row for row in (*cover(), *product()) if row not in fast]
    return pytest.mark.parametrize(
        "row", [*fast, *(pytest.param(row, marks=pytest.mark.slow) for row in slow)], ids=str
    )
