"""What ultralytics wants to know of a detector that it runs: `YOLO("model.onnx")`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.config import DataConfig
from tlbench.config.size import size_text
from tlbench.console import shown
from tlbench.tasks.detection.chosen import chosen_confidence
from tlbench.tasks.detection.config import DetectionConfig
from tlbench.tools.complete_run import CompleteRun

if TYPE_CHECKING:
    from torch import nn

LICENCE = "AGPL-3.0 License (https://ultralytics.com/license)"
"""Of the network's code and of what was trained with it, as ultralytics writes it into its own files."""


def takes_plain_pixels(data: DataConfig) -> bool:
    """Whether the network takes pixels of 0 to 1 as they are, which is all that ultralytics gives."""
    return data.normalisation.mean == [0.0] * 3 and data.normalisation.std == [1.0] * 3


def onnx_keys(run: CompleteRun, module: nn.Module) -> dict[str, str]:
    """Metadata as ultralytics writes and reads them, Python's literals; none where it would give wrong boxes.

    `args` says that the size of images is fixed, so that it letterboxes them into the whole input, one at a time.

    Args:
        run: A detection run.
        module: Its network.
    """
    if not takes_plain_pixels(run.config.data):
        return {}
    stride: Any = module.stride
    values: dict[str, Any] = {
        "task": "detect",
        "names": dict(enumerate(run.class_names)),
        "stride": int(max(stride)),
        "imgsz": list(run.config.data.input_size),
        "channels": 3,
        "batch": 1,
        "args": {"batch": 1, "dynamic": False, "nms": False},
        "license": LICENCE,
    }
    return {key: str(value) for key, value in values.items()}


def in_ultralytics(run: CompleteRun, path: Path) -> list[str]:
    """How ultralytics predicts with an exported file as tlbench does, and where it does not.

    Args:
        run: The run.
        path: The file.
    """
    c = run.config
    assert isinstance(c.task, DetectionConfig)
    assert isinstance(c.data, InstanceDataConfig)
    if not takes_plain_pixels(c.data):
        return ["not for ultralytics: the network takes normalised images (data.normalisation); its keys were left out"]
    call = (
        f"YOLO({shown(path)!r}).predict(IMAGES, conf={chosen_confidence(run):.4g}, iou={c.task.nms_iou:g}, rect=False)"
    )
    lines = [f"in ultralytics: {call}"]
    if c.data.antialias:
        lines.append(
            "there images are shrunk by interpolation, here they were averaged: boxes of images larger than "
            f"{size_text(c.data.input_size)} px differ, unless trained with data.antialias=false"
        )
    return lines
