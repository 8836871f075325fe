"""What a classification run's test shows in TensorBoard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tlbench.pictures.figures import confusion_figure, image_figure
from tlbench.pictures.sheet import Tile, sheet
from tlbench.tasks.classification.reliability import reliability_figure

_SIDE = 150
"""Pixels of an image that was taken for another."""
_ONE_LINE = 12
"""Letters of two names that stand in one line."""


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


def show_pictures(
    writer: Any,
    step: int,
    pictures: Callable[[Tensor], Tensor],
    predictions: dict[str, Tensor],
    names: tuple[str, ...],
    mistakes: int,
) -> None:
    """Add the test split's confusion matrix, reliability diagram and most confident mistakes to TensorBoard.

    Args:
        writer: A TensorBoard SummaryWriter.
        step: Global step at the end of training.
        pictures: Gives the images (M, 3, H, W) uint8 at (M,) positions in the test split.
        predictions: As `Task.predictions` gives them.
        names: The C class names.
        mistakes: How many mistakes to show; 0 shows none.
    """
    writer.add_figure("test/confusion", confusion_figure(confusion_counts(predictions).numpy(), names), step)
    diagram = reliability_figure(predictions["probabilities"], predictions["target"], "test")
    writer.add_figure("test/reliability", diagram, step)
    if mistakes:
        worst = most_confident_mistakes(predictions, mistakes)
        confidence, predicted = predictions["probabilities"][worst].max(dim=1)
        rows = zip(predictions["target"][worst].tolist(), predicted.tolist(), confidence.tolist(), strict=True)
        titles = [_title(names[true], names[taken_for], sure) for true, taken_for, sure in rows]
        images = pictures(worst).permute(0, 2, 3, 1).numpy()
        tiles = [Tile(image, title=title) for image, title in zip(images, titles, strict=True)]
        drawn = sheet(tiles, heading="" if tiles else "no mistakes", side=_SIDE)
        writer.add_figure("test/most_confident_mistakes", image_figure(drawn), step)


def _title(true: str, predicted: str, confidence: float) -> str:
    separator = " → " if len(true) + len(predicted) <= _ONE_LINE else " →\n"
    return f"{true}{separator}{predicted} {confidence:.2f}"
