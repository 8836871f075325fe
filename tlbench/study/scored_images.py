"""What a study's runs keep of each test image, read once, and their metrics on other draws of these images."""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import DataError
from tlbench.metrics.per_image import PerImage
from tlbench.records.arrays import read_arrays
from tlbench.records.folder import BY_LOOKS, BY_OPTION
from tlbench.records.record import Record
from tlbench.statistics.bootstrap import image_weights
from tlbench.tasks.registry import spec_of_stored

_SEED = 0  # of the draws: the same records give the same interval
_AT_ONCE, _KEPT = 50, 20  # draws of one seed; batches that are kept for the next run, of 50,000 images 5 MB each
_CELLS = 1_000_000  # draws times images that are looked at together: 8 MB
_ALL_DRAWS, _FEWEST_DRAWS = 200_000, 200  # of all runs of a study together; of each
_ALIKE = 1e-3
"""Metrics of the record and of what was kept by image: after several processes equal scores stand in another order."""


@dataclass(frozen=True, eq=False)
class ScoredImages:
    """A run's test images.

    Attributes:
        fingerprint: Of the test split.
        per_image: What was kept of them.
        groups: (N,) int64, equal for images that belong together; None: each stands alone.
        group_names: What the groups are called; likewise.
        origin: Where the groups come from, `BY_OPTION` or `BY_LOOKS`; likewise.
        most_draws: Of the images, however many are worth their time.
    """

    fingerprint: str
    per_image: PerImage
    groups: NDArray[np.int64] | None = None
    group_names: frozenset[str] | None = None
    origin: str | None = None
    most_draws: int = _ALL_DRAWS

    @property
    def draws(self) -> int:
        """How often the images are drawn again."""
        return min(self.per_image.draws, self.most_draws)

    @property
    def units(self) -> int:
        """What is drawn: the number of groups, or of images."""
        return self.per_image.images if self.groups is None else len(np.unique(self.groups))

    @cached_property
    def drawn(self) -> Mapping[str, NDArray[np.float64]]:
        """Each metric on draws of the images with replacement; of two runs the first so many draws are the same."""
        images = np.arange(self.per_image.images) if self.groups is None else self.groups
        together = _AT_ONCE * max(_CELLS // (_AT_ONCE * len(images)), 1)
        parts = [
            self.per_image.weighted(_weights(images.tobytes(), start, min(start + together, self.draws)))
            for start in range(0, self.draws, together)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def scored_images(record: Record) -> ScoredImages | str:
    """A complete run's test images, or why they cannot be had."""
    spec = spec_of_stored(record.task, record.config)
    fingerprint = record.data.fingerprints.get("test") if record.data else None
    if fingerprint is None:
        return "runs were not tested"
    if spec.per_image is None:
        return f"{spec.name} keeps nothing of each test image"
    kept = record.sidecars.get("per_image_test") or record.sidecars.get("predictions_test")
    if record.folder is None or kept is None:
        return "runs of an earlier version kept nothing of each test image; run them again with rerun=true"
    path = record.folder / kept
    if not path.exists():
        return f"{path.name} is gone from a run's folder"
    module, _, function = spec.per_image.partition(":")
    try:
        assert record.data is not None
        read = getattr(importlib.import_module(module), function)
        per_image: PerImage = read(read_arrays(path), len(record.data.class_names))
        found = per_image.metrics()
        groups = _groups(record, per_image.images)
    except Exception as error:  # the file may be damaged, the code another's
        return f"{path}: {type(error).__name__}: {' '.join(str(error).split())}"
    for name, value in found.items():
        recorded = record.metrics.get(f"test/{name}")
        if not _alike(value, recorded):
            return f"{path}: gives test/{name} {value:.6g}, the record has {recorded}; it is not of this run"
    return ScoredImages(fingerprint, per_image, *groups)


def _weights(groups: bytes, start: int, end: int) -> NDArray[np.float64]:
    """Draws from `start`, in steps of `_AT_ONCE`."""
    return np.concatenate([_batch(groups, at) for at in range(start, end, _AT_ONCE)]).astype(float)


Looked = Callable[[Record], ScoredImages | str]
"""A complete run → its test images, or why they cannot be had."""


def once() -> Looked:
    """`scored_images`, which reads what each run kept once."""
    known: dict[tuple[str, int], ScoredImages | str] = {}

    def look(record: Record) -> ScoredImages | str:
        key = record.arm, record.seed
        if key not in known:
            known[key] = scored_images(record)
        return known[key]

    return look


@functools.lru_cache(_KEPT)
def _batch(groups: bytes, start: int) -> NDArray[np.uint16]:
    """`_AT_ONCE` draws, which all runs of the same test images share."""
    return image_weights(np.frombuffer(groups, np.int64), [_SEED, start], _AT_ONCE).astype(np.uint16)


def drawn_as_often(runs: Sequence[ScoredImages | str]) -> list[ScoredImages | str]:
    """With so many draws each that those of many runs together end in a time that people wait."""
    most = max(_ALL_DRAWS // max(len(runs), 1), _FEWEST_DRAWS)
    return [replace(run, most_draws=most) if isinstance(run, ScoredImages) else run for run in runs]


def grouped_alike(runs: Sequence[ScoredImages | str]) -> list[ScoredImages | str]:
    """With the same groups in all runs of the same test images: those of `data.group`, where any run has them.

    A study may be gone on with whose first runs are from before the audit looked for near-duplicates, and the measure
    of these may fall otherwise on another machine by a rounding.

    Args:
        runs: What is known of the test images of each, or why nothing is.
    """
    known: dict[str, ScoredImages] = {}
    for run in runs:
        if isinstance(run, ScoredImages) and run.groups is not None:
            first = known.setdefault(run.fingerprint, run)
            if first.origin != BY_OPTION and run.origin == BY_OPTION:
                known[run.fingerprint] = run
    return [
        replace(run, groups=of.groups, group_names=of.group_names, origin=of.origin)
        if isinstance(run, ScoredImages) and (of := known.get(run.fingerprint)) is not None and of is not run
        else run
        for run in runs
    ]


def _groups(record: Record, images: int) -> tuple[NDArray[np.int64] | None, frozenset[str] | None, str | None]:
    kept = record.sidecars.get("groups_test")
    if record.folder is None or kept is None:
        return None, None, None
    arrays = read_arrays(record.folder / kept)
    groups: NDArray[np.int64] = arrays["group"]
    if groups.shape != (images,):
        raise DataError(f"{kept} holds the groups of {len(groups)} images; the run tested {images}")
    origin = str(arrays["origin"]) if "origin" in arrays else BY_OPTION
    if origin not in (BY_OPTION, BY_LOOKS):
        raise DataError(f"{kept} says that its groups come from {origin!r}; this version knows no such")
    return groups, frozenset(map(str, arrays["names"])), origin


def _alike(value: float, recorded: float | None) -> bool:
    if recorded is None or math.isnan(recorded):
        return math.isnan(value)
    return abs(value - recorded) <= _ALIKE
