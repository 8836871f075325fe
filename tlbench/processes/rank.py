"""Which process of a run this one is; known before torch is imported."""

from __future__ import annotations

import os

STORE_PORT = "TLBENCH_STORE_PORT"
"""Environment variable of the processes that a run starts itself: where the first one's key–value store answers."""


def launched_by_torchrun() -> bool:
    """Whether torchrun started this process, and the others of the run."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def process_rank() -> int:
    """This process's number among those of the run, from 0; known before torch is imported."""
    return int(os.environ.get("RANK", "0")) if launched_by_torchrun() or STORE_PORT in os.environ else 0


def is_first_process() -> bool:
    """Whether this process writes and prints: the only one, or the first of several."""
    return process_rank() == 0
