"""Objects as what is drawn on their images."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from tlbench.pictures.marks import Box
from tlbench.pictures.palette import class_colour

CROWD = "#737373"
"""The colour of crowds, and of what is detected in them."""


def object_boxes(boxes: Tensor, labels: Tensor, class_names: Sequence[str]) -> list[Box]:
    """A box with its class for each object, in the class's colour, the smallest on top; of one class without its name.

    Args:
        boxes: (M, 4) `x1 y1 x2 y2` in the image's pixels.
        labels: (M,) int64.
        class_names: C names.
    """
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return [
        Box(
            corners=corners_of(boxes[k]),
            colour=class_colour(label := int(labels[k])),
            label=class_names[label] if len(class_names) > 1 else "",
        )
        for k in areas.argsort(descending=True, stable=True).tolist()
    ]


def crowd_boxes(boxes: Tensor) -> list[Box]:
    """A dashed grey box for each region of a crowd, of (R, 4)."""
    return [Box(corners=corners_of(box), colour=CROWD, dashed=True) for box in boxes]


def corners_of(box: Tensor) -> tuple[float, float, float, float]:
    """Of a box (4,)."""
    x1, y1, x2, y2 = box.tolist()
    return x1, y1, x2, y2
