"""PGM and PPM files of more than 8 bits: Pillow stretches their values by the largest that a file says it may have."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlbench.data.unreadable import AlreadyDecodedError, UnreadableError

_COMMENT = re.compile(rb"#[^\r\n]*")
_FORMAT = "PPM"  # Pillow's name for both


def is_deep_grey(image: Image.Image) -> bool:
    """Whether an opened image is a PGM of more than 8 bits, which Pillow stretches to 65535; decoded or not."""
    return image.format == _FORMAT and image.mode == "I"


def is_deep_colour(image: Image.Image) -> bool:
    """Whether it is a PPM of more than 8 bits, which Pillow scales to 8; once it is decoded, that is not known."""
    return image.format == _FORMAT and image.mode == "RGB" and (_named_maximum(image) or 0) > 255


def is_stretched(image: Image.Image) -> bool:
    """Whether an image that is not decoded yet has 9 to 15 bits, so that Pillow makes other values of it."""
    return (is_deep_grey(image) or is_deep_colour(image)) and (_named_maximum(image) or 0) < 65535


def own_grey(image: Image.Image) -> NDArray[np.uint16]:
    """(H, W): the values of a PGM, as its file has them.

    Raises:
        AlreadyDecodedError: Pillow has stretched them, and nothing says by how much.
    """
    maximum = _named_maximum(image)
    if maximum is None:
        raise AlreadyDecodedError("and may have stretched its values to 65535")
    return np.rint(np.asarray(image) * (maximum / 65535)).astype(np.uint16)


def own_colours(image: Any) -> NDArray[np.uint16]:
    """(H, W, 3): the values of a PPM, as its file has them.

    Raises:
        UnreadableError: There are too few, or some that the file says it does not have.
    """
    (tile,) = image.tile
    count, maximum = image.width * image.height * 3, int(tile.args[1])
    image.fp.seek(tile.offset)
    values: NDArray[Any]
    if tile.codec_name == "ppm_plain":  # digits
        values = np.array([int(text) for text in _COMMENT.sub(b" ", image.fp.read()).split()[:count]], np.int64)
        if len(values) and (values.min() < 0 or values.max() > maximum):
            raise UnreadableError(f"its values reach beyond 0 … {maximum}, which its header allows; save it again")
    else:
        content = image.fp.read(2 * count)
        values = np.frombuffer(content, ">u2", len(content) // 2)
    if len(values) < count:
        raise UnreadableError("image file is truncated")
    return values.reshape(image.height, image.width, 3).clip(0, maximum).astype(np.uint16)


def _named_maximum(image: Image.Image) -> int | None:
    """The largest value that the file says it may have; None: the image is decoded."""
    tiles = getattr(image, "tile", None)
    if not tiles:
        return None
    args = tiles[0].args
    return int(args[1]) if not isinstance(args, str) else 65535 if args.startswith("I") else 255
