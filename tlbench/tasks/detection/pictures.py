"""What a detection run's test shows: curves, and the images with the most mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tlbench.annotations.instances.confidence import best_confidence, rates
from tlbench.annotations.instances.curves import detection_curves
from tlbench.annotations.instances.instances import Instances
from tlbench.data.samples import Samples
from tlbench.data.target_module import TargetModule
from tlbench.loggers.build import FigureWriter
from tlbench.pictures.figures import image_figure
from tlbench.pictures.sheet import Tile
from tlbench.tasks.base import Task
from tlbench.tasks.detection.figures import f1_confidence_figure, precision_recall_figure
from tlbench.tasks.detection.grid import detections_sheet, outcome_tile
from tlbench.tasks.detection.metrics import DetectionMetrics
from tlbench.tasks.detection.mistakes import ImageOutcome, match_images, outcome, worst_first
from tlbench.tasks.detection.sidecar import split_images
from tlbench.tools.evaluation_pictures import write_figures

_MOST_IMAGES = 16


def show_detections(
    folder: Path,
    writer: FigureWriter | None,
    step: int,
    task: Task,
    module: TargetModule,
    predictions: dict[str, Tensor],
) -> dict[str, str]:
    """Draw the test's curves and its images with the most mistakes, as PNG files and in the loggers.

    Nothing is exchanged between processes: everything comes from the predictions, and one process can draw alone.

    Args:
        folder: The run's.
        writer: Takes the figures, as `test/precision_recall`, `test/f1_confidence` and `test/detections`.
        step: Global step at the end of training.
        task: A `DetectionTask`, with the confidence that validation chose.
        module: Its data.
        predictions: As `task.predictions()` gives them.

    Returns:
        `precision_recall`, `f1_confidence` and (unless `logger.mistakes` is 0) `detections` → file name.

    Raises:
        OutputError: The disk refuses.
    """
    split: Samples[Instances] = module.target.splits["test"]
    index = predictions["index"].tolist()
    assert split.names is not None
    images = split_images({k: v.numpy() for k, v in predictions.items()}, [split.names[i] for i in index])
    found, matches = match_images(images, len(split.class_names))
    assert isinstance(task.test_metrics, DetectionMetrics)
    chosen = task.test_metrics.confidence
    confidence = best_confidence(matches) if chosen is None else chosen  # as the test's metrics do
    curves = detection_curves(matches, split.class_names)
    f1 = rates(matches, np.array([confidence])).f1[:, 0]
    figures = {
        "precision_recall": precision_recall_figure(curves, "test"),
        "f1_confidence": f1_confidence_figure(curves, confidence, f1, "test"),
    }
    limit = min(_MOST_IMAGES, task.config.logger.mistakes)
    if limit:
        outcomes = [outcome(*each, confidence) for each in zip(images, found, strict=True)]
        worst = worst_first(outcomes, limit)
        pixels = module.pictures("test", torch.tensor([index[k] for k in worst]))
        tiles = [_tile(outcomes[k], split, index[k], picture) for k, picture in zip(worst, pixels, strict=True)]
        figures["detections"] = image_figure(detections_sheet(tiles, confidence))
    files = write_figures(folder, "test", figures)
    if writer is not None:
        for name, figure in figures.items():
            writer.add_figure(f"test/{name}", figure, step)
    return files


def _tile(result: ImageOutcome, split: Samples[Instances], position: int, picture: Tensor) -> Tile:
    """With an image (3, S, S) of the split, which lies in the top left corner."""
    inside, size = split.annotations.inside[position], split.annotations.sizes[position]
    height, width = inside.tolist()
    factor = (inside.double() / size).flip(0).repeat(2).numpy()
    pixels = picture[:, :height, :width].permute(1, 2, 0).cpu().numpy()
    return outcome_tile(result, pixels, factor, split.class_names)
