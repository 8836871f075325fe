"""What was read, as the record has it and as one short block of lines; torch is not needed here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from tlbench.errors import short
from tlbench.system.names import as_text, escaped

_CLASSES = 6
"""Up to so many are named in the block, with their counts."""

_REASONS = 4
_MISSING = 3
_NAME = 40  # characters of a class's name
_ORDER = ("train", "val", "test")
_NAMED = 120  # characters of the names of a kind of files that is told of


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _as_text(cls, values: Any) -> Any:
        return as_text(values)


class SplitRead(_Part):
    """A split: its images, where it comes from, and each class's images or, of instances, objects.

    Of maps, the images that contain a class.
    """

    images: int
    origin: str
    classes: dict[str, int]


class LeftOut(_Part):
    """Files that were left out for one reason: how many, and the first names."""

    count: int
    examples: list[str]


class FilesRead(_Part):
    """What became of all files below the root: counts by what they were read as, and by why they were left out."""

    root: str
    read: dict[str, int]
    left_out: dict[str, LeftOut]


class PixelsRead(_Part):
    """Images of one container (`8 bits`, `16 bits`, …): how many, and the lowest and highest value in them.

    `scaled_by` is the range `[low, high]` that became 0 … 255, where it is not the container's.
    """

    images: int
    lowest: float
    highest: float
    scaled_by: tuple[float, float] | None = None


class ImagesRead(_Part):
    """Of the images of all splits, before they are brought to the network's size.

    `smallest`, `median` and `largest` are height and width in pixels; the smallest and the largest by area, the median
    of heights and widths apart. `grey` counts images without colour.
    """

    smallest: tuple[int, int]
    median: tuple[int, int]
    largest: tuple[int, int]
    grey: int
    pixels: dict[str, PixelsRead]


class ObjectsRead(_Part):
    """Of the boxes of all splits: how many, and the median side √(w·h) in pixels of the image and of the network."""

    count: int
    an_image: float
    median_side: float
    median_side_in_network: float
    images_without: int
    images_without_labels: int = 0
    """of these, those that have no label file or no entry, rather than an empty one"""


class MapsRead(_Part):
    """Of the class maps of all splits: how many pixels, the share of each class and of what is ignored (0–1)."""

    pixels: int
    shares: dict[str, float]
    ignored: float
    images_without: int
    """a labelled pixel"""


class WasRead(_Part):
    """What a run read before it trained; `notes` are the lines that reading said, as what was bent to be read."""

    task: str
    data: str
    splits: dict[str, SplitRead]
    files: FilesRead | None = None
    images: ImagesRead | None = None
    objects: ObjectsRead | None = None
    maps: MapsRead | None = None
    notes: list[str] = []

    @property
    def class_names(self) -> list[str]:
        """In the order of the labels."""
        return list(self.splits["train"].classes)


def lines(read: WasRead, *, notes: bool = True) -> list[str]:
    """The block, a line each; before it the notes, unless they have been seen."""
    table = list(_table(read))
    width = max(len(name) for name, _ in table)
    block = [f"{name:{width}}  {text}" for name, text in table]
    return [escaped(line) for line in (*(read.notes if notes else ()), *block)]


def _table(read: WasRead) -> Iterator[tuple[str, str]]:
    total = sum(split.images for split in read.splits.values())
    names = read.class_names
    where = f" of {read.files.root}" if read.files else ""
    yield "read", f"{read.task}: {read.data}, {_count(total, 'image')}{where}, {_classes(names)}"
    for name in sorted(read.splits, key=_ORDER.index):
        split = read.splits[name]
        of = "objects: " if read.objects else "images with: " if read.maps else ""
        yield f"  {name}", f"{_count(split.images, 'image')}, {split.origin}; {of}{_counts(split.classes)}"
    if read.objects:
        yield "  objects", _objects(read.objects, total)
    if read.maps:
        yield "  pixels", _maps(read.maps, total)
    if read.images:
        yield "  images", _images(read.images, total)
    if read.files:
        yield "  files", _files(read.files)


def _classes(names: Sequence[str]) -> str:
    listed = ", ".join(short(name, _NAME) for name in names[:_CLASSES])
    more = ", …" if len(names) > _CLASSES else ""
    return f"{_count(len(names), 'class', 'classes')} ({listed}{more})"


def _counts(classes: Mapping[str, int]) -> str:
    if len(classes) <= _CLASSES:
        return ", ".join(f"{short(name, _NAME)} {count:,}" for name, count in classes.items())
    present = {name: count for name, count in classes.items() if count}
    missing = [name for name in classes if name not in present]
    text = "none"
    if present:
        fewest, most = min(present, key=present.__getitem__), max(present, key=present.__getitem__)
        text = f"{present[most]:,} a class"
        if present[fewest] < present[most]:
            named = f"fewest {short(fewest, _NAME)}, most {short(most, _NAME)}"
            text = f"{present[fewest]:,} to {present[most]:,} a class ({named})"
    if missing:
        named = ", ".join(short(name, _NAME) for name in missing[:_MISSING])
        text += f"; {len(missing):,} without any ({named}{', …' if len(missing) > _MISSING else ''})"
    return text


def _objects(found: ObjectsRead, images: int) -> str:
    parts = [
        f"{found.count:,}, {found.an_image:.1f} an image",
        f"median side {found.median_side:.0f} pixels, {found.median_side_in_network:.0f} in the network",
        f"{_count(found.images_without, 'image')} of {images:,} without any",
    ]
    if found.images_without_labels:
        parts[-1] += f", {found.images_without_labels:,} of them without labels"
    return "; ".join(parts)


def _maps(found: MapsRead, images: int) -> str:
    """The largest shares, and the smallest where there are more."""
    by_share = sorted(found.shares.items(), key=lambda item: -item[1])
    named = [f"{short(name, _NAME)} {_percent(share)}" for name, share in by_share]
    if len(named) > _CLASSES:
        named = [*named[: _CLASSES - 1], "…", named[-1]]
    parts = [f"{found.pixels:,}: {', '.join(named)}", f"{_percent(found.ignored)} ignored"]
    if found.images_without:
        parts.append(f"{found.images_without:,} of {_count(images, 'image')} with nothing else")
    return "; ".join(parts)


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 or not share else "< 0.1%"


def _images(found: ImagesRead, images: int) -> str:
    if found.smallest == found.largest:
        sizes = f"all {_size(found.smallest)}"
    else:
        sizes = f"{_size(found.smallest)} to {_size(found.largest)}, median {_size(found.median)}"
    grey = f"{_share(found.grey, images)} grey" if found.grey else "in colour"
    pixels = [_pixels(kind, of, images) for kind, of in found.pixels.items()]
    return "; ".join([f"{sizes} (height × width)", grey, *pixels])


def _pixels(kind: str, found: PixelsRead, images: int) -> str:
    share = "" if found.images == images else f"{_share(found.images, images)} of "
    scaled = f", scaled from {found.scaled_by[0]:g} … {found.scaled_by[1]:g}" if found.scaled_by else ""
    return f"{share}{kind}, values {found.lowest:g} to {found.highest:g}{scaled}"


def _files(found: FilesRead) -> str:
    kinds = ", ".join(_count(count, kind.removesuffix("s"), kind) for kind, count in found.read.items())
    total = sum(left.count for left in found.left_out.values())
    if not total:
        return f"read {kinds}; none left out"
    reasons = list(found.left_out.items())
    told = [f"{left.count:,} × {reason} ({_examples(left)})" for reason, left in reasons[:_REASONS]]
    if rest := sum(left.count for _, left in reasons[_REASONS:]):
        told.append(f"{rest:,} for {_count(len(reasons) - _REASONS, 'other reason')}")
    return f"read {kinds}; left out {total:,}: {'; '.join(told)}"


def _examples(left: LeftOut) -> str:
    first = short(left.examples[0], _NAMED)
    return first if left.count == 1 else f"{first}, …"


def _share(part: int, whole: int) -> str:
    percent = 100 * part / whole
    return "all" if part == whole else f"{percent:.0f} %" if 1 <= percent <= 99 else f"{part:,} of {whole:,}"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]:,} × {size[1]:,}"


def _count(number: int, one: str, several: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"
