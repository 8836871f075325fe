"""A COCO data set: the boxes of many images in one JSON file a split (https://cocodataset.org/#format-data)."""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

import torch

from tlbench.config import DetectionDataConfig, LimitsConfig
from tlbench.data.detection.assemble import Mended, assemble
from tlbench.data.detection.coco_classes import classes_of
from tlbench.data.detection.coco_folder import CocoPart, find_annotations
from tlbench.data.detection.image_sizes import image_sizes
from tlbench.data.detection.parts import ReadParts, parts_of
from tlbench.data.detection.root import detection_root
from tlbench.data.detection.yolo_folder import check_apart, relative_names
from tlbench.data.unreadable import check_unreadable
from tlbench.errors import DataError, short
from tlbench.regular_file import TooLargeError, read_regular

CROWDS = "crowd objects (iscrowd) left out"
DUPLICATES = "duplicate annotations left out"
OTHER_SIZE = "images of another size than their annotations say"

_NAMED = 3  # faulty entries in a message
_TOO_LARGE = 1e9  # pixels


def read_coco(data: DetectionDataConfig, say: Callable[[str], None], warn: Callable[[str], None]) -> ReadParts:
    """Read annotations and image sizes of each split that the user's data have.

    Raises:
        DataError: The files cannot be used; more than `data.max_unreadable` images cannot be read.
    """
    root = detection_root(data)
    files = {split: (part, _content(part.file, data.limits)) for split, part in find_annotations(root).items()}
    classes = classes_of({part.file: content for part, content in files.values()}, data.limits, say)
    read = {split: _read(root, part, content, classes.number) for split, (part, content) in files.items()}
    paths = {split: part.paths for split, part in read.items()}
    check_apart(root, paths, warn)
    root, parts = relative_names(root, paths)
    names = [name for part in parts.values() for name in part]
    objects = _joined([read[split] for split in parts])
    sizes = image_sizes(root, names, data.limits.image)
    unreadable = {names[i]: reason for i, reason in sizes.unreadable.items()}
    check_unreadable(root, unreadable, data.max_unreadable)
    mended = Mended()
    for kind, image, place in objects.left_out:
        mended.add(kind, names[image], place)
    for image, size in enumerate(objects.sizes):
        if size not in (None, tuple(sizes.sizes[image].tolist())) and image not in sizes.unreadable:
            mended.add(OTHER_SIZE, names[image], names[image])
    whole = assemble(
        root,
        names,
        sizes.sizes,
        torch.tensor(objects.corners, dtype=torch.float64).view(-1, 4),
        torch.tensor(objects.classes, dtype=torch.int64),
        torch.tensor(objects.images, dtype=torch.int64),
        classes.names,
        objects.places.__getitem__,
        mended,
    )
    mended.tell(warn)
    readable = torch.tensor([i not in sizes.unreadable for i in range(len(names))], dtype=torch.bool)
    if background := int(((whole.starts.diff() == 0) & readable).sum()):
        say(f"{background} of {len(names)} images have no objects: background")
    return ReadParts(parts_of(whole, parts, sizes.unreadable), mended, unreadable)


@dataclass(eq=False)
class _Objects:
    """Images of a file, and their objects in `x1 y1 x2 y2` pixels with where each stands."""

    paths: list[str] = field(default_factory=list)
    sizes: list[tuple[int, int] | None] = field(default_factory=list)
    classes: array[int] = field(default_factory=lambda: array("q"))
    corners: array[float] = field(default_factory=lambda: array("d"))
    images: array[int] = field(default_factory=lambda: array("q"))
    places: list[str] = field(default_factory=list)
    left_out: list[tuple[str, int, str]] = field(default_factory=list)


def _content(file: Path, limits: LimitsConfig) -> dict[str, Any]:
    try:
        content = json.loads(read_regular(file, limits.annotations.bytes))
    except TooLargeError:
        raise limits.annotations.refusal(file) from None
    except OSError as error:
        raise DataError(f"{file}: {error.strerror}; give a file that can be read") from None
    except MemoryError:
        size = file.stat().st_size / 2**30
        raise DataError(f"{file}: not enough memory to read its {size:.1f} GB; use a machine with more") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}: not JSON ({error}); mend it or export it again") from None
    for key in ("images", "annotations", "categories"):
        entries = content.get(key) if isinstance(content, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise DataError(f"{file}: no list {key!r} of objects; wanted are images, annotations and categories")
    return dict(content)


def _read(root: Path, part: CocoPart, content: Mapping[str, Any], number: Mapping[Hashable, int]) -> _Objects:
    found = _Objects()
    position = _list_images(part, content["images"], found)
    seen, bad = set(), []
    shown = os.path.relpath(part.file, root)
    for entry in content["annotations"]:
        place = f"{shown}: annotation {_shown(entry)}"
        fault = _fault(entry, position, number)
        if fault:
            bad.append(f"annotation {_shown(entry)}: {fault}")
            continue
        image, of, (x, y, w, h) = position[entry["image_id"]], number[entry["category_id"]], entry["bbox"]
        key = (image, of, x, y, w, h)
        if entry.get("iscrowd"):
            found.left_out.append((CROWDS, image, place))
        elif key in seen:
            found.left_out.append((DUPLICATES, image, place))
        else:
            seen.add(key)
            found.images.append(image)
            found.classes.append(of)
            found.corners.extend((x, y, x + w, y + h))
            found.places.append(place)
    _refuse(part.file, bad, "correct or remove them")
    return found


def _list_images(part: CocoPart, entries: Sequence[Mapping[str, Any]], found: _Objects) -> dict[Hashable, int]:
    """Where the images are; and id → position."""
    position: dict[Hashable, int] = {}
    bad = []
    for entry in entries:
        name = entry.get("file_name")
        if not isinstance(name, str) or not name or not _is_id(entry.get("id")):
            bad.append(f"image {_shown(entry)}: file_name {short(repr(name))}; wanted are an id and a file's name")
        elif entry["id"] in position:
            bad.append(f"image {_shown(entry)}: its id occurs twice")
        else:
            position[entry["id"]] = len(position)
            height, width = entry.get("height"), entry.get("width")
            found.sizes.append((int(height), int(width)) if _is_number(height) and _is_number(width) else None)
            found.paths.append(name.replace("\\", "/"))
    _refuse(part.file, bad, "correct them")
    if not found.paths:
        raise DataError(f"{part.file}: no images in it; export it again")
    folder = _folder(part, found.paths)
    found.paths = [os.path.normpath(os.path.join(folder, name)) for name in found.paths]  # noqa: PTH118
    return position


def _folder(part: CocoPart, names: Sequence[str]) -> Path:
    """The folder in which one of the images is; some may be missing."""
    for folder in part.folders:
        if folder.is_dir() and any(os.path.isfile(folder / name) for name in names[:100]):  # noqa: PTH113 - Path raises
            return folder
    tried = ", ".join(str(folder) for folder in part.folders)
    raise DataError(
        f"{part.file}: image {short(repr(names[0]))} and those after it are in none of {tried}; put the images there"
    )


def _fault(entry: Mapping[str, Any], position: Mapping[Hashable, int], number: Mapping[Hashable, int]) -> str | None:
    image, of, box = entry.get("image_id"), entry.get("category_id"), entry.get("bbox")
    if not _is_id(image) or image not in position:
        return f"image_id {short(repr(image))} is not among the images"
    if not _is_id(of) or of not in number:
        return f"category_id {short(repr(of))} is not among the categories"
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        return f"bbox {str(box)[:80]}; wanted is [x, y, width, height] in pixels"
    return f"bbox {box!r} has a negative width or height" if box[2] < 0 or box[3] < 0 else None


def _refuse(file: Path, bad: Sequence[str], mend: str) -> None:
    if bad:
        rest = len(bad) - _NAMED
        entries = "1 entry is" if len(bad) == 1 else f"{len(bad)} entries are"
        more = f"; and {rest} more" if rest > 0 else ""
        raise DataError(f"{file}: {entries} wrong: {'; '.join(bad[:_NAMED])}{more}; {mend}")


def _shown(entry: Mapping[str, Any]) -> str:
    return short(str(entry.get("id")))


def _is_id(value: object) -> bool:
    return isinstance(value, (int, str))


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _TOO_LARGE


def _joined(parts: Sequence[_Objects]) -> _Objects:
    whole = _Objects()
    for part in parts:
        start = len(whole.paths)
        whole.paths += part.paths
        whole.sizes += part.sizes
        whole.classes += part.classes
        whole.corners += part.corners
        whole.images.extend(start + image for image in part.images)
        whole.places += part.places
        whole.left_out += [(kind, start + image, place) for kind, image, place in part.left_out]
    return whole
