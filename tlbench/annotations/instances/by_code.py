"""Images with boxes, as code of the user's own gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tlbench.annotations.instances.carve import check_objects, counted
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.instances.target import open_listed
from tlbench.data.by_code import NAMED, ROOT, GivenData, GivenImages, as_number, class_numbers_of, given_data
from tlbench.data.carve import carve, carved_out_of, carving_rule, chosen_parts
from tlbench.data.carve_options import carved_fractions
from tlbench.data.decode import Decoding
from tlbench.data.image_sizes import image_sizes
from tlbench.data.listing import Listed, Listing
from tlbench.data.ragged import starts_of
from tlbench.data.samples import MemorySamples
from tlbench.data.splits import random_split, random_subset
from tlbench.data.target import Target
from tlbench.data.thumbnails import thumbnails_of
from tlbench.errors import DataError
from tlbench.system.voice import Voice

_WANTED = "wanted is a mapping of `boxes` (M, 4), x1 y1 x2 y2 in pixels of the image, and `labels` (M,)"


def open_by_code(
    data: InstanceDataConfig, split_seed: int, voice: Voice, how: Decoding | None = None
) -> Target[Instances]:
    """Images in memory, or files, which are read as those of a folder are; splits that are missing are carved.

    Args:
        data: The target's config.
        split_seed: As in `open_target`.
        voice: Likewise.
        how: Likewise.

    Raises:
        ConfigError, DataError: As `given_data`; an annotation is at fault; or as for files in folders.
    """
    given = given_data(data)
    objects = {split: _objects(given, split, part) for split, part in given.parts.items()}
    numbers = class_numbers_of(
        given, [label for part in objects.values() for _, labels in part for label in labels], data.limits.max_classes
    )
    if given.by_path:
        listings, unreadable = {}, dict[str, str]()
        for split, part in given.parts.items():
            names = tuple(path.lstrip("/") for path in part.paths or ())
            found = image_sizes(ROOT, names, data.limits.image)
            unreadable |= {names[i]: reason for i, reason in found.unreadable.items()}
            whole = Listing(ROOT, names, _instances(given, split, objects[split], numbers, found.sizes))
            readable = torch.tensor([i for i in range(len(names)) if i not in found.unreadable], dtype=torch.int64)
            listings[split] = whole.take(readable)
        return open_listed(Listed(listings, named=NAMED, unreadable=unreadable), data, split_seed, voice, how)
    samples = {}
    for split, part in given.parts.items():
        assert part.pixels is not None
        assert part.sizes is not None
        kept = _instances(given, split, objects[split], numbers, part.sizes).resized(data.storage_size)
        names = tuple(f"{split}[{i}]" for i in range(len(part.annotations)))
        small = thumbnails_of(part.pixels, Instances.thumbnail)
        samples[split] = MemorySamples(part.pixels, kept, names, part.digests, small)
    return _in_memory(given, samples, data, split_seed)


def _in_memory(
    given: GivenData, samples: Mapping[str, MemorySamples[Instances]], data: InstanceDataConfig, split_seed: int
) -> Target[Instances]:
    """The splits of images that are no files: as `carve_boxes`, but for frames of videos."""
    if data.split == "blocked":
        raise DataError(f"{given.where}: data.split=blocked: images without names have no frames; use official")
    parts = chosen_parts(samples, data)
    origin = {split: f"{NAMED} {split}" for split in parts}
    if "val" in parts and "test" not in parts:
        parts, origin["test"] = {"train": parts["train"], "test": parts["val"]}, f"{NAMED} val"
    fractions = carved_fractions(data, parts)
    splits = carve(
        parts,
        data,
        split_seed,
        lambda fractions, _, drawn: random_split(drawn, fractions),
        lambda _, drawn: random_subset(drawn, data.fraction),
    )
    check_objects(given.where, splits, fractions)
    whole = f"{NAMED} train" if len(samples) > 1 else "all images"
    origin |= carved_out_of(whole, "at random by image, not stratified", data, split_seed, parts)
    if fractions:
        origin["train"] = f"the rest of {whole}"
    rule = {"split": data.split, **carving_rule(data, fractions, split_seed, origin), **counted(splits)}
    return Target(data.name, splits, rule)


def _objects(given: GivenData, split: str, part: GivenImages) -> list[tuple[Tensor, Sequence[Any]]]:
    """Boxes (M, 4) float32 and labels of each image."""
    found = []
    for i, annotation in enumerate(part.annotations):
        where = f"{given.where}: {split}[{i}]"
        if not isinstance(annotation, Mapping) or not {"boxes", "labels"} <= annotation.keys():
            raise DataError(f"{where}: its annotation is a {type(annotation).__name__}; {_WANTED}")
        try:
            boxes = torch.as_tensor(np.asarray(annotation["boxes"], np.float32)).reshape(-1, 4)
        except (TypeError, ValueError, RuntimeError) as error:
            raise DataError(f"{where}: boxes that are no numbers (M, 4) ({error}); {_WANTED}") from None
        labels = annotation["labels"]
        labels = labels.tolist() if isinstance(labels, Tensor | np.ndarray) else labels
        if not isinstance(labels, Sequence) or isinstance(labels, str):
            raise DataError(f"{where}: labels of type {type(labels).__name__}; {_WANTED}")
        if len(boxes) != len(labels):
            raise DataError(f"{where}: {len(boxes)} boxes and {len(labels)} labels; give one of each for an object")
        if not bool(torch.isfinite(boxes).all()) or bool((boxes[:, 2:] <= boxes[:, :2]).any()):
            wrong = boxes[~(boxes[:, 2:] > boxes[:, :2]).all(dim=1) | ~torch.isfinite(boxes).all(dim=1)][0]
            raise DataError(f"{where}: box {wrong.tolist()}, of which x2 > x1 or y2 > y1 does not hold; {_WANTED}")
        found.append((boxes, labels))
    return found


def _instances(
    given: GivenData,
    split: str,
    objects: Sequence[tuple[Tensor, Sequence[Any]]],
    numbers: Mapping[str, int],
    sizes: Tensor,
) -> Instances:
    labels = [
        as_number(f"{given.where}: {split}[{i}]", label, numbers) for i, (_, own) in enumerate(objects) for label in own
    ]
    boxes = torch.cat([boxes for boxes, _ in objects])
    counts = torch.tensor([len(each) for each, _ in objects])
    owner = torch.repeat_interleave(torch.arange(len(objects)), counts)
    width_height = sizes.flip(1).float()[owner].repeat(1, 2)
    beyond = ((boxes < -1) | (boxes > width_height + 1)).any(dim=1) & (sizes[owner] > 0).all(dim=1)
    if bool(beyond.any()):
        i = int(owner[beyond][0])
        height, width = sizes[i].tolist()
        raise DataError(
            f"{given.where}: {split}[{i}]: box {boxes[beyond][0].tolist()} in an image of {width}×{height} pixels; "
            f"{_WANTED}"
        )
    return Instances(
        boxes=boxes.clamp(min=0).minimum(width_height),
        labels=torch.tensor(labels, dtype=torch.int64),
        starts=starts_of(counts),
        class_names=tuple(numbers),
        sizes=sizes,
        inside=sizes,
    )
