"""What a run of key points shows: the share of points within a distance, and the images with the largest errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from tlbench.pictures.figures import image_figure, new_figure, plain
from tlbench.pictures.marks import Mask
from tlbench.pictures.palette import class_colour
from tlbench.pictures.sheet import Key, Tile, sheet
from tlbench.tasks.wing import Tested
from tlbench_keypoints.metrics import WITHIN

_MOST_IMAGES, _RADIUS = 16, 1 / 60
_CIRCLE = np.stack([np.cos(turn := np.linspace(0, 2 * np.pi, 13)[:-1]), np.sin(turn)], axis=1)


def marks_of(
    points: Sequence[str], xy: Sequence[Sequence[float]], side: int, *, true: bool = False, labels: bool = True
) -> list[Mask]:
    """A disc for each point, as tlbench's drawer knows boxes and surfaces.

    Args:
        points: K names.
        xy: Of each x, y in pixels of the image.
        side: The image's longer side, pixels.
        true: Whether they are the true ones, dashed.
        labels: Whether names are written.
    """
    radius = max(side * _RADIUS, 1.0) * (1.6 if true else 1.0)
    return [
        Mask(
            colour=class_colour(k),
            label=name if labels else "",
            shape=[np.array(place) + radius * _CIRCLE],
            dashed=true,
            thin=True,
        )
        for k, (name, place) in enumerate(zip(points, xy, strict=True))
        if np.isfinite(place).all()
    ]


def error_figure(distances: Tensor, title: str) -> Figure:
    """The share of points whose error is below a distance, over the distance.

    Args:
        distances: (M,) as fractions of the image's longer side, on the CPU.
        title: What the points are.
    """
    figure = new_figure(4.6, 3.4)
    axes = figure.add_subplot()
    far = np.sort(distances.numpy())
    axes.step(far, (np.arange(len(far)) + 1) / max(len(far), 1), where="post", color=class_colour(0))
    axes.axvline(WITHIN, color="black", linestyle="--", linewidth=1)
    axes.set(xlim=(0, 0.3), ylim=(0, 1), xlabel="distance / longer side of the image", ylabel="share of points within")
    axes.set_title(plain(title), fontsize=10)
    axes.grid(alpha=0.3)
    return figure


def show_points(tested: Tested, points: Sequence[str]) -> dict[str, str]:
    """Draw the test's errors, and its images with the largest ones, as PNG files and in the loggers.

    Args:
        tested: The run.
        points: K names.

    Returns:
        Name → file.

    Raises:
        OutputError: The disk refuses.
    """
    module, predictions = tested.module, tested.predictions
    split = module.target.splits["test"]
    of, index = split.annotations, predictions["index"]
    longer = of.sizes[index].amax(1)[:, None]
    far = torch.linalg.vector_norm(predictions["points"] - predictions["target_points"], dim=2) / longer
    far = torch.where(predictions["seen"], far, 0.0)
    figures = {"pck": error_figure(far[predictions["seen"]], "test")}
    count = min(_MOST_IMAGES, tested.task.config.logger.mistakes)
    if count:
        worst = torch.argsort(far.amax(1), descending=True, stable=True)[:count]
        tiles = []
        for row, picture in zip(worst.tolist(), module.pictures("test", index[worst]), strict=True):
            height, width = of.inside[index[row]].tolist()
            factor = of.inside[index[row]].flip(0) / of.sizes[index[row]].flip(0)
            seen = predictions["seen"][row]
            true = torch.where(seen[:, None], predictions["target_points"][row] * factor, torch.nan)
            found = predictions["points"][row] * factor
            side = max(height, width)
            marks = marks_of(points, true.tolist(), side, true=True, labels=False)
            marks += marks_of(points, found.tolist(), side, labels=False)
            pixels = picture[:, :height, :width].permute(1, 2, 0).cpu().numpy()
            tiles.append(Tile(pixels, marks, f"{far[row].amax():.2f} {points[int(far[row].argmax())]}"))
        keys = [Key(class_colour(k), name) for k, name in enumerate(points[:8])]
        figures["points"] = image_figure(sheet(tiles, heading="largest errors; dashed: true", keys=keys, side=160))
    return tested.show(figures)
