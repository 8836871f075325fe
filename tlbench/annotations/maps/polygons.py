"""Objects with outlines, polygons or runs of pixels, as class maps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from torch import Tensor

from tlbench.annotations.instances.crowds import Crowds
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.instances.runs import mask_of
from tlbench.annotations.instances.shapes import Shapes
from tlbench.annotations.instances.target import list_boxes
from tlbench.annotations.maps.class_maps import VOID, ClassMaps, Map
from tlbench.annotations.maps.config import MapDataConfig
from tlbench.annotations.maps.ignored import counted_classes
from tlbench.data.carve_options import wanted_classes
from tlbench.data.listing import Listed, Listing
from tlbench.data.workers import in_chunks
from tlbench.errors import DataError, short
from tlbench.system.voice import Voice

WITHOUT_OUTLINE = "objects without an outline: the pixels of their boxes are ignored"

_Mask = NDArray[np.bool_]


def list_polygons(data: MapDataConfig, voice: Voice) -> Listed[ClassMaps]:
    """The files and class maps of a data set whose objects have outlines, COCO's or YOLO's; no image is decoded.

    A pixel is of the smallest object that it lies in (of two as small ones, the later), as what is smaller lies in
    front, or is a part. Where only a crowd is, or only the box of an object without an outline, the pixel is ignored;
    where nothing is, it is of the background.

    Args:
        data: The target's config. Pixels of the classes that `data.classes` leaves out are ignored, as those of
            `data.ignored_classes`.
        voice: Speaks to the user.

    Raises:
        DataError: As `list_boxes`; no object has an outline; too many classes, or one that does not exist.
    """
    listed = list_boxes(data, voice, shapes=True)
    _check_outlines(listed, data)
    painting = _painting(listed, data, voice)
    parts = {part: _mapped(listing, painting) for part, listing in listed.parts.items()}
    without = [name for part in parts.values() for name, _ in part.mended.get(WITHOUT_OUTLINE, ())]
    if without:
        places = ", ".join(list(dict.fromkeys(without))[:3])
        voice.warn(f"{len(without)} {WITHOUT_OUTLINE} ({places}{', …' if len(set(without)) > 3 else ''})")
    return Listed(parts, listed.inventory, listed.named, listed.unreadable, listed.unlabelled, listed.frames)


@dataclass(frozen=True)
class _Painting:
    """How objects become pixels.

    Args:
        class_names: C names.
        numbers: The position of each class of the objects among them; `VOID` of those that are ignored.
        ground: Of pixels that lie in no object.
    """

    class_names: tuple[str, ...]
    numbers: Sequence[int]
    ground: int


def _painting(listed: Listed[Instances], data: MapDataConfig, voice: Voice) -> _Painting:
    objects = listed.parts["train"].class_names
    if data.background in objects:
        voice.say(
            f"{listed.root}: what lies in no polygon is of the class {data.background!r}, of which there are polygons "
            "as well; if it is something else, give data.background another name, or null"
        )
    ground = [] if data.background is None else [data.background]
    there = (*ground, *(name for name in objects if name not in ground))
    there = counted_classes(listed.root, there, data, voice)
    names = there if data.classes is None else wanted_classes(there, data.classes)
    if len(names) > VOID:
        raise DataError(
            f"{listed.root}: {len(objects)} classes{' beside the background' if ground else ''}; a class map tells at "
            f"most {VOID} apart, the background among them; choose some by data.classes"
        )
    position = {name: i for i, name in enumerate(names)}
    numbers = [position.get(name, VOID) for name in objects]
    return _Painting(names, numbers, VOID if data.background is None else position.get(data.background, VOID))


def _check_outlines(listed: Listed[Instances], data: MapDataConfig) -> None:
    """Refuse data without objects, or of whose objects none has an outline.

    Raises:
        DataError: They are such.
    """
    parts = [part.annotations for part in listed.parts.values()]
    objects = sum(len(part.labels) for part in parts)
    if not objects:
        names = ", ".join(parts[0].class_names)
        raise DataError(
            f"{listed.root}: {sum(map(len, parts))} images and no objects of {short(names, 200)}; add labels"
        )
    if any(part.shapes is not None and part.shapes.outlined.any() for part in parts):
        return
    posed = any(part.shapes is not None and part.shapes.key_points is not None for part in parts)
    beside = " with key points" if posed else ""
    rows, wanted = {
        "yolo": ("label rows are boxes", "label polygons as class x1 y1 x2 y2 x3 y3 …"),
        "coco": ("objects are boxes", "give each object a segmentation of polygons or runs"),
    }[data.name]
    raise DataError(
        f"{listed.root}: all {objects} {rows}{beside}, and a box does not say which of its pixels are the object's; "
        f"{wanted}, or use task=detection"
    )


def _mapped(listing: Listing[Instances], painting: _Painting) -> Listing[ClassMaps]:
    objects = listing.annotations
    chunks = in_chunks(_Maps(objects, painting), len(objects), "drawing class maps")
    maps = [
        ClassMaps(class_names=painting.class_names, **{name: torch.from_numpy(part) for name, part in chunk.items()})
        for chunk in chunks
    ]
    assert objects.shapes is not None
    whole = ClassMaps.joined(maps) if maps else ClassMaps.of((), painting.class_names)
    without = [listing.names[image] for image in objects.owners()[~objects.shapes.outlined].tolist()]
    mended = dict(listing.mended) | ({WITHOUT_OUTLINE: [(name, name) for name in without]} if without else {})
    return Listing(listing.root, listing.names, whole, mended)


class _Maps:
    """Draws a range of maps."""

    def __init__(self, objects: Instances, painting: _Painting) -> None:
        self._objects, self._painting = objects, painting

    def __len__(self) -> int:
        return 1

    def __getitems__(self, chunk: range) -> dict[str, Any]:
        maps = ClassMaps.of((_map(self._objects, i, self._painting) for i in chunk), self._painting.class_names)
        return {name: part.numpy() for name, part in vars(maps).items() if isinstance(part, Tensor)}


def _map(objects: Instances, image: int, painting: _Painting) -> Map:
    """The map of one image."""
    height, width = objects.sizes[image].tolist()
    found = np.full((height, width), painting.ground, np.uint8)
    if objects.crowds is not None:
        for outline in _outlines(objects.crowds, image, height, width):
            outline.paint(found, VOID)
    first, end = objects.starts[image : image + 2].tolist()
    labels = objects.labels[first:end].tolist()
    outlines = list(zip(_outlines(objects, image, height, width), labels, strict=True))
    outlines.sort(key=lambda pair: -pair[0].area)  # stable: of two as large ones, the later lies on top
    for outline, label in outlines:
        outline.paint(found, painting.numbers[label] if outline.known else VOID)
    return found


@dataclass(frozen=True)
class _Outline:
    """Where an object is.

    Args:
        runs: As pycocotools has them.
        area: In pixels; infinite where only its box is known, which lies below all else.
    """

    runs: Any
    area: float

    @property
    def known(self) -> bool:
        """Whether it is known which pixels are the object's."""
        return math.isfinite(self.area)

    def paint(self, found: Map, value: int) -> None:
        """Set its pixels."""
        left, top, width, height = map(int, coco_mask.toBbox(self.runs))
        window = (slice(top, top + height), slice(left, left + width))
        found[window][coco_mask.decode(self.runs)[window].astype(bool)] = value


def _outlines(objects: Instances | Crowds, image: int, height: int, width: int) -> Iterator[_Outline]:
    """Those of an image, in the order of its objects."""
    assert objects.shapes is not None
    first, end = objects.starts[image : image + 2].tolist()
    for position in range(first, end):
        runs = _runs(objects.shapes, position, height, width)
        if runs is None:
            x1, y1, x2, y2 = objects.boxes[position].tolist()
            whole = np.zeros((height, width), np.uint8, order="F")
            whole[math.floor(y1) : math.ceil(y2), math.floor(x1) : math.ceil(x2)] = 1
            yield _Outline(coco_mask.encode(whole), math.inf)
        else:
            yield _Outline(runs, float(coco_mask.area(runs)))


def _runs(shapes: Shapes, position: int, height: int, width: int) -> Any:
    """What pycocotools makes of the outline of an object, in an image of that size; None: it has none."""
    first, end = shapes.starts[position : position + 2].tolist()
    if end > first:
        corners = shapes.polygons[first : end + 1].tolist()
        points = shapes.points.numpy()
        polygons = [points[corners[i] : corners[i + 1]].ravel() for i in range(end - first)]
        return coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    first, end = shapes.run_starts[position : position + 2].tolist()
    if end == first:
        return None
    mask = mask_of(shapes.runs[first:end].numpy(), *shapes.frames[position].tolist())
    return coco_mask.encode(np.asfortranarray(_resized(mask, height, width), dtype=np.uint8))


def _resized(mask: _Mask, height: int, width: int) -> _Mask:
    """A mask that covers an image, in the image's size: of each pixel what lies at its centre."""
    if mask.shape == (height, width):
        return mask
    rows, columns = (
        ((np.arange(size) + 0.5) * of / size).astype(int) for size, of in zip((height, width), mask.shape, strict=True)
    )
    resized: _Mask = mask[rows[:, None], columns]
    return resized
