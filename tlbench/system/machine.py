"""What this machine has, known before torch is imported."""

from __future__ import annotations

import os


def cores_each(runs_at_a_time: int) -> int:
    """How many of this machine's cores each of several runs gets, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(cores // runs_at_a_time, 1)
