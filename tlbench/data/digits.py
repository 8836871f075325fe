"""scikit-learn's handwritten digits: the embedded default, real images without a download.

1,797 images of 8x8 pixels with 17 grey levels, the test part of UCI's "Optical recognition of handwritten digits"
(Alpaydin and Kaynak 1998).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits

from tlbench.config import DataConfig
from tlbench.data.images import ImageSet
from tlbench.data.splits import stratified_split, stratified_subset

GREY_LEVELS = 16


class Digits:
    """Digits as a target; test and val are carved out, as the data have no split of their own.

    Args:
        data: The target's config; both fractions are of all images.
        split_seed: Seed of the splits and of the subset.

    Raises:
        DataError: Too few images of a class for a split or for `data.shots`.
    """

    name = "digits"

    def __init__(self, data: DataConfig, split_seed: int) -> None:
        assert data.test_fraction is not None, "checked by open_target"
        self._all = _read()
        labels, self.class_names = self._all.labels, self._all.class_names
        self._index = stratified_split(
            labels, {"test": data.test_fraction, "val": data.val_fraction}, split_seed, self.class_names
        )
        subset = stratified_subset(
            labels[self._index["train"]],
            fraction=data.fraction,
            shots=data.shots,
            seed=split_seed,
            class_names=self.class_names,
        )
        self._index["train"] = self._index["train"][subset]
        self.split_rule: dict[str, Any] = {
            "train": "the rest",
            "val": "carved out of all images, stratified",
            "test": "carved out of all images, stratified",
            "val_fraction": data.val_fraction,
            "test_fraction": data.test_fraction,
            "fraction": data.fraction,
            "shots": data.shots,
            "split_seed": split_seed,
            "counts": {split: len(index) for split, index in self._index.items()},
        }

    def train(self) -> ImageSet:
        """Training images, after `data.fraction` or `data.shots`."""
        return self._all.take(self._index["train"])

    def val(self) -> ImageSet:
        """Validation images."""
        return self._all.take(self._index["val"])

    def test(self) -> ImageSet:
        """Test images."""
        return self._all.take(self._index["test"])


def _read() -> ImageSet:
    bunch = load_digits()
    grey = torch.from_numpy(np.rint(bunch.images * (255 / GREY_LEVELS)).astype(np.uint8))
    return ImageSet(
        images=grey[:, None].repeat(1, 3, 1, 1),
        labels=torch.from_numpy(bunch.target).to(torch.int64),
        class_names=tuple(str(name) for name in bunch.target_names),
    )
