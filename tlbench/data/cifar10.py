"""CIFAR-10: 60,000 images of 32x32 pixels in 10 classes (Krizhevsky 2009).

Source: "Learning Multiple Layers of Features from Tiny Images", https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tlbench.config import DataConfig
from tlbench.data.cifar10_copy import BATCHES, ensure_copy
from tlbench.data.folder import FolderSet, list_folder
from tlbench.data.images import ImageSet
from tlbench.data.splits import stratified_split, stratified_subset
from tlbench.errors import DataError

TEST_IMAGES = 10_000


class Cifar10:
    """CIFAR-10 as a target; val is carved out of official train.

    Args:
        data: The target's config; without a copy under `data.root` it is downloaded.
        split_seed: Seed of the split and of the subset.

    Raises:
        DataError: No copy, a broken copy, or too few images of a class.
    """

    name = "cifar10"

    def __init__(self, data: DataConfig, split_seed: int) -> None:
        copy = ensure_copy(data.root)
        self._root = copy.path
        self._official_train: ImageSet | FolderSet
        self._official_test: FolderSet | None
        if copy.kind == "folder":
            self._official_train, self._official_test = _list_splits(copy.path)
        else:
            self._official_train, self._official_test = _read_batches(copy.path, train=True), None
        labels, self.class_names = self._official_train.labels, self._official_train.class_names
        index = stratified_split(labels, {"val": data.val_fraction}, split_seed, self.class_names)
        subset = stratified_subset(
            labels[index["train"]],
            fraction=data.fraction,
            shots=data.shots,
            seed=split_seed,
            class_names=self.class_names,
        )
        self._index = {"train": index["train"][subset], "val": index["val"]}
        test_images = TEST_IMAGES if self._official_test is None else len(self._official_test)
        self.split_rule: dict[str, Any] = {
            "train": "the rest of official train",
            "val": "carved out of official train, stratified",
            "test": "official",
            "val_fraction": data.val_fraction,
            "test_fraction": None,
            "fraction": data.fraction,
            "shots": data.shots,
            "split_seed": split_seed,
            "counts": {**{split: len(i) for split, i in self._index.items()}, "test": test_images},
        }

    def train(self) -> ImageSet:
        """Training images, after `data.fraction` or `data.shots`."""
        return self._official_train.take(self._index["train"])

    def val(self) -> ImageSet:
        """Validation images."""
        return self._official_train.take(self._index["val"])

    def test(self) -> ImageSet:
        """The official test images."""
        if self._official_test is None:
            return _read_batches(self._root, train=False)
        return self._official_test.take(torch.arange(len(self._official_test)))


def _list_splits(path: Path) -> tuple[FolderSet, FolderSet]:
    train, test = list_folder(path / "train"), list_folder(path / "test")
    if train.class_names != test.class_names:
        differing = sorted(set(train.class_names) ^ set(test.class_names))
        raise DataError(
            f"{path}: train and test must have the same class folders; only in one of them: {', '.join(differing)}"
        )
    return train, test


def _read_batches(root: Path, *, train: bool) -> ImageSet:
    """The official pickles; torchvision compares their hashes before it opens them."""
    from torchvision.datasets import CIFAR10

    try:
        official = CIFAR10(root, train=train, download=False)
    except RuntimeError:
        raise DataError(
            f"{root / BATCHES}: its files are not the official ones (hashes differ); remove it and unpack "
            "cifar-10-python.tar.gz again"
        ) from None
    return ImageSet(
        images=torch.from_numpy(official.data).permute(0, 3, 1, 2).contiguous(),
        labels=torch.tensor(official.targets),
        class_names=tuple(official.classes),
    )
