"""Detection metrics as COCO defines them, and precision, recall and F1 at one confidence.

The reference implementation is pycocotools. Images are matched as they come and only what the metrics need is kept: 12
bytes a detection, of which there are at most 100 a class and image.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

from tlbench.annotations.instances.average_precision import average_precision
from tlbench.annotations.instances.confidence import best_confidence, matched_iou, rates
from tlbench.annotations.instances.curves import DetectionCurves, detection_curves
from tlbench.annotations.instances.detections import Detections
from tlbench.annotations.instances.matches import Matches
from tlbench.annotations.instances.matching import IOU_THRESHOLDS, match_boxes
from tlbench.annotations.instances.targets import BoxTargets
from tlbench.errors import DataError
from tlbench.metrics.class_names import metric_class_names

_BITS = len(IOU_THRESHOLDS)
_CROWD_BITS = 4  # for 0 … 10
_MOST_CLASSES = 1 << 31 - _BITS - _CROWD_BITS


class DetectionMetrics(Metric):
    """AP50, AP95, AP50:95, and at one confidence precision, recall, F1 and the IoU of matched boxes.

    With AP_t a class's average precision at IoU threshold t (see `average_precision`):

    - `ap50/<class>`, `ap95/<class>`, `ap50_95/<class>`: AP_0.50, AP_0.95, mean of AP_t over t = 0.50, 0.55 … 0.95;
    - `map50`, `map95`, `map50_95`: their means over classes;
    - `precision/<class>`, `recall/<class>`, `f1/<class>`: of the detections of a score ≥ `confidence` at IoU 0.5;
      precision is 0 where there is none;
    - `precision`, `recall`, `f1`: their means over classes;
    - `iou`: mean IoU of these detections that are true positives with their objects, over all classes; NaN where there
      is none;
    - `confidence`: the one used.

    What is detected in crowds is ignored as COCO does: unless it is a true positive, it counts neither way.

    A class without objects has no metrics: NaN, and left out of means, also where something is detected as that class.
    Without any object all are NaN but `confidence`. All are NaN, `confidence` too, where a score or a box of any image
    is not a finite number (see `Detections.undefined`): merely left out, it would be an object that was not found. A
    `/` in a class name becomes `_`.

    Over several processes the result is that of one process that saw the images of process 0, then those of process 1
    and so on. The order matters only for AP, and only among detections of a class with equal scores, which keep their
    order as in pycocotools.

    Args:
        class_names: C names, in the order of the labels.

    Raises:
        DataError: Two classes would share a metric's name, or there are more than 131,072.
    """

    full_state_update = False
    is_differentiable = False

    scores: list[Tensor]
    ious: list[Tensor]
    hits: list[Tensor]
    objects: Tensor
    undefined: Tensor

    def __init__(self, class_names: Sequence[str]) -> None:
        super().__init__()
        if len(class_names) > _MOST_CLASSES:
            raise DataError(f"{len(class_names):,} classes; up to {_MOST_CLASSES:,} are measured; leave some out")
        self.class_names = metric_class_names(class_names)
        self._confidence: float | None = None
        # One entry a batch, on the CPU. Label and hits share an int32, as processes cannot exchange 16-bit integers.
        self.add_state("scores", [], "cat")  # (N,) float32
        self.add_state("ious", [], "cat")  # (N,) float32
        self.add_state("hits", [], "cat")  # (N,) int32: label, thresholds in a crowd (4 bits), hits
        self.add_state("objects", torch.zeros(len(self.class_names), dtype=torch.int64), "sum")
        self.add_state("undefined", torch.zeros((), dtype=torch.int64), "sum")  # boxes that are no numbers

    @property
    def confidence(self) -> float | None:
        """The confidence of precision, recall, F1 and IoU; None: the one of the best mean F1 on these very data."""
        return self._confidence

    @confidence.setter
    def confidence(self, value: float | None) -> None:
        self._confidence = value
        self._computed = None

    def update(self, detections: Sequence[Detections], targets: BoxTargets) -> None:
        """Add a batch of B images; waits for the device.

        Args:
            detections: One for each of the B images, boxes in pixels of the image as it is stored.
            targets: Of the same images.
        """
        if len(detections) != len(targets):
            raise ValueError(f"detections of {len(detections)} images, targets of {len(targets)}")
        if not detections:
            return
        boxes, scores, labels = (
            torch.cat([getattr(image, name) for image in detections]).cpu().numpy()
            for name in ("boxes", "scores", "labels")
        )
        self.undefined = self.undefined + int((~np.isfinite(scores) | ~np.isfinite(boxes).all(axis=1)).sum())
        true_boxes = targets.in_image(targets.boxes, targets.image).cpu().numpy()
        true_labels = targets.labels.cpu().numpy()
        ends = np.cumsum([len(image) for image in detections])
        true_starts = np.searchsorted(targets.image.cpu().numpy(), np.arange(len(targets) + 1))
        crowds = _crowds_by_image(targets)

        kept, hits, crowded, ious = [], [], [], []
        for i, end in enumerate(ends):
            own, true = slice(end - len(detections[i]), end), slice(true_starts[i], true_starts[i + 1])
            found = match_boxes(boxes[own], scores[own], labels[own], true_boxes[true], true_labels[true], *crowds[i])
            kept.append(own.start + found.kept)
            hits.append(found.hits)
            crowded.append(found.crowded)
            ious.append(found.ious)
        chosen = np.concatenate(kept)
        self.scores.append(torch.from_numpy(scores[chosen].astype(np.float32)))
        self.ious.append(torch.from_numpy(np.concatenate(ious)))
        packed = (labels[chosen] << _CROWD_BITS | np.concatenate(crowded)) << _BITS | np.concatenate(hits)
        self.hits.append(torch.from_numpy(packed.astype(np.int32)))
        counts = np.bincount(true_labels, minlength=len(self.class_names))
        self.objects = self.objects + torch.from_numpy(counts).to(self.objects.device)

    def compute(self) -> dict[str, Tensor]:
        """All metrics by name, without the split's prefix: float64 scalars on the CPU."""
        matches = self._matches()
        confidence = best_confidence(matches) if self.confidence is None else self.confidence
        ap = average_precision(matches)
        at = rates(matches, np.array([confidence]))
        per_class = {
            "ap50": ap[:, 0],
            "ap95": ap[:, -1],
            "ap50_95": ap.mean(axis=1),
            "precision": at.precision[:, 0],
            "recall": at.recall[:, 0],
            "f1": at.f1[:, 0],
        }
        values = {
            f"m{name}" if name.startswith("ap") else name: float(matches.mean(row)) for name, row in per_class.items()
        }
        values |= {"iou": matched_iou(matches, confidence), "confidence": confidence}
        for metric, row in per_class.items():
            values |= {f"{metric}/{name}": value for name, value in zip(self.class_names, row.tolist(), strict=True)}
        defined = torch.where(self.undefined.cpu() > 0, torch.nan, 0.0)
        return {name: torch.tensor(value, dtype=torch.float64) + defined for name, value in values.items()}

    def curves(self) -> DetectionCurves:
        """Precision over recall, and precision, recall and F1 over confidence, for figures; a call of all processes."""
        with self.sync_context():
            return detection_curves(self._matches(), self.class_names)

    def _matches(self) -> Matches:
        scores, ious, hits = (_whole(getattr(self, name), dtype).numpy() for name, dtype in _LISTS.items())
        above = hits >> _BITS
        labels, crowded = above >> _CROWD_BITS, above & (1 << _CROWD_BITS) - 1
        return Matches.sort(scores, labels, hits & (1 << _BITS) - 1, ious, self.objects.cpu().numpy(), crowded)

    def _sync_dist(self, *args: Any, **kwargs: Any) -> None:
        """Exchange the states from where the backend wants them, with entries of the right type where there are none.

        (torchmetrics would send float32 in place of an empty list of int32.)
        """
        for name, dtype in _LISTS.items():
            setattr(self, name, [_whole(getattr(self, name), dtype).to(self.device)])
        super()._sync_dist(*args, **kwargs)


_LISTS = {"scores": torch.float32, "ious": torch.float32, "hits": torch.int32}


def _crowds_by_image(targets: BoxTargets) -> list[tuple[NDArray[np.float32], NDArray[np.int64]] | tuple[()]]:
    """Boxes, in pixels of the image, and labels of each image's crowds; nothing where there are none at all."""
    crowds = targets.crowds
    if crowds is None or len(crowds.labels) == 0:
        return [()] * len(targets)
    boxes = targets.in_image(crowds.boxes, crowds.image).cpu().numpy()
    labels = crowds.labels.cpu().numpy()
    starts = np.searchsorted(crowds.image.cpu().numpy(), np.arange(len(targets) + 1))
    return [(boxes[a:b], labels[a:b]) for a, b in pairwise(starts.tolist())]


def _whole(state: list[Tensor] | Tensor, dtype: torch.dtype) -> Tensor:
    """A list state as one tensor on the CPU; after an exchange between processes it is one already."""
    parts = [state] if isinstance(state, Tensor) else state
    return torch.cat([part.cpu() for part in parts]) if parts else torch.zeros(0, dtype=dtype)
