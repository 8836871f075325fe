"""What objects look like, beside their boxes: polygons, runs of pixels, key points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from tlbench.data.ragged import objects_of, starts_of


@dataclass(frozen=True, eq=False)
class Shapes:
    """The outlines and key points of M objects; an object may have any of them, or none.

    An outline is polygons, which together are the object (COCO has no holes in them: what overlaps is inside), or runs,
    which can have holes. Object i's polygons are those at `starts[i]` up to `starts[i + 1]`, and polygon p's points
    those at `polygons[p]` up to `polygons[p + 1]`. Sources: https://cocodataset.org/#format-data and
    https://docs.ultralytics.com/datasets/segment.

    Args:
        points: (P, 2) float64, x and y in the pixels that the objects' boxes are in, perhaps outside of the image; in
            float32 some would be of other pixels than in pycocotools.
        polygons: (G + 1,) int64, from 0 to P; each has three points or more.
        starts: (M + 1,) int64, from 0 to G.
        runs: (R,) int32, how many pixels are outside, inside, outside …, as in `runs.py`.
        run_starts: (M + 1,) int64, from 0 to R.
        frames: (M, 2) int32, height and width of what an object's runs make up, zeros where it has none; it covers the
            object's image, in whatever size that is kept.
        key_points: (M, K, 3) float32, x and y, likewise, and whether the point is not labelled (0, and so are its x and
            y), hidden (1) or seen (2); None where no object has any.
    """

    points: Tensor
    polygons: Tensor
    starts: Tensor
    runs: Tensor
    run_starts: Tensor
    frames: Tensor
    key_points: Tensor | None = None

    @classmethod
    def none(cls, count: int) -> Shapes:
        """Of so many objects of which no shape is known."""
        starts = torch.zeros(count + 1, dtype=torch.int64)
        return cls(
            torch.zeros(0, 2, dtype=torch.float64),
            starts[:1],
            starts,
            torch.zeros(0, dtype=torch.int32),
            starts,
            torch.zeros(count, 2, dtype=torch.int32),
        )

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def outlined(self) -> Tensor:
        """(M,) bool, whether an object has polygons or runs."""
        return (self.starts.diff() > 0) | (self.run_starts.diff() > 0)

    def take(self, index: Tensor) -> Shapes:
        """Those of the objects at (J,) int64 positions, in that order."""
        polygons, starts = _rows_of(self.starts, index)
        points, of_points = _rows_of(self.polygons, polygons)
        runs, run_starts = _rows_of(self.run_starts, index)
        key_points = None if self.key_points is None else self.key_points[index]
        return Shapes(
            self.points[points], of_points, starts, self.runs[runs], run_starts, self.frames[index], key_points
        )

    def scaled(self, factors: Tensor) -> Shapes:
        """The same in images that are so many times as large, (M, 2) float64, across and down; runs cover any."""
        of_polygons = torch.repeat_interleave(factors, self.starts.diff(), 0)
        points = self.points * torch.repeat_interleave(of_polygons, self.polygons.diff(), 0)
        key_points = self.key_points
        if key_points is not None:
            key_points = torch.cat([(key_points[..., :2] * factors[:, None]).float(), key_points[..., 2:]], dim=2)
        return replace(self, points=points, key_points=key_points)

    def to(self, device: torch.device | str) -> Shapes:
        """The same on a device."""
        moved: dict[str, Any] = {name: part.to(device) for name, part in vars(self).items() if part is not None}
        return replace(self, **moved)


def joined_shapes(parts: Sequence[tuple[int, Shapes | None]]) -> Shapes | None:
    """Of several sets of objects (how many, and their shapes) those of all, one set after another; None of none.

    Where objects of some sets have fewer key points than those of others, the rest is not labelled.
    """
    if all(shapes is None for _, shapes in parts):
        return None
    some = [Shapes.none(count) if shapes is None else shapes for count, shapes in parts]
    most = max((shapes.key_points.shape[1] for shapes in some if shapes.key_points is not None), default=0)
    return Shapes(
        torch.cat([shapes.points for shapes in some]),
        starts_of(torch.cat([shapes.polygons.diff() for shapes in some])),
        starts_of(torch.cat([shapes.starts.diff() for shapes in some])),
        torch.cat([shapes.runs for shapes in some]),
        starts_of(torch.cat([shapes.run_starts.diff() for shapes in some])),
        torch.cat([shapes.frames for shapes in some]),
        torch.cat([_filled(shapes, most) for shapes in some]) if most else None,
    )


def _rows_of(starts: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of what is at some positions, and where those of each begin."""
    rows, _ = objects_of(starts, index)
    return rows, starts_of(starts[index + 1] - starts[index])


def _filled(shapes: Shapes, count: int) -> Tensor:
    """(M, count, 3), the key points, with others behind that are not labelled."""
    filled = torch.zeros(len(shapes), count, 3)
    if shapes.key_points is not None:
        filled[:, : shapes.key_points.shape[1]] = shapes.key_points
    return filled
