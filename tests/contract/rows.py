"""The axes of the contract suite, the rows that cover all pairs of their values, and what is left out.

A row is one small run. Each axis is asked of tlbench, so that what is added there is in the suite at once.
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

THEN = ("resume", "files")
"""What takes long to try: of so few rows that each meets every value of each axis."""

ONNX = "onnx"
"""What takes longest, and depends on the network alone: it is tried of one row of each task."""


TRIED_ELSEWHERE = {"processes": ("classification",), ONNX: ("classification", "detection")}
"""What `test_ddp.py`, `test_tools.py` and `test_evaluate_boxes.py` in `tests/e2e` try of some tasks already, among the
fast tests."""


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


def _fewest(rows: Sequence[Row], met: Callable[[Row], set[Any]]) -> list[Row]:
    """About as few rows as meet together all that any of them meets."""
    found, unmet = [], {each for row in rows for each in met(row)}
    while unmet:  # the row that meets most of it; of equal ones the first
        found.append(max(rows, key=lambda row: len(unmet & met(row))))
        unmet -= met(found[-1])
    return found


@functools.cache
def cover() -> Mapping[Row, tuple[str, ...]]:
    """Rows of which each pair of values of two axes, tasks among them, is in at least one; and what is tried of them.

    Of the devices beyond the first each task has one row.
    """
    known = subjects()
    left = [Row(s.task, *values) for s in known.values() for values in itertools.product(*axes(s))]
    rows: dict[Row, tuple[str, ...]] = dict.fromkeys(_fewest(left, pairs), ())
    for then in THEN:
        rows |= {row: (*rows[row], then) for row in _fewest(list(rows), values_met)}
    for subject in known.values():
        task = subject.task
        wide = max((row for row in rows if row.task == task), key=lambda row: bool(row.size))  # where there is one
        rows[wide] = (*rows[wide], ONNX)
        last = sources(subject)[-1]
        rows |= {Row(task, last, "head_then_full", "files", "group", device=each): ("files",) for each in devices()[1:]}
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
    """Parametrises a test over all rows; those that do not cover, or cover with another `then`, are slow."""
    fast = [
        row
        for row, tried in cover().items()
        if (then is None or then in tried)
        and not any(row.task in TRIED_ELSEWHERE.get(what, ()) for what in (row.device, then or ""))
    ]
    slow = [row for row in (*cover(), *product()) if row not in fast]
    return pytest.mark.parametrize(
        "row", [*fast, *(pytest.param(row, marks=pytest.mark.slow) for row in slow)], ids=str
    )
