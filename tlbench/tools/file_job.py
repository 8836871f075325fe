"""What is done with each file of a command line, whatever the task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class FileJob(Generic[T]):
    """Makes lines of text out of files, some at a time.

    Attributes:
        decode: From a file's bytes to what the network needs of it; raises `UnreadableError`.
        batch_size: Files at a time, at most.
        header: What stands above all lines.
        lines: From (file, decoded) pairs to the lines of each file, each with its end; None for a file for which the
            network's outputs are not finite.
        done: What was done with the files so far, such as "classified".
    """

    decode: Callable[[bytes], T]
    batch_size: int
    header: str
    lines: Callable[[list[tuple[str, T]]], list[str | None]]
    done: Callable[[], str]
