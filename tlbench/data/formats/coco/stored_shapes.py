"""From shapes as a COCO file writes them to pixels of the image files, by what was done with the boxes beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tlbench.annotations.instances.runs import mask_of, runs_of
from tlbench.annotations.instances.shapes import Shapes
from tlbench.data.formats.coco.frames import Written
from tlbench.data.formats.coco.readings import Array, Reading
from tlbench.data.formats.coco.shapes import WrittenShapes
from tlbench.data.formats.coco.sizes import Stored, slightly

UNKNOWN = "segmentations in pixels that are not known left out"
UNKNOWN_POINTS = "key points in pixels that are not known left out"
BESIDE = "polygons beside their boxes left out"

_FRACTION = 1.01
"""The largest number of what is fractions."""

_Mask = NDArray[np.bool_]
_Ints = NDArray[np.int64]


def stored_shapes(
    shapes: WrittenShapes, part: Written, reading: Reading, stored: Stored
) -> tuple[Shapes, list[tuple[int, str]]]:
    """Shapes in the pixels that their boxes are in.

    Points are scaled and turned as the box is; beside boxes that are fractions they are fractions or pixels. Runs cover
    the image where their frame is as large as the file or as told; they are turned with it.

    Args:
        shapes: Of the M objects of a file.
        part: What the file says beside.
        reading: How its boxes are written.
        stored: Its boxes in pixels of the image files.

    Returns:
        The shapes; object and kind of each that was left out, as it is not known what they are pixels of.
    """
    way = _Way(part, reading, stored)
    of_polygons = np.repeat(np.arange(len(shapes)), np.asarray(shapes.polygons))
    lengths: _Ints = np.array(shapes.lengths, dtype=np.int64)
    owners = np.repeat(of_polygons, lengths)
    points, unknown = way.points(np.array(shapes.points, dtype=np.float64).reshape(-1, 2), owners)
    beside = ~unknown & _beside(points, owners, stored.boxes)
    kept = ~(unknown | beside)
    runs, run_counts, frames, unknown_runs = way.runs(shapes)
    key_points, unknown_points = _key_points(shapes, way)
    kinds = ((UNKNOWN, unknown | unknown_runs), (BESIDE, beside), (UNKNOWN_POINTS, unknown_points))
    left_out = [(int(i), kind) for kind, which in kinds for i in np.flatnonzero(which)]
    return Shapes(
        torch.from_numpy(points[kept[owners]]),
        _starts(lengths[kept[of_polygons]]),
        _starts(np.where(kept, np.asarray(shapes.polygons, dtype=np.int64), 0)),
        torch.from_numpy(runs),
        _starts(run_counts),
        torch.from_numpy(frames),
        None if key_points is None else torch.from_numpy(key_points),
    ), left_out


@dataclass(frozen=True, eq=False)
class _Way:
    """From what is written of M objects to pixels of their image files."""

    part: Written
    reading: Reading
    stored: Stored

    def points(self, points: Array, owners: _Ints) -> tuple[Array, _Mask]:
        """Points (P, 2) of the objects `owners` (P,) there; and of which objects it is not known (M,)."""
        part, images = self.part, self.part.images
        told, size = part.told[images][:, ::-1], part.stored[images][:, ::-1]
        present = np.zeros(len(images), bool)
        present[owners] = True
        factors = np.where(self.stored.scaled[images][:, None], size / np.where(told > 0, told, 1), 1.0)
        unknown = present & part.written & self.reading.y_first
        if self.reading.fractions:
            largest = np.zeros(len(images))
            np.maximum.at(largest, owners, points.max(axis=1))
            small = part.written & (largest <= _FRACTION)
            factors = np.where(small[:, None], size, factors)
            unknown |= present & part.written & ~small & part.differs[images]
        moved = points * factors[owners]
        turns = self.stored.turns[images[owners]]
        for turn in (5, 6, 7, 8):
            own = turns == turn
            (width, height), (x, y) = told[owners[own]].T, points[own].T
            moved[own] = np.stack(
                {
                    5: (y, x),
                    6: (height - y, x),
                    7: (height - y, width - x),
                    8: (y, width - x),
                }[turn],
                axis=1,
            )
        return moved, unknown

    def runs(self, shapes: WrittenShapes) -> tuple[NDArray[np.int32], _Ints, NDArray[np.int32], _Mask]:
        """All runs, how many each object has, their frames (M, 2); and of which objects it is not known (M,)."""
        part, images = self.part, self.part.images
        runs = np.array(shapes.runs, dtype=np.int32)
        counts: _Ints = np.array(shapes.run_counts, dtype=np.int64)
        frames = np.array(shapes.frames, dtype=np.int32).reshape(-1, 2)
        told, size = part.told[images], part.stored[images]
        turns, differs = self.stored.turns[images], part.differs[images]
        as_told, as_stored = (frames == told).all(axis=1), (frames == size).all(axis=1)
        swapped = differs & (told == size[:, ::-1]).all(axis=1)
        untouched = differs & (turns == 1) & ~swapped & ~self.stored.scaled[images]
        covering = as_told & (~differs | self.stored.scaled[images] | (untouched & self.reading.fractions))
        covering |= as_stored & (turns == 1)
        turned = as_told & (turns != 1)
        cut = as_told & untouched & ~covering & slightly(told, size)
        present = counts > 0
        known = covering | turned | cut
        unknown = present & ~known & (size > 0).all(axis=1)
        changed = present & ((known & ~covering) | ~known)
        if changed.any():
            each = np.split(runs, np.cumsum(counts)[:-1])
            for i in np.flatnonzero(changed).tolist():
                if known[i]:
                    mask = mask_of(each[i], *frames[i].tolist())
                    mask = _turned(mask, int(turns[i])) if turned[i] else _cut(mask, *size[i].astype(int).tolist())
                    each[i], frames[i] = runs_of(mask), mask.shape
                if not known[i] or len(each[i]) < 2:
                    each[i], frames[i] = runs[:0], 0
            runs, counts = np.concatenate(each), np.array([len(own) for own in each], dtype=np.int64)
        return runs, counts, frames, unknown


def _turned(mask: _Mask, turn: int) -> _Mask:
    """A mask, turned as EXIF says."""
    return {5: mask.T, 6: mask.T[:, ::-1], 7: mask.T[::-1, ::-1], 8: mask.T[::-1]}[turn]


def _cut(mask: _Mask, height: int, width: int) -> _Mask:
    """A mask, cut or enlarged to the right and below."""
    cut = np.zeros((height, width), bool)
    own = mask[:height, :width]
    cut[: own.shape[0], : own.shape[1]] = own
    return cut


def _beside(points: Array, owners: _Ints, boxes: Array) -> _Mask:
    """(M,) whether an object's points are all to one side of its box."""
    low, high = np.full((len(boxes), 2), np.inf), np.full((len(boxes), 2), -np.inf)
    np.minimum.at(low, owners, points)
    np.maximum.at(high, owners, points)
    beside: _Mask = np.isfinite(low).all(axis=1) & ((low > boxes[:, 2:]) | (high < boxes[:, :2])).any(axis=1)
    return beside


def _key_points(shapes: WrittenShapes, way: _Way) -> tuple[NDArray[np.float32] | None, _Mask]:
    """(M, K, 3), or None where no object has any; and of which objects it is not known (M,)."""
    counts: _Ints = np.array(shapes.key_point_counts, dtype=np.int64)
    if not counts.any():
        return None, np.zeros(len(counts), bool)
    values = np.array(shapes.key_points, dtype=np.float64).reshape(-1, 3)
    owners = np.repeat(np.arange(len(counts)), counts)
    numbers = np.arange(len(owners)) - np.repeat(counts.cumsum() - counts, counts)
    labelled = values[:, 2] > 0
    values, owners, numbers = values[labelled], owners[labelled], numbers[labelled]
    places, unknown = way.points(values[:, :2], owners)
    found = np.zeros((len(counts), counts.max(), 3), np.float32)
    found[owners, numbers] = np.concatenate([places, values[:, 2:]], axis=1)
    found[unknown] = 0
    return found, unknown


def _starts(counts: _Ints) -> torch.Tensor:
    """(N + 1,) int64."""
    return torch.from_numpy(np.concatenate([np.zeros(1, np.int64), counts.cumsum()]))
