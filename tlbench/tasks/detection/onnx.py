"""What an exported detector takes and gives."""

from __future__ import annotations

from typing import Any

from torch import nn

from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.config.size import is_square
from tlbench.geometry.fits import GREY
from tlbench.tasks.detection.chosen import chosen_confidence
from tlbench.tasks.detection.config import DetectionConfig
from tlbench.tasks.wing import OnnxOutput
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.onnx_metadata import file_decoding, network_input

PREDICTIONS = OnnxOutput("predictions", {"boxes": slice(4), "probabilities": slice(4, None)}, of_first=True)
"""(batch, 4 + C, A) float32: of each of A cells centre x, y, width and height in pixels of the input, and C
probabilities. Nothing is dropped: non-maximum suppression is up to whoever reads them, as the metadata say."""


def preprocessing(run: CompleteRun) -> dict[str, Any]:
    """How a file becomes the network's input."""
    data = run.config.data
    assert isinstance(data, InstanceDataConfig)
    return {
        **file_decoding(run),
        "fit": "letterbox",
        "image_size": data.image_size,
        "antialias": data.antialias,
        "resize": f"bilinear; {_SQUARE if is_square(data.input_size) else _RECTANGLE}",
        "resize_means": _AVERAGED if data.antialias else _INTERPOLATED,
        "scale": "resized width / width across, resized height / height down",
        "place": "centred; an odd pixel of the rest lies below or to the right",
        "fill": [GREY / 255] * 3,
        **network_input(data),
    }


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


_SQUARE = "the longer side to image_size, the other to the next whole pixel up"
_RECTANGLE = "as large as fits inside image_size, [height, width]; the side that does not fill it, to the next pixel up"

_AVERAGED = "in 8 bits, as Pillow's Image.resize(size, BILINEAR)"
_INTERPOLATED = "in 8 bits, as Pillow's Image.transform(size, EXTENT, (0, 0, width, height), BILINEAR)"
