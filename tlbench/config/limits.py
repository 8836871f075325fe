"""What data may ask for before they are refused. Nothing here changes a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tlbench.config.schema import Positive, Schema

_BYTES_PER_PIXEL = 8  # of an image file that is not compressed: four channels of 16 bits
_BESIDE_PIXELS = 1 << 20  # bytes


@dataclass(frozen=True)
class ImageLimit:
    """Up to which size an image is read.

    Args:
        megapixels: Height times width, in millions.
        key: The key that says so, for messages.
    """

    megapixels: float = 128
    key: str = "data.limits.max_image_megapixels"

    @property
    def pixels(self) -> int:
        """Height times width."""
        return int(self.megapixels * 1e6)

    @property
    def bytes(self) -> int:
        """Of the file."""
        return self.pixels * _BYTES_PER_PIXEL + _BESIDE_PIXELS


class LimitsConfig(Schema):
    """Up to what data are read; checked before memory or time is spent on them.

    The defaults admit Objects365, all of ImageNet-21k and the tables of Open Images.
    """

    max_classes: Annotated[int, Field(ge=2)] = Field(description="classes of a data set")
    max_image_megapixels: Positive = Field(description="height times width of an image, in millions")
    max_label_mb: Positive = Field(description="size of one image's label file, or of a description such as data.yaml")
    max_annotations_gb: Positive = Field(description="size of a file on a whole data set: COCO's JSON, a CSV, a list")

    @property
    def image(self) -> ImageLimit:
        """Up to which size an image is read."""
        return ImageLimit(self.max_image_megapixels)

    @property
    def label_bytes(self) -> int:
        """`max_label_mb` in bytes."""
        return int(self.max_label_mb * 2**20)

    @property
    def annotation_bytes(self) -> int:
        """`max_annotations_gb` in bytes."""
        return int(self.max_annotations_gb * 2**30)
