"""What a network found in images: a class for each of their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tlbench.annotations.maps.class_maps import VOID
from tlbench.annotations.maps.targets import MapTargets


@dataclass(eq=False)
class FoundMaps:
    """Of the B images of a batch.

    Args:
        maps: (h, w) uint8 classes each, in the size of the image.
        classes: C.
        undefined: (B,) bool, for which images the network's outputs were not finite.
    """

    maps: Sequence[Tensor]
    classes: int
    undefined: Tensor
    _confusion: Tensor | None = field(default=None, init=False)

    def confusion(self, targets: MapTargets) -> Tensor:
        """(B, C, C) int64: pixels of each image by true class (rows) and found class, those of no class left out."""
        if self._confusion is None:
            each = [confusion(*pair, self.classes) for pair in zip(self.maps, targets.originals, strict=True)]
            self._confusion = torch.stack(each)
        return self._confusion


def confusion(found: Tensor, true: Tensor, classes: int) -> Tensor:
    """(C, C) int64 pixels by true class (rows) and found class, of two maps (h, w) uint8; `VOID` pixels left out."""
    known = true != VOID
    cell = true[known].long() * classes + found[known].long()
    return torch.bincount(cell, minlength=classes**2).view(classes, classes)
