"""Drawn objects and detections of them, and what pycocotools says about them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor

from tests.placements import placed
from tlbench.annotations.instances.detections import Detections
from tlbench.annotations.instances.targets import BoxTargets, CrowdTargets

SIZE = 640


@dataclass(frozen=True)
class Drawn:
    """Objects (boxes (G, 4), labels (G,)), detections and, likewise, crowds of some images."""

    objects: list[tuple[Tensor, Tensor]]
    detections: list[Detections]
    crowds: list[tuple[Tensor, Tensor]] | None = None

    def __getitem__(self, part: slice) -> Drawn:
        return Drawn(self.objects[part], self.detections[part], self.crowds[part] if self.crowds else None)

    @property
    def targets(self) -> BoxTargets:
        return targets_of(self.objects, crowds=self.crowds)


def targets_of(
    objects: Sequence[tuple[Tensor, Tensor]],
    factor: float = 1,
    left: float = 0,
    top: float = 0,
    crowds: Sequence[tuple[Tensor, Tensor]] | None = None,
) -> BoxTargets:
    """Objects in pixels of their images as the targets of a batch, whose input is these images scaled and moved."""
    offset = torch.tensor([left, top, left, top])

    def rows(parts: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
        counts = torch.tensor([len(labels) for _, labels in parts])
        image = torch.arange(len(parts)).repeat_interleave(counts)
        return torch.cat([boxes for boxes, _ in parts]) * factor + offset, torch.cat([of for _, of in parts]), image

    boxes, labels, image = rows(objects)
    return BoxTargets(
        boxes=boxes,
        labels=labels,
        image=image,
        placement=placed([(SIZE, SIZE)] * len(objects), [factor] * len(objects), [(left, top)] * len(objects), SIZE),
        crowds=None if crowds is None else CrowdTargets(*rows(crowds)),
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
    crowds: Sequence[int] | None = None,
) -> Drawn:
    """Images of which every fifth is empty and every seventh is without detections.

    Some objects stand twice at the same place; detections are objects moved a little (right class or not) or anything;
    scores are rounded, so that there are ties. With `crowds`, every image but each third has up to three, which may
    overlap each other and objects; some are as large as an object, most are much larger, and some detections are as
    large as a crowd.
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
    return Drawn(objects, detections, None if crowds is None else _crowds(generator, objects, detections, crowds))


@dataclass(frozen=True)
class Reference:
    """Of pycocotools: AP (C, 10), NaN for −1, and the first three numbers of its summary: AP50:95, AP50, AP75; and
    what it says about each class in each image.
    """

    ap: NDArray[np.float64]
    summary: NDArray[np.float64]
    images: list[dict[str, Any]]

    def counts(self, label: int, confidence: float) -> tuple[int, int, int]:
        """True positives and false positives of a class at IoU 0.5 from a confidence on, and its objects."""
        tp = fp = objects = 0
        for image in self.images:
            if image["category_id"] == label:
                counts = (np.array(image["dtScores"]) >= confidence) & (image["dtIgnore"][0] == 0)
                right = image["dtMatches"][0] > 0
                tp, fp = tp + int((counts & right).sum()), fp + int((counts & ~right).sum())
                objects += int((np.array(image["gtIgnore"]) == 0).sum())
        return tp, fp, objects


def by_pycocotools(drawn: Drawn, num_classes: int) -> Reference:
    """The same data through COCO's own loading, matching, accumulation and summary."""
    annotations, results = [], []
    for i, ((boxes, labels), found) in enumerate(zip(drawn.objects, drawn.detections, strict=True), start=1):
        regions, of_regions = drawn.crowds[i - 1] if drawn.crowds else (boxes[:0], labels[:0])
        rows = zip(_xywh(torch.cat([boxes, regions])), torch.cat([labels, of_regions]).tolist(), strict=True)
        for row, (box, label) in enumerate(rows):
            entry = {"id": len(annotations) + 1, "image_id": i, "category_id": label, "bbox": box}
            annotations.append({**entry, "area": box[2] * box[3], "iscrowd": int(row >= len(boxes))})
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
    every = [image for image in evaluation.evalImgs if image and image["aRng"] == evaluation.params.areaRng[0]]
    return Reference(ap, evaluation.stats[:3], every)


def _crowds(
    generator: np.random.Generator,
    objects: Sequence[tuple[Tensor, Tensor]],
    detections: Sequence[Detections],
    labels: Sequence[int],
) -> list[tuple[Tensor, Tensor]]:
    crowds = []
    for i, ((boxes, _), found) in enumerate(zip(objects, detections, strict=True)):
        count = 0 if i % 3 == 2 else int(generator.integers(1, 4))
        corner = generator.uniform(0, SIZE / 2, (count, 2))
        regions = np.concatenate([corner, corner + generator.uniform(50, SIZE / 2, (count, 2))], axis=1)
        if count and len(boxes):
            regions[0] = boxes[0].numpy()  # an object stands just in a crowd
        if count > 1 and len(found):
            regions[1] = found.boxes[0].numpy()  # a detection is just a crowd
        crowds.append((torch.tensor(regions, dtype=torch.float32), torch.tensor(generator.choice(labels, count))))
    return crowds


def _boxes(generator: np.random.Generator, count: int) -> NDArray[np.float64]:
    corner = generator.uniform(0, SIZE - 110, (count, 2))
    return np.concatenate([corner, corner + generator.uniform(10, 100, (count, 2))], axis=1)


def _ordered(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    pairs = np.sort(boxes.reshape(-1, 2, 2), axis=1)
    return pairs.reshape(-1, 4).clip(0, SIZE)


def _xywh(boxes: Tensor) -> list[list[float]]:
    corners = boxes.double()
    return torch.cat([corners[:, :2], corners[:, 2:] - corners[:, :2]], dim=1).tolist()
