"""Going through folders that somebody else made: links are followed, but never in circles."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

_MOST_WAYS = 16
"""In how many ways links may lead to one folder: each level of links to links could double their number."""


def walk(folder: Path | str) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """The folders below a folder and itself, as paths relative to it that end with `/` (its own is empty).

    Hidden entries are left out.

    Yields:
        A folder's path, and its entries that are no folders.

    Raises:
        OSError: A folder cannot be read, or links make a loop of folders or lead to one in very many ways.
    """
    ways: Counter[tuple[int, int]] = Counter()
    pending: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
    while pending:
        below, above = pending.pop()
        place = os.path.join(folder, below)  # noqa: PTH118 - 50,000 Paths are slow
        status = os.stat(place)  # noqa: PTH116 - likewise
        itself = status.st_dev, status.st_ino
        ways[itself] += 1
        if itself in above:
            raise OSError(errno.ELOOP, "a link that leads back to a folder it lies in; remove it", place.rstrip("/"))
        if ways[itself] > _MOST_WAYS:
            raise OSError(errno.ELOOP, f"links lead there in more than {_MOST_WAYS} ways; remove some", place)
        files = []
        for entry in entries_of(place):
            if is_folder(entry):
                pending.append((f"{below}{entry.name}/", above | {itself}))
            else:
                files.append(entry)
        yield below, files


def entries_of(folder: Path | str) -> list[os.DirEntry[str]]:
    """What is in a folder, without hidden entries.

    Raises:
        OSError: It cannot be read.
    """
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not entry.name.startswith(".")]


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or leads to one; a link that leads nowhere does not."""
    try:
        return entry.is_dir()
    except OSError:
        return False
