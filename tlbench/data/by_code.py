"""Data that code of the user's own gives: images with what is known of them, one after another."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track
from torch import Tensor

from tlbench.config import DataConfig
from tlbench.config.size import Size
from tlbench.console import console
from tlbench.data.decode import decode_sized
from tlbench.data.unreadable import UnreadableError
from tlbench.errors import DataError
from tlbench.geometry.fits import GREY
from tlbench.system.exceptions import in_a_few_words
from tlbench.trust.names import own_code
from tlbench.trust.own import own

SPLITS = ("train", "val", "test")

NAMED = "the code's"
"""What the parts are called in the rule of the splits."""

_SHOW_PROGRESS_ABOVE = 500  # images


@dataclass(frozen=True, eq=False)
class GivenImages:
    """Images of one part, in the order in which they were given.

    Args:
        annotations: Of N images, as the code gives them, or what is kept of them.
        paths: N files; None where it gives images.
        pixels: (N, 3, H, W) uint8, as they are stored; None where it gives paths.
        sizes: (N, 2) int64, height and width of the images as they were given, pixels; likewise.
        digests: (N, 16) uint8, equal where their pixels are; likewise.
    """

    annotations: Sequence[Any]
    paths: tuple[str, ...] | None
    pixels: Tensor | None = None
    sizes: Tensor | None = None
    digests: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class GivenData:
    """Data by code.

    Args:
        where: How messages begin.
        parts: `train`, and `val` and `test` where it gives them.
        classes: Names, in the order of the labels; None: it says none.
    """

    where: str
    parts: Mapping[str, GivenImages]
    classes: tuple[str, ...] | None

    @property
    def by_path(self) -> bool:
        """Whether images are files."""
        return self.parts["train"].paths is not None


def given_data(data: DataConfig, kept: Callable[[str, Any], Any] | None = None) -> GivenData:
    """Call the code, and take all that it gives; images that are no files are brought to one size at once.

    Args:
        data: The target's config.
        kept: Called with where an annotation is, for messages, and with it: what is kept of it; None: itself.

    Raises:
        ConfigError: The code cannot be imported or called.
        DataError: What it gives is no data set, or an image of it cannot be used.
    """
    name = own_code(data, "data")
    assert name is not None
    where = f"data.import_path={name.import_path!r}"
    whole = own(name, object, "data set")
    sets = whole if isinstance(whole, Mapping) else {"train": whole}
    unknown = [part for part in sets if part not in SPLITS]
    if unknown or "train" not in sets:
        raise DataError(
            f"{where}: it gives the parts {', '.join(map(repr, sets)) or 'none'}; wanted are train and, if there are "
            "such, val and test"
        )
    found = {split: _part(f"{where}: {split}", sets[split], data, kept) for split in SPLITS if split in sets}
    if len({part.paths is None for part in found.values()}) > 1:
        raise DataError(f"{where}: some parts hold paths, others images; give one or the other")
    classes = [names for part in (whole, *sets.values()) if (names := getattr(part, "classes", None)) is not None]
    if any(isinstance(names, str) or not isinstance(names, Sequence) for names in classes):
        raise DataError(f"{where}: its `classes` are no list of names; give the names in the order of the labels")
    if wrong := [name for names in classes for name in names if not isinstance(name, str | int)]:
        raise DataError(
            f"{where}: its `classes` hold a {type(wrong[0]).__name__}; give the names alone, in the order of the labels"
        )
    if any(list(names) != list(classes[0]) for names in classes):
        raise DataError(f"{where}: the parts have different classes; give all the same, in the same order")
    if classes and len(set(map(str, classes[0]))) < len(classes[0]):
        raise DataError(f"{where}: a name occurs twice in its `classes`; name each class once")
    return GivenData(where, found, tuple(map(str, classes[0])) if classes else None)


def _part(where: str, given: Any, data: DataConfig, kept: Callable[[str, Any], Any] | None) -> GivenImages:
    if not hasattr(given, "__len__") or not hasattr(given, "__getitem__"):
        raise DataError(
            f"{where}: it is a {type(given).__name__}, no data set; wanted are len() and [i], as of a "
            "torch.utils.data.Dataset or a list"
        )
    if _count(where, given) == 0:
        raise DataError(f"{where}: no image in it; add some, or leave the part out")
    annotations, paths, images = [], [], []
    for i, (image, annotation) in enumerate(_items(where, given)):
        annotations.append(annotation if kept is None else kept(f"{where}[{i}]", annotation))
        if isinstance(image, str | os.PathLike):
            paths.append(os.path.abspath(os.path.expanduser(image)))  # noqa: PTH100, PTH111
        else:
            images.append(_stored(f"{where}[{i}]", image, data))
        if paths and images:
            raise DataError(f"{where}[{i}]: some images are paths, others are not; give one or the other")
    if paths:
        return GivenImages(annotations, tuple(paths))
    if data.cache == "none":
        raise DataError(
            f"{where}: data.cache=none: it gives images, not files that could be decoded in each epoch; use memory, or "
            "give paths"
        )
    pixels = torch.from_numpy(_together([stored for stored, _, _ in images]))
    sizes = torch.tensor([size for _, size, _ in images])
    return GivenImages(annotations, None, pixels, sizes, np.stack([digest for _, _, digest in images]))


def _together(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """(N, 3, H, W): as large as the largest, where images keep their own sizes; in the top left corners."""
    sizes = {image.shape[1:] for image in images}
    if len(sizes) == 1:
        return np.stack(images)
    found = np.full((len(images), 3, *map(max, zip(*sizes, strict=True))), GREY, np.uint8)
    for whole, image in zip(found, images, strict=True):
        whole[:, : image.shape[1], : image.shape[2]] = image
    return found


def _count(where: str, given: Any) -> int:
    try:
        return len(given)
    except Exception as error:
        raise DataError(f"{where}: its len() fails: {in_a_few_words(error)}; correct it") from error


def _items(where: str, given: Any) -> Iterator[tuple[Any, Any]]:
    count = _count(where, given)
    quiet = count <= _SHOW_PROGRESS_ABOVE or not console.is_terminal
    for i in track(range(count), "reading images", console=console, transient=True, disable=quiet):
        try:
            item = given[i]
        except Exception as error:
            raise DataError(f"{where}[{i}]: reading it fails: {in_a_few_words(error)}; correct it") from error
        if not isinstance(item, Sequence) or isinstance(item, str) or len(item) != 2:
            raise DataError(f"{where}[{i}]: it is a {type(item).__name__}; wanted are an image and its annotation")
        yield item[0], item[1]


def _stored(where: str, image: Any, data: DataConfig) -> tuple[NDArray[np.uint8], Size, NDArray[np.uint8]]:
    """As a file with the same pixels would be read: (3, H, W), its own height and width, and a digest of its pixels."""
    content = _as_file(where, image)
    try:
        pixels, size = decode_sized(content, data.storage_size, data.fit)
    except UnreadableError as error:
        raise DataError(f"{where}: {error}; give another image, or paths of files") from None
    digest = hashlib.blake2b(content, digest_size=16).digest()
    return pixels.transpose(2, 0, 1), size, np.frombuffer(digest, np.uint8)


def _as_file(where: str, image: Any) -> bytes:
    """An image without loss."""
    if isinstance(image, Tensor):
        if image.ndim == 3 and image.shape[0] in (1, 3, 4):
            image = image.permute(1, 2, 0)
        image = image.cpu().numpy()
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8:
            raise DataError(
                f"{where}: an array of {image.dtype}; wanted is uint8, in 0 … 255 (other ranges would be guessed)"
            )
        image = image[:, :, 0] if image.ndim == 3 and image.shape[2] == 1 else image
        if image.ndim != 2 and (image.ndim != 3 or image.shape[2] not in (3, 4)):
            raise DataError(f"{where}: an array of shape {image.shape}; wanted is (H, W), (H, W, 3) or (H, W, 4)")
        if image.size == 0:
            raise DataError(f"{where}: an array of shape {image.shape}, without a pixel; leave it out")
        image = Image.fromarray(image)
    if not isinstance(image, Image.Image):
        raise DataError(f"{where}: an image of type {type(image).__name__}; wanted is a path, a PIL image or an array")
    file = io.BytesIO()
    try:
        image.save(file, format="PNG", compress_level=1, exif=image.getexif())
    except (OSError, ValueError) as error:
        raise DataError(f"{where}: a PIL image of mode {image.mode}: {error}; convert it to RGB") from None
    return file.getvalue()


def as_number(where: str, label: Any, numbers: Mapping[str, int] | None) -> int:
    """A label as the position of its class.

    Args:
        where: How a message begins.
        label: A number, or a class's name.
        numbers: Class → position; None: the classes are the numbers that occur.

    Raises:
        DataError: It is neither, or there is no such class.
    """
    if isinstance(label, Tensor | np.ndarray | np.generic) and np.size(label) == 1:
        label = label.item()
    if isinstance(label, str) and numbers is not None:
        if label in numbers:
            return numbers[label]
        raise DataError(f"{where}: there is no class {label!r}; the classes are {', '.join(numbers)}")
    if isinstance(label, bool) or not isinstance(label, int):
        raise DataError(f"{where}: a label of type {type(label).__name__}; wanted is a class's number or name")
    if label < 0 or (numbers is not None and label >= len(numbers)):
        most = "" if numbers is None else f" to {len(numbers) - 1}"
        raise DataError(f"{where}: label {label}; wanted are numbers from 0{most}, in the order of `classes`")
    return label


def class_numbers_of(given: GivenData, labels: Sequence[Any], most: int) -> dict[str, int]:
    """Class → position: the classes that the code says, else those that occur, names in alphabetical order.

    Args:
        given: The data.
        labels: Of all parts.
        most: Classes that are allowed, `data.limits.max_classes`.

    Raises:
        DataError: As `as_number`; or names and numbers are mixed, or a number says that there are too many classes.
    """
    if given.classes is not None:
        return {name: i for i, name in enumerate(given.classes)}
    if all(isinstance(label, str) for label in labels):
        return {name: i for i, name in enumerate(sorted(set(labels)))}
    count = 1 + max(as_number(given.where, label, None) for label in labels)
    if count > most:
        raise DataError(
            f"{given.where}: label {count - 1}, of which there would be {count:,} classes; data.limits.max_classes="
            f"{most:,} allows fewer: number the classes from 0 on, or give their names"
        )
    return {str(i): i for i in range(count)}


ROOT = Path("/")
"""What the names of files are relative to."""
