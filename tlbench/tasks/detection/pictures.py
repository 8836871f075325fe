"""What a detection run's test shows: curves, and the images with the most mistakes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tlbench.annotations.instances.confidence import best_confidence, rates
from tlbench.annotations.instances.curves import detection_curves
from tlbench.annotations.instances.instances import Instances
from tlbench.data.samples import Samples
from tlbench.pictures.figures import image_figure
from tlbench.pictures.sheet import Tile
from tlbench.tasks.detection.figures import f1_confidence_figure, precision_recall_figure
from tlbench.tasks.detection.grid import LEGEND, detections_sheet, outcome_tile
from tlbench.tasks.detection.metrics import DetectionMetrics
from tlbench.tasks.detection.mistakes import ImageOutcome, match_images, outcome, worst_first
from tlbench.tasks.detection.sidecar import split_images
from tlbench.tasks.wing import Tested

_MOST_IMAGES = 16
_WORST = 24
"""Of the images with the most mistakes: those that are kept in small."""


def show_detections(tested: Tested) -> dict[str, str]:
    """Draw the test's curves and its images with the most mistakes; keep some images in small.

    Nothing is exchanged between processes: everything comes from the predictions, and one process can draw alone.

    Args:
        tested: Its task is a `DetectionTask`, with the confidence that validation chose.

    Returns:
        `precision_recall`, `f1_confidence`, `detections` and `thumbnails_test` → file name; with `logger.mistakes=0` no
        mistakes are shown, nor kept in small.

    Raises:
        OutputError: The disk refuses.
    """
    split: Samples[Instances] = tested.module.target.splits["test"]
    index = tested.predictions["index"].tolist()
    assert split.names is not None
    columns = {name: column.numpy() for name, column in tested.predictions.items()}
    images = split_images(columns, [split.names[i] for i in index])
    found, matches = match_images(images, len(split.class_names))
    assert isinstance(tested.task.test_metrics, DetectionMetrics)
    chosen = tested.task.test_metrics.confidence
    confidence = best_confidence(matches) if chosen is None else chosen  # as the test's metrics do
    curves = detection_curves(matches, split.class_names)
    f1 = rates(matches, np.array([confidence])).f1[:, 0]
    figures = {
        "precision_recall": precision_recall_figure(curves, "test"),
        "f1_confidence": f1_confidence_figure(curves, confidence, f1, "test"),
    }
    wanted = tested.task.config.logger.mistakes
    outcomes = {i: outcome(image, its, confidence) for i, image, its in zip(index, images, found, strict=True)}
    worst = worst_first(outcomes, _WORST if wanted else 0)
    small = [i for i in tested.in_small(worst) if i in outcomes]
    pixels = tested.module.pictures("test", torch.tensor(small, dtype=torch.int64))
    tiles = {i: _tile(outcomes[i], split, i, picture) for i, picture in zip(small, pixels, strict=True)}
    if wanted:
        shown = [tiles[i] for i in worst[: min(_MOST_IMAGES, wanted)]]
        figures["detections"] = image_figure(detections_sheet(shown, confidence))
    legend = f"{LEGEND}; detections with confidence ≥ {confidence:.3f}, right at IoU ≥ 0.5"
    return tested.show(figures) | tested.keep_small(tiles, drawn=True, legend=legend)


def _tile(result: ImageOutcome, split: Samples[Instances], position: int, picture: Tensor) -> Tile:
    """With an image (3, S, S) of the split, which lies in the top left corner."""
    inside, size = split.annotations.inside[position], split.annotations.sizes[position]
    height, width = inside.tolist()
    factor = (inside.double() / size).flip(0).repeat(2).numpy()
    pixels = picture[:, :height, :width].permute(1, 2, 0).cpu().numpy()
    return outcome_tile(result, pixels, factor, split.class_names)
