"""Drawn objects and detections of them, and what pycocotools says about them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor

from tlbench.data.detection.targets import BoxTargets
from tlbench.metrics.detections import Detections

SIZE = 640.0


@dataclass(frozen=True)
class Drawn:
    """Objects (boxes (G, 4), labels (G,)) and detections of some images."""

    objects: list[tuple[Tensor, Tensor]]
    detections: list[Detections]

    def __getitem__(self, part: slice) -> Drawn:
        return Drawn(self.objects[part], self.detections[part])

    @property
    def targets(self) -> BoxTargets:
        return targets_of(self.objects)


def targets_of(
    objects: Sequence[tuple[Tensor, Tensor]], factor: float = 1, left: float = 0, top: float = 0
) -> BoxTargets:
    """Objects in pixels of their images as the targets of a batch, whose input is these images scaled and moved."""
    counts = torch.tensor([len(labels) for _, labels in objects])
    offset = torch.tensor([left, top, left, top])
    return BoxTargets(
        boxes=torch.cat([boxes for boxes, _ in objects]) * factor + offset,
        labels=torch.cat([labels for _, labels in objects]),
        image=torch.arange(len(objects)).repeat_interleave(counts),
        frames=torch.tensor([[factor, factor, left, top]] * len(objects)),
        sizes=torch.full((len(objects), 2), SIZE),
    )


def detections_of(*rows: tuple[Sequence[float], float, int]) -> Detections:
    """Detections from (box, score, label)."""
    boxes, scores, labels = [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
    return Detections(torch.tensor(boxes).view(-1, 4), torch.tensor(scores), torch.tensor(labels, dtype=torch.int64))


def draw(
    images: int,
    labels: Sequence[int],
    seed: int,
    detected: Sequence[int] | None = None,
    mean_objects: float = 4,
    detections_per_image: int = 30,
    decimals: int = 2,
) -> Drawn:
    """Images of which every fifth is empty and every seventh is without detections.

    Some objects stand twice at the same place; detections are objects moved a little (right class or not) or anything;
    scores are rounded, so that there are ties.
    """
    generator = np.random.default_rng(seed)
    detected = list(labels) if detected is None else list(detected)
    objects, detections = [], []
    for i in range(images):
        count = 0 if i % 5 == 4 else int(generator.poisson(mean_objects))
        boxes = _boxes(generator, count)
        classes = generator.choice(labels, count)
        if count > 2:
            boxes[1], classes[1] = boxes[0], classes[0]
        found = 0 if i % 7 == 6 else detections_per_image
        moved = _boxes(generator, found)
        guessed = generator.choice(detected, found)
        if count:
            near = generator.integers(0, count, found)
            close = generator.random(found) < 0.6
            spread = (boxes[near, 2:] - boxes[near, :2]) * generator.choice([0.01, 0.05, 0.15], (found, 1))
            jitter = generator.normal(0, 1, (found, 4)) * np.tile(spread, 2)
            moved[close] = _ordered((boxes[near] + jitter)[close])
            right = close & (generator.random(found) < 0.9)
            guessed[right] = classes[near[right]]
        scores = np.sort(np.round(generator.beta(1, 3, found), decimals))[::-1].clip(0.001)
        objects.append((torch.tensor(boxes, dtype=torch.float32), torch.tensor(classes, dtype=torch.int64)))
        detections.append(
            Detections(
                torch.tensor(moved, dtype=torch.float32),
                torch.tensor(scores.copy(), dtype=torch.float32),
                torch.tensor(guessed, dtype=torch.int64),
            )
        )
    return Drawn(objects, detections)


@dataclass(frozen=True)
class Reference:
    """Of pycocotools: AP (C, 10), NaN for −1, and the first three numbers of its summary: AP50:95, AP50, AP75."""

    ap: NDArray[np.float64]
    summary: NDArray[np.float64]


def by_pycocotools(drawn: Drawn, num_classes: int) -> Reference:
    """The same data through COCO's own loading, matching, accumulation and summary."""
    annotations, results = [], []
    for i, ((boxes, labels), found) in enumerate(zip(drawn.objects, drawn.detections, strict=True), start=1):
        for box, label in zip(_xywh(boxes), labels.tolist(), strict=True):
            entry = {"id": len(annotations) + 1, "image_id": i, "category_id": label, "bbox": box, "iscrowd": 0}
            annotations.append({**entry, "area": box[2] * box[3]})
        for box, score, label in zip(_xywh(found.boxes), found.scores.tolist(), found.labels.tolist(), strict=True):
            results.append({"image_id": i, "category_id": label, "bbox": box, "score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i + 1} for i in range(len(drawn.objects))],
            "categories": [{"id": c, "name": str(c)} for c in range(num_classes)],
            "annotations": annotations,
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    precision = evaluation.eval["precision"][:, :, :, 0, 2]
    ap = np.where(precision[:, 0] < 0, np.nan, precision.mean(axis=1)).T
    return Reference(ap, evaluation.stats[:3])


def _boxes(generator: np.random.Generator, count: int) -> NDArray[np.float64]:
    corner = generator.uniform(0, SIZE - 110, (count, 2))
    return np.concatenate([corner, corner + generator.uniform(10, 100, (count, 2))], axis=1)


def _ordered(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    pairs = np.sort(boxes.reshape(-1, 2, 2), axis=1)
    return pairs.reshape(-1, 4).clip(0, SIZE)


def _xywh(boxes: Tensor) -> list[list[float]]:
    corners = boxes.double()
    return torch.cat([corners[:, :2], corners[:, 2:] - corners[:, :2]], dim=1).tolist()
