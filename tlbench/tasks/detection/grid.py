"""Images with their objects and what a detector found, as tiles of a sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tlbench.pictures.drawing import Pixels
from tlbench.pictures.marks import Box
from tlbench.pictures.palette import COLOURS
from tlbench.pictures.sheet import Key, Tile, sheet
from tlbench.tasks.detection.mistakes import ImageOutcome

_FALSE, _OBJECT, _RIGHT = COLOURS[1], COLOURS[2], COLOURS[0]
_IGNORED = "#737373"
LEGEND = "solid green: objects; dashed blue: detections that are right; dashed orange: false ones"
"""In words, where tiles stand by themselves."""
_LABELLED_UP_TO = 12
"""Detections of an image that are labelled, the surest ones; labels of more would cover it."""


def detections_sheet(tiles: Sequence[Tile], confidence: float) -> Pixels:
    """The tiles in the order given, with a legend.

    Args:
        tiles: As `outcome_tile` makes them.
        confidence: From which detections are shown.

    Returns:
        (H, W, 3).
    """
    keys = [
        Key(_OBJECT, "object"),
        Key(_RIGHT, "detection, right", dashed=True),
        Key(_FALSE, "detection, false", dashed=True),
    ]
    if any(mark.colour == _IGNORED for tile in tiles for mark in tile.marks):
        keys.append(Key(_IGNORED, "crowd, and what is in it"))
    return sheet(tiles, heading=f"confidence ≥ {confidence:.3f}, IoU ≥ 0.5; most mistakes first", keys=keys)


def outcome_tile(result: ImageOutcome, pixels: Pixels, factor: NDArray[np.float64], class_names: Sequence[str]) -> Tile:
    """An image under its name and its numbers of mistakes.

    Objects are solid, detections dashed, in another colour those that found no object; where there are crowds, these
    and what was detected in them are grey. Detections bear score and (of several classes) class, missed objects their
    class. Mistakes lie on top, then what is surer.

    Args:
        result: What the image's detections are worth.
        pixels: (H, W, 3), RGB.
        factor: (4,) by which a box of the stored image becomes one of `pixels`.
        class_names: C names.
    """
    image, several = result.image, len(class_names) > 1
    crowds = [Box(corners=_corners(box * factor), colour=_IGNORED) for box in image.crowd_boxes]
    objects = [
        Box(
            corners=_corners(box * factor),
            colour=_OBJECT,
            label=class_names[label] if several and missed else "",
            below=True,
        )
        for box, label, missed in zip(image.target_boxes, image.target_labels, result.missed, strict=True)
    ]
    found = []
    order = sorted(range(len(result.detections)), key=lambda k: (bool(result.false[k]), -k))
    for k in order:
        box, label, score = (part[result.detections[k]] for part in (image.boxes, image.labels, image.scores))
        labelled = k < _LABELLED_UP_TO
        found.append(
            Box(
                corners=_corners(box * factor),
                colour=_FALSE if result.false[k] else _IGNORED if result.ignored[k] else _RIGHT,
                label=class_names[label] if several and labelled else "",
                value=f"{score:.2f}" if labelled else "",
                dashed=True,
                thin=not labelled,
            )
        )
    missed, false = int(result.missed.sum()), int(result.false.sum())
    title = f"{image.name.rpartition('/')[2]}\n{missed} missed, {false} false"
    return Tile(pixels, [*crowds, *objects, *found], title)


def _corners(box: NDArray[np.float64]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box.tolist()
    return x1, y1, x2, y2
