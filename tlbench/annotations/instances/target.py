"""Images with instances, opened by their names in the config."""

from __future__ import annotations

from collections.abc import Mapping

from tlbench.annotations.instances.carve import carve_boxes, check_any_object, check_objects, counted
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.instances.reach import own_root
from tlbench.config import DataConfig
from tlbench.data.decode import Decoding
from tlbench.data.formats.coco.reading import read_coco
from tlbench.data.formats.other_formats import instead_of_yolo
from tlbench.data.formats.signature.parts import read_signature
from tlbench.data.formats.yolo.files import read_yolo
from tlbench.data.listing import Listed, Listing
from tlbench.data.reading import all_of, read_files, target_of
from tlbench.data.samples import Samples
from tlbench.data.target import Target
from tlbench.errors import DataError
from tlbench.system.voice import PRINTING, SILENT, Voice


def open_boxes(
    data: InstanceDataConfig,
    split_seed: int,
    voice: Voice = PRINTING,
    how: Decoding | None = None,
    *,
    shapes: bool = False,
) -> Target[Instances]:
    """Find images with boxes, decide which are train, val and test, and decode them or only look at them.

    Args:
        data: The target's config; `fraction` applies to training images only.
        split_seed: Seed of the splits and of the subset.
        voice: Speaks to the user.
        how: As a run decodes its files; None: as the config says, and the ranges of pixel values are found.
        shapes: Whether polygons, runs and key points are kept beside the boxes.

    Raises:
        DataError: No copy, a broken copy, labels at fault, unreadable files, or pixel values whose range cannot be
            found.
    """
    return open_listed(list_boxes(data, voice, shapes=shapes), data, split_seed, voice, how)


def open_listed(
    listed: Listed[Instances], data: InstanceDataConfig, split_seed: int, voice: Voice, how: Decoding | None
) -> Target[Instances]:
    """The same, of files that are listed already.

    Raises:
        DataError: As `open_boxes`, but for the labels.
    """
    listings, rule = carve_boxes(listed, data, split_seed, voice)

    def training(_readable: Mapping[str, Listing[Instances]]) -> Listing[Instances]:
        if data.fraction == 1:
            return listings["train"]
        return carve_boxes(listed, data.untrimmed(), split_seed, SILENT)[0]["train"]

    read = read_files(listings, data, voice, how or training, unreadable=listed.unreadable)
    carved = [split for split in ("val", "test") if rule[f"{split}_fraction"] is not None]
    check_objects(listed.root, read.parts, carved)  # again: some images may be unreadable
    return target_of(listed, read, read.parts, rule | counted(read.parts), data, voice, how)


def open_all_boxes(
    data: InstanceDataConfig, how: Decoding, voice: Voice, *, shapes: bool = False
) -> tuple[Samples[Instances], ...]:
    """Every image, nothing carved out, as `all_of`; a part may be without objects. `shapes` as in `open_boxes`.

    Raises:
        DataError: Also if there is no object in any of them.
    """
    listed = list_boxes(data, voice, shapes=shapes)
    check_any_object(listed, data)
    parts = {part: listing for part, listing in listed.parts.items() if len(listing)}
    read = read_files(parts, data, voice, how, unreadable=listed.unreadable)
    return all_of(listed, read, read.facts_of(read.parts), data, how, voice)


def list_boxes(data: DataConfig, voice: Voice, *, shapes: bool = False) -> Listed[Instances]:
    """The files and annotations of a data set on disk; nothing is decoded. `shapes` as in `open_boxes`.

    Raises:
        DataError: No copy, a broken copy, or labels at fault; files that are not even images.
    """
    if data.name == "coco":
        return read_coco(own_root(data), data, voice, shapes=shapes)
    if data.name == "signature":
        return read_signature(data, voice, shapes=shapes)
    root = own_root(data)
    try:
        return read_yolo(root, data, voice, shapes=shapes)
    except DataError:
        if kind := instead_of_yolo(root, data.limits):
            raise DataError(f"{root}: not a YOLO folder but {kind}") from None
        raise
