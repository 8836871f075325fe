"""From boxes as a COCO file writes them to pixels of the image files: judged over the whole set, never box by box.

By the format a box is `x y width height` in pixels of an image as large as the file tells. People also write fractions,
both corners, or the centre; and images are shrunk, turned or replaced after they were labelled. What all boxes together
leave only one reading for is read so, and said; else it is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.data.formats.coco.readings import FORMAT, READINGS, Array, Reading, corners
from tlbench.errors import DataError
from tlbench.system.voice import Voice

FEW = 8
"""Boxes of which nothing but the format is believed."""

FIT = 0.95
"""Share of the boxes that must lie in their images by a reading that is believed."""

_OUT = 0.2
"""Share of the boxes outside of their images from which on the format is doubted."""

_MIXED = 0.1
"""Share of the boxes below a pixel, from which on these are fractions."""

CORNER = 0.6
"""Part of the width and height beyond which some box of many must reach, or it is said."""


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
        turned: (N,) whether EXIF turns the image file to its side.
    """

    file: str
    boxes: Array
    written: NDArray[np.bool_]
    areas: Array
    images: NDArray[np.int64]
    told: Array
    stored: Array
    turned: NDArray[np.bool_]

    @property
    def untold(self) -> NDArray[np.bool_]:
        """(N,) whether the file tells no size."""
        untold: NDArray[np.bool_] = (self.told == 0).any(axis=1)
        return untold

    @property
    def differs(self) -> NDArray[np.bool_]:
        """(N,) whether the file tells another size than the image has."""
        known = (self.told > 0).all(axis=1) & (self.stored > 0).all(axis=1)
        differs: NDArray[np.bool_] = known & (self.told != self.stored).any(axis=1)
        return differs

    @property
    def frames(self) -> Array:
        """(N, 2) height and width in which boxes may lie, whichever of both sizes they are meant for."""
        return np.maximum(self.told, self.stored)

    @property
    def least(self) -> Array:
        """(N, 2) the smaller of both sizes, of those known."""
        return np.where((self.told > 0) & (self.stored > 0), np.minimum(self.told, self.stored), self.frames)


def read_boxes(parts: Sequence[Written], voice: Voice) -> list[tuple[Array, Reading]]:
    """`x1 y1 x2 y2` of the boxes of all files, in the pixels that they are written in.

    Args:
        parts: Of one data set; a file that has too few boxes to tell is read as all of them together.
        voice: Speaks to the user.

    Returns:
        Of each file the boxes (M, 4), and how they are written; of fractions they are in pixels of the stored images.

    Raises:
        DataError: There are two readings of boxes that are not as the format wants them.
    """
    together = _reading(parts)
    _doubt_units(parts, voice)
    read = []
    for part in parts:
        few = int(part.written.sum()) < FEW
        found = together if few else _reading([part])
        fractions, reading = found.fractions, found.kind
        scale = part.stored[part.images][:, [1, 0, 1, 0]] if fractions else 1.0
        boxes = corners(part.boxes * scale, reading)
        boxes = np.where(part.written[:, None], boxes, corners(part.boxes, "format"))
        if fractions or reading != "format":
            unit = "fractions of the image's width and height" if fractions else "pixels"
            voice.warn(
                f"{part.file}: the {int(part.written.sum())} boxes are not {FORMAT} in pixels but {unit}, as "
                f"{READINGS[reading]}: read so, as {found.why}"
            )
        read.append((boxes, found))
    return read


def _reading(parts: Sequence[Written]) -> Reading:
    """Whether boxes are fractions, and how they are written.

    Raises:
        DataError: That is not known.
    """
    frames = np.concatenate([part.frames[part.images] for part in parts])
    boxes, areas = np.concatenate([part.boxes for part in parts]), np.concatenate([part.areas for part in parts])
    known = np.concatenate([part.written for part in parts]) & (frames > 0).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
    frames, boxes, areas = frames[known], boxes[known], areas[known]
    if len(boxes) == 0:
        return Reading()
    names = ", ".join(part.file for part in parts)
    limits = frames[:, ::-1]
    small = (boxes <= 1.001).all(axis=1) & (limits > 1).all(axis=1)
    if _MIXED < small.mean() < 1 and (boxes[small] != boxes[small].round()).any():
        raise DataError(
            f"{names}: {int(small.sum())} of {len(boxes)} boxes are fractions, the others are not (such as "
            f"{numbers_text(boxes[~small][0])}); write all of them as {FORMAT} in pixels"
        )
    if small.all() and (boxes != boxes.round()).any():
        # fractions never tell which of x and y is first; corners are written both ways, the others x first alone
        fitting = [
            reading
            for reading in READINGS
            if reading != "turned" and share_in(corners(boxes, reading), np.ones_like(limits), 0.01) == 1
        ]
        if len(fitting) != 1:
            which = " and as ".join(READINGS[each] for each in fitting) if fitting else "no reading of the four numbers"
            raise DataError(
                f"{names}: {len(boxes)} boxes are fractions (none above {boxes.max():.3g}), and lie in their images as "
                f"{which}; write them as {FORMAT} in pixels"
            )
        why = f"{Reading.why}; that x is first is taken for granted, as fractions do not tell"
        return Reading(fractions=True, kind=fitting[0], why=why)
    by_area = _by_area(boxes, areas)
    fits = {reading: share_in(corners(boxes, reading), limits) for reading in READINGS}
    others = [reading for reading in READINGS if reading != "format" and fits[reading] >= FIT]
    if by_area is not None:
        others = [reading for reading in others if ("corners" in reading) == (by_area == "corners")]
    sure = by_area == "corners" and others and len(boxes) >= 3
    if not sure and (1 - fits["format"] < _OUT or len(boxes) < FEW):
        return Reading()
    if sure and "corners" in others and len(others) > 1:
        why = "this gives the areas that the file tells; that x is first is taken for granted, as both orders fit"
        return Reading(kind="corners", why=why)
    if len(others) > 1:
        raise DataError(
            f"{names}: {1 - fits['format']:.0%} of {len(boxes)} boxes stand out of their images as {FORMAT}, and lie "
            f"in them as {' and as '.join(READINGS[each] for each in others)}; write them as {FORMAT} in pixels"
        )
    if not others:
        return Reading()
    if Reading(kind=others[0]).y_first:
        told = [(part.untold, part.turned) for part in parts]
        untold, turned = (np.concatenate([kinds[i] for kinds in told]) for i in range(2))
        if others[0] == "turned" or (untold | turned).any():
            raise _perhaps_turned(f"{names}: {1 - fits['format']:.0%} of {len(boxes)} boxes", others[0], untold, turned)
    return Reading(kind=others[0])


def _perhaps_turned(boxes: str, reading: str, untold: NDArray[np.bool_], turned: NDArray[np.bool_]) -> DataError:
    """Of boxes that lie in their images with y before x, which those of images do that were turned since."""
    mend = "turn the images back"
    if turned.any():
        why = f"{int(turned.sum())} images are turned by EXIF, which may not have been heeded when they were labelled"
        mend = "write the width and height of the unturned images"
    elif untold.any():
        why = f"{int(untold.sum())} images, whose width and height are not told, may have been turned since"
    else:
        why = "the images, and width and height with them, may have been turned since they were labelled"
    return DataError(
        f"{boxes} stand out of their images as {FORMAT}; they may be written as {READINGS[reading]}, or {why}: then "
        f"{mend}, else write the boxes as {FORMAT} in pixels of the images as they are seen"
    )


def _doubt_units(parts: Sequence[Written], voice: Voice) -> None:
    """Boxes in per cent (or thousandths) are pixels in the upper left of larger images.

    Raises:
        DataError: They are that far to the upper left, and no whole numbers.
    """
    boxes, limits = (
        np.concatenate([part.boxes[part.written] for part in parts]),
        np.concatenate([part.least[part.images[part.written]] for part in parts])[:, ::-1],
    )
    known = (limits > 0).all(axis=1)
    boxes, limits = boxes[known], limits[known]
    if len(boxes) < FEW or boxes.max() <= 1.001 or boxes.min() < 0:
        return
    names = ", ".join(part.file for part in parts)
    for most, unit in ((100, "per cent"), (1000, "thousandths")):
        if boxes.max() > most:
            continue
        part_of = np.minimum(most / limits, 1).prod(axis=1)
        middle = ((boxes[:, :2] + boxes[:, 2:] / 2) / limits).mean(axis=0)
        filled = ((boxes[:, :2] + boxes[:, 2:]).max(axis=0) > CORNER * most).all()
        # that boxes anywhere in an image lie by chance in that part of it
        if not filled or part_of.mean() > 0.6 or np.log(part_of).sum() > np.log(0.01) or (middle > 0.42).any():
            return
        what = (
            f"{names}: of {len(boxes)} boxes no number is above {boxes.max():.4g}, in images of up to "
            f"{limits[:, 0].max():.0f} x {limits[:, 1].max():.0f} pixels"
        )
        if part_of.mean() <= _OUT + 0.05 and (boxes != boxes.round()).mean() > 0.1:
            raise DataError(
                f"{what}: they are {unit} of the width and height, or all in the upper left; write them as {FORMAT} "
                "in pixels"
            )
        voice.warn(f"{what}: read as pixels, all in the upper left; if that is not so, they are {unit}: write pixels")
        return


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


def share_in(boxes: Array, limits: Array, least: float = 2.0) -> float:
    """Share of boxes that have an area and lie in images of these widths and heights, give or take a hundredth."""
    if len(boxes) == 0:
        return 1.0
    slack = np.maximum(0.01 * limits, least)
    inside = (boxes[:, :2] >= -slack).all(axis=1) & (boxes[:, 2:] <= limits + slack).all(axis=1)
    return float((inside & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)).mean())


def size_text(size: Array) -> str:
    """Of height and width: `160 x 120`, width first."""
    return f"{size[1]:.0f} x {size[0]:.0f}"


def numbers_text(box: Array) -> str:
    """Of a box: `[3, 2, 37, 28]`."""
    return f"[{', '.join(f'{value:.4g}' for value in box)}]"
