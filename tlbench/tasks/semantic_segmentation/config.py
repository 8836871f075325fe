"""What semantic segmentation is to learn."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tlbench.config.schema import NonNegative, Schema
from tlbench.config.task import TaskConfig


class LossWeights(Schema):
    """The losses, each times its weight; a weight of 0 leaves one out."""

    cross_entropy: NonNegative = Field(description="cross-entropy of each pixel, torch's")
    dice: NonNegative = Field(description="soft Dice of the classes in the batch (arXiv:1606.04797)")
    focal: NonNegative = Field(description="focal loss, gamma 2 (arXiv:1708.02002)")
    lovasz: NonNegative = Field(description="Lovász-softmax, a surrogate of mIoU (arXiv:1705.08790)")

    @model_validator(mode="after")
    def _some(self) -> LossWeights:
        if not any(self.model_dump().values()):
            raise ValueError("all losses have weight 0; give one a weight above 0, such as cross_entropy: 1.0")
        return self


class SemanticSegmentationConfig(TaskConfig):
    """A class for each pixel."""

    name: Literal["semantic_segmentation"] = Field(description="set by task=semantic_segmentation")
    loss: LossWeights
    tile: Annotated[float, Field(gt=0, le=0.9)] | None = Field(
        description="images at their own size: windows of data.image_size in training, else overlapping tiles, whose "
        "logits are averaged; the part of a tile that the next one shares, at least; null: images are placed whole"
    )
    class_weights: Literal["balanced"] | list[NonNegative] | None = Field(
        description="of cross_entropy, one a class; balanced: one over its share of the training pixels; null: equal"
    )
