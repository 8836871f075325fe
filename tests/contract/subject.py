"""What a task has to say of itself before the contract suite can ask everything else of tlbench."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GROUP = "tlbench.contract"
"""The entry point group in which a distribution with a task of its own names its `Subject`."""

Numbers = NDArray[np.floating[Any]]
"""What was said of an image, as one vector: whatever must be the same on every way to it."""


@dataclass(frozen=True)
class Subject:
    """A task in the contract suite.

    Args:
        task: Its name.
        draw: Draws a data set into an empty folder: enough for two epochs of few steps, with images of 8 bits that are
            files of their own, a file each.
        quick: Overrides of a run on it that takes seconds; `{data}` stands for the folder.
        still: What varies no image, so that a frozen network's features can be computed once: `augmentation=…`.
        sources: Of the task's sources that need neither network nor an earlier run: name → further overrides.
        test: The folder of the test's images, below the drawn one.
        image: One of the training's images, likewise.
        kept: Arrays of the run's kept predictions → numbers of each test image, in their order.
        line: A line of `predict format=jsonl` → file, numbers.
        loaded: What `tlbench.load(…).predict` gives of an image → numbers.
        predict: Further options of `predict`, with which it says all that is kept.
        load: Likewise of `tlbench.load(…).predict`.
        wide: Further overrides of the runs on inputs that are no squares.
        apart: How far numbers may lie apart: what tables round away.
    """

    task: str
    draw: Callable[[Path], None]
    quick: tuple[str, ...]
    still: str
    sources: Mapping[str, tuple[str, ...]]
    test: str
    image: str
    kept: Callable[[Mapping[str, NDArray[Any]]], list[Numbers]]
    line: Callable[[Mapping[str, Any]], tuple[str, Numbers]]
    loaded: Callable[[Any], Numbers]
    predict: tuple[str, ...] = ()
    load: Mapping[str, Any] = field(default_factory=dict)
    wide: tuple[str, ...] = ()
    apart: float = 1e-5


@functools.cache
def subjects() -> Mapping[str, Subject]:
    """Task → its subject: tlbench's own, and those that installed distributions name."""
    from tests.contract.subjects import OWN

    found = [*OWN, *(point.load() for point in sorted(entry_points(group=GROUP), key=lambda point: point.name))]
    return {subject.task: subject for subject in found}
