"""A YOLO data set: images with one label file each, in folders or as a `data.yaml` says."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from tlbench.config import DetectionDataConfig, LimitsConfig
from tlbench.data.detection.assemble import Mended, assemble
from tlbench.data.detection.image_sizes import image_sizes
from tlbench.data.detection.parts import ReadParts, parts_of
from tlbench.data.detection.yolo_folder import YoloImages, find_images
from tlbench.data.detection.yolo_labels import parse_labels
from tlbench.data.unreadable import check_unreadable
from tlbench.errors import DataError
from tlbench.regular_file import TooLargeError, read_regular

DUPLICATES = "duplicate label rows left out"

_NAMED = 3  # bad rows in a message


def read_yolo(
    root: Path, data: DetectionDataConfig, say: Callable[[str], None], warn: Callable[[str], None]
) -> ReadParts:
    """Read labels and image sizes of each split that the data have.

    Args:
        root: The folder, or its `data.yaml`.
        data: The target's config.
        say: Shows the user a line.
        warn: Shows the user a warning.

    Raises:
        DataError: The files cannot be used; more than `data.max_unreadable` images cannot be read.
    """
    found = find_images(root, warn, data.limits)
    names = [name for part in found.parts.values() for name in part]
    mended = Mended()
    rows = _read_labels(found, names, mended, data.limits, say, warn)
    sizes = image_sizes(found.root, names, data.limits.image)
    unreadable = {names[i]: reason for i, reason in sizes.unreadable.items()}
    check_unreadable(found.root, unreadable, data.max_unreadable)
    images = torch.tensor(rows.images, dtype=torch.int64)
    boxes = torch.tensor(rows.corners, dtype=torch.float64).view(-1, 4)
    whole = assemble(
        found.root,
        names,
        sizes.sizes,
        boxes * sizes.sizes.flip(1).repeat(1, 2)[images],
        torch.tensor(rows.classes, dtype=torch.int64),
        images,
        found.class_names,
        lambda row: f"{rows.files[rows.images[row]]}:{rows.lines[row]}",
        mended,
    )
    mended.tell(warn)
    return ReadParts(parts_of(whole, found.parts, sizes.unreadable), mended, unreadable)


@dataclass(eq=False)
class _Rows:
    """The objects of all label files: class, `x1 y1 x2 y2` as fractions, image and line of each; and the files."""

    classes: array[int] = field(default_factory=lambda: array("q"))
    corners: array[float] = field(default_factory=lambda: array("d"))
    images: array[int] = field(default_factory=lambda: array("q"))
    lines: array[int] = field(default_factory=lambda: array("q"))
    files: list[str] = field(default_factory=list)


def _read_labels(
    found: YoloImages,
    names: Sequence[str],
    mended: Mended,
    limits: LimitsConfig,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> _Rows:
    rows, bad, background = _Rows(), [], 0
    folders = _LabelFolders(found.root)
    for image, name in enumerate(names):
        path = folders.label_of(name)
        rows.files.append(shown := folders.shown(path))
        if not folders.holds(path):
            background += 1
            continue
        try:
            labels = parse_labels(read_regular(path, limits.label.bytes), found.class_names)
        except TooLargeError:
            raise limits.label.refusal(path) from None
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}; mend the label file") from None
        except UnicodeDecodeError:
            raise DataError(f"{path}: not text in UTF-8; wanted are rows class cx cy w h") from None
        for (of, *corners), line in zip(labels.objects, labels.lines, strict=True):
            rows.classes.append(of)
            rows.corners.extend(corners)
            rows.images.append(image)
            rows.lines.append(line)
        for line in labels.duplicates:
            mended.add(DUPLICATES, name, f"{shown}:{line}")
        bad += [f"{path}:{line}: {text.strip()[:80]!r}: {reason}" for line, text, reason in labels.bad]
        background += not labels.objects
    if bad:
        raise DataError(_bad_text(bad, len(found.class_names)))
    if background == len(names):
        raise DataError(
            f"{found.root}: no objects in the label files of {len(names)} images (the first would be "
            f"{folders.label_of(names[0])}); wanted are rows class cx cy w h"
        )
    if background:
        say(f"{background} of {len(names)} images have no objects: background")
    if strays := folders.strays():
        warn(
            f"{len(strays)} label files have no image and are left out ({', '.join(strays[:3])}"
            f"{', …' if len(strays) > 3 else ''})"
        )
    return rows


def _bad_text(bad: Sequence[str], classes: int) -> str:
    rest = len(bad) - _NAMED
    rows = "1 label row is" if len(bad) == 1 else f"{len(bad)} label rows are"
    return (
        f"{rows} wrong: {'; '.join(bad[:_NAMED])}{f'; and {rest} more' if rest > 0 else ''}; wanted is class cx cy w "
        f"h, the class from 0 to {classes - 1}, the others as fractions of the image's width and height from 0 to 1; "
        "correct or remove such rows"
    )


class _LabelFolders:
    """Where the label files of images are, and what is in their folders."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.abspath(root)  # noqa: PTH100 (`images` may be a part of it)
        self._folders: dict[str, str] = {}  # of images → of their labels
        self._files: dict[str, set[str]] = {}
        self._used: set[str] = set()

    def label_of(self, name: str) -> str:
        """The label file of an image: the last `images` of its path becomes `labels`; else it is beside the image."""
        path = os.path.join(self._root, name)  # noqa: PTH118 - 100,000 Paths are slow
        folder, file = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = self._label_folder(folder)
        label = os.path.join(self._folders[folder], os.path.splitext(file)[0] + ".txt")  # noqa: PTH118, PTH122
        self._used.add(label)
        return label

    def holds(self, path: str) -> bool:
        """Whether the label file is there."""
        return os.path.basename(path) in self._files[os.path.dirname(path)]  # noqa: PTH119, PTH120

    def shown(self, path: str) -> str:
        """The path below the root, where it is below."""
        return path[len(self._root) + 1 :] if path.startswith(self._root + os.sep) else path

    def strays(self) -> list[str]:
        """Label files of which no image is there, not even one that no split lists."""
        found = []
        for images, labels in self._folders.items():
            if images == labels:  # any text may lie beside the images
                continue
            unused = [name for name in self._files[labels] if os.path.join(labels, name) not in self._used]  # noqa: PTH118
            stems = {os.path.splitext(name)[0] for name in os.listdir(images)} if unused else set()  # noqa: PTH122, PTH208
            found += [f"{labels}/{name}" for name in unused if name != "classes.txt" and name[:-4] not in stems]
        return [self.shown(path) for path in sorted(found)]

    def _label_folder(self, images: str) -> str:
        before, found, after = (images + os.sep).rpartition(f"{os.sep}images{os.sep}")
        labels = f"{before}{os.sep}labels{os.sep}{after}".rstrip(os.sep) if found else images
        if not os.path.isdir(labels) and _texts(images):  # noqa: PTH112
            labels = images
        if labels not in self._files:
            self._files[labels] = _texts(labels)
        return labels


def _texts(folder: str) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.name.endswith(".txt")}
    except OSError:
        return set()
