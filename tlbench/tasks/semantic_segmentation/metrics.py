"""Segmentation metrics from one confusion matrix of pixels, and from the pixels near borders.

The reference implementation is scikit-learn; boundary IoU is that of Cheng et al. 2021, arXiv:2103.16562.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from tlbench.annotations.maps.boundary import boundary_counts
from tlbench.annotations.maps.class_maps import VOID
from tlbench.annotations.maps.found import FoundMaps
from tlbench.annotations.maps.targets import MapTargets
from tlbench.metrics.class_names import metric_class_names


class MapMetrics(Metric):
    """mIoU, OA, AA, kappa and F1 of all pixels of a split together, and each class's IoU, F1 and recall.

    With TP, FP, FN per class c in pixels, N pixels of a class, C classes; ignored pixels count nowhere:

    - `iou/<class>` = TP / (TP + FP + FN), `f1/<class>` = 2 TP / (2 TP + FP + FN), also called Dice; NaN of a class that
      occurs neither in the truth nor in what is predicted;
    - `miou`, `f1`: their means over the classes that occur in either (scikit-learn's `jaccard_score` and `f1_score`
      with `average="macro"`);
    - `recall/<class>` = TP / (TP + FN), NaN of a class that is not in the truth; `aa`: the mean of the others;
    - `oa` = Σ TP / N;
    - `kappa` = (p_o − p_e) / (1 − p_e), p_o = OA, p_e = Σ_c (n_true_c / N)(n_pred_c / N); NaN where p_e = 1;
    - `boundary_iou`, where it is asked for: as `miou`, of the pixels within 0.02 of the image's diagonal of a border
      of their class, intersections and unions summed over the images before they are divided.

    Without any pixel of a class all are NaN; likewise where the network's outputs for an image are not finite. A `/` in
    a class name becomes `_`.

    Args:
        class_names: C names, in the order of the labels.
        boundary: Whether `boundary_iou` is computed, which costs as much as all else.

    Raises:
        DataError: Two classes would share a metric's name.
    """

    full_state_update = False
    is_differentiable = False

    cells: Tensor
    near: Tensor
    undefined: Tensor

    def __init__(self, class_names: Sequence[str], *, boundary: bool = False) -> None:
        super().__init__()
        self.class_names, self.boundary = metric_class_names(class_names), boundary
        count = len(self.class_names)
        self.add_state("cells", torch.zeros(count, count, dtype=torch.int64), "sum")
        self.add_state("near", torch.zeros(2, count, dtype=torch.int64), "sum")
        self.add_state("undefined", torch.zeros((), dtype=torch.int64), "sum")

    @property
    def confusion(self) -> Tensor:
        """(C, C) int64 pixels since the last reset, rows true and columns predicted classes; of this process only."""
        return self.cells

    def update(self, found: FoundMaps, targets: MapTargets) -> None:
        """Add a batch: what was found in each image, at the size of its map."""
        self.cells = self.cells + found.confusion(targets).sum(0)
        self.undefined = self.undefined + found.undefined.sum()
        if self.boundary:
            for predicted, true in zip(found.maps, targets.originals, strict=True):
                self.near = self.near + boundary_counts(predicted, true, len(self.class_names)).to(self.near.device)

    def compute(self) -> dict[str, Tensor]:
        """All metrics by name, without the split's prefix: float64 scalars on the CPU, fetched in one go."""
        cells, near = self.cells.cpu().double(), self.near.cpu().double()
        total, hits = cells.sum(), cells.diag()
        n_true, n_pred = cells.sum(1), cells.sum(0)
        defined = torch.where((total > 0) & (self.undefined.cpu() == 0), 0.0, torch.nan)
        # 0 / 0, a class that does not occur, is NaN
        iou, f1, recall = hits / (n_true + n_pred - hits), 2 * hits / (n_true + n_pred), hits / n_true
        oa, chance = hits.sum() / total, (n_true / total * (n_pred / total)).sum()
        values = {
            "miou": iou.nanmean(),
            "oa": oa,
            "aa": recall.nanmean(),
            "kappa": (oa - chance) / (1 - chance),
            "f1": f1.nanmean(),
        }
        if self.boundary:
            values["boundary_iou"] = (near[0] / near[1]).nanmean()
        for metric, per_class in (("iou", iou), ("f1", f1), ("recall", recall)):
            values |= {f"{metric}/{name}": value for name, value in zip(self.class_names, per_class, strict=True)}
        return {name: value + defined for name, value in values.items()}


class InputMapMetrics(MapMetrics):
    """The same at the size of the network's input, without host–device synchronisation: for training's curves."""

    def update(self, logits: Tensor, maps: Tensor) -> None:  # type: ignore[override]
        """Add a batch.

        Args:
            logits: (B, C, H, W).
            maps: (B, H, W) uint8.
        """
        classes = len(self.class_names)
        true = maps.flatten().long()
        found = logits.max(dim=1).indices  # as argmax, which takes 8 times as long on a CPU
        cell = true.clamp(max=classes - 1) * classes + found.flatten()
        counts = self.cells.flatten().index_add(0, cell, (true != VOID).long())
        self.cells = counts.view_as(self.cells)
