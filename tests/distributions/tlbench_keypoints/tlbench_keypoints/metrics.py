"""How far predicted points lie from the true ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from tlbench.config.size import Size
from tlbench.metrics.class_names import metric_class_names
from tlbench_keypoints.targets import PointTargets, decode, longer_sides

WITHIN = 0.05
"""Up to which distance a point counts as found, as a fraction of the longer side of the image."""

_FIXED_POINT, _FURTHEST = 2**32, 1000.0


class PointMetrics(Metric):
    """The share of points that are found, and their mean distance.

    With d the distance of a seen point divided by the longer side of its image (of a training image that of the input):

    - `pck`: share of points with d ≤ 0.05 (percentage of correct key points); `pck/<point>` of each;
    - `nme`: mean of d (normalised mean error); `nme/<point>` of each.

    NaN without any point, and where any coordinate is not finite. Sums are of whole numbers, so that they are the same
    in every order.

    Args:
        points: K names.
    """

    full_state_update = False
    is_differentiable = False

    seen: Tensor
    hits: Tensor
    distance: Tensor
    undefined: Tensor

    def __init__(self, points: Sequence[str]) -> None:
        super().__init__()
        self.points = metric_class_names(points)
        for name in ("seen", "hits", "distance"):
            self.add_state(name, torch.zeros(len(points), dtype=torch.int64), "sum")
        self.add_state("undefined", torch.zeros((), dtype=torch.int64), "sum")

    def update(self, xy: Tensor, targets: PointTargets) -> None:
        """Add a batch: (B, K, 2) x, y in pixels of the input."""
        self._add(xy, targets, longer_sides(targets.placement))

    def _add(self, xy: Tensor, targets: PointTargets, unit: Tensor | int) -> None:
        far = torch.linalg.vector_norm(xy.float() - targets.xy, dim=2) / unit
        finite = torch.isfinite(far)
        self.undefined = self.undefined + (~finite & targets.seen).sum()
        fixed = (far.nan_to_num(_FURTHEST).clamp(max=_FURTHEST) * _FIXED_POINT).long()
        self.seen = self.seen + targets.seen.sum(0)
        self.hits = self.hits + (targets.seen & (far <= WITHIN)).sum(0)
        self.distance = self.distance + torch.where(targets.seen, fixed, 0).sum(0)

    def compute(self) -> dict[str, Tensor]:
        """All metrics by name, without the split's prefix: float64 scalars on the CPU."""
        seen, hits = self.seen.cpu().double(), self.hits.cpu().double()
        distance = self.distance.cpu().double() / _FIXED_POINT
        defined = 0.0 if int(self.undefined) == 0 else torch.nan
        values = {"pck": hits.sum() / seen.sum() + defined, "nme": distance.sum() / seen.sum() + defined}
        for name, sums in (("pck", hits), ("nme", distance)):
            values |= {f"{name}/{point}": sums[k] / seen[k] + defined for k, point in enumerate(self.points)}
        return values


class OutputMetrics(PointMetrics):
    """Likewise of what the network gives: of training batches nothing is decoded before.

    Args:
        points: K names.
        size: Height and width of the input, pixels.
    """

    def __init__(self, points: Sequence[str], size: Size) -> None:
        super().__init__(points)
        self.size = size

    def update(self, outputs: Tensor, targets: PointTargets) -> None:
        """Add a batch: (B, 2 K)."""
        self._add(decode(outputs, self.size), targets, max(self.size))
