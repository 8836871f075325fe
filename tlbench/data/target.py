"""The target: a data set with its three splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic

from tlbench.data.deep import Ranges
from tlbench.data.facts import ImageFacts
from tlbench.data.inventory import Inventory
from tlbench.data.listing import A
from tlbench.data.samples import Samples


@dataclass(frozen=True, eq=False)
class Target(Generic[A]):
    """A data set and its three splits.

    Args:
        name: As in the config.
        splits: `train` (after `data.fraction` or `data.shots`), `val` and `test`.
        split_rule: How the splits came about (official or carved out, fractions, seed, counts); JSON types only.
        unreadable: Files left out, with the reason, where `data.max_unreadable` allows it.
        inventory: What became of each file below the root; None where data are not the user's files.
        facts: Split → what its files hold; None where data are not the user's files.
        pixel_ranges: Container → the lowest and the highest value of what has more than 8 bits: black and white.
        unlabelled: Names of images that no label file and no entry of annotations belongs to.
    """

    name: str
    splits: Mapping[str, Samples[A]]
    split_rule: Mapping[str, Any]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    inventory: Inventory | None = None
    facts: Mapping[str, ImageFacts] | None = None
    pixel_ranges: Ranges = field(default_factory=dict)
    unlabelled: frozenset[str] = frozenset()

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name a class, in the order of the labels."""
        return self.splits["train"].class_names
