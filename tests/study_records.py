"""Records of a study's runs, without what a configuration has beside the keys that matter to studies."""

from __future__ import annotations

import copy
from typing import Any

from tlbench.config.hash import config_hash
from tlbench.records.record import Record


def make_record(arm: str = "tin200", seed: int = 0, oa: float | None = 0.9, **changes: Any) -> Record:
    """A complete run's record; `changes` are dotted keys of the record with `__` for the dot."""
    content: dict[str, Any] = {
        "status": "complete",
        "task": "classification",
        "study": "quickstart",
        "arm": arm,
        "factors": ["source"],
        "seed": seed,
        "config": {
            "seed": seed,
            "seeds": {"init": seed, "order": seed, "augment": seed, "split": 0},
            "study": "quickstart",
            "data": {"name": "digits", "root": None, "shots": 30},
            "source": {"name": arm.split("-")[0], "path": None},
            "optimizer": {"lr": 0.01},
        },
        "versions": {},
        "stand_ins": [],
        "data": {"name": "digits", "class_names": [], "split_rule": {}, "fingerprints": {"train": "a", "test": "b"}},
        "metrics": {"test/oa": oa, "test/aa": oa, "test/kappa": 0.5, "test/f1": oa, "test/ece": 0.125},
        "volatile": {"started": "", "finished": "", "fit_s": 10.0, "total_s": 12.0, "peak_memory_mb": 1.0, "host": ""},
    }
    for key, value in changes.items():
        *path, last = key.split("__")
        node = content
        for part in path:
            node = node[part]
        node[last] = copy.deepcopy(value)
    content["config_hash"] = config_hash(content["config"])
    return Record.model_validate(content)


def make_failed(arm: str, seed: int, message: str = "boom") -> Record:
    """A failed run's record."""
    error = {"type": "RuntimeError", "message": message, "traceback": None}
    return make_record(arm, seed, status="failed", error=error, metrics={}, data=None)
