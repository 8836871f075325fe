"""Images with class maps, opened by their names in the config."""

from __future__ import annotations

from collections.abc import Mapping

from tlbench.annotations.maps.carve import carve_maps, check_any_labelled, check_labelled, counted
from tlbench.annotations.maps.class_maps import ClassMaps
from tlbench.annotations.maps.config import MapDataConfig
from tlbench.annotations.maps.polygons import list_polygons
from tlbench.annotations.maps.reach import own_root
from tlbench.data.decode import Decoding
from tlbench.data.formats.camvid.parts import read_camvid
from tlbench.data.formats.masks.reading import read_masks
from tlbench.data.listing import Listed, Listing
from tlbench.data.reading import all_of, read_files, target_of
from tlbench.data.samples import Samples
from tlbench.data.target import Target
from tlbench.system.voice import PRINTING, Voice


def open_maps(
    data: MapDataConfig, split_seed: int, voice: Voice = PRINTING, how: Decoding | None = None
) -> Target[ClassMaps]:
    """Find images with class maps, decide which are train, val and test, and decode them or only look at them.

    Args:
        data: The target's config; `fraction` applies to training images only.
        split_seed: Seed of the splits and of the subset.
        voice: Speaks to the user.
        how: As a run decodes its files; None: as the config says, and the ranges of pixel values are found.

    Raises:
        DataError: No copy, a broken copy, masks at fault, unreadable files, or pixel values whose range cannot be
            found.
    """
    return open_listed(list_maps(data, voice), data, split_seed, voice, how)


def open_listed(
    listed: Listed[ClassMaps], data: MapDataConfig, split_seed: int, voice: Voice, how: Decoding | None
) -> Target[ClassMaps]:
    """The same, of files that are listed already.

    Raises:
        DataError: As `open_maps`, but for the masks.
    """
    given = (listed.root, listed.parts)
    listings, rule = carve_maps(*given, data, split_seed, listed.named)

    def training(_readable: Mapping[str, Listing[ClassMaps]]) -> Listing[ClassMaps]:
        if data.fraction == 1:
            return listings["train"]
        return carve_maps(*given, data.untrimmed(), split_seed, listed.named)[0]["train"]

    read = read_files(listings, data, voice, how or training, unreadable=listed.unreadable)
    carved = [split for split in ("val", "test") if rule[f"{split}_fraction"] is not None]
    check_labelled(listed.root, read.parts, carved)  # again: some images may be unreadable
    return target_of(listed, read, read.parts, rule | counted(read.parts), data, voice, how)


def open_all_maps(data: MapDataConfig, how: Decoding, voice: Voice) -> tuple[Samples[ClassMaps], ...]:
    """Every image, nothing carved out, as `all_of`; a part may be without labelled pixels.

    Raises:
        DataError: Also if there is no labelled pixel in any of them.
    """
    listed = list_maps(data, voice)
    check_any_labelled(listed, data)
    parts = {part: listing for part, listing in listed.parts.items() if len(listing)}
    read = read_files(parts, data, voice, how, unreadable=listed.unreadable)
    return all_of(listed, read, read.facts_of(read.parts), data, how, voice)


def list_maps(data: MapDataConfig, voice: Voice) -> Listed[ClassMaps]:
    """The files and class maps of a data set on disk; no image is decoded.

    Raises:
        DataError: No copy, a broken copy, or masks at fault.
    """
    if data.name == "camvid":
        return read_camvid(data, voice)
    if data.name in ("coco", "yolo"):
        return list_polygons(data, voice)
    return read_masks(own_root(data), data, voice)
