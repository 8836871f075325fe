"""Draws files: an image of a class has the class's colour, so that labels can be checked against pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".jfif": "JPEG", ".png": "PNG", "": "PNG"}
SIZE = 8
_TOLERANCE = 6  # of JPEG, in levels


def colour(label: str) -> tuple[int, int, int]:
    """The colour of a class: far from those of others, whatever its name."""
    digest = hashlib.sha256(label.encode()).digest()
    return digest[0] // 32 * 32, digest[1] // 32 * 32, digest[2] // 32 * 32


def draw(root: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files below a folder: a class's name is an image of it, bytes are written as they are."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            Image.new("RGB", (SIZE, SIZE), colour(content)).save(path, FORMATS[path.suffix.lower()], quality=100)


def shows(path: Path, label: str) -> bool:
    """Whether an image has the colour of a class."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    return bool(np.abs(pixels.mean(0) - colour(label)).max() <= _TOLERANCE)
