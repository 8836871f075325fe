"""What the numbers of a YOLO data set's label rows mean: decided once, from all rows of the set.

A box with key points and a polygon can have equally many numbers. Where `kpt_shape` says nothing, the shapes of the
rows do: polygons do not cross themselves, boxes lie within their images and around their key points. Where both or
neither are so, nobody can know, and the set is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from tlbench.data.formats.yolo.labels import BOX, HIGHEST, LOWEST, TRIANGLE, KeyPoints, LabelRows, key_points
from tlbench.errors import DataError
from tlbench.system.voice import Voice

Reading = Literal["points", "boxes"]
"""What rows of more than six numbers are: the points of a polygon, or a box and key points."""

_FEW, _MANY, _APART = 0.02, 0.05, 0.3
"""At most so many rows do not fit a reading that holds; at least so many one that does not; or the shares that fit the
two are so far apart."""

_CORNERS = 400_000
"""Pairs of edges that are looked at, of a sample of all polygons."""

_AS_BOXES = 0.95
"""So many quadrangles that are parallelograms are oriented boxes."""

_ROUNDED = 2e-3  # fractions of an image, of four points of a parallelogram
_AROUND = 0.1  # of a box's size, that key points may lie outside of it
_ENOUGH, _REACHING, _SHARE = 10, 3, 0.03  # rows; of them reaching out of the image; and the share of those
_TINY, _TINY_ROWS = 0.02, 10
_ONE_SIZE_FITS = 0.99
_ENOUGH_POLYGONS = 50  # of a length
_HALF_TURN = 180  # degrees


@dataclass(frozen=True, eq=False)
class Decided:
    """The meaning of N rows.

    Args:
        reading: What longer rows are.
        corners: (N, 4) float64, `x1 y1 x2 y2` as fractions of the image, perhaps partly outside of it.
        bad: (N,) bool, rows that do not fit it.
    """

    reading: Reading
    corners: Tensor
    bad: Tensor


def decide(root: Path, rows: LabelRows, points: KeyPoints | None, voice: Voice) -> Decided:
    """Say what rows mean.

    Args:
        root: The data, for messages.
        rows: All rows of the set.
        points: What `kpt_shape` says; None: nothing.
        voice: Speaks to the user.

    Raises:
        DataError: Rows can be read in two ways that differ, and nothing tells which is right.
    """
    reading = _told(rows, points, voice) if points else _guessed(root, rows, voice)
    points = points if points and points.count else None
    columns = torch.tensor(rows.columns, dtype=torch.int64)
    firsts = torch.tensor(rows.firsts, dtype=torch.float64).view(-1, 4)
    hulls = torch.tensor(rows.hulls, dtype=torch.float64).view(-1, 4)
    tracked = (columns == BOX + 1) & rows.sixths & (points is None)
    if tracked.any():
        voice.say(f"{int(tracked.sum())} label rows have a sixth number, a whole one as of a track; it is not read")
    if reading == "boxes":
        box, fits = torch.ones_like(columns, dtype=torch.bool), torch.ones_like(columns, dtype=torch.bool)
        if points:
            fits = (columns == BOX) | (columns == points.columns)
        hulls = hulls if points else firsts  # what its points are is not known for sure, but its box is
    else:
        box = (columns == BOX) | (columns == BOX + 1)
        fits = (columns == BOX) | tracked | ((columns >= TRIANGLE) & (columns % 2 == 1))
    numbers = torch.where(box[:, None], firsts, hulls)
    fits &= (numbers >= LOWEST).all(1) & (numbers <= HIGHEST).all(1) & (hulls >= LOWEST).all(1)
    fits &= (hulls <= HIGHEST).all(1) & (~box | (firsts[:, 2:] >= 0).all(1))
    half = firsts[:, 2:] / 2
    corners = torch.where(box[:, None], torch.cat([firsts[:, :2] - half, firsts[:, :2] + half], 1), hulls)
    if polygons := int((~box & fits).sum()):
        kind = "1 label row is a polygon" if polygons == 1 else f"{polygons} label rows are polygons"
        beside = f", beside {len(rows) - polygons} boxes" if polygons < len(rows) else ""
        how = "as bounding boxes" if rows.rests is None else "as outlines"
        voice.say(f"{kind}, and read {how}{beside}")
    return Decided(reading, corners, ~fits)


def check_plausible(root: Path, rows: LabelRows, decided: Decided, voice: Voice) -> None:
    """Refuse boxes that are hardly `cx cy w h`, as many reach out of their images and another order fits all of them.

    Raises:
        DataError: They are.
    """
    columns = torch.tensor(rows.columns, dtype=torch.int64)
    _check_sixths(root, rows, int((columns == BOX + 1).sum()), voice)
    box = (columns <= BOX + 1) | (decided.reading == "boxes")
    x, y, w, h = torch.tensor(rows.firsts, dtype=torch.float64).view(-1, 4)[box].T
    count = len(x)
    corners = decided.corners[box]
    out = int(((corners < LOWEST) | (corners > HIGHEST)).any(1).sum())
    if count >= _TINY_ROWS and float(decided.corners.abs().max()) < _TINY:
        raise DataError(
            f"{root}: the boxes of all {count} label rows lie in the first {_TINY:.0%} of their images (the largest "
            f"number is {float(decided.corners.max()):.2g}), as if divided twice by the image's size; wanted are "
            "fractions of width and height from 0 to 1"
        )
    if count < _ENOUGH or out < _REACHING or out <= _SHARE * count:
        return
    others = {
        "x1 y1 x2 y2": (w > x) & (h > y),
        "x1 y1 w h": (x + w <= HIGHEST) & (y + h <= HIGHEST),
    }
    fitting = [order for order, fits in others.items() if float(fits.double().mean()) >= _ONE_SIZE_FITS]
    found = f"{out} of {count} boxes ({out / count:.0%}) reach out of their images as class cx cy w h"
    if fitting:
        raise DataError(
            f"{root}: {found}, but none would as class {' or '.join(fitting)}; convert the label rows to class cx cy w "
            "h, the box's centre and size as fractions of the image's"
        )
    voice.warn(
        f"{found}, by more than 1 %; they are clipped, but if that is not what the numbers mean, the boxes are wrong"
    )


def _check_sixths(root: Path, rows: LabelRows, count: int, voice: Voice) -> None:
    """Refuse sixth numbers that are no tracks', and warn of those that may be angles.

    Raises:
        DataError: One occurs twice in a file.
    """
    if not count:
        return
    if not rows.unique_sixths:
        raise DataError(
            f"{root}: {count} label rows have a sixth number, up to {rows.most_sixth:g}, which occurs more than once "
            "in a file, so it is no track but perhaps an angle or a confidence; wanted is class cx cy w h; write "
            "oriented boxes as class x1 y1 x2 y2 x3 y3 x4 y4, or remove the sixth number if boxes are upright"
        )
    if rows.most_sixth <= _HALF_TURN:
        voice.warn(
            f"{count} label rows have a sixth number, a whole one up to {rows.most_sixth:g}; it is not read as it may "
            "be a track, but if it is an angle in degrees, the boxes are wrong"
        )


def _told(rows: LabelRows, points: KeyPoints, voice: Voice) -> Reading:
    counts = rows.counts()
    shape = f"kpt_shape: [{points.count}, {points.numbers}]"
    if points.count == 0:
        return "points"
    if counts.keys() <= {BOX, BOX + 1}:
        if counts:
            voice.say(f"{shape}, but no label row has key points: boxes alone")
        return "boxes"
    if plain := counts[BOX]:
        voice.say(f"{shape}, but {plain} of {len(rows)} label rows have no key points: boxes alone")
    return "boxes"


def _guessed(root: Path, rows: LabelRows, voice: Voice) -> Reading:
    counts = rows.counts()
    longer = {columns: count for columns, count in counts.items() if columns > BOX + 1}
    if len(longer) > 1:
        return _guessed_of_lengths(root, rows, longer, voice)
    if not longer:
        return "points"
    ((columns, count),) = longer.items()
    rest = columns - BOX
    step = -(-len(rows.sample) // max(50, _CORNERS // columns**2))
    sample = rows.sample[::step]
    as_boxes = [_is_box(values) for values in sample]
    if columns % 2 == 0:
        if sum(as_boxes) < (1 - _FEW) * len(sample):
            return "points"  # an even number of columns is no polygon: each such row is told
        of = f"{rest // 3} key points"
    else:
        if columns == 9 and sum(map(_is_parallelogram, sample)) >= _AS_BOXES * len(sample):
            return "points"
        as_polygons = [_is_polygon(values) for values in sample]
        either = sum(a or b for a, b in zip(as_boxes, as_polygons, strict=True))  # pixels are neither, and told later
        if not either:
            return "points"
        fits_box, fits_polygon = sum(as_boxes) / either, sum(as_polygons) / either
        alone = len(counts) == 1  # rows of a pose are all as long
        if _holds(fits_polygon, fits_box) or (fits_polygon >= 1 - _FEW and not alone):
            return "points"
        if not _holds(fits_box, fits_polygon):
            raise DataError(_undecided(root, columns, count))
        of = "key points"
    voice.say(
        f"{count} label rows of {columns} numbers are read as class cx cy w h and {of}, which are left out; no "
        "kpt_shape in a data.yaml says so, but as polygons they make no sense"
    )
    return "boxes"


def _guessed_of_lengths(root: Path, rows: LabelRows, longer: dict[int, int], voice: Voice) -> Reading:
    """Key points where a length's rows, which are many, cannot be polygons, and the others' can be boxes as well."""
    boxes: dict[int, list[bool]] = {}
    for values in rows.sample:
        boxes.setdefault(len(values), []).append(_is_box(values))
    posed = []
    for columns, fits in boxes.items():
        if len(fits) >= _ENOUGH and sum(fits) >= (1 - _FEW) * len(fits):
            sample = [values for values in rows.sample if len(values) == columns][:_ENOUGH_POLYGONS]
            polygons = sum(columns % 2 == 1 and _is_polygon(values) for values in sample)
            if len(sample) - polygons > _APART * len(sample):
                posed.append(columns)
    if not posed:
        return "points"
    others = [columns for columns in longer if columns not in posed]
    no_boxes = [columns for columns in others if not all(boxes[columns])]
    most = ", ".join(f"{longer[columns]} of {columns}" for columns in sorted(posed)[:3])
    if no_boxes:
        rest = ", ".join(f"{longer[columns]} of {columns}" for columns in sorted(no_boxes)[:3])
        raise DataError(
            f"{root}: label rows of {most} numbers are boxes with key points (class cx cy w h x1 y1 …), but {rest} "
            "numbers are not; correct or remove those, or add kpt_shape to data.yaml ([0, 0]: all are polygons)"
        )
    voice.say(
        f"label rows of {most} numbers are read as class cx cy w h and key points, which are left out; no kpt_shape in "
        "a data.yaml says so, but as polygons they make no sense"
        + (f"; so are {sum(longer[columns] for columns in others)} rows of other lengths" if others else "")
    )
    return "boxes"


def _holds(fits: float, other: float) -> bool:
    """Whether a reading holds and the other does not, from the shares of the rows that fit each."""
    return (fits >= 1 - _FEW and other <= 1 - _MANY) or fits - other > _APART


def _undecided(root: Path, columns: int, count: int) -> str:
    shapes = [f"[{(columns - BOX) // numbers}, {numbers}]" for numbers in (2, 3) if (columns - BOX) % numbers == 0]
    return (
        f"{root}: the {count} label rows of {columns} numbers can be boxes with key points (class cx cy w h x1 y1 …) "
        f"or polygons of {(columns - 1) // 2} points, and nothing tells which; add to data.yaml kpt_shape: "
        f"{' or '.join(shapes)} for key points, or kpt_shape: [0, 0] for polygons"
    )


def _is_box(values: Sequence[float]) -> bool:
    """Whether a row makes sense as a box in its image with key points, most of them within it."""
    _, x, y, w, h = values[:BOX]
    if not (w > 0 and h > 0 and _inside(x - w / 2, y - h / 2, x + w / 2, y + h / 2)):
        return False
    rest = values[BOX:]
    for numbers in (2, 3):
        if len(rest) % numbers or (numbers == 3 and not all(seen in (0, 1, 2) for seen in rest[2::3])):
            continue
        labelled = [(a, b) for a, b, seen in key_points(values, numbers) if seen]
        if not all(_inside(a, b) for a, b in labelled):
            continue
        reach = 0.5 + _AROUND
        within = sum(abs(a - x) <= reach * w and abs(b - y) <= reach * h for a, b in labelled)
        if 2 * within >= len(labelled):
            return True
    return False


def _is_polygon(values: Sequence[float]) -> bool:
    """Whether a row makes sense as a polygon in its image that does not cross itself."""
    if not _inside(*values[1:]):
        return False
    corners = list(zip(values[1::2], values[2::2], strict=True))
    edges = list(zip(corners, corners[1:] + corners[:1], strict=True))
    return not any(_cross(*edges[i], *edges[j]) for i in range(len(edges)) for j in range(i + 2, len(edges)))


_Point = tuple[float, float]


def _cross(a: _Point, b: _Point, c: _Point, d: _Point) -> bool:
    """Whether two edges cross, each truly on both sides of the other."""

    def side(p: _Point, q: _Point, r: _Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


def _is_parallelogram(values: Sequence[float]) -> bool:
    xs, ys = values[1::2], values[2::2]
    return all(abs(p[0] - p[1] + p[2] - p[3]) <= _ROUNDED for p in (xs, ys))


def _inside(*numbers: float) -> bool:
    return all(LOWEST <= number <= HIGHEST for number in numbers)
