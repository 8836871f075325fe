"""The polygons and key points of a YOLO data set's label rows, in pixels.

Sources: https://docs.ultralytics.com/datasets/segment and https://docs.ultralytics.com/datasets/pose.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from tlbench.annotations.instances.shapes import Shapes
from tlbench.data.formats.yolo.labels import BOX, KeyPoints, LabelRows
from tlbench.data.formats.yolo.reading import Decided
from tlbench.data.ragged import starts_of


def shapes_of(rows: LabelRows, decided: Decided, points: KeyPoints | None, sizes: Tensor) -> Shapes:
    """The shapes of all rows, of which none is bad.

    Key points that `kpt_shape` does not tell of are left out, as it is not known how many numbers each has.

    Args:
        rows: M rows, with all numbers of the longer ones.
        decided: What they mean.
        points: What `kpt_shape` says; None: nothing.
        sizes: (N, 2) int64, height and width of the images, pixels.
    """
    assert rows.rests is not None
    columns, images = torch.tensor(rows.columns), torch.tensor(rows.images)
    longer, numbers = columns > BOX + 1, torch.from_numpy(np.asarray(rows.rests))
    none, scale = Shapes.none(len(rows)), sizes.flip(1)[images]  # width and height
    if not longer.any():
        return none
    if decided.reading == "points":
        lengths = columns[longer] // 2
        factors = torch.repeat_interleave(scale[longer], lengths, 0)
        corners = numbers.view(-1, 2) * factors
        return replace(none, points=corners, polygons=starts_of(lengths), starts=starts_of(longer.long()))
    if points is None or not points.count:
        return none
    key_points = torch.zeros(len(rows), points.count, 3)
    behind = numbers.view(-1, points.columns - 1)[:, BOX - 1 :].view(-1, points.count, points.numbers)
    key_points[longer] = _key_points(behind, scale[longer, None])
    return replace(none, key_points=key_points)


def _key_points(numbers: Tensor, scale: Tensor) -> Tensor:
    """(L, K, 3) float32 as `Shapes` has them, of (L, K, 2 or 3) as fractions; see `labels.key_points`."""
    places = numbers[..., :2]
    labelled = (places != 0).any(2)
    if numbers.shape[2] == 3:
        labelled &= numbers[..., 2] != 0
        seen = torch.where(numbers[..., 2] == 1, 1.0, 2.0)
    else:
        labelled &= (places >= 0).all(2)
        seen = torch.full(labelled.shape, 2.0)
    found = torch.cat([places * scale, seen[..., None]], dim=2).float()
    return torch.where(labelled[..., None], found, 0.0)
