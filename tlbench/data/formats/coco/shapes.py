"""What a COCO file says of the shapes of objects, as it is written: polygons or runs of pixels, and key points.

What is malformed is left out and counted, as boxes are read without it.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tlbench.data.formats.coco.segments import FAULTS, polygons_in, runs_in

MALFORMED = "malformed segmentations left out"
SHORT = "polygons of fewer than three points left out"
MALFORMED_POINTS = "malformed key points left out"

_TOO_LARGE = 1e9  # pixels
_MOST_PIXELS = 2**31 - 1  # runs are int32


@dataclass(eq=False)
class WrittenShapes:
    """Of M objects, in packed columns.

    Args:
        points: x and y of each point of each polygon.
        lengths: Of each polygon, how many points it has.
        polygons: (M,) how many polygons an object has.
        runs: As in `tlbench.annotations.instances.runs`; an object's make up its frame.
        run_counts: (M,) how many runs it has.
        frames: (M · 2) height and width that its runs are written in; zeros where it has none.
        key_points: x, y and visibility (0, 1 or 2) of each key point.
        key_point_counts: (M,) how many key points it has.
        left_out: Object and kind of what was left out.
    """

    points: array[float] = field(default_factory=lambda: array("d"))
    lengths: array[int] = field(default_factory=lambda: array("q"))
    polygons: array[int] = field(default_factory=lambda: array("q"))
    runs: array[int] = field(default_factory=lambda: array("i"))
    run_counts: array[int] = field(default_factory=lambda: array("q"))
    frames: array[int] = field(default_factory=lambda: array("i"))
    key_points: array[float] = field(default_factory=lambda: array("d"))
    key_point_counts: array[int] = field(default_factory=lambda: array("q"))
    left_out: list[tuple[int, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.polygons)

    def add(self, segmentation: object, key_points: object) -> None:
        """Add an object's, as JSON gives them; None or nothing: it has none."""
        number = len(self)
        polygons: list[list[float]] = []
        runs: list[int] = []
        frame = (0, 0)
        try:
            if isinstance(segmentation, Mapping):
                frame, runs = _whole_runs(segmentation)
            elif isinstance(segmentation, list):
                polygons = _near(polygons_in(segmentation))
                short = sum(0 < len(part) < 6 for part in segmentation if isinstance(part, list))
                self.left_out += [(number, SHORT)] * short
                _check(bool(polygons) or short > 0 or not any(segmentation))
            else:
                _check(not segmentation)
        except FAULTS:
            self.left_out.append((number, MALFORMED))
            polygons, runs, frame = [], [], (0, 0)
        for polygon in polygons:
            self.points.extend(polygon)
            self.lengths.append(len(polygon) // 2)
        self.polygons.append(len(polygons))
        self.runs.extend(runs)
        self.run_counts.append(len(runs))
        self.frames.extend(frame)
        self._add_key_points(number, key_points)

    def _add_key_points(self, number: int, key_points: object) -> None:
        values: list[float] = []
        if key_points:
            try:
                values = _key_points(key_points)
            except FAULTS:
                self.left_out.append((number, MALFORMED_POINTS))
        self.key_points.extend(values)
        self.key_point_counts.append(len(values) // 3)


def _whole_runs(segmentation: Mapping[str, Any]) -> tuple[tuple[int, int], list[int]]:
    """Height and width, and runs that make up all of these, with a pixel inside.

    Raises:
        ValueError: There are none; `FAULTS` say likewise.
    """
    height, width, runs = runs_in(segmentation)
    _check(height * width <= _MOST_PIXELS and any(runs[1::2]))
    if rest := height * width - sum(runs):
        if len(runs) % 2 == 0:  # the last one is inside
            runs.append(0)
        runs[-1] += rest
    return (height, width), runs


def _key_points(values: object) -> list[float]:
    """x, y and visibility of each; zeros where it is not labelled.

    Raises:
        ValueError: It is no list of these; `FAULTS` say likewise.
    """
    if not isinstance(values, list):
        raise TypeError
    numbers = [float(value) for value in values]
    _check(len(numbers) % 3 == 0)
    for i in range(0, len(numbers), 3):
        _check(numbers[i + 2] in (0, 1, 2))
        if numbers[i + 2] == 0:
            numbers[i : i + 2] = 0.0, 0.0
    return _near([numbers])[0]


def _near(polygons: list[list[float]]) -> list[list[float]]:
    """The same, if all numbers can be pixels."""
    for polygon in polygons:
        _check(max(polygon) < _TOO_LARGE and min(polygon) > -_TOO_LARGE and sum(polygon) == sum(polygon))
    return polygons


def _check(holds: bool) -> None:
    """Raise what `FAULTS` name if something does not hold."""
    if not holds:
        raise ValueError
