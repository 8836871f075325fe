"""COCO boxes of images that are of another size than their annotations tell: shrunk, enlarged or turned since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.data.formats.coco.frames import FEW, FIT, Written, share_in, size_text
from tlbench.data.formats.coco.readings import FORMAT, Array
from tlbench.errors import DataError
from tlbench.system.voice import Voice

_NEITHER = 0.75
"""Share of the boxes of which at least so many must lie in their images by either of two readings."""

_SOME = 0.2
"""Share of images whose boxes were scaled already, from which on it is no accident."""

_SURE = 0.01
"""Chance below which something is no accident."""


@dataclass(frozen=True, eq=False)
class Stored:
    """M boxes in pixels of the image files, and how they came there.

    Args:
        boxes: (M, 4) `x1 y1 x2 y2`.
        seen: What was seen of images → their positions.
        turns: (N,) int64, the orientation of EXIF by which the boxes of an image were turned; 1: they were not.
        scaled: (N,) whether the boxes of an image were scaled from the size that is told to that of the file.
    """

    boxes: Array
    seen: Mapping[str, Sequence[int]]
    turns: NDArray[np.int64]
    scaled: NDArray[np.bool_]


def to_stored(part: Written, boxes: Array, fractions: bool, orientation: Callable[[int], int], voice: Voice) -> Stored:
    """Boxes in pixels of the image files, where these are of another size than the annotations tell.

    Args:
        part: Of a file.
        boxes: (M, 4), what `read_boxes` gives for it.
        fractions: Whether they were fractions.
        orientation: EXIF's of the image at a position.
        voice: Speaks to the user.

    Raises:
        DataError: The sizes differ in a way that does not tell where the boxes are.
    """
    differs = part.differs
    boxes = boxes.copy()
    seen: dict[str, list[int]] = {}
    turned, scaled = np.ones(len(differs), np.int64), np.zeros(len(differs), bool)
    _check_turned(part, boxes, part.turned & ~differs, fractions, voice)
    if not differs.any():
        return Stored(boxes, seen, turned, scaled)
    swapped = differs & (part.told == part.stored[:, ::-1]).all(axis=1)
    turns = {int(i): orientation(int(i)) for i in np.flatnonzero(swapped)}
    if fractions:
        return Stored(boxes, {STALE: _where(differs)}, turned, scaled)
    for turn in sorted(set(turns.values())):
        group = np.zeros(len(differs), bool)
        group[[i for i, of in turns.items() if of == turn]] = True
        if _turn(part, boxes, group, turn, seen, voice):
            turned[group] = turn
    if _rescale(part, boxes, differs & ~swapped, seen, voice):
        scaled = differs & ~swapped
    return Stored(boxes, seen, turned, scaled)


def _check_turned(part: Written, boxes: Array, group: NDArray[np.bool_], fractions: bool, voice: Voice) -> None:
    """Images that EXIF turns, whose size in the annotations is that of the turned ones, or is not told.

    Args:
        part: Of a file.
        boxes: (M, 4) in pixels.
        group: (N,) these images.
        fractions: Whether the boxes were fractions.
        voice: Speaks to the user.

    Raises:
        DataError: The boxes are those of the unturned images, or it is not known of which.
    """
    height, width = part.told.T
    unknown = group & (part.untold | (height == width))
    if fractions:
        unknown |= part.turned & ((height - width) * (part.stored[:, 0] - part.stored[:, 1]) < 0)
        if turned := len(np.unique(part.images[unknown[part.images]])):
            raise DataError(
                f"{part.file}: {turned} images are turned by EXIF, and it is not known of which side their boxes are "
                f"fractions; write them as {FORMAT} in pixels"
            )
        return
    own = group[part.images] & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    sizes = part.stored[part.images[own]]
    upright, unturned = share_in(boxes[own], sizes[:, ::-1]), share_in(boxes[own], sizes)
    count = len(np.unique(part.images[own]))
    if (1 - upright) * own.sum() > 2.5 and upright < FIT <= unturned:
        raise DataError(
            f"{part.file}: {count} images are turned by EXIF, and their boxes lie in the unturned pixels, but "
            f"{1 - upright:.0%} of them not in the turned ones; write the width and height of the unturned images, or "
            "turn the boxes with them"
        )
    own &= unknown[part.images]
    sizes = part.stored[part.images[own]]
    if own.any() and share_in(boxes[own], sizes) >= FIT:
        voice.warn(
            f"{part.file}: {len(np.unique(part.images[own]))} images are turned by EXIF, and it is not told whether "
            "they were labelled so: their boxes, which fit the unturned pixels as well, are taken for those of the "
            "images as they are seen; write the width and height in which they were labelled, or "
            "store square ones turned"
        )


STALE = "images of another size than their annotations say, whose boxes fit as they are"


def _turn(
    part: Written,
    boxes: Array,
    group: NDArray[np.bool_],
    turn: int,
    seen: dict[str, list[int]],
    voice: Voice,
) -> bool:
    """Images that lie on their side of what the annotations tell; whether their boxes were turned."""
    own = group[part.images]
    told, stored = _fits(part, boxes, own)
    count = int(group.sum())
    if turn not in (5, 6, 7, 8):
        if stored >= min(told, FIT):
            seen.setdefault("images whose width and height are swapped in their annotations", []).extend(_where(group))
            return False
        raise DataError(
            f"{part.file}: {count} images are turned to the side of what their annotations tell, and "
            "boxes lie in them as they were before; turn the images back, or export both together again"
        )
    if max(told, stored) < _NEITHER and own.sum() >= FEW:
        raise DataError(
            f"{part.file}: {count} images are turned by EXIF, and boxes fit neither the turned pixels nor the others; "
            "export images and annotations together again"
        )
    if told < stored:
        seen.setdefault(STALE, []).extend(_where(group))
        return False
    height, width = part.told[part.images[own]].T
    x1, y1, x2, y2 = boxes[own].T
    moved = {
        5: (y1, x1, y2, x2),
        6: (height - y2, x1, height - y1, x2),
        7: (height - y2, width - x2, height - y1, width - x1),
        8: (y1, width - x2, y2, width - x1),
    }[turn]
    boxes[own] = np.stack(moved, axis=1)
    voice.warn(
        f"{part.file}: {count} images are turned by EXIF (orientation {turn}) and were labelled unturned, as the size "
        "that the annotations tell is that of the stored pixels: the boxes are turned with them"
    )
    return True


def _rescale(part: Written, boxes: Array, group: NDArray[np.bool_], seen: dict[str, list[int]], voice: Voice) -> bool:
    """Images that are smaller or larger than the annotations tell; whether their boxes were scaled."""
    if not group.any():
        return False
    told, stored = part.told[group], part.stored[group]
    slight = slightly(told, stored)
    own = group[part.images]
    fits_told, fits_stored = _fits(part, boxes, own)
    factor = np.median(stored / told, axis=0)
    constant = bool((np.abs(stored - told * factor) <= 1.5).all())
    each = stored / told
    same = _same_aspect(told, stored)
    kept = bool(same.all())
    ratio = stored.prod(axis=1) / told.prod(axis=1)
    counts = np.bincount(part.images[own], minlength=len(group))[group]
    # a box anywhere in a larger image lies by chance in its upper left part
    chance = float(np.exp((counts * np.log(np.minimum(ratio, 1))).sum()))
    by_chance = fits_stored >= FIT and chance < _SURE and (ratio <= 1).all()
    rather_stored = fits_stored > fits_told or by_chance
    if slight.all() or not own.any() or rather_stored:
        seen.setdefault(STALE, []).extend(_where(group))
        return False
    sizes = f"{size_text(told[0])} in the annotations, {size_text(stored[0])} in the file"
    spread = f"by factors from {each.min():.3g} to {each.max():.3g}"
    if (_same_aspect(told[:, ::-1], stored) & ~same).mean() > 0.5:
        raise DataError(
            f"{part.file}: {int(group.sum())} of {len(group)} images are of another size than their annotations tell "
            f"({sizes}), and lie on the side of it; export images and annotations together again"
        )
    neither = fits_told < _NEITHER and own.sum() >= FEW
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
    # of images whose boxes fit as they are by chance, as many lie to the upper right
    used = counts > 0
    upper_left, upper_right = (_wholly(part, boxes, own, group, mirrored)[used] for mirrored in (False, True))
    left, right = int(upper_left.sum()), int(upper_right.sum())
    expected = float((np.minimum(ratio, 1) ** counts)[used].sum())
    if left >= _SOME * used.sum() and left > 2 * expected and left >= 5 and left > 4 * right and (ratio < 1).all():
        raise DataError(
            f"{part.file}: {int(group.sum())} of {len(group)} images are of another size than their annotations tell "
            f"({sizes}); all boxes of {left} of them fit the file as they are (by chance about {expected:.0f} would), "
            "those of the others do not: a part seems scaled already; scale all boxes, and correct width and height"
        )
    boxes[own] *= (part.stored / np.where(part.told > 0, part.told, 1))[part.images[own]][:, [1, 0, 1, 0]]
    how = f"by {_factors(factor)}" if constant else f"{spread}, one an image"
    voice.warn(
        f"{part.file}: {int(group.sum())} of {len(group)} images are not of the size that their annotations tell "
        f"({sizes}): their boxes are scaled {how}"
    )
    return True


def _fits(part: Written, boxes: Array, own: NDArray[np.bool_]) -> tuple[float, float]:
    """Share of these boxes that lie in images as large as told; as large as stored."""
    own = own & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    images = part.images[own]
    return share_in(boxes[own], part.told[images][:, ::-1]), share_in(boxes[own], part.stored[images][:, ::-1])


def slightly(told: Array, stored: Array) -> NDArray[np.bool_]:
    """Of sizes (N, 2) whether one is the other but for rounding, or for a border."""
    near = np.abs(told - stored) <= np.maximum(2, 0.01 * told)
    return near[:, 0] & near[:, 1]


def _same_aspect(told: Array, stored: Array) -> NDArray[np.bool_]:
    """Of sizes (N, 2) whether one is the other, scaled and rounded."""
    same: NDArray[np.bool_] = np.abs(stored[:, 0] * told[:, 1] - stored[:, 1] * told[:, 0]) <= 1.5 * told.max(axis=1)
    return same


def _wholly(
    part: Written, boxes: Array, own: NDArray[np.bool_], group: NDArray[np.bool_], mirrored: bool
) -> NDArray[np.bool_]:
    """Of each image of the group whether all of its boxes, perhaps mirrored, lie in it as it is stored."""
    images = part.images[own]
    right = part.told[images, 1] - boxes[own, 0] if mirrored else boxes[own, 2]
    outside = (right > part.stored[images, 1] + 2) | (boxes[own, 3] > part.stored[images, 0] + 2)
    wholly: NDArray[np.bool_] = np.bincount(images[outside], minlength=len(group)) == 0
    return wholly[group]


def _where(group: NDArray[np.bool_]) -> list[int]:
    found: list[int] = np.flatnonzero(group).tolist()
    return found


def _factors(factor: Array) -> str:
    down, across = factor.tolist()
    if abs(down - across) < 0.01 * max(down, across):
        return f"{(down + across) / 2:.4g}"
    return f"{across:.4g} across and {down:.4g} down"
