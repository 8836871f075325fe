"""The audit of a target: images a class, unreadable files, and copies that would flatter the result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from tlbench.data.audit_cache import cached
from tlbench.data.changed_looks import CHANGES
from tlbench.data.listing import A
from tlbench.data.near_duplicates import exact_copies, near_copies
from tlbench.data.near_groups import near_groups, of_several
from tlbench.data.perceptual_hash import Looks, pixel_digests
from tlbench.data.samples import MemorySamples, Samples
from tlbench.data.target import Target
from tlbench.system.names import printable

VERSION = 3
"""Raise it when the same images would be audited to another result."""

EXAMPLES = 20
"""Pairs, groups, images of a group and unreadable files that are named, at most."""

_PAIRS = (("train", "val"), ("train", "test"), ("val", "test"))


@dataclass(frozen=True, eq=False)
class SplitScan:
    """What the audit needs to know of a split's N images.

    Args:
        names: What each is called.
        labels: (N,) int64, equal where images have equal annotations.
        digests: (N, 16) uint8; equal where images are.
        looks: What they look like; None where they are too small to tell copies from others that are alike.
    """

    names: Sequence[str]
    labels: NDArray[np.int64]
    digests: NDArray[np.uint8]
    looks: Looks | None


class Audit(BaseModel):
    """What was found.

    Attributes:
        section: JSON types: `counts` (split → what `AuditPart.counts` says), `small_classes` (class → training images),
            `unreadable` (`count`, and `files` with the reason), `duplicates`: `exact` and `near` (`train-test` → how
            many test images have such a partner in train, how many of these under another label, examples as pairs of
            names; `near` leaves exact copies out and is null where images are too small; of the images that it counts
            it says how many are `mirrored` and how many `cropped`, with examples), `within` (split → exact ones) and
            `test_groups`, see `groups_part`; and what the kind of annotation adds.
        warnings: One line each.
        test_groups: Positions of the test images that belong together, as `near_groups` joins them, of each group of
            several, by their first images; none where a kind of annotation audits without `audit_target`.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    section: dict[str, Any]
    warnings: list[str]
    test_groups: list[list[int]] = []


class AuditPart(ABC, Generic[A]):
    """What one kind of annotation adds to an audit."""

    conflict: ClassVar[str]
    """What copies with unequal annotations are counted as, such as `other_label`."""

    @abstractmethod
    def key(self, splits: Mapping[str, Samples[A]]) -> list[Any]:
        """What it depends on beside the images, their annotations and their names; JSON types."""

    @abstractmethod
    def counts(self, split: Samples[A]) -> dict[str, Any]:
        """A split in numbers; JSON types."""

    @abstractmethod
    def small_classes(self, train: Samples[A]) -> dict[str, int]:
        """Class → training images, of those that have few."""

    @abstractmethod
    def looks(self, split: Samples[A]) -> Looks | None:
        """What its images look like; None where they are too small to tell copies from others that are alike."""

    @abstractmethod
    def compared(self, splits: Mapping[str, Samples[A]]) -> tuple[Mapping[str, NDArray[np.int64]], dict[str, Any]]:
        """Split → (N,) numbers that are equal where annotations are; and what else the section has, JSON types."""

    @abstractmethod
    def warnings(self, section: Mapping[str, Any]) -> list[str]:
        """One line each, of the whole section."""


def audit_target(target: Target[A], part: AuditPart[A], fingerprint: Callable[[str], str], *, test: bool) -> Audit:
    """Audit what a run uses of a target, once for all runs that use the same.

    The audit is kept in the cache folder, named by what it depends on. A cache that cannot be read or written costs
    time only.

    Args:
        target: The opened target.
        part: What its kind of annotation adds.
        fingerprint: Gives a split's SHA-256.
        test: Whether the run reads the test split.
    """
    splits = {split: target.splits[split] for split in (("train", "val", "test") if test else ("train", "val"))}
    unreadable = {printable(name): reason for name, reason in target.unreadable.items()}
    names = {split: names_of(split, samples) for split, samples in splits.items()}
    depends_on = [VERSION, {split: fingerprint(split) for split in splits}, names, unreadable, *part.key(splits)]

    def compute() -> Audit:
        same, more = part.compared(splits)
        scans = {
            split: SplitScan(names[split], same[split], digests_of(samples), part.looks(samples))
            for split, samples in splits.items()
        }
        groups = of_several(near_groups(scans["test"].digests, scans["test"].looks)) if test else []
        section = {
            "counts": {split: part.counts(samples) for split, samples in splits.items()},
            "small_classes": part.small_classes(splits["train"]),
            "unreadable": _unreadable_part(unreadable),
            "duplicates": {
                **duplicates_part(scans, part.conflict),
                "test_groups": groups_part(groups, names["test"]) if test else None,
            },
            **more,
        }
        return Audit(section=section, warnings=part.warnings(section), test_groups=groups)

    return cached(depends_on, Audit, compute)


def names_of(split: str, samples: Samples[Any]) -> tuple[str, ...]:
    """What each image of a split is called, fit to be shown: its position where it has no name."""
    if samples.names is None:
        return tuple(f"{split}[{i}]" for i in range(len(samples)))
    return tuple(map(printable, samples.names))


def digests_of(samples: Samples[Any]) -> NDArray[np.uint8]:
    """(N, 16) uint8, equal where images are."""
    if samples.digests is not None:
        return samples.digests
    assert isinstance(samples, MemorySamples)
    return pixel_digests(samples.images)


def _unreadable_part(unreadable: Mapping[str, str]) -> dict[str, Any]:
    """`count`, and `files` with the reason, of these files; JSON types."""
    return {"count": len(unreadable), "files": dict(list(unreadable.items())[:EXAMPLES])}


def duplicates_part(splits: Mapping[str, SplitScan], conflict: str) -> dict[str, Any]:
    """Look for copies; JSON types.

    Args:
        splits: `train`, `val` and, if the run reads it, `test`.
        conflict: As in `AuditPart`.

    Returns:
        `duplicates`, as in `Audit.section`.
    """
    exact: dict[str, Any] = {}
    near: dict[str, Any] | None = {}
    for one, other in pairs_of(splits):
        first, second = splits[one], splits[other]
        copies = exact_copies(first.digests, second.digests)
        exact[f"{one}-{other}"] = _found(first, second, copies, conflict)
        if near is None or first.looks is None or second.looks is None:
            near = None
            continue
        alike = near_copies(first.looks, second.looks)
        partners = np.where(copies < 0, alike.partners, -1)
        near[f"{one}-{other}"] = {
            **_found(first, second, partners, conflict),
            **_changed(first, second, partners, alike.changes),
        }
    within = {split: _found(scan, scan, _repetitions(scan.digests), conflict) for split, scan in splits.items()}
    return {"exact": exact, "near": near, "within": within}


def groups_part(groups: Sequence[Sequence[int]], names: Sequence[str]) -> dict[str, Any]:
    """What `test_groups` comes to; JSON types.

    Args:
        groups: Positions of the images of each group of several.
        names: Of all N images of the split.

    Returns:
        How many `images` look like another one `of` all, how many `groups` of several they make, the number of images
        of the `largest`, how many `units` there are where each other image stands alone, and `examples`: names of the
        images of groups, the largest first.
    """
    images, largest_first = sum(map(len, groups)), sorted(groups, key=len, reverse=True)
    return {
        "images": images,
        "of": len(names),
        "groups": len(groups),
        "largest": len(largest_first[0]) if groups else 0,
        "units": len(names) - images + len(groups),
        "examples": [[names[i] for i in group[:EXAMPLES]] for group in largest_first[:EXAMPLES]],
    }


def pairs_of(splits: Container[str]) -> list[tuple[str, str]]:
    """The pairs of splits that must not share images: the later one is evaluated on, and is looked for in the other."""
    return [(one, other) for one, other in _PAIRS if one in splits and other in splits]


def examples(
    first: Sequence[str], second: Sequence[str], partners: NDArray[np.int64], rows: NDArray[np.int64]
) -> list[list[str]]:
    """Up to `EXAMPLES` pairs of names: the partner in the first split, and the image in the second at these rows."""
    return [[first[partners[i]], second[i]] for i in rows[:EXAMPLES].tolist()]


def _repetitions(digests: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(N,): the position of the first equal image before each, or −1."""
    first = exact_copies(digests, digests)
    return np.where(first < np.arange(len(first)), first, -1)


def _found(first: SplitScan, second: SplitScan, partners: NDArray[np.int64], conflict: str) -> dict[str, Any]:
    """How many images of the second split have a partner at these positions of the first; JSON types."""
    having = np.flatnonzero(partners >= 0)
    conflicting = having[first.labels[partners[having]] != second.labels[having]]
    return {
        "images": len(having),
        conflict: len(conflicting),
        "examples": examples(first.names, second.names, partners, having),
        f"{conflict}_examples": examples(first.names, second.names, partners, conflicting),
    }


def _changed(
    first: SplitScan, second: SplitScan, partners: NDArray[np.int64], changes: NDArray[np.int64]
) -> dict[str, Any]:
    """How many partners look alike only after a change of one of the two; JSON types."""
    found: dict[str, Any] = {}
    for what, done in (
        ("mirrored", [change.mirrored for change in CHANGES]),
        ("cropped", [change.cropped for change in CHANGES]),
    ):
        rows = np.flatnonzero((partners >= 0) & np.array(done)[changes])
        found[what] = len(rows)
        found[f"{what}_examples"] = examples(first.names, second.names, partners, rows)
    return found
