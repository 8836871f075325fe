"""A segmentation of COCO, polygons or runs of pixels, compressed or not; and the box around it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

_MOST_RUNS = 10_000_000

FAULTS = (ValueError, TypeError, KeyError, OverflowError)
"""What is raised for what is no segmentation."""


def box_around(segmentation: object) -> tuple[float, float, float, float] | None:
    """`x y width height` of what is inside; None where there is nothing, or what is no segmentation.

    Args:
        segmentation: As JSON gives it: `[[x, y, x, y, …], …]`, or `{"size": [height, width], "counts": …}`.
    """
    try:
        if isinstance(segmentation, Mapping):
            return _around_runs(*runs_in(segmentation))
        if isinstance(segmentation, list):
            return _around_polygons(polygons_in(segmentation))
    except FAULTS:
        pass
    return None


def polygons_in(segmentation: list[Any]) -> list[list[float]]:
    """The polygons of three points and more, `x y x y …` each.

    Raises:
        ValueError: Something is no number, or an x has no y; `FAULTS` say likewise.
    """
    polygons = segmentation if segmentation and isinstance(segmentation[0], list) else [segmentation]
    numbers = [[float(value) for value in polygon] for polygon in polygons if len(polygon) >= 6]
    for polygon in numbers:
        if len(polygon) % 2 or not all(map(math.isfinite, polygon)):
            raise ValueError(str(polygon)[:20])
    return numbers


def runs_in(segmentation: Mapping[str, Any]) -> tuple[int, int, list[int]]:
    """Height, width and runs, which make up no more than these, and alternate between outside and inside.

    They go down the columns, from left to right.

    Raises:
        ValueError: That is not so; `FAULTS` say likewise.
    """
    height, width = (int(value) for value in segmentation["size"])
    counts = segmentation["counts"]
    runs = _decompressed(counts) if isinstance(counts, str) else [int(run) for run in counts]
    if height <= 0 or width <= 0 or min(runs, default=0) < 0 or sum(runs) > height * width:
        raise ValueError(f"{height} x {width}")
    return height, width, runs


def _around_polygons(polygons: Iterable[list[float]]) -> tuple[float, float, float, float] | None:
    xs = [x for polygon in polygons for x in polygon[0::2]]
    ys = [y for polygon in polygons for y in polygon[1::2]]
    return (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)) if xs else None


def _around_runs(height: int, width: int, runs: list[int]) -> tuple[float, float, float, float] | None:
    left, top, right, bottom = width, height, 0, 0
    start = 0
    for number, run in enumerate(runs):
        stop = start + run
        if number % 2 and run:
            first, last = start // height, (stop - 1) // height
            left, right = min(left, first), max(right, last + 1)
            top = min(top, start % height if first == last else 0)
            bottom = max(bottom, (stop - 1) % height + 1 if first == last else height)
        start = stop
    return (left, top, right - left, bottom - top) if right else None


def _decompressed(text: str) -> list[int]:
    """As pycocotools' `rleFrString`, which reads beyond the end of what is cut off: six bits a character, of which the
    highest says that more follow; from the third run on the difference from the run two before.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or len(runs) > _MOST_RUNS:
            raise ValueError(text[:20])
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value = value - (1 << shift) if bits & 16 else value
            runs.append(value + runs[-2] if len(runs) > 2 else value)
            value = shift = 0
    if shift:
        raise ValueError(text[-20:])
    return runs
