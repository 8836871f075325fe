"""Images as a detector takes them: each file is brought to the input's size as the run's own images were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.targets import BoxTargets
from tlbench.data.decode import WHOLE_FILES, Decoding, decode_sized, inside_size
from tlbench.geometry.letterbox import centred, frames


@dataclass(frozen=True, eq=False)
class BoxInput:
    """An image whose longer side was brought to S pixels.

    Attributes:
        pixels: (S, S, 3) uint8, RGB: the image in the top left corner, `decode.GREY` beside it.
        height: Of the image as it was, upright, pixels.
        width: Likewise.
    """

    pixels: NDArray[np.uint8]
    height: int
    width: int


def decode_box_input(content: bytes, data: InstanceDataConfig, how: Decoding = WHOLE_FILES) -> BoxInput:
    """Decode an image file.

    Args:
        content: The file's bytes.
        data: The run's; `image_size`, S, and `fit` are used.
        how: What else decides.

    Raises:
        UnreadableError: As `decode_square`.
    """
    pixels, size = decode_sized(content, data.image_size, data.fit, how=how)
    return BoxInput(pixels, *size)


def letterboxed(inputs: Sequence[BoxInput], device: torch.device) -> tuple[Tensor, BoxTargets]:
    """A batch, each image in the middle of the input, as `evaluation_boxes` makes it of a run's own images.

    Args:
        inputs: B of them.
        device: Where the batch is made.

    Returns:
        (B, 3, S, S) float32 in [0, 1], and targets without objects, which say how boxes come back into the images.
    """
    side = inputs[0].pixels.shape[0]
    squares = torch.from_numpy(np.stack([each.pixels for each in inputs])).permute(0, 3, 1, 2).contiguous()
    inside = torch.tensor([inside_size(each.height, each.width, side) for each in inputs], device=device)
    sizes = torch.tensor([[each.height, each.width] for each in inputs], device=device)
    targets = BoxTargets(
        boxes=torch.zeros(0, 4, device=device),
        labels=torch.zeros(0, dtype=torch.int64, device=device),
        image=torch.zeros(0, dtype=torch.int64, device=device),
        frames=frames(inside, sizes, side),
        sizes=sizes.to(torch.float32),
    )
    return centred(squares.to(device), torch.arange(len(inputs), device=device), inside), targets
