"""The stored predictions of a detection run, image by image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import DataError
from tlbench.records.arrays import read_arrays

_COLUMNS = ("count", "boxes", "scores", "labels", "target_count", "target_boxes", "target_labels")
_CROWDS = ("crowd_count", "crowd_boxes", "crowd_labels")  # only of data that have some


@dataclass(frozen=True, eq=False)
class ImagePredictions:
    """What was found in one image, and what is there.

    Args:
        name: What the image is called.
        boxes: (K, 4) float32, `x1 y1 x2 y2` in pixels of the image as it is stored in the data set.
        scores: (K,) float32 in [0, 1], descending.
        labels: (K,) int64 class indices.
        target_boxes: (M, 4) float32, as `boxes`.
        target_labels: (M,) int64.
        crowd_boxes: (R, 4) float32, as `boxes`: regions in which what is found counts neither way.
        crowd_labels: (R,) int64.
    """

    name: str
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    target_boxes: NDArray[np.float32]
    target_labels: NDArray[np.int64]
    crowd_boxes: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    crowd_labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


def split_images(columns: Mapping[str, NDArray[np.generic]], names: Sequence[str]) -> list[ImagePredictions]:
    """Take apart what `DetectionTask.predictions` puts together.

    Args:
        columns: Its arrays.
        names: N, what each image is called, in the same order.
    """
    parts = {"count": ("boxes", "scores", "labels"), "target_count": ("target_boxes", "target_labels")}
    if all(key in columns for key in _CROWDS):
        parts["crowd_count"] = ("crowd_boxes", "crowd_labels")
    rows = {key: np.split(columns[key], np.cumsum(columns[c])[:-1]) for c, keys in parts.items() for key in keys}
    return [
        ImagePredictions(name, **dict(zip(rows, row, strict=True)))
        for name, *row in zip(names, *rows.values(), strict=True)
    ]


def read_detections(path: Path) -> list[ImagePredictions]:
    """Read `predictions_test.npz` of a detection run, in the order of the split's samples.

    Images are called by their position where the file has no names.

    Raises:
        DataError: The file cannot be read, or holds something else.
    """
    columns = read_arrays(path)
    missing = [key for key in _COLUMNS if key not in columns]
    if missing:
        raise DataError(
            f"{path}: has no {', '.join(missing)}; name the file that a detection run has written, not another task's"
        )
    positions = [str(i) for i in range(len(columns["count"]))]
    return split_images(columns, columns["names"].tolist() if "names" in columns else positions)
