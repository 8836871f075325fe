"""Height and width of image files, from their headers alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import torch
from PIL import ExifTags, Image
from rich.progress import track
from torch import Tensor

from tlbench.config import ImageLimit
from tlbench.console import console
from tlbench.data.image_opening import STANDARD, open_image, reason_of
from tlbench.data.notes import noted
from tlbench.system.regular_file import open_regular

_SHOW_PROGRESS_ABOVE = 2_000  # files
_TAIL = 1 << 16  # bytes
_SIDEWAYS = (5, 6, 7, 8)  # orientations of EXIF that swap height and width


@dataclass(frozen=True, eq=False)
class ImageSizes:
    """The sizes of N image files.

    Args:
        sizes: (N, 2) int64, height and width in pixels of the upright image; zeros where the file is unreadable.
        orientations: (N,) int64, 1 … 8 as in EXIF; 1: as it is stored.
        unreadable: Position → why the file's header cannot be read.
    """

    sizes: Tensor
    orientations: Tensor
    unreadable: Mapping[int, str]

    @property
    def turned(self) -> Tensor:
        """(N,) bool, whether the orientation turns the image to its side."""
        return torch.isin(self.orientations, torch.tensor(_SIDEWAYS))


def image_sizes(root: Path, names: Sequence[str], limit: ImageLimit = STANDARD) -> ImageSizes:
    """Read the headers of files below a folder; an orientation in EXIF or XMP is respected, as when decoding.

    Larger images than the limit allows count as unreadable.

    Whether the pixels behind the header are whole is not looked at.
    """
    quiet = len(names) <= _SHOW_PROGRESS_ABOVE or not console.is_terminal
    # one after another: about 0.1 ms a file, which threads only slow down unless the disk does
    shown = track(names, "reading image sizes", console=console, transient=True, disable=quiet)
    found = [_size_or_reason(f"{root}/{name}", limit) for name in shown]
    sizes = [(0, 0, 1) if isinstance(size, str) else size for size in found]
    return ImageSizes(
        torch.tensor([size[:2] for size in sizes], dtype=torch.int64).view(-1, 2),
        torch.tensor([size[2] for size in sizes], dtype=torch.int64),
        {i: size for i, size in enumerate(found) if isinstance(size, str)},
    )


def _size_or_reason(path: str, limit: ImageLimit) -> tuple[int, int, int] | str:
    """Height and width, and the orientation that may have swapped them; or why they cannot be read."""
    try:
        with noted(), open_regular(path) as file, open_image(file, limit) as image:  # they are told when it is decoded
            tags = getattr(image, "tag_v2", None)  # Pillow may have turned the size of a TIFF, but not its pixels yet
            width, height = (int(tags[256]), int(tags[257])) if tags else image.size
            orientation = _orientation(image, file)
            return (width, height, orientation) if orientation in _SIDEWAYS else (height, width, orientation)
    except Exception as error:  # Pillow's readers raise nearly anything on a broken file
        return reason_of(error)


def _orientation(image: Image.Image, file: IO[bytes]) -> int:
    """EXIF's orientation, 1 … 8; of a PNG without decoding it, which Pillow does to look for EXIF behind the pixels."""
    undecoded = image.format == "PNG" and not _exif_behind_pixels(file)
    exif = Image.Image.getexif(image) if undecoded else image.getexif()
    orientation = exif.get(ExifTags.Base.Orientation, 1)
    return orientation if isinstance(orientation, int) and orientation in range(1, 9) else 1


def _exif_behind_pixels(file: IO[bytes]) -> bool:
    position = file.tell()
    length = file.seek(0, os.SEEK_END)
    file.seek(max(0, length - _TAIL))
    tail = file.read()
    file.seek(position)
    return b"eXIf" in tail
