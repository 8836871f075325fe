"""Image files of more than 8 bits, made after the formats' own definitions: Pillow writes few of them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

SIGNED, FLOATS = 2, 3
"""Formats of samples in a TIFF; 1, unsigned, is the default."""


def encoded(pixels: np.ndarray, kind: str = "tiff", **options: Any) -> bytes:
    """As Pillow writes it."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def png_16(pixels: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 16 bits a channel: (H, W), or (H, W, 2 … 4) with grey and alpha, RGB, RGBA; and chunks before them."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width = pixels.shape[:2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[1 if pixels.ndim == 2 else pixels.shape[2]]
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def tiff(
    pixels: np.ndarray,
    sample_format: int = 1,
    photometric: int | None = None,
    compression: int = 1,
    extra: tuple[int, ...] | None = None,
    separate: bool = False,
) -> bytes:
    """A TIFF of an array in its own type and byte order: (H, W), or (H, W, C).

    Uncompressed, unless `compression` is 8 (deflate); others are only named. `extra`: what the last channels are;
    `separate`: each channel is a plane of its own.
    """
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    order = ">" if pixels.dtype.byteorder == ">" else "<"
    planes = [np.ascontiguousarray(pixels[..., i]) for i in range(samples)] if separate else [pixels]
    strips = [zlib.compress(plane.tobytes()) if compression == 8 else plane.tobytes() for plane in planes]
    offsets = [8 + sum(map(len, strips[:i])) for i in range(len(strips))]
    content = b"".join(strips)
    if extra is None:
        extra = (2,) if samples in (2, 4) else ()
    tags = [
        (256, "I", [pixels.shape[1]]),
        (257, "I", [pixels.shape[0]]),
        (258, "H", [8 * pixels.dtype.itemsize] * samples),
        (259, "H", [compression]),
        (262, "H", [(1 if samples < 3 else 2) if photometric is None else photometric]),
        (273, "I", offsets),
        (277, "H", [samples]),
        (278, "I", [pixels.shape[0]]),
        (279, "I", [len(strip) for strip in strips]),
        *([(284, "H", [2])] if separate else []),
        *([(338, "H", list(extra))] if extra else []),
        (339, "H", [sample_format] * samples),
    ]
    begin = 8 + len(content)
    behind = begin + 2 + 12 * len(tags) + 4
    directory, tail = struct.pack(order + "H", len(tags)), b""
    for tag, kind, values in tags:
        packed = struct.pack(f"{order}{len(values)}{kind}", *values)
        directory += struct.pack(order + "HHI", tag, {"H": 3, "I": 4}[kind], len(values))
        if len(packed) <= 4:
            directory += packed.ljust(4, b"\0")
        else:
            directory += struct.pack(order + "I", behind + len(tail))
            tail += packed
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "I", begin) + content + directory + bytes(4) + tail
