"""Images that are letterboxed: each file is brought to the size of the input as the run's own images were, or kept."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.config import DataConfig
from tlbench.config.size import Size, is_square
from tlbench.data.decode import WHOLE_FILES, Decoding, decode_sized
from tlbench.geometry.fits import GREY, kept_size
from tlbench.geometry.letterbox import letterboxed
from tlbench.geometry.placement import Placement
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.images import OneImage, file_of, in_memory, named, own_size
from tlbench.tools.onnx_metadata import file_decoding, network_input


@dataclass(frozen=True, eq=False)
class CornerImage:
    """An image that was brought to the input's size, or keeps its own.

    Attributes:
        pixels: (H, W, 3) uint8, RGB: the image in the top left corner, `fits.GREY` beside it.
        height: Of the image as it was, upright, pixels.
        width: Likewise.
        inside: Height and width that it has in the corner.
    """

    pixels: NDArray[np.uint8]
    height: int
    width: int
    inside: Size


def decode_corner_image(content: bytes, data: DataConfig, how: Decoding = WHOLE_FILES) -> CornerImage:
    """Decode an image file.

    Args:
        content: The file's bytes.
        data: The run's; `input_size` and `fit` are used.
        how: What else decides.

    Raises:
        UnreadableError: As `decode_fitted`.
    """
    pixels, size = decode_sized(content, data.input_size, data.fit, how=how)
    return CornerImage(pixels, *size, kept_size(*size, data.input_size, data.fit))


def corner_image(image: OneImage, data: DataConfig, how: Decoding = WHOLE_FILES) -> CornerImage:
    """Bring an image to the size of the input, as the run's own images were.

    Args:
        image: Floats of tensors are rounded to 8 bits, as files hold them.
        data: The run's; `input_size` and `fit` are used.
        how: As the run decodes its files.

    Raises:
        DataError: It cannot be read, or is of another kind, shape, type or range.
    """
    with named(image):
        found = file_of(image, how)
        if found is not None:
            return decode_corner_image(found[0], data, found[1])
        as_file = io.BytesIO()  # takes the files' way, so that there is one way
        pixels = in_memory(image, how.ranges)
        pixels.save(as_file, format="ppm")
        return decode_corner_image(as_file.getvalue(), data, replace(how, limit=own_size(pixels)))


def as_batch(inputs: Sequence[CornerImage], device: torch.device) -> tuple[Tensor, Placement]:
    """A batch, each image in the middle of the input, as those of a run's own images are in its evaluation.

    Args:
        inputs: B of them, of one height and width.
        device: Where the batch is made.

    Returns:
        (B, 3, H, W) float32 in [0, 1], and where the images lie in it.
    """
    pixels = torch.from_numpy(np.stack([each.pixels for each in inputs])).permute(0, 3, 1, 2).contiguous()
    inside = torch.tensor([each.inside for each in inputs], device=device)
    sizes = torch.tensor([[each.height, each.width] for each in inputs], device=device)
    return letterboxed(pixels.to(device), torch.arange(len(inputs), device=device), inside, sizes)


def preprocessing(run: CompleteRun) -> dict[str, Any]:
    """How a file becomes the network's input, for an exported file's metadata."""
    data = run.config.data
    return {
        **file_decoding(run),
        **(_KEPT if data.fit == "native" else _resized(data)),
        "image_size": data.image_size,
        "fill": [GREY / 255] * 3,
        **network_input(data),
    }


def _resized(data: DataConfig) -> dict[str, Any]:
    antialias = data.fit == "corner"
    return {
        "fit": "letterbox",
        "antialias": antialias,
        "resize": f"bilinear; {_SQUARE if is_square(data.input_size) else _RECTANGLE}",
        "resize_means": _AVERAGED if antialias else _INTERPOLATED,
        "scale": "resized width / width across, resized height / height down",
        "place": "centred; an odd pixel of the rest lies below or to the right",
    }


_KEPT = {
    "fit": "native",
    "resize": "none",
    "place": "centred across, or down, where the image is smaller than image_size; an odd pixel of the rest lies below "
    "or to the right",
}


_SQUARE = "the longer side to image_size, the other to the next whole pixel up"
_RECTANGLE = "as large as fits inside image_size, [height, width]; the side that does not fill it, to the next pixel up"

_AVERAGED = "in 8 bits, as Pillow's Image.resize(size, BILINEAR)"
_INTERPOLATED = "in 8 bits, as Pillow's Image.transform(size, EXTENT, (0, 0, width, height), BILINEAR)"
