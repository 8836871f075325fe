"""The stored predictions of a detection run, image by image."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import DataError

_COLUMNS = ("count", "boxes", "scores", "labels", "target_count", "target_boxes", "target_labels")


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
    """

    name: str
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    target_boxes: NDArray[np.float32]
    target_labels: NDArray[np.int64]


def split_images(columns: Mapping[str, NDArray[np.generic]], names: Sequence[str]) -> list[ImagePredictions]:
    """Take apart what `DetectionTask.predictions` puts together.

    Args:
        columns: Its arrays.
        names: N, what each image is called, in the same order.
    """
    ends = {key: np.cumsum(columns[key])[:-1] for key in ("count", "target_count")}
    found = [np.split(columns[key], ends["count"]) for key in ("boxes", "scores", "labels")]
    true = [np.split(columns[key], ends["target_count"]) for key in ("target_boxes", "target_labels")]
    return [ImagePredictions(name, *rows) for name, *rows in zip(names, *found, *true, strict=True)]


def read_detections(path: Path) -> list[ImagePredictions]:
    """Read `predictions_test.npz` of a detection run, in the order of the split's samples.

    Images are called by their position where the file has no names.

    Raises:
        DataError: The file cannot be read, or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            columns = dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read as stored predictions ({error}); test the run again") from error
    missing = [key for key in _COLUMNS if key not in columns]
    if missing:
        raise DataError(
            f"{path}: has no {', '.join(missing)}; name the file that a detection run has written, not another task's"
        )
    positions = [str(i) for i in range(len(columns["count"]))]
    return split_images(columns, columns["names"].tolist() if "names" in columns else positions)
