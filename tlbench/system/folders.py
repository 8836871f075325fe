"""Going through folders that somebody else made: links are followed, but never in circles."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SYSTEM_FOLDERS = frozenset(
    ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found", "__pycache__")
)
"""Made by systems and archivers, not by people; some hold thumbnails of all images."""

_MOST_WAYS = 16
"""In how many ways links may lead to one folder: each level of links to links could double their number."""


def walk(folder: Path | str, hidden: list[str] | None = None) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """The folders below a folder and itself, as paths relative to it that end with `/` (its own is empty).

    Hidden entries are left out.

    Args:
        folder: Where to begin.
        hidden: Takes up the paths of those entries.

    Yields:
        A folder's path, and its entries that are no folders.

    Raises:
        OSError: A folder cannot be read, or links make a loop of folders or lead to one in very many ways.
    """
    ways: Counter[tuple[int, int]] = Counter()
    pending: list[tuple[str, frozenset[tuple[int, int]]]] = [("", _folders_above(folder))]
    while pending:
        below, above = pending.pop()
        place = os.path.join(folder, below) if below else folder  # noqa: PTH118 - 50,000 Paths are slow
        status = os.stat(place)  # noqa: PTH116 - likewise
        itself = status.st_dev, status.st_ino
        ways[itself] += 1
        if itself in above:
            raise OSError(
                errno.ELOOP, "a link that leads back to a folder it lies in; remove it", str(place).rstrip("/")
            )
        if ways[itself] > _MOST_WAYS:
            raise OSError(errno.ELOOP, f"links lead there in more than {_MOST_WAYS} ways; remove some", str(place))
        files = []
        for entry in _entries(place):
            if is_hidden(entry.name):
                if hidden is not None:
                    hidden.append(f"{below}{entry.name}")
            elif is_folder(entry):
                pending.append((f"{below}{entry.name}/", above | {itself}))
            else:
                files.append(entry)
        yield below, files


def entries_of(folder: Path | str) -> list[os.DirEntry[str]]:
    """What is in a folder, without hidden entries.

    Raises:
        OSError: It cannot be read.
    """
    return [entry for entry in _entries(folder) if not is_hidden(entry.name)]


def is_hidden(name: str) -> bool:
    """Whether a file or folder of that name is passed over."""
    return name.startswith(".") or name in SYSTEM_FOLDERS


def lies_hidden(path: str) -> bool:
    """Whether it or a folder of its path, with `/`, is passed over."""
    return any(map(is_hidden, path.split("/")))


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or leads to one; a link that leads nowhere does not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _folders_above(folder: Path | str) -> frozenset[tuple[int, int]]:
    """A link to one of them would lead through half the disk before it came back."""
    above = set()
    for path in Path(os.path.realpath(folder)).parents:
        with suppress(OSError):
            status = path.stat()
            above.add((status.st_dev, status.st_ino))
    return frozenset(above)
