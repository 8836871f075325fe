"""What detection is to learn."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tlbench.config.schema import NonNegative, OpenFraction
from tlbench.config.task import TaskConfig


class DetectionConfig(TaskConfig):
    """Boxes with a label each."""

    name: Literal["detection"] = Field(description="set by task=detection")
    box: NonNegative = Field(description="weight of the loss of boxes (complete IoU, arXiv:1911.08287)")
    cls: NonNegative = Field(description="weight of the loss of classes (binary cross-entropy)")
    dfl: NonNegative = Field(description="weight of the distribution focal loss of box sides (arXiv:2006.04388)")
    min_confidence: OpenFraction = Field(description="detections below it are dropped before anything is computed")
    nms_iou: OpenFraction = Field(description="of two boxes of a class that overlap more, the less confident goes")
    max_detections: Annotated[int, Field(ge=1, le=1000)] = Field(description="detections kept an image")
