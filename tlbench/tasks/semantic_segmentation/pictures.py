"""What a segmentation run's test shows: the confusion matrix, each class's IoU, and the images it is worst on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from lightning.fabric.utilities import move_data_to_device
from numpy.typing import NDArray

from tlbench.annotations.maps.class_maps import VOID, ClassMaps
from tlbench.data.samples import Samples
from tlbench.geometry.fits import nearest
from tlbench.pictures.drawing import Pixels, draw
from tlbench.pictures.figures import confusion_figure, image_figure
from tlbench.pictures.marks import Mask
from tlbench.pictures.palette import MAP_COLOURS, map_colour
from tlbench.pictures.sheet import Key, Tile, sheet
from tlbench.tasks.semantic_segmentation.drawn import BACKGROUND, masks_of
from tlbench.tasks.semantic_segmentation.figures import class_iou_figure
from tlbench.tasks.semantic_segmentation.sidecar import image_confusions, image_miou
from tlbench.tasks.wing import Tested
from tlbench.tools.evaluation_pictures import write_figures

_MOST_IMAGES = 12
_KEYS = 12
"""Classes that are named in the legend, the first ones."""
_GAP = 6
"""Pixels of white between the three views of an image."""
_SIDE = 660
"""Of a tile's longer side, which shows three."""
_WRONG, _IGNORED = "#D50000", "#737373"


def show_maps(tested: Tested) -> dict[str, str]:
    """Draw the test's figures and its worst images, as PNG files and in the loggers.

    Nothing is exchanged between processes. Of the worst images, which are those of the lowest mean IoU, the maps are
    found anew, as only counts are kept.

    Returns:
        `confusion`, `iou` and (unless `logger.mistakes` is 0) `maps` → file name.

    Raises:
        OutputError: The disk refuses.
    """
    split: Samples[ClassMaps] = tested.module.target.splits["test"]
    names = split.class_names
    columns = {name: column.numpy() for name, column in tested.predictions.items()}
    confusions = image_confusions(columns, len(names))
    figures = {
        "confusion": confusion_figure(confusions.sum(0), names),
        "iou": class_iou_figure(confusions.sum(0), names, "test"),
    }
    limit = min(_MOST_IMAGES, tested.task.config.logger.mistakes)
    if limit:
        miou = image_miou(confusions)
        worst = np.argsort(np.where(np.isnan(miou), np.inf, miou), kind="stable")[:limit]
        some = split.take(torch.from_numpy(columns["index"][worst]))
        figures["maps"] = image_figure(maps_sheet(some, _found(tested, some), miou[worst].tolist()))
    files = write_figures(tested.folder, "test", figures)
    if tested.writer is not None:
        for name, figure in figures.items():
            tested.writer.add_figure(f"test/{name}", figure, tested.step)
    return files


def maps_sheet(some: Samples[ClassMaps], found: Sequence[NDArray[np.uint8]], miou: Sequence[float]) -> Pixels:
    """Each image three times, under its name and its mean IoU: with its map, with what was found, and what was wrong.

    Args:
        some: N images.
        found: (H, W) uint8 each, in the size of their maps.
        miou: The mean IoU of each.

    Returns:
        (H, W, 3).
    """
    names, of = some.class_names, some.annotations
    pictures = some.pictures(torch.arange(len(some)))
    tiles = []
    for i, predicted in enumerate(found):
        height, width = of.inside[i].tolist()
        rows, columns = nearest(predicted.shape[0], height), nearest(predicted.shape[1], width)
        true, predicted = of.unpacked(i)[rows[:, None], columns], predicted[rows[:, None], columns]
        pixels = pictures[i, :, :height, :width].permute(1, 2, 0).numpy()
        name = some.names[i].rpartition("/")[2] if some.names else str(i)
        shown = "no class" if np.isnan(miou[i]) else f"mIoU {100 * miou[i]:.1f}"
        tiles.append(Tile(_three(pixels, true, predicted, names), title=f"{name}\n{shown}"))
    named = [(c, name) for c, name in enumerate(names[: len(MAP_COLOURS)]) if name != BACKGROUND]
    keys = [Key(map_colour(c), name) for c, name in named[:_KEYS]]
    keys += [Key(_WRONG, "wrong"), Key(_IGNORED, "of no class, ignored")]
    more = "" if len(named) <= _KEYS else f"; {len(names) - _KEYS} further classes have colours that are not named"
    heading = f"left: the map, middle: what was found, right: what was wrong; lowest mean IoU first{more}"
    return sheet(tiles, heading=heading, keys=keys, side=_SIDE)


def _three(pixels: Pixels, true: NDArray[np.uint8], found: NDArray[np.uint8], names: Sequence[str]) -> Pixels:
    times = max(round(_SIDE / 3 / max(true.shape)), 1)  # before lines are drawn, so that they are fine on small images
    pixels, true, found = (each.repeat(times, 0).repeat(times, 1) for each in (pixels, true, found))
    wrong = (true != VOID) & (true != found)
    views = [
        draw(pixels, masks_of(true, names, named=False)),
        draw(pixels, masks_of(found, names, named=False)),
        draw(
            _grey(pixels),
            [Mask(colour=_IGNORED, shape=true == VOID, thin=True), Mask(colour=_WRONG, shape=wrong, thin=True)],
        ),
    ]
    between = np.full((len(pixels), _GAP, 3), 255, np.uint8)
    return np.concatenate([views[0], between, views[1], between, views[2]], axis=1)


def _grey(pixels: Pixels) -> Pixels:
    """Without colour, in which mistakes stand out (luma of ITU-R BT.601)."""
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    return np.repeat(luma.round().astype(np.uint8)[..., None], 3, axis=2)


def _found(tested: Tested, some: Samples[ClassMaps]) -> list[NDArray[np.uint8]]:
    """The maps of some images, found anew."""
    task, batches, maps = tested.task, tested.module.batches, list[NDArray[np.uint8]]()
    kept = some.to(task.device)
    training = task.training
    task.eval()
    try:
        with torch.inference_mode(), task.trainer.precision_plugin.forward_context():
            for batch in batches.loader(kept, batches.evaluation_batch, passes=False):
                inputs, targets, _ = batches.plain(kept, move_data_to_device(batch, task.device))
                maps += [each.cpu().numpy() for each in task.find(task.outputs(inputs).float(), targets).maps]
    finally:
        task.train(training)
    return maps
