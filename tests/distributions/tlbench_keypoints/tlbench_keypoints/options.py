"""What key points add to the options of the tools around a run; nothing heavy is imported."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from tlbench.tasks.spec import ToolOptions


class EvaluatePoints(ToolOptions):
    """Of `evaluate`."""

    about: ClassVar[str] = "Key points: pck is the share of points within 5 % of the image's longer side."


class PredictPoints(ToolOptions):
    """Of `predict`."""

    about: ClassVar[str] = """\
Key points: CSV has a row for each file (file, and NAME_x and NAME_y of each point); JSON a line (file, width, height,
points: name → [x, y]). They are in pixels of the original image, upright, from its top left corner."""

    draw: str | None = Field(
        None, description="folder for copies of the images with what was found drawn; new, empty or drawn before"
    )


class ExportPoints(ToolOptions):
    """Of `export`."""

    about: ClassVar[str] = """\
Key points: the file takes letterboxed images and gives `coordinates` (batch, 2 × points): x, y of each point, as
fractions of the input's width and height, from its middle."""
