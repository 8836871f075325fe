"""A folder of images with masks: which belong together, and what the masks mean."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

from tlbench.annotations.maps.class_maps import ClassMaps, Map
from tlbench.annotations.maps.config import MapDataConfig
from tlbench.config import LimitsConfig
from tlbench.config.size import Size
from tlbench.data.audit_texts import number
from tlbench.data.file_tree import FileTree, read_tree
from tlbench.data.formats.masks.faults import Told
from tlbench.data.formats.masks.meanings import Meanings, meanings_of
from tlbench.data.formats.masks.names import Names, find_names
from tlbench.data.formats.masks.pairs import LAYOUTS, Pairs, find_pairs
from tlbench.data.formats.masks.stored import StoredMask, read_stored
from tlbench.data.formats.other_formats import what_it_is
from tlbench.data.image_sizes import ImageSizes, image_sizes
from tlbench.data.inventory import Inventory, take_inventory
from tlbench.data.label_names import some, warn_of_lookalikes
from tlbench.data.listing import Listed, Listing, divided, warn_of_unread
from tlbench.data.unreadable import check_unreadable
from tlbench.errors import DataError
from tlbench.system.voice import Voice


def read_masks(root: Path, data: MapDataConfig, voice: Voice, names: Sequence[str] | None = None) -> Listed[ClassMaps]:
    """Read the masks and the images' sizes of each split that a folder has.

    Args:
        root: The folder.
        data: The target's config.
        voice: Speaks to the user.
        names: What the numbers of masks are called, from 0 on, where the folder does not say it.

    Raises:
        DataError: Images and masks do not match, values are of no class or cannot be understood; more than
            `data.max_unreadable` files cannot be read, or are of another size than their images.
    """
    tree = read_tree(root, f"a folder with {LAYOUTS}")
    try:
        pairs = find_pairs(root, tree, data.limits, voice)
    except DataError as error:
        if kind := what_it_is(root, tree.all_files(), data.limits):
            raise DataError(f"{error}; it looks like {kind}") from None
        raise
    images = [image for part in pairs.parts.values() for image, _ in part]
    masks = [mask for part in pairs.parts.values() for _, mask in part]
    sizes = image_sizes(root, images, data.limits.image)
    stored, faults = _stored(root, images, masks, sizes, data.limits, voice)
    check_unreadable(root, faults, data.max_unreadable)
    if not stored:
        first = next(iter(faults))
        raise DataError(f"{root / first}: {faults[first]}; none of {len(images)} images with masks can be read")
    there = sorted(stored)
    named = find_names(_folders(root, [*images, *masks]), data.limits)
    if named is None and names is not None:
        named = Names(root, dict(enumerate(names)))
    meanings, read = meanings_of(
        Told(str(root)), [masks[i] for i in there], [stored.pop(i) for i in there], named, pairs.forms, data, voice
    )
    warn_of_lookalikes(str(root), meanings.class_names, voice)
    whole = Listing(root, tuple(images[i] for i in there), ClassMaps.of(_maps(read, meanings), meanings.class_names))
    parts = _parts(pairs, set(there))
    _warn_of_unlabelled(root, whole, [masks[i] for i in there], voice)
    inventory = _inventory(root, tree, pairs, [(images[i], masks[i]) for i in there], faults, named, voice)
    return Listed(divided(whole, parts), inventory, unreadable=faults)


def _stored(
    root: Path, images: Sequence[str], masks: Sequence[str], sizes: ImageSizes, limits: LimitsConfig, voice: Voice
) -> tuple[dict[int, StoredMask], dict[str, str]]:
    """Position → its mask, of those that can be used; name of each image or mask that cannot → why."""
    stored: dict[int, StoredMask] = {}
    faults = {images[i]: reason for i, reason in sizes.unreadable.items()}
    turned = []
    for i, found in enumerate(read_stored(root, masks, limits.image)):
        if isinstance(found, str):
            faults[masks[i]] = found
        elif found.packed is None:
            faults[masks[i]] = f"{len(found.values)} colours, as of a photo"
        elif i not in sizes.unreadable:
            height, width = sizes.sizes[i].tolist()
            if found.size == (height, width):
                stored[i] = found
                turned += [images[i]] * (int(sizes.orientations[i]) != 1 and (height == width or not sizes.turned[i]))
            else:
                own, turned_over = f"its image {images[i]}", bool(sizes.turned[i])
                faults[masks[i]] = of_another_size(found.size, (height, width), turned_over, own)
    if turned:
        which = number(len(turned), "image is", "images are")
        voice.warn(
            f"{root}: {which} turned by EXIF to the same size ({some(turned, 2)}), and nothing tells whether the masks "
            "are turned as well; save such images upright"
        )
    return stored, faults


def of_another_size(mask: Size, image: Size, turned: bool, name: str, remedy: str = "") -> str:
    """What is told of a mask of another size than its image.

    Args:
        mask: Its size.
        image: The image's.
        turned: Whether EXIF turns the image to its side.
        name: What the message calls the image.
        remedy: How it ends where it does not know better.
    """
    what = f"{mask[0]} × {mask[1]} pixels, but {name} has {image[0]} × {image[1]}"
    if turned and mask == image[::-1]:
        return f"{what} once it is turned as its EXIF says; save the image upright, or turn the mask as well"
    return f"{what} (height × width){remedy}"


def _folders(root: Path, names: Sequence[str]) -> list[Path]:
    """The folders above images and masks, from the root on: where class names may lie."""
    above: dict[str, None] = {"": None}
    for folder in dict.fromkeys(os.path.dirname(name) for name in names):  # noqa: PTH120 - Paths are slow
        parts = folder.split("/")
        above |= dict.fromkeys("/".join(parts[:i]) for i in range(1, len(parts) + 1))
    return [root / folder for folder in sorted(above, key=lambda folder: (folder.count("/") + bool(folder), folder))]


def _maps(masks: list[StoredMask], meanings: Meanings) -> Iterator[Map]:
    """One after another, each of which is let go of."""
    masks.reverse()
    while masks:
        mask = masks.pop()
        yield mask.pixels(meanings.of(mask))


def _parts(pairs: Pairs, there: set[int]) -> dict[str, list[str]]:
    """Split → the images of which the masks can be used."""
    parts: dict[str, list[str]] = {}
    start = 0
    for split, part in pairs.parts.items():
        parts[split] = [image for i, (image, _) in enumerate(part, start) if i in there]
        start += len(part)
    return parts


def _warn_of_unlabelled(root: Path, whole: Listing[ClassMaps], masks: Sequence[str], voice: Voice) -> None:
    empty = torch.nonzero(whole.annotations.counts.sum(1) == 0).flatten().tolist()
    if empty:
        named = some([masks[i] for i in empty], 2)
        voice.warn(f"{root}: {len(empty)} of {len(whole)} masks hold no class at all, as all is ignored ({named})")


def _inventory(
    root: Path,
    tree: FileTree,
    pairs: Pairs,
    read: Sequence[tuple[str, str]],
    faults: Mapping[str, str],
    named: Names | None,
    voice: Voice,
) -> Inventory:
    """What became of each file."""
    reasons = {**tree.reasons(), **pairs.left_out}
    warn_of_unread(root, tree.reasons(), tree.top.names(), voice)
    taken = {name for pair in read for name in pair}
    for part in pairs.parts.values():
        for image, mask in part:
            if image not in taken:
                reasons[image] = faults.get(image, "image of a mask that cannot be used")
                reasons[mask] = faults.get(mask, "mask of an image that cannot be read")
    files = tree.all_files()
    names = [named.file.relative_to(root).as_posix()] if named is not None and named.file != root else []
    kinds = {
        "images": [image for image, _ in read],
        "masks": [mask for _, mask in read],
        "split lists": pairs.lists,
        "class names": names,
    }
    return take_inventory(root, files, kinds, reasons)
