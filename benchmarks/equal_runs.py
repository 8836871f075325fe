"""Compare two complete runs bit for bit: whatever must not depend on where and how often one was stopped."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

BEST, FINAL = "best.ckpt", "final.ckpt"
"""A complete run has the first; tests keep the state that training ended with as the second."""
_KEPT = ("epoch", "global_step", "state_dict", "optimizer_states", "lr_schedulers", "current_model_state")


def result(folder: Path) -> dict[str, Any]:
    """Record without `volatile`, `curves.csv`, predictions, TensorBoard scalars and checkpoints, tensors as bytes."""
    record = json.loads((folder / "record.json").read_text())
    del record["volatile"]
    curves, metrics = record.pop("curves"), record.pop("metrics")
    with np.load(folder / "predictions_test.npz") as file:
        predictions = {key: (value.dtype.str, value.tobytes()) for key, value in file.items()}
    found = {"curves": curves, "metrics": metrics, "record": record, "predictions": predictions}
    found |= {"TensorBoard": scalars(folder), "curves.csv": (folder / "curves.csv").read_bytes()}
    found |= {BEST: (folder / BEST).read_bytes()}
    return found | ({FINAL: checkpoint(folder / FINAL)} if (folder / FINAL).exists() else {})


def differences(folder: Path, other: Path) -> list[str]:
    """The names of those parts of `result` in which two runs differ."""
    found, wanted = result(folder), result(other)
    return [name for name in wanted if found[name] != wanted[name]]


def scalars(folder: Path) -> dict[str, list[tuple[int, float | None]]]:
    """(step, value) of each TensorBoard scalar, as TensorBoard shows them, None for NaN; a step may be there twice."""
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return {
        tag: [(p.step, _number(p.value)) for p in accumulator.Scalars(tag)] for tag in accumulator.Tags()["scalars"]
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value  # NaN would differ from itself


def repeated_steps(curves: dict[str, list[tuple[int, float | None]]]) -> list[str]:
    """The scalars that have a step twice or out of order."""
    return [tag for tag, points in curves.items() if (steps := [s for s, _ in points]) != sorted(set(steps))]


def checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds of weights, optimizer, schedule and position."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    return {key: _plain(content[key]) for key in _KEPT if key in content}


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return (str(value.dtype), tuple(value.shape), value.contiguous().numpy().tobytes())
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
