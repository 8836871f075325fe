"""Images as a user has them: files, or what is in memory already, on the way to a network's input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFile
from torch import Tensor

from tlbench.config import ImageLimit
from tlbench.console import warn
from tlbench.data.containers import container_of
from tlbench.data.decode import Decoding, to_rgb
from tlbench.data.deep import Deep, Ranges, in_range
from tlbench.data.facts import DeepContainer
from tlbench.data.image_opening import open_image
from tlbench.data.notes import noted
from tlbench.data.unreadable import AlreadyDecodedError, UnreadableError
from tlbench.errors import DataError
from tlbench.tools.files import read

OneImage: TypeAlias = "str | Path | bytes | Image.Image | NDArray[Any] | Tensor"
"""A file's path, or its bytes; a PIL image; (H, W), (H, W, 3) or (H, W, 4) uint8; or a tensor (3, H, W), uint8 or float
in [0, 1]. Of a run on images of more than 8 bits also (H, W) of their numbers, and (H, W, 3) uint16."""

SomeImages: TypeAlias = "OneImage | Iterable[OneImage]"
"""One image; an iterable of them, of any sizes; or a batch in one array (B, H, W, 3) or tensor (B, 3, H, W)."""

_WANTED = (
    "give a path, a file's bytes, a PIL image, a uint8 array (H, W) or (H, W, 3), or a tensor (3, H, W), uint8 or "
    "float in [0, 1]"
)

_DEEP: dict[str, DeepContainer] = {
    "uint16": "uint16",
    "int16": "int32",
    "int32": "int32",
    "uint32": "int32",
    "float32": "float32",
    "float64": "float32",
}
"""Type of an array → the container of files that hold such numbers."""


def each(images: SomeImages) -> Iterator[OneImage]:
    """One image after another.

    Raises:
        DataError: It is no image, and no iterable.
    """
    if isinstance(images, str | Path | bytes | Image.Image):
        yield images
    elif isinstance(images, np.ndarray | Tensor):
        yield from images if images.ndim == 4 else [images]
    elif isinstance(images, Iterable):
        yield from images
    else:
        raise DataError(f"images: cannot take a {type(images).__name__}; {_WANTED}, or a list of such")


@contextmanager
def named(image: OneImage) -> Iterator[None]:
    """Say which image cannot be read, and what else is to be said of it."""
    name = f"{image}" if isinstance(image, str | Path) else "an image"
    try:
        with noted() as notes:
            yield
    except AlreadyDecodedError as error:
        raise DataError(f"{name}: {error}") from None
    except UnreadableError as error:
        raise DataError(f"{name}: {error}; replace it or leave it out") from None
    for text in notes:
        warn(f"{name}: {text}")


def file_of(image: OneImage, how: Decoding) -> tuple[bytes, Decoding] | None:
    """The bytes of what is a file, and how to decode them; None: it is in memory.

    A PIL image that is opened but not decoded yet is read as its file is, and stays as it is.
    """
    if isinstance(image, str | Path):
        return read(image, how.limit), how
    if isinstance(image, bytes):
        return image, how
    content = _undecoded(image) if isinstance(image, ImageFile.ImageFile) else None
    return None if content is None else (content, replace(how, limit=own_size(image)))


def _undecoded(image: ImageFile.ImageFile) -> bytes | None:
    file: Any = image.fp
    if not image.tile or file is None or image.tell():
        return None
    try:
        place = file.tell()
        file.seek(0)
        content: bytes = file.read()
        file.seek(place)
        with open_image(content, own_size(image)) as again:
            same = (again.format, again.size, again.mode) == (image.format, image.size, image.mode)
    except Exception:  # closed, not to be read twice, or of a kind that files may not be of
        return None
    return content if same else None  # else it was changed, such as by its `draft`


def own_size(image: Any) -> ImageLimit:
    """What the caller has opened is not refused for its size."""
    return ImageLimit(image.width * image.height / 1e6 + 1)


def in_memory(image: Any, ranges: Ranges | None) -> Image.Image:
    """Upright RGB of what is no file."""
    if isinstance(image, Tensor):
        image = _from_tensor(image)
    elif isinstance(image, np.ndarray):
        image = _from_array(image, ranges or {})
    if not isinstance(image, Image.Image):
        raise DataError(f"images: cannot take a {type(image).__name__}; {_WANTED}")
    _check_both_bytes(image, ranges)
    return to_rgb(image, ranges)


def _check_both_bytes(image: Image.Image, ranges: Ranges | None) -> None:
    """Refuse a decoded image of more than 8 bits of which Pillow has kept 8, as far as its file can still be asked.

    Raises:
        AlreadyDecodedError: It is one.
    """
    place = getattr(image, "filename", "")
    if not ranges or not place or container_of(image) != "uint8":
        return
    try:
        with Path(place).open("rb") as file, open_image(file, own_size(image)) as again:
            lost = again.size == image.size and container_of(again) != "uint8"
    except Exception:  # gone, or another file by now
        return
    if lost:
        raise AlreadyDecodedError("and keeps 8 of its 16 bits a channel alone")


def _from_array(array: NDArray[Any], ranges: Ranges) -> Image.Image:
    if 0 not in array.shape and (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        if array.dtype == np.uint8:
            return Image.fromarray(np.ascontiguousarray(array))
        container = _DEEP.get(array.dtype.name)
        if container is not None and container in ranges and (array.ndim == 2 or container == "uint16"):
            alpha = (array[..., 3] >> 8).astype(np.uint8) if array.ndim == 3 and array.shape[2] == 4 else None
            return in_range(Deep((array if array.ndim == 2 else array[..., :3],), alpha, False, container), ranges)
    deep = f"; of more than 8 bits the run takes {' and '.join(ranges)}" if ranges else ""
    raise DataError(f"images: cannot take an array {array.shape} of {array.dtype}; {_WANTED}{deep}")


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
