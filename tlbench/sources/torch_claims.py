"""How much memory a file in torch's format would take, known before torch reads it.

A few bytes can claim any amount: parts that are compressed a thousandfold, tensors of stride 0, storages that are
larger than the file, calls that allocate (`bytearray(10**12)`). The pickle is gone through here without building
anything of it.
"""

from __future__ import annotations

import contextlib
import pickle
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import IO, Any, ClassVar

from tlbench.regular_file import open_regular

_SMALL = 1 << 20  # bytes: so much any file may claim
_FACTOR = 4  # of the file's size: tensors may share storages
_LEGACY_PICKLES = 5  # magic number, protocol, system, content, storages
_WIDTHS = {
    "Double": 8,
    "Long": 8,
    "Float": 4,
    "Int": 4,
    "ComplexFloat": 8,
    "ComplexDouble": 16,
    "Half": 2,
    "BFloat16": 2,
}
_ALLOCATES = re.compile(r"(^|\.)bytearray$|Tensor$|Storage$|Parameter$|^torch\.nn\.|^numpy\.|^ultralytics\.")
_SHAPED = re.compile(r"^torch\._utils\._rebuild_\w*tensor\w*$")
_WIDEST = 16  # bytes an element
_BEYOND = 1 << 62  # so much is too much for anything


class ClaimError(Exception):
    """The file would take far more memory, or time, than its bytes do."""


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
        reader = _Reader(content, max(_FACTOR * size, _SMALL))
        try:
            reader.load()
        except EOFError:
            if number:
                return
            raise
        _compare("its storages", sum(reader.storages.values()), size, "more than the file holds")
        _compare("its tensors", reader.tensors, size, "many elements share one place, as with stride 0")
        _compare(reader.largest_call, reader.allocated, size, "it allocates what the file does not hold")


def _compare(what: str, claimed: int, size: int, why: str) -> None:
    if claimed > max(_FACTOR * size, _SMALL):
        raise ClaimError(f"{what} would take {_shown(claimed)} of memory, the file has {_shown(size)} ({why})")


def _shown(count: int) -> str:
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= step:
            return f"{count / step:,.1f} {unit}"
    return f"{count} bytes"


class _Named(dict[Any, Any]):
    """Stands for whatever a pickle names: takes anything, does nothing. Each name has a class of its own."""

    reader: _Reader
    name: str
    arguments: tuple[Any, ...]

    def __new__(cls, *arguments: Any, **_options: Any) -> _Named:
        made = super().__new__(cls)
        made.arguments = arguments
        cls.reader.called(cls.name, arguments)
        return made

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        pass

    def __call__(self, *_arguments: Any) -> _Named:
        return self

    def append(self, _value: Any) -> None:
        """As of a list."""

    def extend(self, _values: Any) -> None:
        """As of a list."""

    def add(self, _value: Any) -> None:
        """As of a set."""

    def __hash__(self) -> int:  # type: ignore[override]  # it may be a key
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class _Tuple(tuple[Any, ...]):
    """A tuple of a pickle. It may hold another many times, and that a third: to hash it goes through all of them."""

    reader: _Reader
    weight: int

    def __hash__(self) -> int:
        self.reader.spend(self.weight)
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class _Storage:
    """A storage that a tensor lies in: how many bytes each of its elements has."""

    def __init__(self, width: int) -> None:
        self.width = width


class _Reader(pickle._Unpickler):  # that in C lets a memo's number decide its memory
    """Goes through a pickle; nothing that it names is imported.

    Args:
        file: Where it is read from.
        steps: Entries of its tuples, and of what its calls are given, that may be gone through one by one.
    """

    stack: list[Any]
    append: Callable[[Any], None]
    dispatch: ClassVar[Any] = dict(pickle._Unpickler.dispatch)

    def __init__(self, file: IO[bytes], steps: int) -> None:
        super().__init__(file, encoding="latin-1")
        self._steps = steps
        self.storages: dict[Any, int] = {}
        self.tensors = 0
        self.allocated, self.largest_call = 0, ""

    def spend(self, steps: int) -> None:
        """Count steps.

        Raises:
            ClaimError: They are more than a file of this size needs.
        """
        self._steps -= steps
        if self._steps < 0:
            raise ClaimError("what it holds is nested so that it stands for far more than is in the file")

    def _push_tuple(self, items: Iterable[Any]) -> None:
        made = _Tuple(items)
        made.reader, made.weight = self, min(1 + sum(getattr(item, "weight", 1) for item in made), _BEYOND)
        self.append(made)

    def _tuple_of(self, count: int) -> None:
        items = self.stack[-count:]
        del self.stack[-count:]
        self._push_tuple(items)

    def _refuse_bytearray(self) -> None:
        raise ClaimError("it holds a bytearray, which torch writes in none")

    dispatch[pickle.TUPLE[0]] = lambda self: self._push_tuple(self.pop_mark())
    dispatch[pickle.TUPLE1[0]] = lambda self: self._tuple_of(1)
    dispatch[pickle.TUPLE2[0]] = lambda self: self._tuple_of(2)
    dispatch[pickle.TUPLE3[0]] = lambda self: self._tuple_of(3)
    dispatch[pickle.BYTEARRAY8[0]] = _refuse_bytearray  # its memory would be taken before its bytes are read

    def find_class(self, module: str, name: str) -> Any:
        """A stand-in of that name."""
        return type("_Named", (_Named,), {"reader": self, "name": f"{module}.{name}"})

    def persistent_load(self, pid: Any) -> _Storage:
        """Note a storage: ("storage", its type, key, location, number of elements, …)."""
        kind, key, count = pid[1], pid[2], pid[4]
        name = getattr(kind, "name", "").rpartition(".")[2].removesuffix("Storage")
        width = _WIDTHS.get(name, 1)
        if not isinstance(key, str | int):
            raise ClaimError("a storage in it has no name")
        self.storages[key] = max(self.storages.get(key, 0), int(count) * width)
        return _Storage(width)

    def _numbers(self, arguments: Any) -> list[int]:
        """The whole numbers in a call's arguments, however nested."""
        numbers, waiting = [], [arguments]
        while waiting:
            self.spend(1)
            argument = waiting.pop()
            if isinstance(argument, _Named):
                waiting.append(argument.arguments)
            elif isinstance(argument, tuple | list):
                waiting.extend(argument)
            elif isinstance(argument, int) and not isinstance(argument, bool):
                numbers.append(argument)
        return numbers

    def called(self, name: str, arguments: tuple[Any, ...]) -> None:
        """Note what a call would take."""
        if _SHAPED.match(name):  # a storage, where the tensor begins in it, its shape, …
            if len(arguments) > 2 and isinstance(arguments[0], _Storage):
                self.tensors += _product(self._numbers(arguments[2])) * arguments[0].width
        elif name == "_codecs.encode" and arguments[1:] not in (("latin1",), ("latin-1",)):
            raise ClaimError("it names a codec that torch does not use")  # some take time that grows with the square
        elif _ALLOCATES.search(name):
            claimed = _product(max(number, 1) for number in self._numbers(arguments)) * _WIDEST
            if claimed > self.allocated:
                self.allocated, self.largest_call = claimed, f"a call of {name}"


def _product(numbers: Iterable[int]) -> int:
    product = 1
    for number in numbers:
        product = min(product * min(abs(number), _BEYOND), _BEYOND)
    return product
