"""What may lie where a file belongs, and is none: a pipe, a device, a folder, a link to nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

Make = Callable[[Path], object]


def _link(target: str) -> Make:
    return lambda path: path.symlink_to(target)


def _full_folder(path: Path) -> None:
    (path / "in" / "it").mkdir(parents=True)


def sparse(path: Path, size: int = 1 << 31) -> None:
    """A file of zeros that takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(size)


UNREADABLE: dict[str, Make] = {
    "a pipe": os.mkfifo,
    "/dev/zero": _link("/dev/zero"),
    "/dev/null": _link("/dev/null"),
    "a folder": lambda path: path.mkdir(),
    "a dangling link": _link("nowhere"),
    "a loop of links": lambda path: path.symlink_to(path.name),
    "2 GB of zeros": sparse,
}
"""Of no use as a file to read."""

IN_THE_WAY: dict[str, Make] = {
    "a folder": lambda path: path.mkdir(),
    "a full folder": _full_folder,
    "a pipe": os.mkfifo,
    "/dev/full": _link("/dev/full"),
    "/dev/zero": _link("/dev/zero"),
    "a dangling link": _link("/nowhere/file"),
    "a loop of links": lambda path: path.symlink_to(path.name),
}
"""In the way of a file to write."""


def instead(make: Make, path: Path) -> None:
    """Put a thing in a file's place."""
    path.unlink(missing_ok=True)
    make(path)
