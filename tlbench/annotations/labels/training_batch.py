"""From stored images to a training batch, on the device; the dry run times the same."""

from __future__ import annotations

from torch import Tensor

from tlbench.annotations.labels.config import LabelAugmentation, LabelDataConfig
from tlbench.geometry.augment import augment, prepare
from tlbench.geometry.mixing import mix


def training_batch(
    batch: tuple[Tensor, Tensor, Tensor],
    augmentation: LabelAugmentation,
    data: LabelDataConfig,
    classes: int,
    seed: int,
    epoch: int,
    *,
    channels_last: bool = False,
    cropped: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Augment, bring to the network's input, then mix.

    Args:
        batch: Images (B, 3, H, W) uint8, labels (B,) int64, sample indices (B,) int64.
        augmentation: What is done.
        data: `image_size` and `normalisation` are used.
        classes: C.
        seed: Augmentation seed.
        epoch: Epoch, ≥ 0.
        channels_last: Whether the images' memory format is channels last.
        cropped: Whether the images are resized crops already.

    Returns:
        Images (B, 3, image_size, image_size) float32, normalised; the labels, or soft targets (B, C) float32 where
        images are mixed; the indices.
    """
    images, targets, index = batch
    images = augment(images, index, augmentation, seed, epoch, data.image_size, cropped=cropped)
    images = prepare(images, data.image_size, data.normalisation, channels_last=channels_last)
    if augmentation.mixes:
        images, targets = mix(images, targets, index, augmentation, classes, seed, epoch)
    return images, targets, index
