"""What a detector found, as what is drawn on its image."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.annotations.instances.found import Detection
from tlbench.pictures.marks import Box
from tlbench.pictures.palette import class_colour


def boxes_of(detections: Sequence[Detection]) -> list[Box]:
    """A box with class and confidence each, in the class's colour; the first detection, the surest, is on top."""
    return [
        Box(corners=each.box, colour=class_colour(each.label), label=each.class_name, value=f"{each.confidence:.2f}")
        for each in reversed(detections)
    ]
