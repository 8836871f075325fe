"""Batches of images with boxes, on their device: augmented for training, letterboxed for evaluation.

A training sample is a function of (augmentation seed, epoch, sample index), whatever batch it is in. Its parameters are
drawn first (`mosaic.draw`), which says what images it needs; `compose` makes it of them, be they out of a set in memory
or decoded for this batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tlbench.annotations.instances.boxes import place_boxes
from tlbench.annotations.instances.crowds import Crowds
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.instances.ragged import objects_of
from tlbench.annotations.instances.targets import BoxTargets, CrowdTargets
from tlbench.data.samples import MemorySamples, Samples
from tlbench.geometry.letterbox import centred, frames, margins
from tlbench.geometry.mosaic import Draws, draw, lay_out
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
        (B, 3, S, S) float32 in [0, 1], and the objects in it.
    """
    draws = draw(augmentation, len(images), images.side, index, seed, epoch, mosaic=mosaic)
    tiles = draws.tiles.clamp(min=0)
    pixels, rows = (_in_memory(images), tiles) if decoded is None else (decoded.images, decoded.rows)
    of = images.annotations
    objects, owner = of.objects(tiles.flatten())
    return compose(draws, pixels, rows, of.inside[tiles], of.boxes[objects], of.labels[objects], owner, of.sizes[index])


@torch.no_grad()
def compose(
    draws: Draws,
    images: Tensor,
    rows: Tensor,
    inside: Tensor,
    boxes: Tensor,
    labels: Tensor,
    owner: Tensor,
    sizes: Tensor,
) -> tuple[Tensor, BoxTargets]:
    """Make a batch of what was drawn and the images that it asks for.

    Where `draws.tiles` is -1, no image is asked for: anything may stand in its place.

    Args:
        draws: Of B samples of up to T tiles.
        images: (K, 3, S, S) uint8, images in their top left corners.
        rows: (B, T) int64, which of the K each tile is.
        inside: (B, T, 2) int64, height and width of the tiles.
        boxes: (J, 4) float32, the tiles' objects, `x1 y1 x2 y2` in pixels of `images`.
        labels: (J,) int64.
        owner: (J,) int64, which of the B · T tiles each object lies in, ascending.
        sizes: (B, 2), height and width of the samples' originals, pixels.

    Returns:
        As `training_boxes`.
    """
    side = images.shape[-1]
    layout = lay_out(draws, inside, side)
    batch = render(images, rows, draws, layout)
    moved, keep = place_boxes(boxes, owner, draws, layout, side)
    targets = BoxTargets(
        boxes=moved[keep],
        labels=labels[keep],
        image=owner[keep] // rows.shape[1],
        frames=batch.new_zeros(len(batch), 4),
        sizes=sizes.to(torch.float32),
    )
    return batch, targets


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
        (B, 3, S, S) float32 in [0, 1], and the objects in it.
    """
    of = images.annotations
    inside, sizes = of.inside[index], of.sizes[index]
    objects, image = of.objects(index)
    offset = margins(inside, images.side).flip(1).repeat(1, 2)
    targets = BoxTargets(
        boxes=of.boxes[objects] + offset[image],
        labels=of.labels[objects],
        image=image,
        frames=frames(inside, sizes, images.side),
        sizes=sizes.to(torch.float32),
        crowds=_crowds(of.crowds, index, offset),
    )
    pixels, rows = (_in_memory(images), index) if decoded is None else (decoded.images, decoded.rows[:, 0])
    return centred(pixels, rows, inside), targets


def _crowds(crowds: Crowds | None, index: Tensor, offset: Tensor) -> CrowdTargets | None:
    if crowds is None:
        return None
    regions, image = objects_of(crowds.starts, index)
    return CrowdTargets(crowds.boxes[regions] + offset[image], crowds.labels[regions], image)


def _in_memory(images: Samples[Instances]) -> Tensor:
    assert isinstance(images, MemorySamples)
    return images.images
