"""Image files named on a command line, decoded ahead of the network in a few threads."""

from __future__ import annotations

import difflib
import glob
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path
from typing import TypeVar

from tlbench.config import ImageLimit
from tlbench.console import complain
from tlbench.data.file_tree import read_tree, reading
from tlbench.data.image_opening import STANDARD, read_image_file
from tlbench.data.listing import natural_order
from tlbench.data.notes import noted, told
from tlbench.data.unreadable import UnreadableError
from tlbench.errors import DataError
from tlbench.system.folders import walk
from tlbench.system.machine import cores_each

T = TypeVar("T")

_MOST_THREADS = 8
_AHEAD = 4  # files a thread
_WANTED = "an image, a folder of images or a pattern"


def find_images(given: str) -> list[str]:
    """The files that `input=` names, in natural order; hidden ones are ignored.

    Args:
        given: A file; a folder, whose image files at any depth are meant; or a pattern with `*`, `?`, `[…]` and `**`
            (any depth), all of whose files are meant, whatever their names' ends.

    Raises:
        DataError: There is none.
    """
    path = Path(given).expanduser()
    if path.is_file():
        return [given]
    if path.is_dir():
        folder = read_tree(path, _WANTED).top
        found = [str(path / name) for name in sorted(folder.images(), key=natural_order)]
        if not found:
            raise DataError(f"input={given!r}: no images in this folder ({folder.contents()}); give another")
        if others := folder.left_out():
            complain(f"warning: input={given!r}: left out of this folder: {others}")
        return found
    if os.path.exists(path):  # noqa: PTH110 - Path.exists raises for a name too long
        raise DataError(f"input={given!r}: not a regular file; give an image, a folder or a pattern")
    if not glob.has_magic(given):
        raise DataError(f"input={given!r}: {_nothing_there(path)}")
    if "**" in given:  # it follows links without end
        fixed = list(takewhile(lambda part: not glob.has_magic(part), path.parts))
        with reading(_WANTED):
            deque(walk(Path(*fixed)), maxlen=0)
    matches = glob.iglob(str(path), recursive=True)  # noqa: PTH207 - Path.glob takes no absolute patterns
    found = sorted((name for name in matches if Path(name).is_file()), key=natural_order)
    if not found:
        raise DataError(f"input={given!r}: matches no file; give an image, a folder or a pattern such as 'photos/**/*'")
    return found


def decoded(
    names: Iterable[str], decode: Callable[[bytes], T], limit: ImageLimit = STANDARD
) -> Iterator[tuple[str, T | UnreadableError]]:
    """Each file with its image, or why it cannot be read; in order, a bounded number ahead.

    What else is to be said of them is said at the end, in a line for each kind with the first files' names.

    Args:
        names: The files.
        decode: From a file's bytes to its image; raises `UnreadableError`. Several threads call it.
        limit: Larger files are not read.
    """
    threads = min(cores_each(1), _MOST_THREADS)
    pending: deque[tuple[str, Future[tuple[T | UnreadableError, list[str]]]]] = deque()
    pool = ThreadPoolExecutor(threads)
    done: list[str] = []
    notes: dict[int, list[str]] = {}

    def first() -> tuple[str, T | UnreadableError]:
        name, future = pending.popleft()
        image, found = future.result()
        if found:
            notes[len(done)] = found
            done.append(name)
        return name, image

    try:
        for name in names:
            pending.append((name, pool.submit(_decoded, name, decode, limit)))
            if len(pending) > threads * _AHEAD:
                yield first()
        while pending:
            yield first()
    finally:
        pool.shutdown(cancel_futures=True)
        for line in told(done, notes):
            complain(f"warning: {line}")


def read(name: str | Path, limit: ImageLimit) -> bytes:
    """A file's bytes; `~` is the home folder.

    Raises:
        UnreadableError: As `read_image_file`.
    """
    return read_image_file(Path(name).expanduser(), limit)


def _decoded(name: str, decode: Callable[[bytes], T], limit: ImageLimit) -> tuple[T | UnreadableError, list[str]]:
    with noted() as notes:
        try:
            return decode(read(name, limit)), notes
        except UnreadableError as error:
            return error, []


def _nothing_there(path: Path) -> str:
    if path.is_symlink():
        return "a link that leads to no file; give another"
    siblings = sorted(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, siblings, n=1)
    if close:
        return f"no such file or folder; did you mean {str(path.parent / close[0])!r}?"
    return "no such file or folder; give an image, a folder or a pattern such as 'photos/**/*.jpg'"
