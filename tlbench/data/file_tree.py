"""The files below a folder, from one walk: what lists a data set decides on this, and gives its inventory from it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tlbench.data.image_kind import FileKind, kind_of_file
from tlbench.data.inventory import all_files, leads_up
from tlbench.errors import DataError
from tlbench.system.folders import walk

_KINDS = 3
"""Of files, in a message."""


@dataclass(eq=False)
class Folder:
    """A folder and what lies in it, without what is hidden.

    Args:
        root: Where the walk began.
        below: The folder's path below it, ending with `/`; empty for the root itself.
        folders: Name → each folder in it.
        files: Names of the files in it.
    """

    root: Path
    below: str
    folders: dict[str, Folder] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """Of the folder."""
        return self.root / self.below

    @property
    def name(self) -> str:
        """Its own, without the folders above."""
        return self.below.rstrip("/").rpartition("/")[2]

    @cached_property
    def kinds(self) -> dict[str, FileKind]:
        """Name → what each of `files` is."""
        place = os.path.join(self.root, self.below)  # noqa: PTH118 - Paths are slow
        return {file: kind_of_file(place + file) for file in self.files}

    @cached_property
    def has_images(self) -> bool:
        """Whether images, be they of kinds that are read or not, lie in it or below."""
        return any(folder.has_own_images for folder in self.walk())

    @cached_property
    def has_own_images(self) -> bool:
        """Whether such lie in it."""
        return any(kind.image for kind in self.kinds.values())

    def with_images(self) -> list[Folder]:
        """The folders in it that have images, by name."""
        return [folder for _, folder in sorted(self.folders.items()) if folder.has_images]

    def walk(self) -> Iterator[Folder]:
        """Itself and all folders below, in an order that does not depend on the file system."""
        pending = [self]
        while pending:
            folder = pending.pop()
            yield folder
            pending += [inner for _, inner in sorted(folder.folders.items(), reverse=True)]

    def names(self) -> Iterator[tuple[str, FileKind]]:
        """The path below the root of each file in it and below, and what it is."""
        for folder in self.walk():
            for file, kind in folder.kinds.items():
                yield f"{folder.below}{file}", kind

    def images(self) -> list[str]:
        """The paths below the root of all images in it and below that are read."""
        return [name for name, kind in self.names() if kind.read]

    def contents(self) -> str:
        """What is in it and below, in a few words for an error: `5 × an AVIF …`, `no files`."""
        return _counted("images" if kind.read else kind.reason for _, kind in self.names()) or "no files"

    def left_out(self) -> str:
        """Likewise what is there beside images that are read; empty where there is nothing else."""
        return _counted(kind.reason for _, kind in self.names() if not kind.read)


@dataclass(frozen=True, eq=False)
class FileTree:
    """All that lies below a folder.

    Args:
        top: The folder.
        hidden: The paths of hidden files and of those in hidden folders, which are not part of `top`.
    """

    top: Folder
    hidden: tuple[str, ...]

    def all_files(self) -> list[str]:
        """The path of every file, the hidden ones too."""
        return [*(f"{folder.below}{file}" for folder in self.top.walk() for file in folder.files), *self.hidden]

    def reasons(self) -> dict[str, str]:
        """Path → why a file is not read, for those that are no images of a kind that is."""
        return {name: kind.reason for name, kind in self.top.names() if not kind.read}


def read_tree(root: Path, wanted: str) -> FileTree:
    """Walk through a folder once.

    Args:
        root: The folder.
        wanted: What it is to be, for an error.

    Raises:
        DataError: It cannot be read, or links lead in circles.
    """
    hidden: list[str] = []
    top = Folder(root, "")
    by_path = {"": top}
    with reading(wanted):
        for below, entries in walk(root, hidden):
            folder = top
            if below:
                parent, _, name = below[:-1].rpartition("/")
                folder = Folder(root, below)
                by_path[f"{parent}/" if parent else ""].folders[name] = folder
                by_path[below] = folder
            folder.files = sorted(entry.name for entry in entries)
    return FileTree(top, tuple(_below_hidden(root, sorted(hidden))))


def _below_hidden(root: Path, hidden: list[str]) -> Iterator[str]:
    for name in hidden:
        place = root / name
        if place.is_dir() and not leads_up(root, name):
            yield from (f"{name}/{file}" for file in all_files(place))
        else:
            yield name


@contextmanager
def reading(wanted: str) -> Iterator[None]:
    """A `DataError` where a folder cannot be read.

    Args:
        wanted: What the folder is to be.

    Raises:
        DataError: Instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise DataError(f"{error.filename}: {error.strerror}; wanted is {wanted}") from None


def _counted(kinds: Iterable[str]) -> str:
    """`3 × this, 2 × that`, the most frequent first, and how many kinds more there are."""
    counts = Counter(kinds)
    named = [f"{count} × {kind}" for kind, count in counts.most_common(_KINDS)]
    rest = len(counts) - len(named)
    return ", ".join([*named, f"{rest} other kinds" if rest > 1 else "1 other kind"] if rest else named)
