"""CIFAR-10: 60,000 images of 32x32 pixels in 10 classes (Krizhevsky 2009).

Source: "Learning Multiple Layers of Features from Tiny Images", https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from tlbench.annotations.labels.carve import carve_by_label
from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.annotations.labels.labels import Labels
from tlbench.annotations.labels.reading import read_labels
from tlbench.data.decode import Decoding
from tlbench.data.formats.cifar10.copy import BATCHES, ensure_cifar10
from tlbench.data.formats.folders.class_folders import list_classes
from tlbench.data.listing import Listed, check_same_classes
from tlbench.data.pixel_range import decoding_of
from tlbench.data.samples import MemorySamples, Samples
from tlbench.data.target import Target
from tlbench.errors import DataError
from tlbench.system.voice import Voice


def open_cifar10(
    data: LabelDataConfig,
    split_seed: int,
    voice: Voice,
    _how: Decoding | None = None,
) -> Target[Labels]:
    """CIFAR-10 as a target; val is carved out of official train.

    Args:
        data: The target's config; without a copy under `data.root` it is downloaded.
        split_seed: Seed of the split and of the subset.
        voice: Speaks to the user.
        _how: Of no account: no file has more than 8 bits.

    Raises:
        DataError: No copy, a broken copy, or too few images of a class.
    """
    copy = ensure_cifar10(data.root)
    parts: Mapping[str, Samples[Labels]]
    unreadable: dict[str, str] = {}
    if copy.kind == "folder":
        listings = {split: list_classes(copy.path, split, data.limits) for split in ("train", "test")}
        check_same_classes(copy.path, listings)
        read = read_labels(Listed(listings), data, split_seed, voice, decoding_of(data, {}))
        parts, unreadable = read.parts, read.unreadable
    else:
        parts = {"train": _read_batches(copy.path, train=True), "test": _read_batches(copy.path, train=False)}
    splits, rule = carve_by_label(parts, data, split_seed)
    return Target("cifar10", splits, rule, unreadable)


def _read_batches(root: Path, *, train: bool) -> MemorySamples[Labels]:
    """The official pickles; torchvision compares their hashes before it opens them."""
    from torchvision.datasets import CIFAR10

    try:
        official = CIFAR10(root, train=train, download=False)
    except RuntimeError:
        raise DataError(
            f"{root / BATCHES}: its files are not the official ones (hashes differ); remove it and unpack "
            "cifar-10-python.tar.gz again"
        ) from None
    images = torch.from_numpy(official.data).permute(0, 3, 1, 2).contiguous()
    return MemorySamples(images, Labels(torch.tensor(official.targets), tuple(official.classes)))
