"""What semantic segmentation adds to the options of the tools around a run; nothing heavy is imported."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from tlbench.tasks.spec import ToolOptions


class PredictMaps(ToolOptions):
    """Of `predict`."""

    about: ClassVar[str] = """\
Semantic segmentation: CSV has a row for each file (file, width, height, and the share of its pixels that each class
has), JSON a line (file, width, height, shares: class → share). maps=FOLDER takes a PNG for each file with a class index
a pixel, at the image's own size, and draw=FOLDER copies of the images with the classes laid over them."""

    maps: str | None = Field(None, description="folder for the class maps, index PNGs; new, empty or written before")
    draw: str | None = Field(
        None, description="folder for copies of the images with the classes drawn; new, empty or drawn before"
    )


class ExportMaps(ToolOptions):
    """Of `export`."""

    about: ClassVar[str] = """\
Semantic segmentation: the file takes letterboxed images and gives `logits` (batch, classes, height, width) at their
size. What is beside the image is to be cut off, the rest brought bilinearly to the image's own size, and the largest
taken there: postprocessing, in the metadata, says so."""
