"""What data may ask for before they are refused. Nothing here changes a result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tlbench.config.schema import Schema
from tlbench.errors import DataError

_Size = Annotated[float, Field(gt=0, le=1e6)]
_BYTES_PER_PIXEL = 8  # of an image file that is not compressed: four channels of 16 bits
_BESIDE_PIXELS = 1 << 20  # bytes


@dataclass(frozen=True)
class ImageLimit:
    """Up to which size an image is read.

    Args:
        megapixels: Height times width, in millions.
        key: The key that says so, for messages.
    """

    megapixels: float
    key: str = "data.limits.max_image_megapixels"

    @property
    def pixels(self) -> int:
        """Height times width."""
        return int(self.megapixels * 1e6)

    @property
    def bytes(self) -> int:
        """Of the file."""
        return self.pixels * _BYTES_PER_PIXEL + _BESIDE_PIXELS


@dataclass(frozen=True)
class FileLimit:
    """Up to how many bytes a file is read.

    Args:
        bytes: Of the file.
        key: The key that says so, with its value, for messages.
    """

    bytes: int
    key: str

    def refusal(self, path: Path | str) -> DataError:
        """What to tell about a larger file."""
        return DataError(f"{path}: larger than {self.key} allows; raise it if the file is good")


class LimitsConfig(Schema):
    """Up to what data are read; checked before memory or time is spent on them.

    The defaults admit Objects365, all of ImageNet-21k and the tables of Open Images.
    """

    max_classes: Annotated[int, Field(ge=2)] = Field(description="classes of a data set")
    max_image_megapixels: _Size = Field(description="height times width of an image, in millions")
    max_label_mb: _Size = Field(description="size of one image's label file, or of a description such as data.yaml")
    max_annotations_gb: _Size = Field(description="size of a file on a whole data set: COCO's JSON, a CSV, a list")

    @property
    def image(self) -> ImageLimit:
        """Up to which size an image is read."""
        return ImageLimit(self.max_image_megapixels)

    @property
    def label(self) -> FileLimit:
        """Of the label file of an image, or of a description."""
        return FileLimit(int(self.max_label_mb * 2**20), f"data.limits.max_label_mb={self.max_label_mb:g}")

    @property
    def annotations(self) -> FileLimit:
        """Of a file on a whole data set."""
        key = f"data.limits.max_annotations_gb={self.max_annotations_gb:g}"
        return FileLimit(int(self.max_annotations_gb * 2**30), key)

    def check_classes(self, where: Path | str, count: int) -> None:
        """Refuse more classes than are allowed.

        Args:
            where: What has them, for the message.
            count: How many it has.

        Raises:
            DataError: There are more.
        """
        if count > self.max_classes:
            raise DataError(
                f"{where}: {count} classes are more than data.limits.max_classes={self.max_classes} allows; correct "
                "them, or raise it if there are so many"
            )


STANDARD_LIMITS = LimitsConfig(max_classes=100_000, max_image_megapixels=128, max_label_mb=16, max_annotations_gb=8)
"""As `conf/data/limits/default.yaml` has them."""
