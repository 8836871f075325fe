"""Run records drawn for tests."""

from __future__ import annotations

import functools
from typing import Any

from tlbench.config.compose import compose_config
from tlbench.config.hash import config_hash
from tlbench.records.record import Record, Volatile

configured = functools.cache(compose_config)
"""`compose_config` of a tuple of overrides, once for all tests."""


def record(*overrides: str, **changed: Any) -> Record:
    """A complete record of the configuration that the overrides give, with fields changed."""
    config = changed.pop("config", None) or configured(overrides).model_dump(mode="json")
    fields: dict[str, Any] = {
        "status": "complete",
        "task": "classification",
        "study": config["study"],
        "arm": config["source"]["name"],
        "factors": config["factors"],
        "seed": config["seed"],
        "config": config,
        "config_hash": config_hash(config),
        "versions": {},
        "stand_ins": config["stand_ins"],
        "metrics": {"test/oa": 0.9},
        "volatile": Volatile(
            started="", finished="2026-01-01T00:00:00+00:00", total_s=1.0, peak_memory_mb=1.0, host=""
        ),
    }
    return Record(**{**fields, **changed})
