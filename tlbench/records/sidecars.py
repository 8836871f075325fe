"""Files beside the record: per-sample predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from tlbench.records.arrays import write_arrays
from tlbench.records.folder import BY_OPTION, GROUPS_FILE, PER_IMAGE_FILE, PREDICTIONS_FILE


def write_predictions(folder: Path, predictions: dict[str, Tensor], names: Sequence[str] | None = None) -> str:
    """Write the test split's per-sample predictions as an `.npz` of plain arrays, in the order of its samples.

    Args:
        folder: Where the file goes.
        predictions: As `Task.predictions` gives them.
        names: What each sample is called, kept as `names`, an array of text; None: not kept.

    Returns:
        The file's name.
    """
    arrays = {key: value.numpy() for key, value in predictions.items()}
    if names is not None:
        arrays["names"] = np.array(names, dtype=np.str_)
    write_arrays(folder / PREDICTIONS_FILE, arrays)
    return PREDICTIONS_FILE


def write_groups(folder: Path, groups: Sequence[str], origin: str = BY_OPTION) -> str:
    """Write the group of each image of the test split: `group`, (N,) int64, of `names`, (G,) text, and `origin`, text.

    Args:
        folder: Where the file goes.
        groups: In the order of the split's samples.
        origin: Where they come from: `BY_OPTION` or `BY_LOOKS`. Files of before it was kept are of the first.

    Returns:
        The file's name.
    """
    names, numbers = np.unique(np.array(groups, dtype=np.str_), return_inverse=True)
    write_arrays(folder / GROUPS_FILE, {"group": numbers.astype(np.int64), "names": names, "origin": np.array(origin)})
    return GROUPS_FILE


def write_per_image(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Write what each image of the test split adds to the metrics, as the task's `TaskSpec.per_image` reads it.

    Args:
        folder: Where the file goes.
        arrays: In the order of the split's samples.

    Returns:
        The file's name.
    """
    write_arrays(folder / PER_IMAGE_FILE, arrays)
    return PER_IMAGE_FILE
