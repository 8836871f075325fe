"""Files beside the record: per-sample predictions."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from tlbench.records.folder import PREDICTIONS_FILE
from tlbench.system.atomic import write_atomic


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
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomic(folder / PREDICTIONS_FILE, buffer.getvalue())
    return PREDICTIONS_FILE
