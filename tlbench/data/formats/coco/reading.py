"""A COCO data set: the objects of many images in one JSON file a split (https://cocodataset.org/#format-data)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags

from tlbench.annotations.instances.assemble import Mended, assemble
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.instances.shapes import Shapes, joined_shapes
from tlbench.config import DataConfig, ImageLimit
from tlbench.data.formats.coco.classes import classes_of
from tlbench.data.formats.coco.entries import Entries, Ids, read_entries
from tlbench.data.formats.coco.files import CocoFiles, find_coco
from tlbench.data.formats.coco.frames import Written, read_boxes
from tlbench.data.formats.coco.inside import check_inside
from tlbench.data.formats.coco.paths import Tree, resolve
from tlbench.data.formats.coco.sizes import to_stored
from tlbench.data.formats.coco.stored_shapes import stored_shapes
from tlbench.data.formats.yolo.folder import check_apart, relative_names
from tlbench.data.image_kind import kind_of_file
from tlbench.data.image_opening import open_image
from tlbench.data.image_sizes import ImageSizes, image_sizes
from tlbench.data.inventory import Inventory, take_inventory
from tlbench.data.listing import Listed, Listing, divided
from tlbench.data.unreadable import check_unreadable
from tlbench.system.folders import lies_hidden
from tlbench.system.regular_file import open_regular
from tlbench.system.voice import Voice

DUPLICATES = "duplicate annotations left out"


def read_coco(root: Path, data: DataConfig, voice: Voice, *, shapes: bool = False) -> Listed[Instances]:
    """Read annotations and image sizes of each split that the user's data have, at `root`.

    Args:
        root: The folder, or the JSON file.
        data: The target's config.
        voice: Speaks to the user.
        shapes: Whether segmentations and key points are kept beside the boxes.

    Raises:
        DataError: The files cannot be used; more than `data.max_unreadable` images cannot be read.
    """
    files = find_coco(root, data.limits, voice)
    classes = classes_of({files.path(split): files.contents[split] for split in files.parts}, data.limits, voice)
    tree = Tree(files.root, files.below)
    entries: dict[str, Entries] = {}
    paths: dict[str, list[str]] = {}
    for split, part in files.parts.items():
        file = files.path(split)
        entries[split] = read_entries(file, files.contents.pop(split), Ids(classes.numbers[file]), shapes=shapes)
        _tell(file, entries[split], voice)
        only = split if len(files.parts) > 1 else None
        found = resolve(file, entries[split].names, part.bases, only, tree)
        if found.said:
            voice.say(f"{file}: {found.said}")
        paths[split] = found.paths
    check_apart(files.root, paths, voice)
    root, parts = relative_names(files.root, paths)
    names = [name for part in parts.values() for name in part]
    sizes = image_sizes(root, names, data.limits.image)
    unreadable = {names[i]: _true_reason(root / names[i], reason) for i, reason in sizes.unreadable.items()}
    check_unreadable(root, unreadable, data.max_unreadable)
    mended = Mended()
    read = {split: entries[split] for split in parts}
    whole = _assembled(files, root, read, names, sizes, classes.names, mended, data.limits.image, voice)
    mended.tell(voice)
    readable = torch.tensor([i not in sizes.unreadable for i in range(len(names))], dtype=torch.bool)
    _tell_background(whole.annotations, readable, voice)
    return Listed(
        divided(whole, parts, sizes.unreadable),
        _inventory(files, root, names, unreadable),
        unreadable=unreadable,
        unlabelled=_unlabelled({split: (parts[split], entries[split]) for split in parts}),
    )


def _tell(file: Path, entries: Entries, voice: Voice) -> None:
    """Say what was bent in the entries of a file."""
    if entries.bent:
        voice.say(
            f"{file}: {entries.bent} ids of annotations are numbers as text, or text as numbers: taken for the same"
        )
    if around := len(entries.written) - sum(entries.written):
        voice.say(f"{file}: {around} objects without a bbox: the box around their segmentation is taken")
    if unsized := sum(size is None for size in entries.sizes):
        voice.say(
            f"{file}: {unsized} of {len(entries.sizes)} images without width and height: those of the image files count"
        )
    for kind, places in entries.notes.items():
        voice.warn(f"{file}: {len(places)} {kind} ({', '.join(places[:3])}{', …' if len(places) > 3 else ''})")


def _assembled(
    files: CocoFiles,
    root: Path,
    entries: Mapping[str, Entries],
    names: Sequence[str],
    sizes: ImageSizes,
    class_names: Sequence[str],
    mended: Mended,
    limit: ImageLimit,
    voice: Voice,
) -> Listing[Instances]:
    """One listing of the images of all splits, with boxes in pixels of the files."""
    written, starts = [], [0]
    for split, found in entries.items():
        start, stop = starts[-1], starts[-1] + len(found.names)
        written.append(
            Written(
                str(files.path(split)),
                np.array(found.boxes, dtype=np.float64).reshape(-1, 4),
                np.array(found.written, dtype=bool),
                np.array(found.areas, dtype=np.float64),
                np.array(found.images, dtype=np.int64),
                np.array([size or (0, 0) for size in found.sizes], dtype=np.float64).reshape(-1, 2),
                sizes.sizes[start:stop].double().numpy(),
                sizes.turned[start:stop].numpy(),
            )
        )
        starts.append(stop)
    boxes, places = [], []
    shapes: list[tuple[int, Shapes | None]] = []
    for (split, found), part, (read, reading), start in zip(
        entries.items(), written, read_boxes(written, voice), starts, strict=False
    ):
        orientation = partial(_orientation, root, names[start : start + len(found.names)], limit)
        stored = to_stored(part, read, reading.fractions, orientation, voice)
        check_inside(part, stored.boxes, voice)
        boxes.append(stored.boxes)
        shown = os.path.relpath(files.path(split), root)
        places += [f"{shown}: annotation {of}" for of in found.shown]
        for image, of in found.duplicates:
            mended.add(DUPLICATES, names[start + image], f"{shown}: annotation {of}")
        for kind, positions in stored.seen.items():
            for image in positions:
                mended.add(kind, names[start + image], names[start + image])
        if found.shapes is None:
            shapes.append((len(read), None))
            continue
        own, left_out = stored_shapes(found.shapes, part, reading, stored)
        for i, kind in [*found.shapes.left_out, *left_out]:
            mended.add(kind, names[start + found.images[i]], f"{shown}: annotation {found.shown[i]}")
        shapes.append((len(read), own))
    images = [part.images + start for part, start in zip(written, starts, strict=False)]
    return assemble(
        root,
        names,
        sizes.sizes,
        torch.from_numpy(np.concatenate(boxes)),
        torch.tensor([of for found in entries.values() for of in found.classes], dtype=torch.int64),
        torch.from_numpy(np.concatenate(images)),
        class_names,
        places.__getitem__,
        mended,
        torch.tensor([is_crowd for found in entries.values() for is_crowd in found.crowd], dtype=torch.bool),
        joined_shapes(shapes),
    )


def _tell_background(whole: Instances, readable: torch.Tensor, voice: Voice) -> None:
    empty = (whole.starts.diff() == 0) & readable
    if background := int(empty.sum()):
        crowds = 0 if whole.crowds is None else int((empty & (whole.crowds.starts.diff() > 0)).sum())
        alone = f", {crowds} of them with crowds alone" if crowds else ""
        voice.say(f"{background} of {len(whole)} images have no objects: background{alone}")
    if whole.crowds is not None:
        voice.say(
            f"{len(whole.crowds)} crowds (iscrowd) are no objects: nothing is learned from them, and what is detected "
            "in them counts neither way, as in COCO"
        )


def _unlabelled(parts: Mapping[str, tuple[Sequence[str], Entries]]) -> frozenset[str]:
    """Names of the images that no annotation belongs to."""
    return frozenset(
        name
        for names, entries in parts.values()
        for position, name in enumerate(names)
        if position not in entries.labelled
    )


def _orientation(root: Path, names: Sequence[str], limit: ImageLimit, position: int) -> int:
    """EXIF's, of the image at a position."""
    with open_regular(root / names[position]) as file, open_image(file, limit) as image:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    return found if isinstance(found, int) else 1


def _true_reason(path: Path, reason: str) -> str:
    if path.is_symlink() and not os.path.exists(path):  # noqa: PTH110 - Path.exists raises for loops
        return f"a link to {path.readlink()}, which is not there"
    return reason


def _inventory(files: CocoFiles, root: Path, names: Sequence[str], unreadable: Mapping[str, str]) -> Inventory:
    """What became of each file below the folder that was given; images elsewhere are named by their whole paths."""
    base = os.path.abspath(files.given)  # noqa: PTH100

    def named(path: Path | str) -> str:
        path = os.path.abspath(os.path.join(root, path))  # noqa: PTH100, PTH118
        return path[len(base.rstrip("/")) + 1 :] if path.startswith(f"{base.rstrip('/')}/") else path

    read = {
        "images": [named(name) for name in names if name not in unreadable],
        "annotation files": [named(os.path.abspath(files.path(split))) for split in files.parts],  # noqa: PTH100
    }
    reasons = {named(name): reason for name, reason in unreadable.items()}
    reasons |= {named(os.path.abspath(files.root / file)): reason for file, reason in files.reasons.items()}  # noqa: PTH100
    taken = reasons.keys() | {name for found in read.values() for name in found}
    for name in files.all:
        if name not in taken and not lies_hidden(name):
            kind = kind_of_file(f"{base}/{name}")
            reasons[name] = "image that the annotations do not list" if kind.read else kind.reason
    return take_inventory(files.given, files.all, read, reasons)
