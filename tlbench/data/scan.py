"""Decode all files of a listing once, into a cache on disk that all runs share."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor

from tlbench.config.data import Fit
from tlbench.config.size import Size, as_written
from tlbench.console import console
from tlbench.data.decode import Decoding, decode_and_look
from tlbench.data.facts import Fact, ImageFacts
from tlbench.data.file_digests import DIGEST_BYTES, Digests, digest_of, file_digests
from tlbench.data.listing import Files, read_listed
from tlbench.data.notes import noted
from tlbench.data.unreadable import UnreadableError
from tlbench.data.workers import decoding_loader, default_workers
from tlbench.system.atomic import publish_folder, scratch_folder
from tlbench.system.cache_folder import cache_folder
from tlbench.system.voice import Voice

FORMAT = 6
"""Part of the key: raise it when the same bytes would decode to other pixels."""

PIXELS, SUM, UNREADABLE, FACTS, NOTES = "pixels.npy", "pixels.crc32", "unreadable.json", "facts.npy", "notes.json"
"""What a folder of the cache holds."""

_CHUNK = 64  # files a task
_IN_PROCESS = 2_000  # files up to which no worker processes are started
_SHOW_PROGRESS_ABOVE = 2_000  # files


@dataclass(frozen=True, eq=False)
class Scan:
    """What decoding the files of a listing gave.

    Args:
        pixels: (N, 3, H, W) uint8, RGB; zeros where a file is unreadable, or has more than 8 bits whose range
            is not known. Memory-mapped where it is cached.
        digests: (N, 16) uint8, BLAKE2b of each file's bytes; zeros likewise.
        unreadable: Position → why the file cannot be decoded.
        facts: What the files hold.
        notes: Position → what else is to be said of the file.
    """

    pixels: Tensor
    digests: NDArray[np.uint8]
    unreadable: dict[int, str]
    facts: ImageFacts
    notes: dict[int, list[str]]


def scan(listing: Files, size: Size, fit: Fit, voice: Voice, how: Decoding) -> Scan:
    """The decoded files of a listing: from the cache, or decoded now and put there for other runs.

    The cache's key is the content of the files, by digests of their bytes, and what decoding depends on: where the
    files lie, what they are called and when they were written counts for nothing. The digests are those of the very
    bytes that were decoded. Runs that need the same files at the same time wait for the first of them. Where the cache
    cannot be written, the files are decoded into memory.

    Args:
        listing: The files.
        size: Height and width of the decoded images, pixels.
        fit: How an image takes this shape.
        voice: Speaks to the user.
        how: What else decides; images larger than its limit count as unreadable.
    """
    known, options = file_digests(listing, how.limit), _Options(size, fit, how)
    place = cache_folder() / "decoded"
    folder = place / _key(known, options)
    if found := _read(folder, known, size):
        return found
    try:
        place.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_suffix(".lock"), voice):
            if found := _read(folder, known, size):
                return found
            written = _write(place, listing, options)
    except OSError as error:
        voice.warn(
            f"decoded images are not kept: {error.filename or place}: {error.strerror or error}; every run "
            "decodes them again (TLBENCH_CACHE names another folder)"
        )
        return _in_memory(listing, options)
    megabytes = written.pixels.numel() / 2**20
    voice.say(f"decoded {len(listing)} images once, kept in {place.parent} ({megabytes:.0f} MB)")
    return written


@dataclass(frozen=True)
class _Options:
    size: Size
    fit: Fit
    how: Decoding


@dataclass(frozen=True, eq=False)
class _Part:
    """Some files in their order.

    Args:
        pixels: As in `Scan`.
        read: The bytes that were decoded.
        undecodable: Position → why the bytes are no image.
        facts: (n, 6) float64, a table of facts.
        notes: Position → what else is to be said.
    """

    pixels: Tensor
    read: Digests
    undecodable: dict[int, str]
    facts: NDArray[np.float64]
    notes: dict[int, list[str]]


def _key(known: Digests, options: _Options) -> str:
    how = options.how
    ranges = None if how.ranges is None else [*sorted(how.ranges.items()), *([] if how.own_values else ["any values"])]
    size = as_written(options.size)
    depends_on = [FORMAT, PIL.__version__, size, options.fit, how.limit.megapixels, how.fast, ranges]
    unreadable = sorted(known.unreadable.items())
    digest = hashlib.sha256(json.dumps([*depends_on, len(known.values), unreadable]).encode())
    digest.update(np.ascontiguousarray(known.values).data)
    return digest.hexdigest()[:32]


def _scan(
    pixels: Tensor, known: Digests, unreadable: dict[int, str], facts: ImageFacts, notes: dict[int, list[str]]
) -> Scan:
    digests = known.values.copy()
    digests[list(unreadable)] = 0
    return Scan(pixels, digests, unreadable, facts, notes)


@contextmanager
def _locked(path: Path, voice: Voice) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        voice.say("waits for another run, which decodes the same images")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _read(folder: Path, known: Digests, size: Size) -> Scan | None:
    """What lies in the cache, or None."""
    count = len(known.values)
    try:
        unreadable = {int(i): reason for i, reason in json.loads((folder / UNREADABLE).read_bytes()).items()}
        notes = {int(i): list(map(str, texts)) for i, texts in json.loads((folder / NOTES).read_bytes()).items()}
        facts = ImageFacts.of_table(np.load(folder / FACTS))
        pixels = np.load(folder / PIXELS, mmap_mode="c")
        whole = (folder / SUM).read_text() == _sum(pixels)
    except Exception:  # none there, or damaged bytes, which surface as almost any error
        return None
    fits = pixels.dtype == np.uint8 and pixels.shape == (count, 3, *size)
    of_files = all(0 <= i < count for i in (*unreadable, *notes)) and len(facts) == count
    explained = all(isinstance(reason, str) for reason in unreadable.values())
    if not (whole and fits and of_files and explained and known.unreadable.keys() <= unreadable.keys()):
        return None
    return _scan(torch.from_numpy(pixels), known, unreadable, facts, notes)


def _sum(pixels: NDArray[np.uint8]) -> str:
    """Finds pixels that a disk or a program has damaged; CRC-32, in hex."""
    return f"{zlib.crc32(np.ascontiguousarray(pixels).data):08x}"


def _write(place: Path, listing: Files, options: _Options) -> Scan:
    """Decode into a folder of another name, which then takes the cache's place as a whole.

    A file that has changed since its digest was taken counts as what it is now, in the key as well.
    """
    with scratch_folder(place, ".decoding-") as scratch:
        read, undecodable, facts, notes = [], {}, [], {}
        with (scratch / PIXELS).open("wb") as file:
            shape = (len(listing), 3, *options.size)
            np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            for part in _decoded(listing, options):
                file.write(part.pixels.numpy().data)  # not through a memory map: a full disk must be an error
                read.append(part.read)
                facts.append(part.facts)
                undecodable.update(part.undecodable)
                notes.update(part.notes)
            file.flush()
            os.fsync(file.fileno())
        found = _joined(read)
        (scratch / UNREADABLE).write_text(json.dumps({**found.unreadable, **undecodable}))
        (scratch / NOTES).write_text(json.dumps(notes))
        np.save(scratch / FACTS, np.concatenate(facts))
        (scratch / SUM).write_text(_sum(np.load(scratch / PIXELS, mmap_mode="r")))
        folder = place / _key(found, options)
        publish_folder(scratch, folder, lambda: _read(folder, found, options.size) is not None, replace=True)
    written = _read(folder, found, options.size)
    if written is None:
        raise OSError(errno.EIO, "what was written there cannot be read", str(folder))
    return written


def _in_memory(listing: Files, options: _Options) -> Scan:
    parts = list(_decoded(listing, options))
    found = _joined([part.read for part in parts])
    undecodable = {i: reason for part in parts for i, reason in part.undecodable.items()}
    return _scan(
        torch.cat([part.pixels for part in parts]),
        found,
        {**found.unreadable, **undecodable},
        ImageFacts.of_table(np.concatenate([part.facts for part in parts])),
        {i: texts for part in parts for i, texts in part.notes.items()},
    )


def _joined(parts: Sequence[Digests]) -> Digests:
    values = np.concatenate([part.values for part in parts])
    return Digests(values, {i: reason for part in parts for i, reason in part.unreadable.items()})


def _decoded(listing: Files, options: _Options) -> Iterator[_Part]:
    """The files in their order, chunk by chunk; shows progress in a terminal when there are many."""
    count = len(listing)
    chunks = [range(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    workers = default_workers() if count > _IN_PROCESS else 0
    loader = decoding_loader(_Chunks(listing, options), chunks, workers, passes=False)
    quiet = count <= _SHOW_PROGRESS_ABOVE or not console.is_terminal
    yield from track(loader, "decoding images", len(chunks), console=console, transient=True, disable=quiet)


class _Chunks:
    """Decodes a range of a listing's files."""

    def __init__(self, listing: Files, options: _Options) -> None:
        self._listing, self._options = listing, options

    def __len__(self) -> int:
        return len(self._listing)

    def __getitems__(self, chunk: range) -> _Part:
        size, fit, how = self._options.size, self._options.fit, self._options.how
        pixels = np.zeros((len(chunk), 3, *size), np.uint8)
        digests = np.zeros((len(chunk), DIGEST_BYTES), np.uint8)
        facts: list[Fact | None] = [None] * len(chunk)
        unreadable, undecodable, notes = {}, {}, {}
        for row, i in enumerate(chunk):
            try:
                content = read_listed(self._listing, i, how.limit)
            except UnreadableError as error:
                unreadable[i] = str(error)
                continue
            digests[row] = digest_of(content)
            try:
                with noted() as found:
                    found_pixels, facts[row] = decode_and_look(content, size, fit, how)
            except UnreadableError as error:
                undecodable[i] = str(error)
                continue
            if found_pixels is not None:
                pixels[row] = found_pixels.transpose(2, 0, 1)
            if found:
                notes[i] = found
        table = ImageFacts.of(facts).table()
        return _Part(torch.from_numpy(pixels), Digests(digests, unreadable), undecodable, table, notes)
