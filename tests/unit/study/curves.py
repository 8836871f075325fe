"""Curves of validation for the records that the fixture `record` makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

STEPS = 9
"""Of an epoch."""


def curve(values: Sequence[float | None], monitor: str = "val/oa", **others: Sequence[float]) -> dict[str, Any]:
    """What a record says of a run with these values, an epoch each, the best one being the highest.

    Args:
        values: Of the monitored metric.
        monitor: Its name.
        others: Further columns, `train__oa` for `train/oa`.
    """
    rows = [
        {
            "epoch": float(i + 1),
            "step": float(STEPS * (i + 1)),
            monitor: value,
            **{name.replace("__", "/"): column[i] for name, column in others.items()},
        }
        for i, value in enumerate(values)
    ]
    known = [value for value in values if value is not None]
    best = {"monitor": monitor, "value": max(known, default=None), "epoch": 1, "stage": "full"}
    return {"curves": rows, "best": best}
