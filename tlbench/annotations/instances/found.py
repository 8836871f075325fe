"""An object that was found, as users get it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Detection:
    """An object that a network found.

    Attributes:
        class_name: Its class.
        label: The class's position in the run's class names.
        confidence: In [0, 1].
        box: `x1 y1 x2 y2` in pixels of the image as it was given (a file: upright), from its top left corner, x to the
            right; within the image.
    """

    class_name: str
    label: int
    confidence: float
    box: tuple[float, float, float, float]
