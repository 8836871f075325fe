"""One label an image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from tlbench.config.size import Size
from tlbench.data.annotations import Annotations
from tlbench.data.carve_options import class_numbers, wanted_classes


@dataclass(frozen=True, eq=False)
class Labels(Annotations):
    """The labels of N images.

    Args:
        labels: (N,) int64, positions in `class_names`.
        class_names: C names.
    """

    by_file: ClassVar[bool] = False
    thumbnail: ClassVar[int] = 32

    labels: Tensor
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Tensor) -> Labels:
        """As in `Annotations`."""
        return replace(self, labels=self.labels[index])

    def chosen(self, wanted: Sequence[str]) -> tuple[Tensor, Labels]:
        """As in `Annotations`: the images of other classes go."""
        labels = class_numbers(self.class_names, wanted)[self.labels]
        kept = torch.nonzero(labels >= 0).flatten()
        return kept, Labels(labels[kept], wanted_classes(self.class_names, wanted))

    @classmethod
    def joined(cls, parts: Sequence[Labels]) -> Labels:
        """As in `Annotations`."""
        return replace(parts[0], labels=torch.cat([part.labels for part in parts]))

    def to(self, device: torch.device | str) -> Labels:
        """As in `Annotations`."""
        return replace(self, labels=self.labels.to(device))

    def present(self) -> Tensor:
        """As in `Annotations`: each its one class."""
        return self.labels[:, None] == torch.arange(len(self.class_names))

    def resized(self, _size: Size) -> Labels:
        """As in `Annotations`: the same."""
        return self

    def hashed(self) -> Iterator[bytes | Tensor]:
        """As in `Annotations`."""
        yield self.labels
