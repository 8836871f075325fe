"""Batches of images with key points: points follow whatever is done to their image."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from tlbench.config import TrainConfig
from tlbench.config.size import Size
from tlbench.data.audit import Audit, audit_target
from tlbench.data.batches import Batches, Given, stored
from tlbench.data.describe_read import was_read
from tlbench.data.samples import FileSamples, MemorySamples, Samples
from tlbench.data.target import Target
from tlbench.data.was_read import WasRead
from tlbench.data.worker_loader import Shown
from tlbench.geometry.augment import prepare
from tlbench.geometry.letterbox import letterboxed
from tlbench.geometry.placement import Placement
from tlbench.geometry.resample import render
from tlbench.seeds import uniform, uniforms
from tlbench_keypoints.audit import PointAudit
from tlbench_keypoints.config import PointAugmentation, PointDataConfig
from tlbench_keypoints.names import partners
from tlbench_keypoints.points import Points
from tlbench_keypoints.targets import PointTargets

Batch = tuple[Tensor, PointTargets, Tensor]
"""Images (B, 3, H, W) float32 normalised, their points, positions (B,)."""

_SCALE, _SHIFT, _FLIP = (1 << 20) + 1, (1 << 20) + 2, (1 << 20) + 3
"""Numbers of draws, far from tlbench's own (`tlbench.seeds.Draw`)."""


def network_input(images: Tensor, data: PointDataConfig, *, channels_last: bool = False) -> Tensor:
    """Images (B, 3, H, W) float32 in [0, 1], letterboxed, as the network takes them: normalised."""
    return prepare(images, data.input_size, data.normalisation, channels_last=channels_last)


class PointBatches(Batches[Points]):
    """See `tlbench.data.batches.Batches`."""

    MOST: ClassVar[int] = 256
    SMALL: ClassVar[int] = 64

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        assert isinstance(config.data, PointDataConfig)
        assert isinstance(config.augmentation, PointAugmentation)
        self.data, self.augmentation, self.seed = config.data, config.augmentation, config.seeds.augment

    def shown(self, split: FileSamples[Points]) -> tuple[Size, Shown | None]:
        """Whole images."""
        return split.size, None

    def training(self, split: Samples[Points], batch: Given, epoch: int) -> Batch:
        """Mirrored, moved and scaled, each as a function of seed, epoch and position."""
        if self.augmentation.is_none:
            return self.plain(split, batch)
        (images, index), of = stored(split, batch), split.annotations
        placement = place(self.augmentation, of.inside[index], of.sizes[index], split.size, self.seed, epoch, index)
        own = torch.arange(len(index), device=index.device)
        pixels = render(images, own[:, None], placement, None)
        xy, seen = placement.points(of.xy[index], own), of.seen[index]
        assert placement.flip is not None
        other = torch.tensor(partners(of.points), device=index.device)
        mirrored = placement.flip[:, None]
        xy = torch.where(mirrored[:, :, None], xy[:, other], xy)
        seen = torch.where(mirrored, seen[:, other], seen)
        seen = seen & (xy == placement.cut(xy.clone())).all(2)
        inputs = network_input(pixels, self.data, channels_last=self.channels_last)
        return inputs, PointTargets(xy, seen, placement), index

    def plain(self, split: Samples[Points], batch: Given) -> Batch:
        """Letterboxed."""
        (images, index), of = stored(split, batch), split.annotations
        own = torch.arange(len(index), device=index.device)
        pixels, placement = letterboxed(images, own, of.inside[index], of.sizes[index])
        targets = PointTargets(placement.points(of.xy[index], own), of.seen[index], placement)
        return network_input(pixels, self.data, channels_last=self.channels_last), targets, index

    def noise(self, images: Tensor, classes: int) -> MemorySamples[Points]:
        """With all points in the middle."""
        count, points = len(images), classes // 2
        sizes = torch.tensor(images.shape[-2:]).repeat(count, 1)
        found = Points(
            xy=(sizes.flip(1) / 2)[:, None].repeat(1, points, 1),
            seen=torch.ones(count, points, dtype=torch.bool),
            class_names=tuple(f"{number}_{axis}" for number in range(points) for axis in "xy"),
            sizes=sizes,
            inside=sizes,
        )
        return MemorySamples(images, found, digests=np.zeros((count, 16), np.uint8)).to(images.device)

    def audit(self, target: Target[Points], fingerprint: Callable[[str], str], *, test: bool) -> Audit:
        """Of images and points."""
        return audit_target(target, PointAudit(self.data), fingerprint, test=test)

    def was_read(self, target: Target[Points]) -> WasRead:
        """With how many images have each coordinate."""
        return was_read(self.config.task.name, target)


def place(
    augmentation: PointAugmentation, inside: Tensor, sizes: Tensor, size: Size, seed: int, epoch: int, index: Tensor
) -> Placement:
    """Where training images come into the input.

    Args:
        augmentation: Strengths and probabilities.
        inside: (B, 2) int64, height and width of the images as they are kept.
        sizes: (B, 2) int64, height and width of the images as they are in the data set.
        size: Height and width of the input, pixels.
        seed: Augmentation seed.
        epoch: Epoch, ≥ 0.
        index: (B,) int64, positions in the split.
    """

    def around(middle: float, radius: float, count: int, number: int) -> Tensor:
        return middle + radius * (2 * uniforms(count, seed, epoch, index, number) - 1)

    extent = inside.flip(1)
    x, y = around(0.5, augmentation.translate, 2, _SHIFT).unbind(1)
    return Placement(
        size=size,
        original=sizes.flip(1)[:, None],
        extent=extent[:, None],
        corner=torch.zeros_like(extent)[:, None],
        canvas=extent,
        pivot=extent / 2,
        scale=around(1, augmentation.scale, 1, _SCALE)[:, 0],
        shift=torch.stack([size[1] * x, size[0] * y], dim=1),
        flip=uniform(seed, epoch, index, _FLIP) < augmentation.flip,
    )
