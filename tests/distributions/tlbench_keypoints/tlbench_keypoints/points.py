"""K named points an image, some of which may not be in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from tlbench.config.data import Fit
from tlbench.config.size import Size
from tlbench.data.annotations import Annotations
from tlbench.data.carve_options import class_numbers, wanted_classes
from tlbench.geometry.fits import inside_size
from tlbench_keypoints.names import points_of


@dataclass(frozen=True, eq=False)
class Points(Annotations):
    """The points of N images.

    Args:
        xy: (N, K, 2) float32 x, y in pixels of the images as they are kept; 0 where a point is not seen.
        seen: (N, K) bool.
        class_names: 2 K names, of the coordinates.
        sizes: (N, 2) int64, height and width of the images as they are in the data set, upright, pixels.
        inside: (N, 2) int64, likewise of the images as they are kept.
    """

    by_file: ClassVar[bool] = True
    thumbnail_fit: ClassVar[Fit | None] = "corner"
    thumbnail: ClassVar[int] = 64

    xy: Tensor
    seen: Tensor
    class_names: tuple[str, ...]
    sizes: Tensor
    inside: Tensor

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def points(self) -> tuple[str, ...]:
        """K names."""
        return points_of(self.class_names)

    @property
    def labels(self) -> Tensor:  # type: ignore[override]  # a column where images have labels
        """(M,) int64: the coordinates of all points that are seen, as positions in the class names."""
        return torch.nonzero(self.seen.repeat_interleave(2, dim=1))[:, 1]

    def take(self, index: Tensor) -> Points:
        """As in `Annotations`."""
        return replace(
            self, xy=self.xy[index], seen=self.seen[index], sizes=self.sizes[index], inside=self.inside[index]
        )

    def chosen(self, wanted: Sequence[str]) -> tuple[Tensor, Points]:
        """As in `Annotations`: all images stay, and the other points go.

        Raises:
            DataError: Also where one coordinate of a point is named alone.
        """
        names = wanted_classes(self.class_names, wanted)
        points_of(names)
        order = torch.argsort(class_numbers(self.class_names, wanted), stable=True)[-len(names) :]  # -1: not wanted
        kept = order[::2] // 2
        return torch.arange(len(self)), replace(self, xy=self.xy[:, kept], seen=self.seen[:, kept], class_names=names)

    @classmethod
    def joined(cls, parts: Sequence[Points]) -> Points:
        """As in `Annotations`."""
        columns: dict[str, Any] = {name: torch.cat([getattr(part, name) for part in parts]) for name in _COLUMNS}
        return replace(parts[0], **columns)

    def to(self, device: torch.device | str) -> Points:
        """As in `Annotations`."""
        columns: dict[str, Any] = {name: getattr(self, name).to(device) for name in _COLUMNS}
        return replace(self, **columns)

    def resized(self, size: Size) -> Points:
        """As in `Annotations`: images lie in the top left corners."""
        inside = torch.tensor([inside_size(h, w, size) for h, w in self.sizes.tolist()], dtype=torch.int64).view(-1, 2)
        factor = (inside.double() / self.inside).flip(1)
        return replace(self, xy=(self.xy.double() * factor[:, None]).float(), inside=inside)

    def hashed(self) -> Iterator[bytes | Tensor]:
        """As in `Annotations`."""
        yield from (self.sizes, self.xy, self.seen)


_COLUMNS = ("xy", "seen", "sizes", "inside")
