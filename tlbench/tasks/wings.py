"""The wings, imported on first use; only here is one reached from outside, by the name in its spec. Heavy."""

from __future__ import annotations

import functools
import importlib

from tlbench.config import TrainConfig
from tlbench.tasks.registry import spec_named
from tlbench.tasks.wing import Wing


@functools.cache
def wing(name: str) -> Wing:
    """All that one task has of its own."""
    module, _, attribute = spec_named(name).wing.partition(":")
    found: Wing = getattr(importlib.import_module(module), attribute)()
    return found


def wing_of(config: TrainConfig) -> Wing:
    """The wing of a configuration's task."""
    return wing(config.task.name)
