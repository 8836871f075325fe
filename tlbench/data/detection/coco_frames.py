"""From boxes as a COCO file writes them to pixels of the image files: judged over the whole set, never box by box.

By the format a box is `x y width height` in pixels of an image as large as the file tells. People also write fractions,
both corners, or the centre; and images are shrunk, turned or replaced after they were labelled. What all boxes together
leave only one reading for is read so, and said; else it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import DataError

Array = NDArray[np.float64]

FORMAT = "[x, y, width, height]"

_FEW = 8
"""Boxes of which nothing but the format is believed."""

_FIT = 0.95
"""Share of the boxes that must lie in their images by a reading that is believed."""

_NEITHER = 0.75
"""Share of the boxes of which at least so many must lie in their images by either of two readings."""

_OUT = 0.2
"""Share of the boxes outside of their images from which on the format is doubted."""

_LOST = 0.25
"""Share of the boxes of which less than half is in the image, from which on they are refused."""

_SURE = 0.01
"""Chance below which something is no accident."""

_CORNER = 0.6
"""Where no box of many reaches further across and down, it is said."""
_MANY = 50


@dataclass(frozen=True, eq=False)
class Written:
    """The boxes of a file, and the sizes of N images.

    Args:
        file: What the file is called.
        boxes: (M, 4), as written.
        written: (M,) whether the box is written; others are `x y width height` around a segmentation.
        areas: (M,) what the file says is the area; NaN where it says nothing.
        images: (M,) int64, which of the images each lies in.
        told: (N, 2) height and width that the file tells; 0 where it tells none.
        stored: (N, 2) height and width of the upright image files; 0 where a file cannot be read.
    """

    file: str
    boxes: Array
    written: NDArray[np.bool_]
    areas: Array
    images: NDArray[np.int64]
    told: Array
    stored: Array

    @property
    def frames(self) -> Array:
        """(N, 2) height and width in which boxes may lie, whichever of both sizes they are meant for."""
        return np.maximum(self.told, self.stored)


def corners(boxes: Array, reading: str) -> Array:
    """`x1 y1 x2 y2` of boxes (M, 4) by one of `READINGS`."""
    first, second = boxes[:, :2], boxes[:, 2:]
    if reading == "corners":
        return boxes
    if reading == "centre":
        return np.concatenate([first - second / 2, first + second / 2], axis=1)
    return np.concatenate([first, first + second], axis=1)


READINGS = {
    "format": FORMAT,
    "corners": "both corners, [x1, y1, x2, y2]",
    "centre": "the centre and the size, [x, y, width, height] with x, y in the middle",
}


def read_boxes(parts: Sequence[Written], warn: Callable[[str], None]) -> list[tuple[Array, bool]]:
    """`x1 y1 x2 y2` of the boxes of all files, in the pixels that they are written in.

    Args:
        parts: Of one data set; a file that has too few boxes to tell is read as all of them together.
        warn: Shows the user a warning.

    Returns:
        Of each file the boxes (M, 4), and whether they are fractions: then they are in pixels of the stored images.

    Raises:
        DataError: There are two readings of boxes that are not as the format wants them.
    """
    together = _reading(parts)
    read = []
    for part in parts:
        few = int(part.written.sum()) < _FEW
        fractions, reading = together if few else _reading([part])
        scale = part.stored[part.images][:, [1, 0, 1, 0]] if fractions else 1.0
        boxes = corners(part.boxes * scale, reading)
        boxes = np.where(part.written[:, None], boxes, corners(part.boxes, "format"))
        if fractions or reading != "format":
            unit = "fractions of the image's width and height" if fractions else "pixels"
            warn(
                f"{part.file}: the {int(part.written.sum())} boxes are not {FORMAT} in pixels but {unit}, as "
                f"{READINGS[reading]}: read so, as only this puts them into their images"
            )
        read.append((boxes, fractions))
    return read


def _reading(parts: Sequence[Written]) -> tuple[bool, str]:
    """Whether boxes are fractions, and how they are written."""
    frames = np.concatenate([part.frames[part.images] for part in parts])
    boxes, areas = np.concatenate([part.boxes for part in parts]), np.concatenate([part.areas for part in parts])
    known = np.concatenate([part.written for part in parts]) & (frames > 0).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
    frames, boxes, areas = frames[known], boxes[known], areas[known]
    if len(boxes) == 0:
        return False, "format"
    names = ", ".join(part.file for part in parts)
    limits = frames[:, ::-1]
    if (boxes <= 1.001).all() and (boxes != boxes.round()).any() and (limits > 1).all():
        fitting = [reading for reading in READINGS if _fit(corners(boxes, reading), np.ones_like(limits), 0.01) == 1]
        if len(fitting) != 1:
            which = " and as ".join(READINGS[each] for each in fitting) if fitting else "no reading of the four numbers"
            raise DataError(
                f"{names}: {len(boxes)} boxes are fractions (none above {boxes.max():.3g}), and lie in their images as "
                f"{which}; write them as {FORMAT} in pixels"
            )
        return True, fitting[0]
    by_area = _by_area(boxes, areas)
    fits = {reading: _fit(corners(boxes, reading), limits) for reading in READINGS}
    if by_area == "corners" and fits["corners"] >= _FIT and len(boxes) >= 3:
        return False, "corners"
    if 1 - fits["format"] < _OUT or len(boxes) < _FEW:
        return False, "format"
    others = [reading for reading in ("corners", "centre") if fits[reading] >= _FIT]
    if by_area == "format" and "corners" in others:
        others.remove("corners")
    if len(others) > 1:
        raise DataError(
            f"{names}: {1 - fits['format']:.0%} of {len(boxes)} boxes stand out of their images as {FORMAT}, and lie "
            f"in them as {' and as '.join(READINGS[each] for each in others)}; write them as {FORMAT} in pixels"
        )
    return False, others[0] if others else "format"


def _by_area(boxes: Array, areas: Array) -> str | None:
    """The reading by which the boxes have the areas that the file tells."""
    told = areas > 0
    if told.sum() < len(boxes) / 2:
        return None
    boxes, areas = boxes[told], areas[told]
    sides = {"format": boxes[:, 2:], "corners": boxes[:, 2:] - boxes[:, :2]}
    equal = {reading: np.isclose(side.prod(axis=1), areas, rtol=0.02).mean() for reading, side in sides.items()}
    best = max(equal, key=lambda reading: equal[reading])
    return best if equal[best] >= 0.95 and min(equal.values()) <= 0.5 else None


def _fit(boxes: Array, limits: Array, least: float = 2.0) -> float:
    """Share of boxes that have an area and lie in images of these widths and heights, give or take a hundredth."""
    if len(boxes) == 0:
        return 1.0
    slack = np.maximum(0.01 * limits, least)
    inside = (boxes[:, :2] >= -slack).all(axis=1) & (boxes[:, 2:] <= limits + slack).all(axis=1)
    return float((inside & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)).mean())


def to_stored(
    part: Written, boxes: Array, fractions: bool, orientation: Callable[[int], int], warn: Callable[[str], None]
) -> tuple[Array, Mapping[str, Sequence[int]]]:
    """Boxes in pixels of the image files, where these are of another size than the annotations tell.

    Args:
        part: Of a file.
        boxes: (M, 4), what `read_boxes` gives for it.
        fractions: Likewise.
        orientation: EXIF's of the image at a position.
        warn: Shows the user a warning.

    Returns:
        The boxes (M, 4); and what was seen of images → their positions.

    Raises:
        DataError: The sizes differ in a way that does not tell where the boxes are.
    """
    both = (part.told > 0).all(axis=1) & (part.stored > 0).all(axis=1)
    differs = both & (part.told != part.stored).any(axis=1)
    boxes = boxes.copy()
    seen: dict[str, list[int]] = {}
    if not differs.any():
        return boxes, seen
    swapped = differs & (part.told == part.stored[:, ::-1]).all(axis=1)
    turns = {int(i): orientation(int(i)) for i in np.flatnonzero(swapped)}
    if turned := sum(turn > 4 for turn in turns.values()) if fractions else 0:
        raise DataError(
            f"{part.file}: {turned} images are turned by EXIF, and it is not known of which side their boxes are "
            f"fractions; write them as {FORMAT} in pixels"
        )
    if fractions:
        return boxes, {STALE: _where(differs)}
    for turn in sorted(set(turns.values())):
        group = np.zeros(len(differs), bool)
        group[[i for i, of in turns.items() if of == turn]] = True
        _turn(part, boxes, group, turn, seen, warn)
    _rescale(part, boxes, differs & ~swapped, seen, warn)
    return boxes, seen


STALE = "images of another size than their annotations say, whose boxes fit as they are"


def _turn(
    part: Written,
    boxes: Array,
    group: NDArray[np.bool_],
    turn: int,
    seen: dict[str, list[int]],
    warn: Callable[[str], None],
) -> None:
    """Images that lie on their side of what the annotations tell."""
    own = group[part.images]
    told, stored = _fits(part, boxes, own)
    count = int(group.sum())
    if turn not in (5, 6, 7, 8):
        if stored >= min(told, _FIT):
            seen.setdefault("images whose width and height are swapped in their annotations", []).extend(_where(group))
            return
        raise DataError(
            f"{part.file}: {count} images are turned to the side of what their annotations tell, and "
            "boxes lie in them as they were before; turn the images back, or export both together again"
        )
    if max(told, stored) < _NEITHER and own.sum() >= _FEW:
        raise DataError(
            f"{part.file}: {count} images are turned by EXIF, and boxes fit neither the turned pixels nor the others; "
            "export images and annotations together again"
        )
    if told < stored:
        seen.setdefault(STALE, []).extend(_where(group))
        return
    height, width = part.told[part.images[own]].T
    x1, y1, x2, y2 = boxes[own].T
    moved = {
        5: (y1, x1, y2, x2),
        6: (height - y2, x1, height - y1, x2),
        7: (height - y2, width - x2, height - y1, width - x1),
        8: (y1, width - x2, y2, width - x1),
    }[turn]
    boxes[own] = np.stack(moved, axis=1)
    warn(
        f"{part.file}: {count} images are turned by EXIF (orientation {turn}) and were labelled unturned, as the size "
        "that the annotations tell is that of the stored pixels: the boxes are turned with them"
    )


def _rescale(
    part: Written, boxes: Array, group: NDArray[np.bool_], seen: dict[str, list[int]], warn: Callable[[str], None]
) -> None:
    """Images that are smaller or larger than the annotations tell."""
    if not group.any():
        return
    told, stored = part.told[group], part.stored[group]
    slight = (np.abs(told - stored) <= np.maximum(2, 0.01 * told)).all(axis=1)
    own = group[part.images]
    fits_told, fits_stored = _fits(part, boxes, own)
    factor = np.median(stored / told, axis=0)
    constant = bool((np.abs(stored - told * factor) <= 1.5).all())
    each = stored / told
    kept = bool((np.abs(stored[:, 0] * told[:, 1] - stored[:, 1] * told[:, 0]) <= 1.5 * told.max(axis=1)).all())
    ratio = stored.prod(axis=1) / told.prod(axis=1)
    counts = np.bincount(part.images[own], minlength=len(group))[group]
    # a box anywhere in a larger image lies by chance in its upper left part
    chance = float(np.exp((counts * np.log(np.minimum(ratio, 1))).sum()))
    by_chance = fits_stored >= _FIT and chance < _SURE and (ratio <= 1).all()
    rather_stored = fits_stored > fits_told or by_chance
    if slight.all() or not own.any() or rather_stored:
        seen.setdefault(STALE, []).extend(_where(group))
        return
    sizes = f"{_size(told[0])} in the annotations, {_size(stored[0])} in the file"
    spread = f"by factors from {each.min():.3g} to {each.max():.3g}"
    neither = fits_told < _NEITHER and own.sum() >= _FEW
    if neither or not (constant or kept):
        why = "and boxes fit neither size" if neither else "across and down by different ones"
        raise DataError(
            f"{part.file}: {int(group.sum())} of {len(group)} images are of another size than their annotations tell "
            f"({sizes}), {spread}, {why}; it is not known whether they were stretched, cut or padded: scale the boxes "
            "with the images, or take the original images"
        )
    if fits_stored >= fits_told and (ratio < 1).any():
        raise DataError(
            f"{part.file}: {int(group.sum())} of {len(group)} images are of another size than their annotations tell "
            f"({sizes}), and the {int(own.sum())} boxes fit both; correct width and height in the file, or the boxes"
        )
    boxes[own] *= (part.stored / np.where(part.told > 0, part.told, 1))[part.images[own]][:, [1, 0, 1, 0]]
    how = f"by {_factors(factor)}" if constant else f"{spread}, one an image"
    warn(
        f"{part.file}: {int(group.sum())} of {len(group)} images are not of the size that their annotations tell "
        f"({sizes}): their boxes are scaled {how}"
    )


def _fits(part: Written, boxes: Array, own: NDArray[np.bool_]) -> tuple[float, float]:
    """Share of these boxes that lie in images as large as told; as large as stored."""
    own = own & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    images = part.images[own]
    return _fit(boxes[own], part.told[images][:, ::-1]), _fit(boxes[own], part.stored[images][:, ::-1])


def _where(group: NDArray[np.bool_]) -> list[int]:
    found: list[int] = np.flatnonzero(group).tolist()
    return found


def _size(size: Array) -> str:
    return f"{size[1]:.0f} x {size[0]:.0f}"


def _factors(factor: Array) -> str:
    down, across = factor.tolist()
    if abs(down - across) < 0.01 * max(down, across):
        return f"{(down + across) / 2:.4g}"
    return f"{across:.4g} across and {down:.4g} down"


def _numbers(box: Array) -> str:
    return f"[{', '.join(f'{value:.4g}' for value in box)}]"


def check_inside(part: Written, boxes: Array, warn: Callable[[str], None]) -> None:
    """Refuse boxes that cannot be of these images.

    Args:
        part: Of a file.
        boxes: (M, 4) `x1 y1 x2 y2` in pixels of the stored images.
        warn: Shows the user a warning.

    Raises:
        DataError: Of many of them less than half is in the image.
    """
    sizes = part.stored[part.images]
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    known = (sizes > 0).all(axis=1) & (area > 0)
    clipped = np.clip(boxes, 0, sizes[:, [1, 0, 1, 0]])
    lost = known & ((clipped[:, 2:] - clipped[:, :2]).prod(axis=1) < area / 2)
    if lost.sum() >= 3 and lost.sum() > _LOST * known.sum():
        worst = int(np.flatnonzero(lost)[0])
        raise DataError(
            f"{part.file}: {int(lost.sum())} of {int(known.sum())} boxes lie for the most part outside of their images "
            f"(such as {_numbers(part.boxes[worst])} in {_size(sizes[worst])} pixels), as {FORMAT} and otherwise; the "
            "images were replaced or shrunk, or the boxes are in other units: export both together again"
        )
    if known.sum() < _MANY:
        return
    reach = (boxes[known, 2:] / sizes[known][:, ::-1]).max(axis=0)
    if (reach < _CORNER).all():
        warn(
            f"{part.file}: all {int(known.sum())} boxes lie in the upper left part of their images ({reach[0]:.0%} of "
            f"the width, {reach[1]:.0%} of the height): if that is not so, they are in other units, or the images were "
            "enlarged after labelling"
        )
