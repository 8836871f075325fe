"""Worker processes that decode images; what they give does not depend on how many there are."""

from __future__ import annotations

import os
import signal
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from rich.progress import track
from torch import Tensor
from torch.utils.data import DataLoader

from tlbench.console import console
from tlbench.data.loader import OrderedLoader
from tlbench.errors import DataError
from tlbench.system.machine import cores_each

_CHUNK = 32
_IN_PROCESS = 200


class Tasks(Protocol):
    """What workers do: a whole batch a call."""

    def __len__(self) -> int:
        """How many samples there are."""

    def __getitems__(self, task: Any) -> Any:
        """The result of one task."""


class DecodingLoader(OrderedLoader):
    """Gives out batches that tasks decode from files. Nothing depends on the number of workers.

    Args:
        tasks: What makes a batch of (epoch, positions), or gives the error that hinders it.
        batch_size: As in `OrderedLoader`.
        workers: Processes that decode; 0: the calling one.
        pin_memory: Whether batches are in page-locked memory, for a GPU.
        passes: Whether there are several passes, between which the processes live on.
        options: As in `OrderedLoader`.

    Raises:
        DataError: As `OrderedLoader`; while iterating: a file cannot be decoded any more.
    """

    def __init__(
        self,
        tasks: Tasks,
        batch_size: int,
        *,
        workers: int = 0,
        pin_memory: bool = False,
        passes: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(len(tasks), batch_size, **options)
        self._pending = _Pending()
        self._end: weakref.finalize[Any, DecodingLoader] | None = None
        self._loader = decoding_loader(tasks, self._pending, workers, pin_memory=pin_memory, passes=passes)

    def _give(self, batches: Sequence[Tensor]) -> Iterator[Any]:
        self._pending.epoch, self._pending.batches = self.epoch, batches
        batches_given = iter(self._loader)
        if self._loader.num_workers and self._end is None:
            self._end = _ended_with(self, batches_given)
        for batch in batches_given:
            if isinstance(batch, DataError):
                raise batch
            yield batch


def _ended_with(loader: DecodingLoader, iterator: Any) -> weakref.finalize[Any, DecodingLoader]:
    """End an iterator's processes when the loader goes, though it goes by the garbage collection, as after an error.

    That closes the queues of what it collects before it asks it to end: the processes would hear nothing, and torch
    waits 5 s for each. A finalizer's reference keeps the iterator and its queues out of what is collected.
    """
    end = weakref.finalize(loader, iterator._shutdown_workers)
    end.atexit = False  # torch and multiprocessing see to that
    return end


class _Pending:
    """What the DataLoader iterates over: the epoch, and the positions of each batch that is still to be given out.

    It knows nothing of its loader, whose processes end with the last reference to it.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.batches: Sequence[Tensor] = []

    def __iter__(self) -> Iterator[tuple[int, Tensor]]:
        return ((self.epoch, index) for index in self.batches)


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


def in_chunks(tasks: Tasks, count: int, what: str) -> list[Any]:
    """The results of tasks for ranges of images, in their order.

    Worker processes are started where there are many images, and a terminal then shows progress.

    Args:
        tasks: Called with ranges; as of `decoding_loader`. What it gives had better not be tensors, as those that come
            from processes keep a file open each.
        count: How many images there are.
        what: What is done, for the terminal.
    """
    chunks = [range(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    workers = default_workers() if count > _IN_PROCESS else 0
    loader = decoding_loader(tasks, chunks, workers, passes=False)
    quiet = not workers or not console.is_terminal
    return list(track(loader, what, len(chunks), console=console, transient=True, disable=quiet))


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
