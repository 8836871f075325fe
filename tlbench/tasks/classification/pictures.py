"""What a classification run's test shows."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Tensor

from tlbench.pictures.figures import confusion_figure, image_figure
from tlbench.pictures.sheet import Tile, sheet
from tlbench.tasks.classification.reliability import reliability_figure
from tlbench.tasks.wing import Tested

_SIDE = 150
"""Pixels of an image that was taken for another."""
_ONE_LINE = 12
"""Letters of two names that stand in one line."""
_WORST = 60
"""Mistakes that are kept in small."""


def most_confident_mistakes(predictions: dict[str, Tensor], count: int) -> Tensor:
    """Positions of the wrongly classified samples, most confident first, at most `count`."""
    confidence, predicted = predictions["probabilities"].max(dim=1)
    wrong = torch.nonzero(predicted != predictions["target"]).flatten()
    return wrong[torch.argsort(confidence[wrong], descending=True, stable=True)][:count]


def confusion_counts(predictions: dict[str, Tensor]) -> Tensor:
    """(C, C) int64, rows true classes, columns predicted."""
    classes = predictions["probabilities"].shape[1]
    cell = predictions["target"] * classes + predictions["probabilities"].argmax(dim=1)
    return torch.bincount(cell, minlength=classes**2).view(classes, classes)


def show_pictures(tested: Tested) -> dict[str, str]:
    """Draw the test's confusion matrix, reliability diagram and most confident mistakes; keep small images.

    Returns:
        `confusion`, `reliability`, `most_confident_mistakes` and `thumbnails_test` → file name; with
        `logger.mistakes=0` no mistakes are shown, nor kept in small.

    Raises:
        OutputError: The disk refuses.
    """
    names, predictions = tested.module.target.class_names, tested.predictions
    counts, wanted = confusion_counts(predictions), tested.task.config.logger.mistakes
    figures = {
        "confusion": confusion_figure(counts.numpy(), names, f"confusion, test: {int(counts.sum()):,} images"),
        "reliability": reliability_figure(predictions["probabilities"], predictions["target"], "test"),
    }
    if wanted:
        figures["most_confident_mistakes"] = _mistakes_figure(tested, names, wanted)
    worst = most_confident_mistakes(predictions, _WORST if wanted else 0)
    small = tested.in_small(predictions["index"][worst].tolist())
    images = tested.module.pictures("test", torch.tensor(small)).permute(0, 2, 3, 1).numpy()
    tiles = {i: Tile(image) for i, image in zip(small, images, strict=True)}
    return tested.show(figures) | tested.keep_small(tiles, drawn=False)


def _mistakes_figure(tested: Tested, names: tuple[str, ...], count: int) -> Figure:
    predictions = tested.predictions
    worst = most_confident_mistakes(predictions, count)
    confidence, predicted = predictions["probabilities"][worst].max(dim=1)
    rows = zip(predictions["target"][worst].tolist(), predicted.tolist(), confidence.tolist(), strict=True)
    titles = [_title(names[true], names[taken_for], sure) for true, taken_for, sure in rows]
    images = tested.module.pictures("test", predictions["index"][worst]).permute(0, 2, 3, 1).numpy()
    tiles = [Tile(image, title=title) for image, title in zip(images, titles, strict=True)]
    total = int((predictions["probabilities"].argmax(dim=1) != predictions["target"]).sum())
    heading = f"test, true → predicted with confidence: {len(tiles)} of {total:,} mistakes, the surest first"
    return image_figure(sheet(tiles, heading=heading if tiles else "test: no mistakes", side=_SIDE))


def _title(true: str, predicted: str, confidence: float) -> str:
    separator = " → " if len(true) + len(predicted) <= _ONE_LINE else " →\n"
    return f"{true}{separator}{predicted}, {confidence:.2f}"
