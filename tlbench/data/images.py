"""Decoded images in memory."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of one size with their labels, on one device.

    Args:
        images: (N, 3, H, W) uint8, RGB.
        labels: (N,) int64, positions in `class_names`.
        class_names: One name a class.
    """

    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> ImageSet:
        """The same images on a device; nothing is copied where they are there already."""
        return ImageSet(self.images.to(device), self.labels.to(device), self.class_names)

    def take(self, index: Tensor) -> ImageSet:
        """The images at (M,) int64 positions, in that order."""
        return ImageSet(self.images[index], self.labels[index], self.class_names)

    def fingerprint(self) -> str:
        """SHA-256 (hex) over shape, pixels, labels and class names; the same on every device."""
        header = json.dumps([list(self.images.shape), list(self.class_names)])
        digest = hashlib.sha256(header.encode())
        digest.update(self.images.cpu().contiguous().numpy().data)
        digest.update(self.labels.cpu().contiguous().numpy().astype("<i8", copy=False).data)
        return digest.hexdigest()
