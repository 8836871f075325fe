"""A batch of images with class maps, transformed by the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors

from tlbench.annotations.maps.class_maps import VOID
from tlbench.annotations.maps.targets import MapTargets
from tlbench.errors import ConfigError
from tlbench.geometry.own_transform import OwnTransform


def transformed(
    transform: OwnTransform, images: Tensor, targets: MapTargets, index: Tensor, epoch: int, classes: int
) -> tuple[Tensor, MapTargets]:
    """Give each image with its map to a transform, as torchvision's segmentation references do.

    It is called with `image` and `mask` (`tv_tensors.Mask`, (H, W) uint8, 255 where there is no class).

    Args:
        transform: It.
        images: (B, 3, H, W) float32 in [0, 1].
        targets: Their maps.
        index: (B,) int64 sample indices.
        epoch: Epoch, ≥ 0.
        classes: How many there are.

    Raises:
        ConfigError: As `OwnTransform.samples`; or a map is of another size or type, or holds what is no class.
    """

    def samples() -> Iterator[dict[str, Any]]:
        for image, plane in zip(images, targets.maps, strict=True):
            yield {"image": tv_tensors.Image(image), "mask": tv_tensors.Mask(plane)}

    found, maps = [], []
    for sample in transform.samples(samples(), index, epoch):
        plane = sample["mask"]
        if not isinstance(plane, Tensor) or plane.is_floating_point() or plane.shape != images.shape[-2:]:
            what = f"{plane.dtype} {tuple(plane.shape)}" if isinstance(plane, Tensor) else f"a {type(plane).__name__}"
            raise ConfigError(
                f"{transform.key}: it gives a mask that is {what}; let it keep whole numbers {tuple(images.shape[-2:])}"
            )
        whole = plane.as_subclass(Tensor)
        if bool(((whole < 0) | ((whole >= classes) & (whole != VOID))).any()):
            raise ConfigError(
                f"{transform.key}: it gives a mask with values beyond 0 … {classes - 1} that are not {VOID} (no "
                "class); fill what lies outside of the image with 255, as v2.RandomAffine does by fill={tv_tensors."
                "Mask: 255}"
            )
        found.append(sample["image"])
        maps.append(whole.to(torch.uint8))
    return torch.stack(found), replace(targets, maps=torch.stack(maps))
