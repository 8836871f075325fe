"""The metrics that can choose the best epoch; known before torch is imported."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Literal

from tlbench.config.suggestions import did_you_mean
from tlbench.errors import ConfigError

Mode = Literal["min", "max"]

CLASSIFICATION: Mapping[str, Mode] = {
    "oa": "max",
    "aa": "max",
    "kappa": "max",
    "f1": "max",
    "ece": "min",
    "loss": "min",
}
"""Metric of the validation split → its better direction."""

CLASSIFICATION_DEFAULT = "val/oa"
"""What chooses the best epoch, unless `callbacks.monitor` names another."""

DETECTION: Mapping[str, Mode] = {"map50_95": "max", "map50": "max", "map95": "max", "f1": "max", "loss": "min"}
"""Likewise."""

DETECTION_DEFAULT = "val/map50_95"
"""Likewise."""

METRICS: Mapping[str, Mapping[str, Mode]] = {"classification": CLASSIFICATION, "detection": DETECTION}
"""Task → its metrics."""

DEFAULT_MONITOR: Mapping[str, str] = {"classification": CLASSIFICATION_DEFAULT, "detection": DETECTION_DEFAULT}
"""Task → what chooses the best epoch."""

MAIN_METRIC: Mapping[str, str] = {"classification": "test/oa", "detection": "test/map50_95"}
"""Task → what its studies compare."""


METRICS_OF_PEERS: Mapping[str, tuple[str, ...]] = {
    "acc": ("oa",),
    "acc1": ("oa",),
    "accuracy": ("oa",),
    "balanced_accuracy": ("aa",),
    "cohen_kappa": ("kappa",),
    "f1_score": ("f1",),
    "f2": ("f1",),
    "macro_f1": ("f1",),
    "map": ("map50_95",),
    "map_50": ("map50",),
    "map_50_95": ("map50_95",),
    "map_75": ("map50_95",),
    "mean_recall": ("aa",),
    "recall": ("aa", "f1"),
    "top1": ("oa",),
}
"""What others call a metric, or one near to it → those here."""


def mode_of(monitor: str, metrics: Mapping[str, Mode]) -> Mode:
    """The better direction of a monitored metric.

    Args:
        monitor: `val/…`.
        metrics: Those that the task has.

    Raises:
        ConfigError: It is not one of validation, or the task does not have it.
    """
    split, _, metric = monitor.partition("/")
    if split != "val" or metric not in metrics:
        allowed = [f"val/{name}" for name in metrics]
        close = METRICS_OF_PEERS.get(metric.lower().replace("-", "_"), ())
        found = [f"val/{name}" for name in close if name in metrics] or difflib.get_close_matches(monitor, allowed, n=1)
        raise ConfigError(
            f"callbacks.monitor={monitor!r}: the best epoch is chosen on validation, by one of {', '.join(allowed)}"
            f"{did_you_mean(found)}"
        )
    return metrics[metric]
