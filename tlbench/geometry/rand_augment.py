"""RandAugment (Cubuk et al. 2020, arXiv:1909.13719) of a batch, on its device.

The operations, their magnitudes and their results are those of torchvision's `v2.RandAugment` with 31 magnitude bins,
nearest interpolation and black outside the image; which ones a sample gets is a function of (augmentation seed, epoch,
sample index).
"""

from __future__ import annotations

import torch
from torch import Tensor

from tlbench.annotations.labels.config import RandAugment
from tlbench.geometry.rand_augment_operations import FAMILIES, OPERATIONS, Tables, tables
from tlbench.seeds import Draw, uniforms


def rand_augment(images: Tensor, index: Tensor, config: RandAugment, seed: int, epoch: int) -> Tensor:
    """Apply operations drawn for each image, one after another; half of those with a direction go the other way.

    Args:
        images: (B, 3, H, W) uint8, at least 3 by 3 pixels.
        index: (B,) int64 sample indices.
        config: How many operations, and their magnitude.
        seed: Augmentation seed.
        epoch: Epoch, ≥ 0.

    Returns:
        (B, 3, H, W) uint8.
    """
    draws = uniforms(2 * config.operations, seed, epoch, index, Draw.RAND_AUGMENT)
    constants = tables(config.magnitude, images.shape[2], images.shape[3], images.device)
    step = apply_drawn if images.device.type == "cpu" else apply_all
    for number in range(config.operations):
        operation = (draws[:, 2 * number] * len(OPERATIONS)).long()
        images = step(images, operation, draws[:, 2 * number + 1] < 0.5, constants)
    return images


def apply_drawn(images: Tensor, operation: Tensor, negative: Tensor, constants: Tables) -> Tensor:
    """Compute each image's own operation only. It looks at what was drawn, for which the CPU need not wait.

    Args:
        images: (B, 3, H, W) uint8.
        operation: (B,) int64 positions in `OPERATIONS`.
        negative: (B,) bool, whether an operation with a direction goes the other way.
        constants: Those of the images' size, on their device.
    """
    result = images.clone()
    for first, end, function in FAMILIES:
        rows = ((operation >= first) & (operation < end)).nonzero()[:, 0]
        if len(rows):
            result[rows] = function(images[rows], operation[rows], negative[rows], constants)
    return result


def apply_all(images: Tensor, operation: Tensor, negative: Tensor, constants: Tables) -> Tensor:
    """The same for accelerators: compute all operations for all images, and choose; nothing waits for the device."""
    result = images
    for first, end, function in FAMILIES:
        chosen = ((operation >= first) & (operation < end))[:, None, None, None]
        result = torch.where(chosen, function(images, operation, negative, constants), result)
    return result
