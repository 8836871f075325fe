"""The entries of a COCO file: images, and their objects as they are written."""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeGuard

from tlbench.data.formats.coco.segments import box_around
from tlbench.data.formats.coco.shapes import WrittenShapes
from tlbench.data.truths import TRUTHS
from tlbench.errors import DataError, short

_NAMED = 3  # faulty entries in a message
_TOO_LARGE = 1e9  # pixels
_WANTED = "wanted is [x, y, width, height] in pixels"


class Ids:
    """What ids stand for; a number is found whether it is written as 7, 7.0 or "7".

    Args:
        meant: Id → what it stands for.
    """

    def __init__(self, meant: Mapping[Any, int]) -> None:
        self._exact = dict(meant)
        plain = Counter(map(_plain, self._exact))
        self._plain = {_plain(of): position for of, position in self._exact.items() if plain[_plain(of)] == 1}
        self.bent = 0
        """How many were found that are written otherwise."""

    def __getitem__(self, value: Any) -> int | None:
        if not _is_id(value):
            return None
        found = self._exact.get(value)
        if found is None and (found := self._plain.get(_plain(value))) is not None:
            self.bent += 1
        return found

    def redirect(self, value: Any, position: int) -> None:
        """Let an id stand for something else."""
        self._exact[value] = self._plain[_plain(value)] = position


@dataclass(eq=False)
class Entries:
    """Images of a file in the order given, and their objects and crowds in the order given.

    Args:
        names: What the image files are called, with `/`.
        sizes: Height and width that the file tells; None where it tells none.
        boxes: Four numbers an object, as written.
        classes: Class of each.
        images: Position of its image.
        areas: What the file says is the area; NaN where it says nothing.
        crowd: Whether it is a crowd.
        written: Whether its box is written; else it is the box `x y width height` around its segmentation.
        shown: What each is called.
        duplicates: Image and name of each annotation that says the same as one before it, and was left out.
        bent: How many ids were found that are written otherwise in the lists.
        notes: What was bent or left out, to be said; kind → places.
        shapes: Of the objects and crowds; None: they are not read.
    """

    names: list[str] = field(default_factory=list)
    sizes: list[tuple[int, int] | None] = field(default_factory=list)
    boxes: array[float] = field(default_factory=lambda: array("d"))
    classes: array[int] = field(default_factory=lambda: array("q"))
    images: array[int] = field(default_factory=lambda: array("q"))
    areas: array[float] = field(default_factory=lambda: array("d"))
    crowd: array[int] = field(default_factory=lambda: array("b"))
    written: array[int] = field(default_factory=lambda: array("b"))
    shown: list[str] = field(default_factory=list)
    duplicates: list[tuple[int, str]] = field(default_factory=list)
    bent: int = 0
    notes: dict[str, list[str]] = field(default_factory=dict)
    shapes: WrittenShapes | None = None

    @cached_property
    def labelled(self) -> frozenset[int]:
        """The images that an annotation belongs to."""
        return frozenset(self.images)

    def note(self, kind: str, place: str) -> None:
        """Something to be said."""
        self.notes.setdefault(kind, []).append(place)


def read_entries(file: Path, content: Mapping[str, Any], categories: Ids, *, shapes: bool = False) -> Entries:
    """Read a file's images and annotations.

    Args:
        file: For messages.
        content: Its lists `images` and `annotations`.
        categories: Id of a category → class.
        shapes: Whether segmentations and key points are kept.

    Raises:
        DataError: Entries are at fault; they are counted, and the first ones named.
    """
    found = Entries(shapes=WrittenShapes() if shapes else None)
    ids = _list_images(file, content["images"], found)
    seen: set[tuple[float, ...]] = set()
    bad: list[str] = []
    orphans: list[str] = []
    for entry in content["annotations"]:
        image, of = ids[entry.get("image_id")], categories[entry.get("category_id")]
        if image is None:
            orphans.append(f"annotation {_shown(entry)}: image_id {short(repr(entry.get('image_id')))}")
            continue
        if of is None:
            what = short(repr(entry.get("category_id")))
            bad.append(f"annotation {_shown(entry)}: category_id {what} is not among the categories")
            continue
        box, written = _box(entry)
        if isinstance(box, str):
            bad.append(f"annotation {_shown(entry)}: {box}")
            continue
        crowd = _flag(entry.get("iscrowd"))
        if crowd is None:
            what = short(repr(entry.get("iscrowd")))
            bad.append(f"annotation {_shown(entry)}: iscrowd {what}; wanted is 0 (an object) or 1 (a crowd)")
            continue
        key = (image, of, crowd, *box)
        if key in seen:
            found.duplicates.append((image, _shown(entry)))
            continue
        seen.add(key)
        found.boxes.extend(box)
        found.classes.append(of)
        found.images.append(image)
        area = entry.get("area")
        found.areas.append(area if is_number(area) else math.nan)
        found.crowd.append(crowd)
        found.written.append(written)
        found.shown.append(_shown(entry))
        if found.shapes is not None:
            found.shapes.add(entry.get("segmentation"), entry.get("keypoints"))
    refuse_entries(file, bad, "correct or remove them")
    if orphans and len(orphans) == len(content["annotations"]):
        refuse_entries(file, [f"{each} is not among the images" for each in orphans], "correct or remove them")
    for each in orphans:
        found.note("annotations of images that are not listed left out", each)
    found.bent = ids.bent + categories.bent
    return found


def _list_images(file: Path, entries: Sequence[Mapping[str, Any]], found: Entries) -> Ids:
    position: dict[Any, int] = {}
    by_name: dict[str, int] = {}
    again: dict[Any, int] = {}
    bad = []
    for entry in entries:
        name, of = entry.get("file_name"), entry.get("id")
        if not isinstance(name, str) or not name or not _is_id(of):
            bad.append(f"image {_shown(entry)}: file_name {short(repr(name))}; wanted are an id and a file's name")
            continue
        name = name.replace("\\", "/")
        if of in position or of in again:
            first = position.get(of, again.get(of))
            if by_name.get(name) == first:
                found.note("images that are listed twice", short(name))
            else:
                bad.append(f"image {_shown(entry)}: its id occurs twice")
        elif name in by_name:
            again[of] = by_name[name]
            found.note("images that are listed under two ids, whose annotations are joined", short(name))
        else:
            position[of] = by_name[name] = len(position)
            found.names.append(name)
            found.sizes.append(_size(entry))
    refuse_entries(file, bad, "correct them")
    if not found.names:
        raise DataError(f"{file}: no images in it; export it again")
    ids = Ids(position)
    for of, first in again.items():
        ids.redirect(of, first)
    return ids


def _size(entry: Mapping[str, Any]) -> tuple[int, int] | None:
    height, width = _number(entry.get("height")), _number(entry.get("width"))
    if height is None or width is None or height < 1 or width < 1:
        return None
    return round(height), round(width)


def _box(entry: Mapping[str, Any]) -> tuple[list[float] | str, bool]:
    """`x y width height`, or what is wrong; and whether it is written as a box."""
    value = entry.get("bbox")
    if isinstance(value, list) and len(value) == 4 and all(map(is_number, value)):
        box = value
    elif not value and entry.get("segmentation"):
        around = box_around(entry["segmentation"])
        if around is None:
            return f"no bbox, and a segmentation {str(entry['segmentation'])[:60]} without a box around it", False
        return list(around), False
    else:
        numbers = _numbers(value)
        if numbers is None:
            return f"bbox {str(value)[:80]}; {_WANTED}", True
        box = numbers
    if box[2] < 0 or box[3] < 0:
        return f"bbox {value!r} has a negative width or height", True
    if not (box[2] and box[3]) and entry.get("segmentation"):
        around = box_around(entry["segmentation"])
        if around is not None and around[2] > 0 and around[3] > 0:
            return list(around), False
    return box, True


def _numbers(value: object) -> list[float] | None:
    """Four numbers that are written as text: each, or together."""
    parts = re.split(r"[\s,;]+", value.strip("[]() \t")) if isinstance(value, str) else value
    if not isinstance(parts, list) or len(parts) != 4:
        return None
    numbers = [number for part in parts if (number := _number(part)) is not None]
    return numbers if len(numbers) == 4 else None


def _number(value: object) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return value if is_number(value) else None


def _flag(value: object) -> bool | None:
    """0 or 1, and how else these are written: not given, as booleans or as text; None: it is neither."""
    if isinstance(value, str):
        return TRUTHS.get(value.strip().casefold())
    if value is None:
        return False
    return bool(value) if isinstance(value, (int, float)) and value in (0, 1) else None


def refuse_entries(file: Path, bad: Sequence[str], mend: str) -> None:
    """Refuse a file with faulty entries.

    Raises:
        DataError: There are some.
    """
    if bad:
        rest = len(bad) - _NAMED
        entries = "1 entry is" if len(bad) == 1 else f"{len(bad)} entries are"
        more = f"; and {rest} more" if rest > 0 else ""
        raise DataError(f"{file}: {entries} wrong: {'; '.join(bad[:_NAMED])}{more}; {mend}")


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number that may be pixels; NaN is not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _TOO_LARGE


def _is_id(value: object) -> bool:
    return isinstance(value, (int, str)) or (isinstance(value, float) and value.is_integer())


def _plain(value: Any) -> Any:
    """A number where it is one, however it is written."""
    if isinstance(value, str):
        return int(float(value)) if re.fullmatch(r"\s*-?\d{1,15}(\.0*)?\s*", value) else value
    return int(value) if isinstance(value, float) else value


def _shown(entry: Mapping[str, Any]) -> str:
    return short(str(entry.get("id")))
