"""Images with masks, as code of the user's own gives them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tlbench.annotations.maps.carve import carve_maps
from tlbench.annotations.maps.class_maps import ClassMaps
from tlbench.annotations.maps.config import MapDataConfig
from tlbench.annotations.maps.target import open_listed
from tlbench.config import ImageLimit
from tlbench.data.by_code import NAMED, ROOT, GivenData, GivenImages, given_data
from tlbench.data.decode import Decoding
from tlbench.data.formats.masks.faults import Told
from tlbench.data.formats.masks.meanings import meanings_of
from tlbench.data.formats.masks.names import Names
from tlbench.data.formats.masks.palettes import colour_of
from tlbench.data.formats.masks.reading import of_another_size
from tlbench.data.formats.masks.stored import StoredMask, of_image, of_numbers, read_mask
from tlbench.data.image_opening import reason_of
from tlbench.data.image_sizes import image_sizes
from tlbench.data.label_names import warn_of_lookalikes
from tlbench.data.listing import Listed, Listing
from tlbench.data.samples import MemorySamples
from tlbench.data.target import Target
from tlbench.data.thumbnails import thumbnails_of
from tlbench.data.unreadable import check_unreadable
from tlbench.errors import DataError
from tlbench.system.voice import Voice

_WANTED = "wanted is a class's number for each pixel (H, W): whole numbers, a PIL image of them, or the path of a PNG"
_HIGHEST = 65535


def open_by_code(data: MapDataConfig, split_seed: int, voice: Voice, how: Decoding | None = None) -> Target[ClassMaps]:
    """Images in memory, or files, which are read as those of a folder are; splits that are missing are carved.

    What the numbers in masks mean is decided as for a folder of masks, of all parts together; `classes` names them.

    Args:
        data: The target's config.
        split_seed: As in `open_target`.
        voice: Likewise.
        how: Likewise.

    Raises:
        ConfigError, DataError: As `given_data`; a mask is at fault, or of another size than its image; or as for files
            in folders.
    """
    limit = data.limits.image
    given = given_data(data, lambda where, mask: _stored(where, mask, limit))
    names, there, unreadable = {}, {}, dict[str, str]()
    for split, part in given.parts.items():
        names[split] = _names(split, part)
        reasons = _unreadable(f"{given.where}: {split}", part, limit)
        unreadable |= {names[split][i]: reason for i, reason in reasons.items()}
        there[split] = [i for i in range(len(part.annotations)) if i not in reasons]
    check_unreadable(ROOT, unreadable, data.max_unreadable)
    if not any(there.values()):
        name, reason = next(iter(unreadable.items()))
        raise DataError(f"{ROOT / name}: {reason}; none of {len(unreadable)} images can be read")
    maps = dict(_maps(given, there, data, voice))
    if given.by_path:
        listings = {
            split: Listing(ROOT, tuple(names[split][i] for i in index), maps[split]) for split, index in there.items()
        }
        return open_listed(Listed(listings, named=NAMED, unreadable=unreadable), data, split_seed, voice, how)
    samples = {}
    for split, part in given.parts.items():
        assert part.pixels is not None
        native = data.fit == "native"
        kept = maps[split] if native else maps[split].resized(data.storage_size)
        small = thumbnails_of(part.pixels, ClassMaps.thumbnail, kept.own_sizes if native else None)
        samples[split] = MemorySamples(part.pixels, kept, names[split], part.digests, small)
    splits, rule = carve_maps(given.where, samples, data, split_seed, NAMED)
    return Target(data.name, splits, rule)


def _names(split: str, part: GivenImages) -> tuple[str, ...]:
    if part.paths is None:
        return tuple(f"{split}[{i}]" for i in range(len(part.annotations)))
    return tuple(path.lstrip("/") for path in part.paths)


def _unreadable(where: str, part: GivenImages, limit: ImageLimit) -> Mapping[int, str]:
    """Position → why an image cannot be read.

    Raises:
        DataError: The mask of another is not of its image's size.
    """
    if part.paths is None:
        assert part.sizes is not None
        sizes, turned, unreadable = part.sizes.tolist(), [False] * len(part.sizes), dict[int, str]()
    else:
        found = image_sizes(ROOT, [path.lstrip("/") for path in part.paths], limit)
        sizes, turned, unreadable = found.sizes.tolist(), found.turned.tolist(), dict(found.unreadable)
    for i, mask in enumerate(part.annotations):
        height, width = sizes[i]
        if i not in unreadable and mask.size != (height, width):
            remedy = "; give the mask in the size of its image"
            differing = of_another_size(mask.size, (height, width), turned[i], "its image", remedy)
            raise DataError(f"{where}[{i}]: a mask of {differing}")
    return unreadable


def _maps(
    given: GivenData, there: Mapping[str, Sequence[int]], data: MapDataConfig, voice: Voice
) -> Iterator[tuple[str, ClassMaps]]:
    """Each part with the class maps of the images that can be read."""
    places = [f"{split}[{i}]" for split, index in there.items() for i in index]
    stored = [given.parts[split].annotations[i] for split, index in there.items() for i in index]
    told = Told(given.where, ": ", "`classes`", "in `classes` of what the code gives, the name of 0 first")
    named = None if given.classes is None else Names(ROOT, dict(enumerate(given.classes)))
    meanings, masks = meanings_of(told, places, stored, named, frozenset(), data, voice)
    warn_of_lookalikes(given.where, meanings.class_names, voice)
    rest = iter(masks)
    for split, index in there.items():
        own = (mask.pixels(meanings.of(mask)) for _, mask in zip(index, rest, strict=False))
        yield split, ClassMaps.of(own, meanings.class_names)


def _stored(where: str, mask: Any, limit: ImageLimit) -> StoredMask:
    """A mask as the code gives it, packed.

    Raises:
        DataError: It cannot be one.
    """
    if isinstance(mask, Tensor | np.ndarray):
        return of_numbers(_numbers(where, mask))
    if not isinstance(mask, str | os.PathLike | Image.Image):
        raise DataError(f"{where}: a mask of type {type(mask).__name__}; {_WANTED}")
    try:
        if isinstance(mask, Image.Image) and mask.mode == "I":
            mask.load()
            return of_numbers(_numbers(where, np.asarray(mask)))
        if isinstance(mask, Image.Image):
            what, found = f"a mask of PIL's mode {mask.mode}", of_image(mask)
        else:
            what, found = f"the mask {os.fspath(mask)}", read_mask(os.path.expanduser(mask), limit)  # noqa: PTH111
    except DataError:
        raise
    except Exception as error:  # Pillow's readers raise nearly anything on a broken file
        of = "" if isinstance(mask, Image.Image) else f" {os.fspath(mask)}"
        raise DataError(f"{where}: a mask{of} that cannot be read: {reason_of(error)}; {_WANTED}") from None
    if found.coloured or found.packed is None:
        such = f"colours, such as {colour_of(int(found.values[0]))}" if found.coloured else "values"
        raise DataError(
            f"{where}: {what} holds {len(found.values)} {such}; {_WANTED}; put the class's number for each colour, or "
            "use data=masks, which knows palettes"
        )
    return found


def _numbers(where: str, mask: Tensor | NDArray[Any]) -> NDArray[np.integer[Any]]:
    """(H, W) from 0 to 65535.

    Raises:
        DataError: There are others, or another shape.
    """
    kind, shape = str(mask.dtype).removeprefix("torch."), tuple(mask.shape)
    if isinstance(mask, Tensor):
        if mask.layout != torch.strided or mask.is_meta:
            such = "meta" if mask.is_meta else str(mask.layout).removeprefix("torch.")
            raise DataError(f"{where}: a mask that is a {such} tensor; {_WANTED}; give a dense one with values")
        mask = (mask.double() if mask.is_floating_point() else mask).detach().cpu().numpy()
    if mask.dtype.kind not in "biu":
        such = f", such as {mask.flat[0]}" if mask.size else ""
        raise DataError(
            f"{where}: a mask of {kind}{such}; {_WANTED}; give it before it is scaled, or as whole numbers by "
            "mask.astype(np.uint8)"
        )
    if mask.ndim == 3 and 1 in (mask.shape[0], mask.shape[2]):
        mask = mask[0] if mask.shape[0] == 1 else mask[:, :, 0]
    if mask.ndim != 2:
        raise DataError(
            f"{where}: a mask of shape {shape}; {_WANTED}; of colours put the class's number, of one plane a class "
            "mask.argmax(0)"
        )
    low, high = (int(mask.min()), int(mask.max())) if mask.size else (0, 0)
    if low < 0 or high > _HIGHEST:
        value = low if low < 0 else high
        raise DataError(
            f"{where}: value {value} in {int((mask == value).sum())} pixels of a mask; wanted are numbers from 0 to "
            f"{_HIGHEST}; give pixels of no class the number that data.ignore_index says"
        )
    return mask
