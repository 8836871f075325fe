"""scikit-learn's handwritten digits: the embedded default, real images without a download.

1,797 images of 8x8 pixels with 17 grey levels, the test part of UCI's "Optical recognition of handwritten digits"
(Alpaydin and Kaynak 1998).
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits

from tlbench.annotations.labels.carve import carve_by_label
from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.annotations.labels.labels import Labels
from tlbench.data.samples import MemorySamples
from tlbench.data.target import Target

GREY_LEVELS = 16


def open_digits(data: LabelDataConfig, split_seed: int, *_: object) -> Target[Labels]:
    """Digits as a target; test and val are carved out, as the data have no split of their own.

    Args:
        data: The target's config; both fractions are of all images.
        split_seed: Seed of the splits and of the subset.

    Raises:
        DataError: Too few images of a class for a split or for `data.shots`.
    """
    splits, rule = carve_by_label({"train": _read()}, data, split_seed)
    return Target("digits", splits, rule)


def _read() -> MemorySamples[Labels]:
    bunch = load_digits()
    grey = torch.from_numpy(np.rint(bunch.images * (255 / GREY_LEVELS)).astype(np.uint8))
    labels = Labels(torch.from_numpy(bunch.target).to(torch.int64), tuple(str(name) for name in bunch.target_names))
    return MemorySamples(grey[:, None].repeat(1, 3, 1, 1), labels)
