"""A grid of images with their objects and what a detector found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from tlbench.pictures.figures import COLOURS, new_figure, short_name
from tlbench.system.names import printable

_FALSE, _OBJECT, _RIGHT = COLOURS[1], COLOURS[2], COLOURS[0]
_IGNORED = "0.45"
_DASHES = (0, (3, 1.5))
_CELL = 3.6
"""Inches of an image's longer side."""
_GAP, _TITLE, _LEGEND, _NARROWEST = 0.1, 0.42, 0.55, 4.5
_FONT = 7.0
_LABELLED_UP_TO = 12
"""Detections of an image that are labelled, the surest ones; labels of more would cover it."""
_LONGEST_NAME = 30


@dataclass(frozen=True, eq=False)
class ShownImage:
    """An image, its objects, and the detections that count.

    Args:
        name: What it is called.
        pixels: (H, W, 3) uint8, RGB.
        boxes: (M, 4) the objects' `x1 y1 x2 y2` in pixels of `pixels`.
        labels: (M,) their classes.
        missed: (M,) whether no detection found it.
        found: (K, 4) the detections', likewise, by descending score.
        found_labels: (K,).
        scores: (K,) in [0, 1].
        false: (K,) whether it found no object.
        crowds: (R, 4) regions in which detections count neither way.
        ignored: (K,) whether it lies in one of these.
    """

    name: str
    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    labels: NDArray[np.int64]
    missed: NDArray[np.bool_]
    found: NDArray[np.float64]
    found_labels: NDArray[np.int64]
    scores: NDArray[np.float32]
    false: NDArray[np.bool_]
    crowds: NDArray[np.float64]
    ignored: NDArray[np.bool_]


def detections_figure(shown: Sequence[ShownImage], class_names: Sequence[str], confidence: float) -> Figure:
    """Images in the order given: objects solid, detections dashed, in another colour those that found no object; and
    where there are crowds, these and what was detected in them in grey.

    Detections bear score and (of several classes) class, missed objects their class.

    Args:
        shown: One image or more.
        class_names: C names.
        confidence: From which detections are shown, for the legend.
    """
    shapes = np.array([image.pixels.shape[:2] for image in shown])
    tall = float(np.clip(np.median(shapes[:, 0] / shapes[:, 1]), 0.4, 2.5))
    cell = _CELL * np.array([min(1, 1 / tall), min(1, tall)])
    pitch = cell + np.array([_GAP, _TITLE])
    columns = min(len(shown), max(1, round(math.sqrt(len(shown) * pitch[1] / pitch[0]))))
    rows = math.ceil(len(shown) / columns)
    # placed by hand: to find the places of 16 axes by layout takes seconds
    inches = np.array([max(pitch[0] * columns, _NARROWEST), pitch[1] * rows + _LEGEND])
    figure = new_figure(*inches)
    figure.set_layout_engine("none")
    for k, image in enumerate(shown):
        row, column = divmod(k, columns)
        corner = [pitch[0] * column + _GAP / 2, inches[1] - _LEGEND - pitch[1] * (row + 1)] / inches
        axes = figure.add_axes((*corner, *(cell / inches)), xticks=[], yticks=[], frame_on=False, anchor="N")
        _draw(axes, image, class_names, cell)
    handles = [
        Line2D([], [], color=_OBJECT, linewidth=2, label="object"),
        Line2D([], [], color=_RIGHT, linewidth=2, linestyle=_DASHES, label="detection, right"),
        Line2D([], [], color=_FALSE, linewidth=2, linestyle=_DASHES, label="detection, false"),
    ]
    if any(len(image.crowds) for image in shown):
        handles.append(Line2D([], [], color=_IGNORED, linewidth=2, label="crowd, and what is in it"))
    title = f"confidence ≥ {confidence:.3f}, IoU ≥ 0.5; most mistakes first"
    figure.legend(handles=handles, title=title, loc="upper center", ncols=len(handles), frameon=False, fontsize=9)
    return figure


def _draw(axes: Axes, image: ShownImage, class_names: Sequence[str], inches: NDArray[np.float64]) -> None:
    size = np.array(image.pixels.shape[1::-1])
    axes.imshow(image.pixels)
    missed, false = int(image.missed.sum()), int(image.false.sum())
    axes.set_title(f"{_tail(image.name)}\n{missed} missed, {false} false", fontsize=8, pad=3)
    for box in image.crowds:
        _rectangle(axes, box, _IGNORED, "-", 2.0)
    for box in image.boxes:
        _rectangle(axes, box, _OBJECT, "-", 2.0)
    for k in reversed(range(len(image.found))):  # the surest on top
        _rectangle(axes, image.found[k], _colour(image, k), _DASHES, 1.6 if k < _LABELLED_UP_TO else 0.7)
    point = float((size / (72 * inches)).max())  # in pixels of the image
    several = len(class_names) > 1
    labelled = range(min(len(image.found), _LABELLED_UP_TO))
    for k in sorted(labelled, key=lambda k: (image.false[k], -k)):  # mistakes on top
        name = f"{short_name(class_names[image.found_labels[k]])} " if several else ""
        _label(axes, image.found[k], f"{name}{image.scores[k]:.2f}", _colour(image, k), point, size)
    if several:
        for box, label in zip(image.boxes[image.missed], image.labels[image.missed], strict=True):
            _label(axes, box, short_name(class_names[label]), _OBJECT, point, size, below=True)


def _colour(image: ShownImage, k: int) -> str:
    return _FALSE if image.false[k] else _IGNORED if image.ignored[k] else _RIGHT


def _rectangle(
    axes: Axes, box: NDArray[np.float64], colour: str, style: str | tuple[int, tuple[float, float]], width: float
) -> None:
    x1, y1, x2, y2 = box
    axes.add_patch(
        Rectangle(
            (x1, y1),
            x2 - x1,
            y2 - y1,
            fill=False,
            edgecolor=colour,
            linestyle=style,
            linewidth=width,
            path_effects=[withStroke(linewidth=width + 1.2, foreground="white")] if width > 1 else None,
        )
    )


def _label(
    axes: Axes,
    box: NDArray[np.float64],
    text: str,
    colour: str,
    point: float,
    size: NDArray[np.int64],
    *,
    below: bool = False,
) -> None:
    """Write above a box, or below it; inside where the image ends, and shifted so that it stays in the image."""
    high, wide = 1.5 * _FONT * point, 0.62 * _FONT * len(text) * point
    x = max(min(box[0], size[0] - wide), 0)
    if below:
        y, anchor = (box[3], "top") if box[3] + high <= size[1] else (box[3], "bottom")
    else:
        y, anchor = (box[1], "bottom") if box[1] >= high else (box[1], "top")
    axes.text(
        x,
        y,
        text,
        fontsize=_FONT,
        va=anchor,
        ha="left",
        color="white",
        clip_on=True,
        bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.6, "alpha": 0.8},
    )


def _tail(name: str) -> str:
    """The file's name, of a long one its end: beginnings are alike."""
    name = printable(name.rpartition("/")[2])
    name = name if len(name) <= _LONGEST_NAME else "…" + name[1 - _LONGEST_NAME :]
    return name.replace("$", r"\$")
