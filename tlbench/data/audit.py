"""The audit of a target: images a class, unreadable files, and copies that would flatter the result."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from tlbench.data.audit_texts import warnings_of
from tlbench.data.near_duplicates import exact_copies, near_copies
from tlbench.data.perceptual_hash import Looks

VERSION = 1
"""Raise it when the same images would be audited to another result."""

EXAMPLES = 20
"""Pairs and unreadable files that are named, at most."""

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
        section: JSON types: `counts` (split → class → images), `small_classes` (class → training images), `unreadable`
            (`count`, and `files` with the reason) and `duplicates`: `exact` and `near` (`train-test` → how many test
            images have such a partner in train, how many of these under another label, examples as pairs of names;
            `near` leaves exact copies out and is null where images are too small) and `within` (split → exact ones).
        warnings: One line each.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    section: dict[str, Any]
    warnings: list[str]


def audit(
    splits: Mapping[str, SplitScan],
    class_names: Sequence[str],
    min_images_per_class: int,
    unreadable: Mapping[str, str],
) -> Audit:
    """Count the images, and look for copies within and across splits.

    Args:
        splits: `train`, `val` and, if the run reads it, `test`.
        class_names: One name a class.
        min_images_per_class: Training images below which a class is warned of.
        unreadable: Files left out, with the reason.
    """
    counts = {split: _counts(scan.labels, class_names) for split, scan in splits.items()}
    section = {
        "counts": counts,
        "small_classes": {name: n for name, n in counts["train"].items() if n < min_images_per_class},
        "unreadable": unreadable_part(unreadable),
        "duplicates": duplicates_part(splits, "other_label"),
    }
    return Audit(section=section, warnings=warnings_of(section, min_images_per_class))


def unreadable_part(unreadable: Mapping[str, str]) -> dict[str, Any]:
    """`count`, and `files` with the reason, of these files; JSON types."""
    return {"count": len(unreadable), "files": dict(list(unreadable.items())[:EXAMPLES])}


def duplicates_part(splits: Mapping[str, SplitScan], conflict: str) -> dict[str, Any]:
    """Look for copies; JSON types.

    Args:
        splits: As in `audit`.
        conflict: What copies with unequal labels are counted as (`other_label`).

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
        alike[copies >= 0] = -1
        near[f"{one}-{other}"] = _found(first, second, alike, conflict)
    within = {split: _found(scan, scan, _repetitions(scan.digests), conflict) for split, scan in splits.items()}
    return {"exact": exact, "near": near, "within": within}


def pairs_of(splits: Container[str]) -> list[tuple[str, str]]:
    """The pairs of splits that must not share images: the later one is evaluated on, and is looked for in the other."""
    return [(one, other) for one, other in _PAIRS if one in splits and other in splits]


def examples(
    first: Sequence[str], second: Sequence[str], partners: NDArray[np.int64], rows: NDArray[np.int64]
) -> list[list[str]]:
    """Up to `EXAMPLES` pairs of names: the partner in the first split, and the image in the second at these rows."""
    return [[first[partners[i]], second[i]] for i in rows[:EXAMPLES].tolist()]


def _counts(labels: NDArray[np.int64], class_names: Sequence[str]) -> dict[str, int]:
    return dict(zip(class_names, np.bincount(labels, minlength=len(class_names)).tolist(), strict=True))


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
