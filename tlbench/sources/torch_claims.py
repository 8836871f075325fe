"""How much memory a file in torch's format would take, known before anything is read of it.

A few bytes can claim any amount: parts that are compressed a thousandfold, tensors of stride 0, storages that are
larger than the file, calls that allocate (`bytearray(10**12)`). The pickle is gone through here without building
anything of it.
"""

from __future__ import annotations

import contextlib
import re
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from tlbench.sources.inert import ClaimError, Inert, allowed_for
from tlbench.sources.torch_pickle import MAGIC_NUMBER, SHAPED, StorageOf, TorchReader
from tlbench.system.regular_file import open_regular

_LEGACY_PICKLES = 5  # magic number, protocol, system, content, storages
_ALLOCATES = re.compile(
    r"(^|\.)bytearray$|Tensor$|Storage$|Parameter$|^torch\.nn\.|^numpy\..*(array|_reconstruct)$|^ultralytics\."
)
_WIDEST = 16  # bytes an element
_BEYOND = 1 << 62  # so much is too much for anything


def check_claims(path: Path) -> None:
    """Refuse a file that would grow beyond measure when torch reads it.

    Raises:
        ClaimError: It would, in a few words that fit behind the file's name.
        OSError: It cannot be read.
        Exception: Nearly anything, where it is neither a zip archive nor pickles, as torch writes them.
    """
    with open_regular(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        pickles = _of_archive(file, size) if zipfile.is_zipfile(file) else _legacy(file)
        for content, count in pickles:
            _check_pickles(content, count, size)


def _of_archive(file: IO[bytes], size: int) -> list[tuple[IO[bytes], int]]:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        total = sum(member.file_size for member in members)
        _compare("its parts", total, size, "they are compressed, as torch writes none: load and save it again")
        found = [member for member in members if member.filename.endswith(".pkl")]
        return [(BytesIO(archive.read(member)), 1) for member in found]


def _legacy(file: IO[bytes]) -> list[tuple[IO[bytes], int]]:
    file.seek(0)
    with (
        contextlib.suppress(tarfile.TarError),
        tarfile.open(fileobj=file, mode="r:"),
    ):  # as torch wrote them
        raise ClaimError("a tar archive, torch's format before 2017; load it with that version and save it again")
    file.seek(0)
    return [(file, _LEGACY_PICKLES)]


def _check_pickles(content: IO[bytes], count: int, size: int) -> None:
    """The first pickles of a file; a lone one may be followed by anything."""
    for number in range(count):
        reader = _Claims(content, size)
        try:
            value = reader.load()
        except EOFError:
            if number:
                return
            raise
        _compare("its storages", sum(reader.storages.values()), size, "more than the file holds")
        _compare("its tensors", reader.tensors, size, "many elements share one place, as with stride 0")
        _compare(reader.largest_call, reader.allocated, size, "it allocates what the file does not hold")
        if not number and value != MAGIC_NUMBER:
            return


def _compare(what: str, claimed: int, size: int, why: str) -> None:
    if claimed > allowed_for(size):
        raise ClaimError(f"{what} would take {_shown(claimed)} of memory, the file has {_shown(size)} ({why})")


def _shown(count: int) -> str:
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= step:
            return f"{count / step:,.1f} {unit}"
    return f"{count} bytes"


class _Claims(TorchReader):
    """Adds up what a pickle would take, without taking it."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        super().__init__(file, size)
        self.storages: dict[Any, int] = {}
        self.tensors = 0
        self.allocated, self.largest_call = 0, ""
        self._nested: dict[int, tuple[bytes, StorageOf | None]] = {}

    def storage(self, of: StorageOf) -> StorageOf:
        """Note a storage."""
        self.storages[of.key] = max(self.storages.get(of.key, 0), of.count * of.width)
        return of

    def nested(self, content: bytes) -> Any:
        """Note the storages of a file within the file."""
        if id(content) not in self._nested:
            inside = _Claims(BytesIO(content), len(content))
            for _ in range(3):
                inside.load()
            found = inside.load()
            self.storages[id(content)] = sum(inside.storages.values())
            self._nested[id(content)] = content, found if isinstance(found, StorageOf) else None
        return self._nested[id(content)][1]

    def tensor(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """Note a tensor: a storage, where it begins in it, its shape, …"""
        if len(arguments) > 2 and isinstance(arguments[0], StorageOf):
            self.tensors += _product(self._numbers(arguments[2])) * arguments[0].width
        return Inert(name, arguments)

    def call(self, name: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """Note what a call would take."""
        if name == "_codecs.encode" and arguments[1:] not in (("latin1",), ("latin-1",)):
            raise ClaimError("it names a codec that torch does not use")  # some take time that grows with the square
        if _ALLOCATES.search(name) and not SHAPED.match(name):
            claimed = _product(max(number, 1) for number in self._numbers(arguments)) * _WIDEST
            if claimed > self.allocated:
                self.allocated, self.largest_call = claimed, f"a call of {name}"
        return super().call(name, arguments, options)

    def _numbers(self, arguments: Any) -> list[int]:
        """The whole numbers in a call's arguments, however nested."""
        numbers, waiting = [], [arguments]
        while waiting:
            self.spend(1)
            argument = waiting.pop()
            if isinstance(argument, Inert):
                waiting.append(argument.arguments)
            elif isinstance(argument, tuple | list):
                waiting.extend(argument)
            elif isinstance(argument, int) and not isinstance(argument, bool):
                numbers.append(argument)
        return numbers


def _product(numbers: Iterable[int]) -> int:
    product = 1
    for number in numbers:
        product = min(product * min(abs(number), _BEYOND), _BEYOND)
    return product
