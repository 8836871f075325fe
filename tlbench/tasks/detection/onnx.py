"""What an exported detector takes and gives."""

from __future__ import annotations

from typing import Any

from torch import nn

from tlbench.tasks.detection.chosen import chosen_confidence
from tlbench.tasks.detection.config import DetectionConfig
from tlbench.tasks.wing import OnnxOutput
from tlbench.tools.complete_run import CompleteRun

PREDICTIONS = OnnxOutput("predictions", {"boxes": slice(4), "probabilities": slice(4, None)}, of_first=True)
"""(batch, 4 + C, A) float32: of each of A cells centre x, y, width and height in pixels of the input, and C
probabilities. Nothing is dropped: non-maximum suppression is up to whoever reads them, as the metadata say."""


def postprocessing(run: CompleteRun, module: nn.Module) -> dict[str, Any]:
    """What is to be done with the output.

    Raises:
        ConfigError: The run's record lacks the confidence that validation chose.
    """
    task = run.config.task
    assert isinstance(task, DetectionConfig)
    stride: Any = module.stride
    return {
        "output": "(batch, 4 + classes, cells): centre x, centre y, width, height in pixels of the input, then a "
        "probability a class",
        "boxes_in_image": "(pixels of the input - place of the image's corner) / scale, clipped to the image",
        "strides": [int(value) for value in stride],
        "confidence": chosen_confidence(run),
        "nms": "class by class; a cell may give several classes",
        "nms_iou": task.nms_iou,
        "min_confidence": task.min_confidence,
        "max_detections": task.max_detections,
    }
