"""Images for attacks: small ones that are good, and files that are not what they say."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def draw(path: Path, seed: int = 0, size: tuple[int, int] = (20, 20), bright: int = 0) -> Path:
    """An image of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 128, (*size, 3)) + bright
    Image.fromarray(noise.astype(np.uint8)).save(path)
    return path


def draw_folder(root: Path, classes: Sequence[str] = ("cat", "dog"), count: int = 8, suffix: str = "png") -> Path:
    """A folder of images a class; the second class is the brighter one."""
    for label, name in enumerate(classes):
        for i in range(count):
            draw(root / name / f"{i}.{suffix}", 1000 * label + i, bright=100 * min(label, 1))
    return root


def draw_pictures(root: Path, count: int = 3) -> Path:
    """A folder of images of no class."""
    for i in range(count):
        draw(root / f"{i}.png", 77 + i)
    return root


def png(width: int, height: int, depth: int = 8, colour: int = 0, extra: bytes = b"", rows: int | None = None) -> bytes:
    """A black PNG of any size, a thousand times smaller than its pixels."""
    packer = zlib.compressobj(9)
    channels = {0: 1, 2: 3, 6: 4}[colour]
    row = bytes(1 + (width * depth * channels + 7) // 8)
    packed = b"".join(packer.compress(row) for _ in range(height if rows is None else rows)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def chunk(kind: bytes, content: bytes) -> bytes:
    """A part of a PNG file."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
