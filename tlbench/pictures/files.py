"""Pictures as files: figures and images as PNG, small images as JPEG."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from tlbench.pictures.drawing import Pixels
from tlbench.pictures.figures import PICTURE_FORMAT, picture
from tlbench.system.atomic import write_atomic


def write_figures(folder: Path, stem: str, figures: Mapping[str, Figure]) -> dict[str, str]:
    """Write each figure as `<stem>_<name>.png`.

    Returns:
        Name → file.

    Raises:
        OutputError: The disk refuses.
    """
    files = {name: picture_file(stem, name) for name in figures}
    for name, figure in figures.items():
        write_atomic(folder / files[name], picture(figure))
    return files


def picture_file(stem: str, name: str) -> str:
    """What a figure's file is called."""
    return f"{stem}_{name}.{PICTURE_FORMAT}"


def png(pixels: Pixels) -> bytes:
    """An image (H, W, 3), RGB, as a PNG file's content."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=PICTURE_FORMAT)
    return buffer.getvalue()


def jpeg(pixels: Pixels, quality: int) -> bytes:
    """An image (H, W, 3), RGB, as a JPEG file's content, of a quality from 1 to 95; colours are kept at full size."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="jpeg", quality=quality, subsampling=0)
    return buffer.getvalue()
