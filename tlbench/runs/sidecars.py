"""Files beside the record: per-sample predictions, and the pictures that TensorBoard shows."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tlbench.pictures.figures import confusion_figure, mistakes_figure
from tlbench.pictures.reliability import reliability_figure
from tlbench.runs.folder import PREDICTIONS_FILE
from tlbench.system.atomic import write_atomic


def write_predictions(folder: Path, predictions: dict[str, Tensor], names: Sequence[str] | None = None) -> str:
    """Write the test split's per-sample predictions as an `.npz` of plain arrays, in the order of its samples.

    Args:
        folder: Where the file goes.
        predictions: As `Task.predictions` gives them.
        names: What each sample is called, kept as `names`, an array of text; None: not kept.

    Returns:
        The file's name.
    """
    arrays = {key: value.numpy() for key, value in predictions.items()}
    if names is not None:
        arrays["names"] = np.array(names, dtype=np.str_)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomic(folder / PREDICTIONS_FILE, buffer.getvalue())
    return PREDICTIONS_FILE


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
        figure = mistakes_figure(
            pictures(worst).numpy(),
            [names[i] for i in predictions["target"][worst].tolist()],
            [names[i] for i in predicted.tolist()],
            confidence.tolist(),
        )
        writer.add_figure("test/most_confident_mistakes", figure, step)
