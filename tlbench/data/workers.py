"""Worker processes that decode images; what they give does not depend on how many there are."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from typing import Any, Protocol

from torch.utils.data import DataLoader

from tlbench.machine import cores_each


class Tasks(Protocol):
    """What workers do: a whole batch a call."""

    def __len__(self) -> int:
        """How many samples there are."""

    def __getitems__(self, task: Any) -> Any:
        """The result of one task."""


def decoding_loader(
    tasks: Tasks, batches: Iterable[Any], workers: int, *, pin_memory: bool = False, passes: bool = True
) -> DataLoader[Any]:
    """A DataLoader that yields the result of `tasks.__getitems__` for each of the batches, in their order.

    Args:
        tasks: Fit to be pickled.
        batches: What it is called with; iterated anew for each pass.
        workers: Processes; 0: the calling one.
        pin_memory: Whether tensors are copied to page-locked memory, for a GPU.
        passes: Whether there are several passes, between which the processes live on.
    """
    return DataLoader(
        tasks,  # type: ignore[arg-type]
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=_as_it_is,
        worker_init_fn=_let_the_parent_answer_signals,
        persistent_workers=passes and workers > 0,
        pin_memory=pin_memory,
    )


def default_workers(processes: int = 1) -> int:
    """Worker processes for one of several training processes: its share of the cores that this run may use."""
    given = os.environ.get("OMP_NUM_THREADS", "")  # set by a study that runs several at a time
    cores = min(int(given), cores_each(1)) if given.isdigit() and int(given) else cores_each(1)
    return max(cores // processes, 1)


def _as_it_is(result: Any) -> Any:
    return result


def _let_the_parent_answer_signals(_worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
