"""Decode all files of a listing once, into a cache on disk that all runs share."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rich
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor

from tlbench.data.cache_folder import cache_folder
from tlbench.data.decode import Fit, UnreadableError, decode_square
from tlbench.data.listing import Files, read_file
from tlbench.data.workers import decoding_loader, default_workers
from tlbench.errors import DataError

FORMAT = 2
"""Part of the key: raise it when the same file would decode to other pixels."""

PIXELS, DIGESTS, UNREADABLE = "pixels.npy", "digests.npy", "unreadable.json"
"""What a folder of the cache holds."""

_CHUNK = 64  # files a task
_IN_PROCESS = 2_000  # files up to which no worker processes are started
_SHOW_PROGRESS_ABOVE = 2_000  # files


@dataclass(frozen=True, eq=False)
class Scan:
    """What decoding the files of a listing gave.

    Args:
        pixels: (N, 3, side, side) uint8, RGB; zeros where a file is unreadable. Memory-mapped where it is cached.
        digests: (N, 16) uint8, BLAKE2b of each file's bytes; zeros likewise.
        unreadable: Position → why the file cannot be decoded.
    """

    pixels: Tensor
    digests: NDArray[np.uint8]
    unreadable: dict[int, str]


def scan(listing: Files, side: int, fit: Fit, say: Callable[[str], None], warn: Callable[[str], None]) -> Scan:
    """The decoded files of a listing: from the cache, or decoded now and put there for other runs.

    The cache's key covers the root, every file's name, size and time of change, and what decoding depends on. Runs that
    need the same files at the same time wait for the first of them. Where the cache cannot be written, the files are
    decoded into memory.

    Args:
        listing: The files.
        side: Height and width of the squares, pixels.
        fit: How an image becomes a square.
        say: Shows the user a line.
        warn: Shows the user a warning.

    Raises:
        DataError: A file is gone.
    """
    folder = cache_folder() / "decoded" / _key(listing, side, fit)
    if found := _read(folder, len(listing)):
        return found
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_suffix(".lock"), say):
            if found := _read(folder, len(listing)):
                return found
            _write(folder, listing, side, fit)
            written = _read(folder, len(listing))
    except OSError as error:
        warn(
            f"decoded images are not kept: {error.filename or folder.parent}: {error.strerror or error}; every run "
            "decodes them again (TLBENCH_CACHE names another folder)"
        )
        return _in_memory(listing, side, fit)
    assert written is not None
    size = written.pixels.numel() / 2**20
    say(f"decoded {len(listing)} images once, kept in {folder.parent.parent} ({size:.0f} MB)")
    return written


def _key(listing: Files, side: int, fit: Fit) -> str:
    digest = hashlib.sha256(json.dumps([FORMAT, str(listing.root.absolute()), side, fit]).encode())
    for name in listing.names:
        try:
            status = os.stat(os.path.join(listing.root, name))  # noqa: PTH116, PTH118 - 50,000 Paths are slow
        except OSError as error:
            raise DataError(f"{error.filename}: {error.strerror}; mend the file or remove it") from None
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


@contextmanager
def _locked(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("waits for another run, which decodes the same images")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _read(folder: Path, count: int) -> Scan | None:
    """What lies in the cache, or None."""
    try:
        unreadable = json.loads((folder / UNREADABLE).read_bytes())
        digests = np.load(folder / DIGESTS)
        pixels = np.load(folder / PIXELS, mmap_mode="c")
    except (OSError, ValueError):
        return None
    if len(pixels) != count or len(digests) != count:
        return None
    return Scan(torch.from_numpy(pixels), digests, {int(i): reason for i, reason in unreadable.items()})


def _write(folder: Path, listing: Files, side: int, fit: Fit) -> None:
    """Decode into a folder of another name, which then takes the cache's place as a whole."""
    scratch = Path(tempfile.mkdtemp(prefix=".decoding-", dir=folder.parent))
    try:
        digests, unreadable = [], {}
        with (scratch / PIXELS).open("wb") as file:
            shape = (len(listing), 3, side, side)
            np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            for part in _decoded(listing, side, fit):
                file.write(part.pixels.numpy().data)  # not through a memory map: a full disk must be an error
                digests.append(part.digests)
                unreadable.update(part.unreadable)
            file.flush()
            os.fsync(file.fileno())
        np.save(scratch / DIGESTS, np.concatenate(digests))
        (scratch / UNREADABLE).write_text(json.dumps(unreadable))
        shutil.rmtree(folder, ignore_errors=True)  # broken, else it had been read
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _in_memory(listing: Files, side: int, fit: Fit) -> Scan:
    parts = list(_decoded(listing, side, fit))
    return Scan(
        torch.cat([part.pixels for part in parts]),
        np.concatenate([part.digests for part in parts]),
        {i: reason for part in parts for i, reason in part.unreadable.items()},
    )


def _decoded(listing: Files, side: int, fit: Fit) -> Iterator[Scan]:
    """The files in their order, chunk by chunk; shows progress in a terminal when there are many."""
    count = len(listing)
    chunks = [range(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    loader = decoding_loader(
        _Chunks(listing, side, fit), chunks, default_workers() if count > _IN_PROCESS else 0, passes=False
    )
    console = rich.get_console()
    quiet = count <= _SHOW_PROGRESS_ABOVE or not console.is_terminal
    yield from track(loader, "decoding images", len(chunks), console=console, transient=True, disable=quiet)


class _Chunks:
    """Decodes a range of a listing's files."""

    def __init__(self, listing: Files, side: int, fit: Fit) -> None:
        self._listing, self._side, self._fit = listing, side, fit

    def __len__(self) -> int:
        return len(self._listing)

    def __getitems__(self, chunk: range) -> Scan:
        pixels = np.zeros((len(chunk), 3, self._side, self._side), np.uint8)
        digests, unreadable = np.zeros((len(chunk), 16), np.uint8), {}
        for row, i in enumerate(chunk):
            try:
                content = read_file(self._listing, i)
                pixels[row] = decode_square(content, self._side, self._fit).transpose(2, 0, 1)
            except UnreadableError as error:
                unreadable[i] = str(error)
                continue
            digests[row] = np.frombuffer(hashlib.blake2b(content, digest_size=16).digest(), np.uint8)
        return Scan(torch.from_numpy(pixels), digests, unreadable)
