"""The target: a data set with its three splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from tlbench.data.inventory import Inventory

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from tlbench.data.deep import Ranges
    from tlbench.data.facts import ImageFacts


class Split(Protocol):
    """What every kind of split has: N samples with labels."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name a class, in the order of the labels."""

    @property
    def labels(self) -> Tensor:
        """Positions in the class names: (N,) of the images, or (M,) of all objects in them."""

    @property
    def on_disk(self) -> bool:
        """Whether images are decoded in each epoch."""

    def __len__(self) -> int:
        """N."""

    def to(self, device: torch.device | str) -> Split:
        """What batches are made of, on a device; images on disk stay there."""

    def pictures(self, index: Tensor) -> Tensor:
        """Some images as they are stored: (M, 3, H, W) uint8, for (M,) positions on the CPU."""

    def fingerprint(self) -> str:
        """SHA-256 (hex) over images, labels and class names."""


S_co = TypeVar("S_co", bound=Split, covariant=True)


@dataclass(frozen=True, eq=False)
class Target(Generic[S_co]):
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
    splits: Mapping[str, S_co]
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
