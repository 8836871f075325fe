"""What detection adds to the options of the tools around a run; nothing heavy is imported."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from tlbench.tasks.spec import ToolOptions


class EvaluateBoxes(ToolOptions):
    """Of `evaluate`."""

    about: ClassVar[str] = "A detection run's precision, recall and F1 are at the confidence that its validation chose."


class PredictBoxes(ToolOptions):
    """Of `predict`."""

    about: ClassVar[str] = """\
Detection: CSV has a row for each object (file, class, confidence, x1, y1, x2, y2), and one with nothing but the file
where nothing was found; JSON a line for each file (file, width, height, detections: class, label, confidence, box).
Boxes are in pixels of the original image, upright, from its top left corner."""

    confidence: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="from which on an object counts, 0 to 1; null: what the run's validation chose"
    )
    draw: str | None = Field(
        None, description="folder for copies of the images with the boxes drawn; new, empty or drawn before"
    )


class ExportBoxes(ToolOptions):
    """Of `export`."""

    about: ClassVar[str] = """\
Detection: the file takes letterboxed images and gives `predictions` (batch, 4 + classes, cells): centre x, y, width,
height in pixels of the input, and a probability a class. Non-maximum suppression is not in it; postprocessing, in the
metadata, holds its settings and the confidence that validation chose. What ultralytics reads (names, task, stride,
imgsz, …) is there too: YOLO("model.onnx") runs it.

format=pt is for detection runs: YOLO("model.pt") loads it, without tlbench, with names, image size and task. As the
network is ultralytics', the file is under AGPL-3.0."""
