"""A folder-per-class tree: listing it, and decoding a chosen part of it."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rich
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from rich.progress import track
from torch import Tensor

from tlbench.data.images import ImageSet
from tlbench.errors import DataError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")

_CHUNK = 128  # files a task
_SHOW_PROGRESS_ABOVE = 5_000  # files
_SMALL = 64 * 64  # pixels; below, Python's lock makes several threads slower than one (32 px: by two)


@dataclass(frozen=True, eq=False)
class FolderSet:
    """Images on disk, listed and not yet decoded.

    Args:
        paths: N files.
        labels: (N,) int64, positions in `class_names`.
        class_names: The class folders' names, sorted.
    """

    paths: tuple[str, ...]
    labels: Tensor
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, index: Tensor) -> ImageSet:
        """Decode the images at (M,) int64 positions, in that order; raises as `decode`."""
        return ImageSet(decode([self.paths[i] for i in index.tolist()]), self.labels[index], self.class_names)


def list_folder(root: Path) -> FolderSet:
    """List `root/<class>/*` in an order that does not depend on the file system.

    Classes are sorted by name, files naturally (`2.jpg` before `10.jpg`); hidden files and other kinds are ignored.

    Raises:
        DataError: No such folder, no class folders in it, or a class folder without images.
    """
    try:
        with os.scandir(root) as entries:
            class_names = sorted(entry.name for entry in entries if _visible(entry) and entry.is_dir())
        files = [_list_class(root / name) for name in class_names]
    except OSError as error:
        raise DataError(
            f"{error.filename}: {error.strerror}; wanted is a folder with one folder of images a class"
        ) from None
    if not class_names:
        raise DataError(f"{root}: no class folders in it; wanted is one folder of images a class")
    labels = torch.repeat_interleave(torch.arange(len(files)), torch.tensor([len(f) for f in files]))
    return FolderSet(tuple(path for paths in files for path in paths), labels, tuple(class_names))


def decode(paths: Sequence[str]) -> Tensor:
    """Decode image files of one size; shows progress in a terminal when there are many.

    Returns:
        (N, 3, H, W) uint8, RGB.

    Raises:
        DataError: A file cannot be read, is truncated, has more than 8 bits a channel, or differs in size.
    """
    first = _read(paths[0])
    images = torch.empty((len(paths), 3, *first.shape[:2]), dtype=torch.uint8)
    pixels = images.numpy()

    def fill(chunk: range) -> None:
        for i in chunk:
            image = _read(paths[i])
            if image.shape != first.shape:
                raise DataError(
                    f"{paths[i]}: {_size(image)} pixels, but {paths[0]} has {_size(first)}; "
                    "all images must have one size: resize them"
                )
            pixels[i] = image.transpose(2, 0, 1)

    chunks = [range(start, min(start + _CHUNK, len(paths))) for start in range(0, len(paths), _CHUNK)]
    small = first.shape[0] * first.shape[1] <= _SMALL
    console = rich.get_console()
    quiet = len(paths) <= _SHOW_PROGRESS_ABOVE or not console.is_terminal
    pool = ThreadPoolExecutor(1 if small else min(os.cpu_count() or 1, 16))
    try:
        done = pool.map(fill, chunks)
        for _ in track(done, "decoding images", len(chunks), console=console, transient=True, disable=quiet):
            pass
    finally:  # an error or Ctrl-C does not wait for the rest
        pool.shutdown(cancel_futures=True)
    return images


def _visible(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".")


def _list_class(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if _visible(e) and e.name.lower().endswith(EXTENSIONS) and e.is_file()]
    if not names:
        raise DataError(
            f"{folder}: no images ({' '.join(EXTENSIONS)}) in this class folder; add some or remove the folder"
        )
    return [os.path.join(folder, name) for name in sorted(names, key=_natural)]  # noqa: PTH118 - 50,000 Paths are slow


def _natural(name: str) -> tuple[list[Any], str]:
    """Digits compare as numbers; `01.jpg` and `1.jpg` then by their characters."""
    parts: list[Any] = re.split(r"(\d+)", name)
    parts[1::2] = [int(digits) for digits in parts[1::2]]
    return parts, name


def _read(path: str) -> NDArray[np.uint8]:
    """(H, W, 3) uint8."""
    try:
        with Image.open(io.BytesIO(Path(path).read_bytes())) as image:
            if image.mode[0] in "IF":
                raise DataError(f"{path}: more than 8 bits a channel (mode {image.mode}); convert it to 8 bits")
            return np.asarray(image.convert("RGB"))
    except DataError:
        raise
    except Exception as error:  # Pillow's readers raise nearly anything on a broken file
        raise DataError(f"{path}: {_reason(error)}; replace the file or remove it") from None


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or not one of a kind that Pillow reads"
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or " ".join(str(error).split()) or type(error).__name__


def _size(image: NDArray[np.uint8]) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
