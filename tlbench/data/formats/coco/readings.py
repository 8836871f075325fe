"""The usual ways in which people write boxes, of which COCO's format is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FORMAT = "[x, y, width, height]"

READINGS = {
    "format": FORMAT,
    "corners": "both corners, [x1, y1, x2, y2]",
    "centre": "the centre and the size, [x, y, width, height] with x, y in the middle",
    "turned": "y before x, [y, x, height, width]",
    "turned corners": "both corners with y before x, [y1, x1, y2, x2]",
}
_TURNED = {"turned": "format", "turned corners": "corners"}


@dataclass(frozen=True)
class Reading:
    """How boxes are written.

    Args:
        fractions: Whether they are fractions.
        kind: One of `READINGS`.
        why: Why they are read so, where that is not the format.
    """

    fractions: bool = False
    kind: str = "format"
    why: str = "of the usual readings only this puts them into their images"

    @property
    def y_first(self) -> bool:
        """Whether y is before x."""
        return self.kind in _TURNED


def corners(boxes: Array, reading: str) -> Array:
    """`x1 y1 x2 y2` of boxes (M, 4) by one of `READINGS`."""
    if reading in _TURNED:
        boxes, reading = boxes[:, [1, 0, 3, 2]], _TURNED[reading]
    first, second = boxes[:, :2], boxes[:, 2:]
    if reading == "corners":
        return boxes
    if reading == "centre":
        return np.concatenate([first - second / 2, first + second / 2], axis=1)
    return np.concatenate([first, first + second], axis=1)
