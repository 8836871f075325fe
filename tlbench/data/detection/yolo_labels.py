"""One label file of a YOLO data set.

A row is `class cx cy w h`, the box's centre and size as fractions of the image's width and height, or
`class x1 y1 x2 y2 x3 y3 …`, the points of a polygon, which becomes its bounding box. What is accepted is what
ultralytics accepts (https://docs.ultralytics.com/datasets/detect): coordinates up to 1 % outside of the image, a class
written as `0.0`, empty files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

LOWEST, HIGHEST = -0.01, 1.01
"""Between which coordinates are taken as rounded rather than wrong."""

_BOX = 5  # columns
_TRIANGLE = 7  # columns


@dataclass(frozen=True, eq=False)
class LabelFile:
    """What stands in one file.

    Args:
        objects: Class and `x1 y1 x2 y2` of each object, fractions of width and height, perhaps partly outside of 0–1.
        lines: Line of each object, from 1.
        duplicates: Lines that repeat an earlier one and are left out.
        bad: Line, its text and what is wrong with it, of each line that is no object.
    """

    objects: list[tuple[int, float, float, float, float]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)
    bad: list[tuple[int, str, str]] = field(default_factory=list)


def parse_labels(content: bytes, class_names: Sequence[str]) -> LabelFile:
    """Read a label file; a byte order mark, blank lines and any kind of line ends are fine.

    Args:
        content: The file's bytes, UTF-8.
        class_names: C names; classes in the file are 0 … C - 1.

    Raises:
        UnicodeDecodeError: It is not text.
    """
    found = LabelFile()
    seen = set()
    for line, text in enumerate(content.decode("utf-8-sig").splitlines(), 1):
        cells = text.split()
        if not cells:
            continue
        try:
            values = tuple(map(float, cells))
        except ValueError:
            found.bad.append((line, text, _fault(cells, class_names)))
            continue
        if not _allowed(values, len(class_names)):
            found.bad.append((line, text, _fault(cells, class_names)))
        elif values in seen:
            found.duplicates.append(line)
        else:
            seen.add(values)
            found.objects.append(_object(values))
            found.lines.append(line)
    return found


def _allowed(values: tuple[float, ...], classes: int) -> bool:
    columns, of, smallest, largest = len(values), values[0], min(values[1:], default=-1), max(values[1:], default=-1)
    if columns != _BOX and (columns < _TRIANGLE or columns % 2 == 0):
        return False
    if not (0 <= of < classes and of.is_integer() and smallest >= LOWEST and largest <= HIGHEST):
        return False
    # min and max may pass over a NaN; a sum does not
    return math.isfinite(sum(values)) and (columns != _BOX or (values[3] >= 0 and values[4] >= 0))


def _object(values: tuple[float, ...]) -> tuple[int, float, float, float, float]:
    if len(values) == _BOX:
        _, x, y, w, h = values
        return int(values[0]), x - w / 2, y - h / 2, x + w / 2, y + h / 2
    xs, ys = values[1::2], values[2::2]
    return int(values[0]), min(xs), min(ys), max(xs), max(ys)


def _fault(cells: Sequence[str], class_names: Sequence[str]) -> str:
    """Why `_allowed` refuses a row, or a cell is no number."""
    values = []
    for cell in cells:
        try:
            values.append(float(cell))
        except ValueError:
            return f"{cell!r} is not a number{_comma(cell)}"
        if not math.isfinite(values[-1]):
            return f"{cell!r} is not a finite number"
    columns = len(values)
    if columns == _BOX + 1:
        return "6 columns, wanted are 5; perhaps the last is a confidence, as predictions have it"
    if columns != _BOX and (columns < _TRIANGLE or columns % 2 == 0):
        return f"{columns} columns, wanted are 5 (class cx cy w h), or 7, 9, … (class and the points of a polygon)"
    if not values[0].is_integer():
        return f"class {cells[0]} is not a whole number"
    if not 0 <= values[0] < len(class_names):
        return f"class {cells[0]}, allowed are 0 to {len(class_names) - 1} ({_some(class_names)})"
    for cell, value in zip(cells[1:], values[1:], strict=True):
        if value > HIGHEST:
            return f"{cell} is above 1" + ("; perhaps pixels, wanted are fractions" if value > 2 else "")
        if value < LOWEST:
            return f"{cell} is negative"
    return f"a width or height is negative ({cells[3]}, {cells[4]})"


def _comma(cell: str) -> str:
    return "; separate by spaces, not commas" if "," in cell else ""


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
