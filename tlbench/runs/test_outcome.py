"""What a test leaves beside the record: predictions, and pictures for the loggers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from torch import Tensor

from tlbench.data.target_module import TargetModule
from tlbench.loggers.build import FigureWriter
from tlbench.runs.sidecars import show_pictures, write_predictions
from tlbench.system.names import printable
from tlbench.tasks.base import Task


def keep_test(
    folder: Path,
    task: Task,
    module: TargetModule[Any],
    predictions: dict[str, Tensor],
    loggers: Sequence[Logger],
    step: int,
) -> dict[str, str]:
    """Write predictions (and, for detection, pictures) beside the record, and show the pictures in the loggers.

    Args:
        folder: The run's.
        task: Which was tested.
        module: Its data.
        predictions: As `task.predictions()` gives them.
        loggers: Where figures go.
        step: Global step at the end of training.

    Returns:
        What each file is → its name.
    """
    writer = FigureWriter(loggers) if loggers else None
    if task.name == "detection":
        from tlbench.tasks.detection.pictures import show_detections

        names = [printable(module.target.splits["test"].names[i]) for i in predictions["index"].tolist()]
        sidecars = {"predictions_test": write_predictions(folder, predictions, names)}
        return sidecars | show_detections(folder, writer, step, task, module, predictions)
    sidecars = {"predictions_test": write_predictions(folder, predictions)}
    if writer is not None:
        show_pictures(
            writer,
            step,
            partial(module.pictures, "test"),
            predictions,
            module.target.class_names,
            task.config.logger.mistakes,
        )
    return sidecars
