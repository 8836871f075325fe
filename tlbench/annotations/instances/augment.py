"""Batches of images with boxes, on their device: augmented for training, letterboxed for evaluation.

A training sample is a function of (augmentation seed, epoch, sample index), whatever batch it is in. What is drawn for
it says what images it needs, be they out of a set in memory or decoded for this batch, and where they are placed; boxes
follow the placement. What is drawn for the colours goes to the images alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tlbench.annotations.instances.boxes import cut_boxes, place_boxes
from tlbench.annotations.instances.crowds import Crowds
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.instances.targets import BoxTargets, CrowdTargets
from tlbench.data.ragged import objects_of
from tlbench.data.samples import MemorySamples, Samples
from tlbench.geometry.hsv import draw_gains
from tlbench.geometry.letterbox import letterboxed
from tlbench.geometry.mosaic import draw, lay_out
from tlbench.geometry.placement import Placement
from tlbench.geometry.resample import render

if TYPE_CHECKING:
    from tlbench.annotations.instances.config import InstanceAugmentation
    from tlbench.data.worker_loader import Decoded


@torch.no_grad()
def training_boxes(
    images: Samples[Instances],
    index: Tensor,
    augmentation: InstanceAugmentation,
    seed: int,
    epoch: int,
    mosaic: bool,
    decoded: Decoded | None = None,
) -> tuple[Tensor, BoxTargets]:
    """An augmented batch.

    Args:
        images: The training images.
        index: (B,) int64 sample indices, on their device.
        augmentation: Strengths and probabilities.
        seed: Augmentation seed.
        epoch: Epoch, ≥ 0.
        mosaic: Whether mosaics are made in this epoch, with the configured probability.
        decoded: The images that these samples show, on the same device; None: `images` are in memory.

    Returns:
        (B, 3, H, W) float32 in [0, 1], and the objects in it.
    """
    draws = draw(augmentation, len(images), images.size, index, seed, epoch, mosaic=mosaic)
    gains = draw_gains(augmentation, index, seed, epoch)
    tiles = draws.tiles.clamp(min=0)
    pixels, rows = (_in_memory(images), tiles) if decoded is None else (decoded.images, decoded.rows)
    of = images.annotations
    placement = lay_out(draws, of.inside[tiles], of.sizes[tiles], images.size)
    batch = render(pixels, rows, placement, gains)
    objects, owner = of.objects(tiles.flatten())
    moved, keep = cut_boxes(of.boxes[objects], owner, placement)
    image = placement.sample_of(owner[keep])
    return batch, BoxTargets(moved[keep], of.labels[objects][keep], image, placement)


@torch.no_grad()
def evaluation_boxes(
    images: Samples[Instances], index: Tensor, decoded: Decoded | None = None
) -> tuple[Tensor, BoxTargets]:
    """A batch as it is: each image in the middle of the input, grey around it.

    Only here are there crowds: in training they are no objects, and what is detected in them is false.

    Args:
        images: The images.
        index: (B,) int64, positions in them, on their device.
        decoded: As in `training_boxes`.

    Returns:
        (B, 3, H, W) float32 in [0, 1], and the objects in it.
    """
    pixels, rows = (_in_memory(images), index) if decoded is None else (decoded.images, decoded.rows[:, 0])
    of = images.annotations
    batch, placement = letterboxed(pixels, rows, of.inside[index], of.sizes[index])
    objects, image = of.objects(index)
    boxes = place_boxes(of.boxes[objects], image, placement)
    return batch, BoxTargets(boxes, of.labels[objects], image, placement, _crowds(of.crowds, index, placement))


def _crowds(crowds: Crowds | None, index: Tensor, placement: Placement) -> CrowdTargets | None:
    if crowds is None:
        return None
    regions, image = objects_of(crowds.starts, index)
    return CrowdTargets(place_boxes(crowds.boxes[regions], image, placement), crowds.labels[regions], image)


def _in_memory(images: Samples[Instances]) -> Tensor:
    assert isinstance(images, MemorySamples)
    return images.images
