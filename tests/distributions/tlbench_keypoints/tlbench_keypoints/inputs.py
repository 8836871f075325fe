"""Images as a network of key points takes them: brought to the input's size as the run's own images were."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.data.decode import WHOLE_FILES, Decoding, decode_sized
from tlbench.geometry.fits import inside_size
from tlbench.geometry.letterbox import letterboxed
from tlbench.geometry.placement import Placement
from tlbench.tools.images import OneImage, file_of, in_memory, named, own_size
from tlbench_keypoints.config import PointDataConfig


@dataclass(frozen=True, eq=False)
class PointInput:
    """An image that was brought to the input's size.

    Attributes:
        pixels: (H, W, 3) uint8, RGB: the image in the top left corner.
        height: Of the image as it was, upright, pixels.
        width: Likewise.
    """

    pixels: NDArray[np.uint8]
    height: int
    width: int


def decode_input(content: bytes, data: PointDataConfig, how: Decoding = WHOLE_FILES) -> PointInput:
    """Decode an image file.

    Raises:
        UnreadableError: It cannot be decoded.
    """
    pixels, size = decode_sized(content, data.input_size, data.fit, how=how)
    return PointInput(pixels, *size)


def point_input(image: OneImage, data: PointDataConfig, how: Decoding = WHOLE_FILES) -> PointInput:
    """Bring an image to the size of the input, as the run's own images were.

    Raises:
        DataError: It cannot be read, or is of another kind, shape, type or range.
    """
    with named(image):
        found = file_of(image, how)
        if found is not None:
            return decode_input(found[0], data, found[1])
        as_file = io.BytesIO()  # takes the files' way, so that there is one way
        pixels = in_memory(image, how.ranges)
        pixels.save(as_file, format="ppm")
        return decode_input(as_file.getvalue(), data, replace(how, limit=own_size(pixels)))


def as_batch(inputs: Sequence[PointInput], device: torch.device) -> tuple[Tensor, Placement]:
    """A batch (B, 3, H, W) float32 in [0, 1], each image in the middle, and how points come back into the images."""
    height, width = inputs[0].pixels.shape[:2]
    pixels = torch.from_numpy(np.stack([each.pixels for each in inputs])).permute(0, 3, 1, 2).contiguous()
    inside = torch.tensor([inside_size(each.height, each.width, (height, width)) for each in inputs], device=device)
    sizes = torch.tensor([[each.height, each.width] for each in inputs], device=device)
    return letterboxed(pixels.to(device), torch.arange(len(inputs), device=device), inside, sizes)
