"""Images as a user has them, as squares of pixels: the same way as in a run's own test."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tlbench.config import DetectionDataConfig, ImageDataConfig, ImageLimit
from tlbench.data.decode import UnreadableError, decode_square, to_rgb, to_square
from tlbench.errors import DataError
from tlbench.inference.box_inputs import BoxInput, decode_box_input
from tlbench.inference.files import read

OneImage: TypeAlias = "str | Path | Image.Image | NDArray[Any] | Tensor"
"""A file's path; a PIL image; (H, W), (H, W, 3) or (H, W, 4) uint8; or a tensor (3, H, W), uint8 or float in [0, 1]."""

SomeImages: TypeAlias = "OneImage | Iterable[OneImage]"
"""One image; an iterable of them, of any sizes; or a batch in one array (B, H, W, 3) or tensor (B, 3, H, W)."""

Square: TypeAlias = "NDArray[np.uint8]"
"""(side, side, 3), RGB."""

_WANTED = "give a path, a PIL image, a uint8 array (H, W) or (H, W, 3), or a tensor (3, H, W), uint8 or float in [0, 1]"


def each(images: SomeImages) -> Iterator[OneImage]:
    """One image after another.

    Raises:
        DataError: It is no image, and no iterable.
    """
    if isinstance(images, str | Path | Image.Image):
        yield images
    elif isinstance(images, np.ndarray | Tensor):
        yield from images if images.ndim == 4 else [images]
    elif isinstance(images, Iterable):
        yield from images
    else:
        raise DataError(f"images: cannot take a {type(images).__name__}; {_WANTED}, or a list of such")


def square(image: OneImage, data: ImageDataConfig) -> Square:
    """Bring an image to a run's stored size, as its own images were.

    Args:
        image: Floats are rounded to 8 bits, as files hold them.
        data: The run's; `stored_side`, `fit` and `limits` are used.

    Returns:
        (side, side, 3) uint8, RGB.

    Raises:
        DataError: It cannot be read, or is of another kind, shape, type or range.
    """
    limit = data.limits.image
    with _named(image):
        if isinstance(image, str | Path):
            return decode_square(read(image, limit), data.stored_side, data.fit, limit=limit)
        return to_square(_in_memory(image), data.stored_side, data.fit)


def box_input(image: OneImage, data: DetectionDataConfig) -> BoxInput:
    """Bring an image to the size of a detector's input, as the run's own images were.

    Args:
        image: Floats are rounded to 8 bits, as files hold them.
        data: The run's; `image_size`, `fit` and `limits` are used.

    Raises:
        DataError: As `square`.
    """
    limit = data.limits.image
    with _named(image):
        if isinstance(image, str | Path):
            return decode_box_input(read(image, limit), data, limit)
        as_file = io.BytesIO()  # takes the files' way, so that there is one way
        pixels = _in_memory(image)
        pixels.save(as_file, format="ppm")
        own_size = ImageLimit(pixels.width * pixels.height / 1e6 + 1)  # it is in memory: nothing to be saved
        return decode_box_input(as_file.getvalue(), data, own_size)


@contextmanager
def _named(image: OneImage) -> Iterator[None]:
    """Say which image cannot be read."""
    try:
        yield
    except UnreadableError as error:
        name = f"{image}" if isinstance(image, str | Path) else "an image"
        raise DataError(f"{name}: {error}; replace it or leave it out") from None


def _in_memory(image: Any) -> Image.Image:
    """Upright RGB of what is no file."""
    if isinstance(image, Tensor):
        image = _from_tensor(image)
    elif isinstance(image, np.ndarray):
        image = _from_array(image)
    if not isinstance(image, Image.Image):
        raise DataError(f"images: cannot take a {type(image).__name__}; {_WANTED}")
    return to_rgb(image)


def _from_array(array: NDArray[Any]) -> Image.Image:
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not fits or 0 in array.shape:
        raise DataError(f"images: cannot take an array {array.shape} of {array.dtype}; {_WANTED}")
    return Image.fromarray(np.ascontiguousarray(array))


def _from_tensor(tensor: Tensor) -> Image.Image:
    is_float = tensor.is_floating_point()
    if tensor.ndim != 3 or tensor.shape[0] != 3 or tensor.numel() == 0 or not (is_float or tensor.dtype == torch.uint8):
        kind = str(tensor.dtype).removeprefix("torch.")
        raise DataError(f"images: cannot take a tensor {tuple(tensor.shape)} of {kind}; {_WANTED}")
    values = tensor.detach().cpu()
    if is_float:
        low, high = float(values.min()), float(values.max())
        if not 0 <= low <= high <= 1:
            raise DataError(
                f"images: a tensor's values range from {low:g} to {high:g}; give floats in [0, 1], not normalised, as "
                "the run's own normalisation is applied"
            )
        values = (values.float() * 255).round().to(torch.uint8)
    return Image.fromarray(values.permute(1, 2, 0).contiguous().numpy())
