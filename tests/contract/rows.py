"""The axes of the contract suite, the rows that cover all pairs of their values, and what is left out.

A row is one small run. Each axis is asked of tlbench, so that what is added there is in the suite at once.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import get_args

import pytest
import torch
from allpairspy import AllPairs

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
"""What takes long to try: of each covering row one of them, so that each meets every value of the other axes."""

ONNX = "onnx"
"""What takes longest, and depends on the network alone: it is tried of one row of each kind of norm layer."""


@dataclass(frozen=True)
class Row:
    """A run: a value of each axis."""

    task: str
    source: str
    strategy: str
    storage: str
    norm: str
    device: str = "cpu"
    size: str = ""

    def __str__(self) -> str:
        return "-".join(filter(None, astuple(self)))

    @property
    def options(self) -> tuple[str, ...]:
        """Its overrides, but for the subject's own."""
        return (
            *(f"strategy={self.strategy}", f"source={self.source}"),
            *(*STORAGE[self.storage], *NORM[self.norm], *DEVICES[self.device], *SIZES[self.size]),
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
    """What a task's rows are made of, on one device; and what is tried of them."""
    return [sources(subject), STRATEGIES, tuple(STORAGE), tuple(NORM), THEN]


@functools.cache
def cover() -> Mapping[Row, tuple[str, ...]]:
    """Rows of which each pair of values of two axes is in at least one, for each task; and what is tried of them.

    Of the devices and of the sizes beyond the first each has one row.
    """
    rows: dict[Row, tuple[str, ...]] = {}
    for subject in subjects().values():
        task = subject.task
        found = {Row(task, *values): (then,) for *values, then in AllPairs(axes(subject))}
        for norm in ("batch", "group"):
            first = next(row for row in found if row.norm == norm)
            found[first] = (*found[first], ONNX)
        last = sources(subject)[-1]
        rows |= found
        rows |= {Row(task, last, "head_then_full", "files", "group", device): ("files",) for device in devices()[1:]}
        rows[Row(task, last, "full", "files", "batch", size="wide")] = ("resume", ONNX)
    return rows


@functools.cache
def product() -> Sequence[Row]:
    """All other rows: the product of all axes on the first device, and on others the rows that cover all pairs."""
    rows = [
        Row(subject.task, *values)
        for subject in subjects().values()
        for values in itertools.product(*axes(subject)[:-1])
    ]
    rows += [replace(row, device=device) for row in cover() if row.device == "cpu" for device in devices()[1:]]
    return tuple(row for row in rows if row not in cover())


def rows(then: str | None = None) -> pytest.MarkDecorator:
    """Parametrises a test over all rows; those that do not cover, or cover with another `then`, are slow."""
    fast = [row for row, tried in cover().items() if then is None or then in tried]
    slow = [row for row in (*cover(), *product()) if row not in fast]
    return pytest.mark.parametrize(
        "row", [*fast, *(pytest.param(row, marks=pytest.mark.slow) for row in slow)], ids=str
    )
