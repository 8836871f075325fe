"""Digests of the files of a listing: remembered for files that cannot have changed since, computed for all others.

A file has not changed while its size, times, inode and device are the same: what changes its content sets its ctime,
which no program can set back, and another file in its place has another inode or ctime. Two changes within one tick of
the file system's clock leave the same ctime, and so do stores through a memory map into a page that is not written out
yet; so a digest is remembered only where the file had been at rest for a minute when it was read, as git does with its
index ("racily clean"). Where size, times and inode cannot be relied on (network
file systems, which answer from a cache and are written to by other machines; systems other than Linux, where it is not
known what a file lies on), nothing is remembered and every file is read each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from tlbench.config import ImageLimit
from tlbench.console import console
from tlbench.data.listing import Files, read_listed
from tlbench.data.unreadable import UnreadableError
from tlbench.errors import DataError
from tlbench.system.atomic import atomic_file
from tlbench.system.cache_folder import cache_folder
from tlbench.system.machine import cores_each

DIGEST_BYTES = 16
FORMAT = 1
"""Of the index that remembers."""

_AT_REST_NS = 60_000_000_000  # until Linux has written a page out, what a memory map stores in it sets no time (30 s)
_LOCAL = re.compile("bcachefs|btrfs|ext[234]|f2fs|jfs|overlay|xfs|zfs")
"""File systems that this machine alone writes to and that keep a ctime: FAT has none, images of disks repeat that of
their making, and what is stored through a memory map sets none on tmpfs.
"""

_STATUS, _CTIME, _DEVICE = 5, 2, 4  # columns
_WORD = 1 << 64
_CHUNK = 256  # files a task
_MOST_THREADS = 8
_SHOW_PROGRESS_ABOVE = 2_000  # files


@dataclass(frozen=True, eq=False)
class Digests:
    """What the bytes of N files are.

    Args:
        values: (N, 16) uint8, BLAKE2b; zeros where a file cannot be read.
        unreadable: Position → why not.
    """

    values: NDArray[np.uint8]
    unreadable: dict[int, str]


def digest_of(content: bytes) -> NDArray[np.uint8]:
    """(16,) uint8: BLAKE2b."""
    return np.frombuffer(hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest(), np.uint8)


def read_unchanged(listing: Files, position: int, digest: NDArray[np.uint8], limit: ImageLimit) -> bytes:
    """The bytes of a listed file, which are those that it had.

    Args:
        listing: The files.
        position: Of the file.
        digest: (16,) uint8, what it had.
        limit: As in `file_digests`.

    Raises:
        UnreadableError: It cannot be read, or holds something else.
    """
    content = read_listed(listing, position, limit)
    if not np.array_equal(digest_of(content), digest):
        raise UnreadableError("it has changed")
    return content


def no_more_readable(listing: Files, position: int, error: UnreadableError) -> DataError:
    """What to tell the user about a file that is not what it was when the run began."""
    path = listing.root / listing.names[position]
    return DataError(f"{path}: {error}; put it back as it was when the run began, and the same command goes on")


def file_digests(listing: Files, limit: ImageLimit) -> Digests:
    """The digests of all files of a listing, as they are now.

    Args:
        listing: The files.
        limit: Larger files are not read.
    """
    looked = time.time_ns()  # what changes from now on gets a later ctime
    status = _status(listing)
    index = cache_folder() / "digests" / f"{_key(listing)}.npy"
    rows = _remembered(index, status)
    unknown = np.flatnonzero(~rows.any(axis=1))
    found, unreadable = _computed(listing, unknown, limit)
    rows[unknown] = found.view(np.uint64)
    values = rows.view(np.uint8)
    kept = (status[:, _CTIME] < looked - _AT_REST_NS) & values.any(axis=1) & _on_local_disks(listing, status)
    if kept[unknown].any():
        _remember(index, np.where(kept[:, None], np.hstack([status, rows]), np.uint64(0)))
    return Digests(values, unreadable)


def _status(listing: Files) -> NDArray[np.uint64]:
    """(N, 5): size, mtime, ctime, inode and device of each file; zeros where there is none."""

    def numbers() -> Iterator[int]:
        for path in _paths(listing):
            try:
                found = os.stat(path)  # noqa: PTH116 - 50,000 Paths are slow
            except (OSError, ValueError):
                yield from (0,) * _STATUS
                continue
            yield found.st_size
            yield found.st_mtime_ns % _WORD  # may be before 1970
            yield found.st_ctime_ns % _WORD
            yield found.st_ino % _WORD
            yield found.st_dev % _WORD

    return np.fromiter(numbers(), np.uint64, len(listing) * _STATUS).reshape(-1, _STATUS)


def _paths(listing: Files) -> Iterator[str]:
    root = str(listing.root)
    return (os.path.join(root, name) for name in listing.names)  # noqa: PTH118 - 50,000 Paths are slow


def _key(listing: Files) -> str:
    digest = hashlib.sha256(json.dumps([FORMAT, str(listing.root.absolute())]).encode())
    for name in listing.names:
        digest.update(f"{name}\0".encode(errors="surrogatepass"))  # bytes that are no text, too
    return digest.hexdigest()[:32]


def _remembered(index: Path, status: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """(N, 2): the digest of each file that has the status it had; zeros for the others."""
    try:
        earlier = np.load(index)
    except Exception:  # none there, or damaged bytes, which surface as almost any error
        earlier = None
    if earlier is None or earlier.dtype != np.uint64 or earlier.shape != (len(status), _STATUS + 2):
        return np.zeros((len(status), 2), np.uint64)
    same = (earlier[:, :_STATUS] == status).all(axis=1)
    return np.ascontiguousarray(np.where(same[:, None], earlier[:, _STATUS:], np.uint64(0)))


def _remember(index: Path, rows: NDArray[np.uint64]) -> None:
    """Write under a temporary name, then rename; an index that cannot be written costs time only."""
    with contextlib.suppress(OSError), atomic_file(index) as file:
        np.save(file, rows)


def _computed(
    listing: Files, positions: NDArray[np.int64], limit: ImageLimit
) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """(M, 16): the digests of M of the files; and why some cannot be read. Shows progress where there are many."""
    digests, unreadable = np.zeros((len(positions), DIGEST_BYTES), np.uint8), {}

    def compute(start: int) -> None:
        for row in range(start, min(start + _CHUNK, len(positions))):
            position = int(positions[row])
            try:
                digests[row] = digest_of(read_listed(listing, position, limit))
            except UnreadableError as error:
                unreadable[position] = str(error)

    starts = range(0, len(positions), _CHUNK)
    quiet = len(positions) <= _SHOW_PROGRESS_ABOVE or not console.is_terminal
    with ThreadPoolExecutor(min(cores_each(1), _MOST_THREADS)) as pool:
        tasks = [pool.submit(compute, start) for start in starts]
        try:
            for task in track(tasks, "reading images", console=console, transient=True, disable=quiet):
                task.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return digests, dict(sorted(unreadable.items()))


def _on_local_disks(listing: Files, status: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """(N,): whether a file lies where its status says whether it has changed."""
    devices, first = np.unique(status[:, _DEVICE], return_index=True)
    names, root = listing.names, str(listing.root)
    local = [
        device
        for device, position in zip(devices, first.tolist(), strict=True)
        if _LOCAL.fullmatch(file_system_of(os.path.join(root, names[position])) or "")  # noqa: PTH118 - as in `_paths`
    ]
    return np.isin(status[:, _DEVICE], np.array(local, np.uint64))


def file_system_of(path: str) -> str | None:
    """The type of the file system that a path leads to, such as `ext4`; None where the system does not tell."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        real = os.path.realpath(path)
    except (OSError, ValueError):
        return None
    best, found = "", None
    for mount in mounts:  # id, parent, device, root, place, options, …, "-", type, …
        before, _, after = mount.partition(" - ")
        place = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split()[4])
        if len(place) >= len(best) and (real == place or real.startswith(place.rstrip("/") + "/")):
            best, found = place, after.split()[0]  # of several mounts on a place the last covers the others
    return found
