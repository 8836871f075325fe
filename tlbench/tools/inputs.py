"""Images as a caller gives them, on their way to a network's input: files are read as `predict` reads them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Generic, TypeVar

from tlbench.config import ImageLimit
from tlbench.console import complain
from tlbench.data.unreadable import UnreadableError
from tlbench.errors import DataError
from tlbench.tools.files import decoded, find_images
from tlbench.tools.images import OneImage, SomeImages, each

Input = TypeVar("Input")


@dataclass(eq=False)
class _Given:
    """What a caller named: a file, a folder or a pattern, with how many files there were, are to come and were read."""

    name: str
    files: int
    left: int
    readable: int = 0

    def is_file(self, found: str) -> bool:
        return self.name == found


class Inputs(Generic[Input]):
    """Gives out one image after another, decoded; of those in files some ahead.

    A file that is named by itself must be readable. Of the files that lie in a folder or that a pattern means, those
    that cannot be read are named on stderr and left out, as `python -m tlbench.predict` does.

    Args:
        images: A path of a file or folder, a pattern, or an image in memory; or several of them.
        decode: From a file's bytes to the input; raises `UnreadableError`. Several threads call it.
        take: From an image that is no file to the input.
        limit: Larger files are not read.

    Attributes:
        files: The file of each image given out so far; None: it has none.
        left_out: File → why it could not be read.
        total: How many images there are, as far as known.
    """

    def __init__(
        self,
        images: SomeImages,
        decode: Callable[[bytes], Input],
        take: Callable[[OneImage], Input],
        limit: ImageLimit,
    ) -> None:
        self._images, self._decode, self._take, self._limit = images, decode, take, limit
        self.files: list[str | None] = []
        self.left_out: dict[str, str] = {}
        self.total = len(images) if isinstance(images, Sized) and not isinstance(images, str | bytes) else None

    @property
    def done(self) -> int:
        """How many were given or left out."""
        return len(self.files) + len(self.left_out)

    def __iter__(self) -> Iterator[Input]:
        """Once.

        Raises:
            DataError: Something is no image, there is none where it was looked for, or it cannot be read.
        """
        for are_files, group in groupby(each(self._images), key=lambda image: isinstance(image, str | Path)):
            if are_files:
                yield from self._read(str(path) for path in group)
            else:
                for image in group:
                    taken = self._take(image)
                    self.files.append(None)
                    yield taken

    def _read(self, paths: Iterable[str]) -> Iterator[Input]:
        ahead: deque[_Given] = deque()
        for name, image in decoded(self._listed(paths, ahead), self._decode, self._limit):
            given = ahead.popleft()
            given.left -= 1
            if not isinstance(image, UnreadableError):
                given.readable += 1
                self.files.append(name)
                yield image
            elif given.is_file(name):
                raise DataError(f"{name}: {image}; replace it or leave it out")
            else:
                complain(f"warning: {name}: {image}; left out")
                self.left_out[name] = str(image)
            if not (given.left or given.readable):
                raise DataError(f"input={given.name!r}: none of {given.files} files can be read; give others")

    def _listed(self, paths: Iterable[str], ahead: deque[_Given]) -> Iterator[str]:
        for path in paths:
            names = find_images(path)
            self.total = len(names) if self.total is None else self.total + len(names) - 1
            given = _Given(path, len(names), len(names))
            for name in names:
                ahead.append(given)
                yield name
