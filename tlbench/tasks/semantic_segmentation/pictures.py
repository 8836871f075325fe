"""What a segmentation run's test shows: the confusion matrix, each class's IoU, and the images it is worst on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from lightning.fabric.utilities import move_data_to_device
from numpy.typing import NDArray

from tlbench.annotations.maps.class_maps import VOID, ClassMaps
from tlbench.annotations.maps.drawn import BACKGROUND, IGNORED, class_keys, ignored, kept_images, masks_of
from tlbench.data.samples import Samples
from tlbench.geometry.fits import nearest
from tlbench.pictures.drawing import Pixels, draw
from tlbench.pictures.figures import confusion_figure, image_figure
from tlbench.pictures.marks import Mask
from tlbench.pictures.sheet import Key, Tile, sheet
from tlbench.tasks.semantic_segmentation.figures import class_iou_figure
from tlbench.tasks.semantic_segmentation.sidecar import image_confusions, image_miou
from tlbench.tasks.wing import Tested

_MOST_IMAGES = 12
_WORST = 24
"""Of the images of the lowest mean IoU: those that are kept in small."""
_GAP = 6
"""Pixels of white between the views of an image."""
_SIDE = 660
"""Of a tile's longer side, which shows three views."""
_SMALL_SIDE = 320
"""The same of what is kept in small, two by two views."""
_WRONG = "#D50000"
_LEGEND = "above: the image and its map; below: what was found, and in red what was wrong; grey: ignored"


def show_maps(tested: Tested) -> dict[str, str]:
    """Draw the test's figures and its worst images; keep some images in small.

    Nothing is exchanged between processes. Of the images that are shown, the maps are found anew, as only counts are
    kept; the worst are those of the lowest mean IoU.

    Returns:
        `confusion`, `iou`, `maps` and `thumbnails_test` → file name; with `logger.mistakes=0` the worst images are not
        shown, nor kept in small.

    Raises:
        OutputError: The disk refuses.
    """
    split: Samples[ClassMaps] = tested.module.target.splits["test"]
    names = split.class_names
    columns = {name: column.numpy() for name, column in tested.predictions.items()}
    confusions = image_confusions(columns, len(names))
    pixels = int(confusions.sum())
    figures = {
        "confusion": confusion_figure(confusions.sum(0), names, f"confusion, test: {pixels:,} pixels"),
        "iou": class_iou_figure(confusions.sum(0), names, "test"),
    }
    wanted = tested.task.config.logger.mistakes
    miou = dict(zip(columns["index"].tolist(), image_miou(confusions).tolist(), strict=True))
    worst = sorted(miou, key=lambda i: np.inf if np.isnan(miou[i]) else miou[i])[: _WORST if wanted else 0]
    small = [i for i in tested.in_small(worst) if i in miou]
    some = split.take(torch.tensor(small, dtype=torch.int64))
    views = dict(zip(small, _views(some, _found(tested, some)), strict=True))
    if wanted:
        shown = worst[: min(_MOST_IMAGES, wanted)]
        titles = [_title(split, i, miou[i]) for i in shown]
        figures["maps"] = image_figure(maps_sheet([views[i] for i in shown], titles, names))
    tiles = {i: Tile(_four(each, names)) for i, each in views.items()}
    return tested.show(figures) | tested.keep_small(tiles, drawn=True, legend=_LEGEND)


View = tuple[Pixels, NDArray[np.uint8], NDArray[np.uint8]]
"""An image (H, W, 3), its map and what was found, (H, W) in the same pixels."""


def _views(some: Samples[ClassMaps], found: Sequence[NDArray[np.uint8]]) -> list[View]:
    """Of the images of a split with what was found, (h, w) each in the size of its map."""
    views = []
    for (pixels, true), predicted in zip(kept_images(some), found, strict=True):
        rows, columns = (nearest(*sides) for sides in zip(predicted.shape, true.shape, strict=True))
        views.append((pixels, true, predicted[rows[:, None], columns]))
    return views


def _title(split: Samples[ClassMaps], position: int, miou: float) -> str:
    name = split.names[position].rpartition("/")[2] if split.names else str(position)
    return f"{name}\n{'no class' if np.isnan(miou) else f'mIoU {100 * miou:.1f} %'}"


def maps_sheet(views: Sequence[View], titles: Sequence[str], class_names: Sequence[str]) -> Pixels:
    """Each image three times, under its title: with its map, with what was found, and what was wrong.

    Returns:
        (H, W, 3).
    """
    tiles = [Tile(_three(view, class_names), title=title) for view, title in zip(views, titles, strict=True)]
    named = class_keys(class_names)
    keys = [*named, Key(_WRONG, "wrong"), IGNORED]
    unnamed = len(set(class_names) - {BACKGROUND}) - len(named)
    more = f"; {unnamed} further classes have colours that are not named" if unnamed else ""
    heading = f"left: the map, middle: what was found, right: what was wrong; lowest mean IoU first{more}"
    return sheet(tiles, heading=heading, keys=keys, side=_SIDE)


def _three(view: View, names: Sequence[str]) -> Pixels:
    _, *views = _drawn(view, names, _SIDE / 3)
    return _beside(views, axis=1)


def _four(view: View, names: Sequence[str]) -> Pixels:
    views = _drawn(view, names, _SMALL_SIDE / 2)
    return _beside([_beside(views[:2], axis=1), _beside(views[2:], axis=1)], axis=0)


def _drawn(view: View, names: Sequence[str], side: float) -> list[Pixels]:
    """The image, with its map, with what was found, and grey with what was wrong, each of about that longer side."""
    # before lines are drawn, so that they are fine on small images
    times = max(round(side / max(view[0].shape)), 1)
    pixels, true, found = (each.repeat(times, 0).repeat(times, 1) for each in view)
    wrong = (true != VOID) & (true != found)
    return [
        pixels,
        draw(pixels, masks_of(true, names, named=False)),
        draw(pixels, masks_of(found, names, named=False)),
        draw(_grey(pixels), [ignored(true), Mask(colour=_WRONG, shape=wrong, thin=True)]),
    ]


def _beside(views: Sequence[Pixels], axis: int) -> Pixels:
    shape = list(views[0].shape)
    shape[axis] = _GAP
    between = np.full(shape, 255, np.uint8)
    return np.concatenate([part for view in views for part in (view, between)][:-1], axis=axis)


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
