"""Reading a file in torch's format: its tensors, and all else as inert objects. No code in the file is run.

The zip archives of today, the format before 2020, and bare pickles that hold tensors or NumPy's arrays.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from tlbench.errors import WeightsError
from tlbench.sources.inert import ClaimError, Inert
from tlbench.sources.torch_claims import check_claims
from tlbench.sources.torch_pickle import MAGIC_NUMBER, StorageOf, TorchReader
from tlbench.system.regular_file import open_regular

_TYPES = {
    "Double": torch.float64,
    "Float": torch.float32,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
    "ComplexFloat": torch.complex64,
    "ComplexDouble": torch.complex128,
    "Untyped": torch.uint8,
}
_NEWER = ("uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz")
_BY_NAME = {
    str(dtype): dtype for dtype in (*_TYPES.values(), *(getattr(torch, n) for n in _NEWER if hasattr(torch, n)))
}
_BLOCK = 1 << 24


class BrokenError(ValueError):
    """The file is in no format of torch's, or not whole; in a few words."""


@dataclass(frozen=True)
class TorchContent:
    """What a file in torch's format holds.

    Attributes:
        value: Mappings, lists, tuples, numbers, texts, CPU tensors; every other object is an `Inert`, and a function
            or class that is only named a `Name`.
        built: What opening it with pickle would have called, by name, and how often.
    """

    value: Any
    built: Mapping[str, int]


def read_torch(path: Path) -> TorchContent:
    """Read a file in torch's format.

    Raises:
        WeightsError: It would take far more memory than it has bytes, or is a program.
        OSError: It cannot be read.
        Exception: Nearly anything, where it is in no format of torch's, or broken.
    """
    with open_regular(path) as file:
        packed = zipfile.is_zipfile(file)
        file.seek(0)
        if not packed and file.read(2) == b"PK":
            raise BrokenError("an archive whose end is missing")
        check_growth(path)
        if packed:
            with zipfile.ZipFile(file) as archive:
                return _of_archive(path, archive)
        file.seek(0)
        return _of_pickles(file, path.stat().st_size)


def check_growth(path: Path) -> None:
    """Refuse a file in torch's format that would take far more memory than it has bytes.

    Raises:
        WeightsError: It would.
        OSError: It cannot be read.
        Exception: As `check_claims`.
    """
    try:
        check_claims(path)
    except ClaimError as error:
        raise WeightsError(f"{path}: {error}; give weights that were saved as they are") from None


@dataclass(frozen=True)
class _Stored:
    """A storage: its bytes, the type of its elements (None: that of its tensors), and the elements before it."""

    content: torch.UntypedStorage
    dtype: torch.dtype | None
    before: int = 0


class _Reader(TorchReader):
    def __init__(self, file: IO[bytes], size: int, fetch: Callable[[StorageOf], torch.UntypedStorage]) -> None:
        super().__init__(file, size)
        self._fetch = fetch
        self.kept: dict[str | int, tuple[StorageOf, torch.UntypedStorage]] = {}
        self._nested: dict[int, tuple[bytes, Any]] = {}

    def storage(self, of: StorageOf) -> _Stored | Inert:
        if of.kind not in _TYPES:
            return Inert(f"torch.{of.kind}Storage")
        if of.key not in self.kept:
            self.kept[of.key] = of, self._fetch(of)
        dtype = None if of.kind == "Untyped" else _TYPES[of.kind]
        return _Stored(self.kept[of.key][1], dtype, of.view[0] if of.view else 0)

    def nested(self, content: bytes) -> Any:
        if id(content) not in self._nested:
            inside = _of_pickles(BytesIO(content), len(content))
            self._nested[id(content)] = content, inside.value
            for name, count in inside.built.items():
                self.built[name] = self.built.get(name, 0) + count
        return self._nested[id(content)][1]

    def tensor(self, name: str, arguments: tuple[Any, ...]) -> Tensor | Inert:
        kind = name.removeprefix("torch._utils._rebuild_")
        if kind not in ("tensor", "tensor_v2", "tensor_v3") or not isinstance(arguments[0], _Stored):
            return Inert(name, arguments)  # sparse, quantised, without values
        stored, offset, size, stride = arguments[:4]
        dtype = stored.dtype
        if kind == "tensor_v3":
            dtype = _BY_NAME.get(str(arguments[6]))
        metadata = arguments[7 if kind == "tensor_v3" else 6 :]
        if dtype is None or (metadata and metadata[0]):  # conjugated or negated where it lies
            return Inert(name, arguments)
        numbers = [offset, *size, *stride]
        if not all(type(number) is int and number >= 0 for number in numbers):
            raise BrokenError("a tensor in it has no shape")
        return torch.empty(0, dtype=dtype).set_(stored.content, offset + stored.before, tuple(size), tuple(stride))


def _of_archive(path: Path, archive: zipfile.ZipFile) -> TorchContent:
    names = archive.namelist()
    pickles = [name for name in names if name == "data.pkl" or name.endswith("/data.pkl")]
    folder = pickles[0].removesuffix("data.pkl") if pickles else ""
    inside = {name.removeprefix(folder) for name in names}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        raise WeightsError(
            f"{path}: a TorchScript program (torch.jit.save), which is code, not weights; save its tensors: "
            "torch.save(torch.jit.load(FILE).state_dict(), …)"
        )
    if not pickles:
        program = any(Path(name).name in ("serialized_exported_program.json", "model.json") for name in names)
        raise BrokenError("a program of torch.export" if program else "an archive without torch's data.pkl")
    order = archive.read(folder + "byteorder") if "byteorder" in inside else sys.byteorder.encode()

    def fetch(of: StorageOf) -> torch.UntypedStorage:
        if f"data/{of.key}" not in inside:
            raise BrokenError(f"its part data/{of.key} is missing")
        member = archive.getinfo(f"{folder}data/{of.key}")
        content = _storage(member.file_size)
        with archive.open(member) as part:
            _fill(content, part)
        if order != sys.byteorder.encode():
            if of.kind == "Untyped":
                raise BrokenError("its numbers lie in the other byte order")
            content.byteswap(_TYPES[of.kind])  # type: ignore[no-untyped-call]
        return content

    content = archive.read(pickles[0])
    reader = _Reader(BytesIO(content), len(content), fetch)
    return TorchContent(reader.load(), reader.built)


def _of_pickles(file: IO[bytes], size: int) -> TorchContent:
    """The format before 2020: four pickles, the storages' names, the storages; or a bare pickle."""
    reader = _Reader(file, size, lambda of: _storage(of.count * of.width))
    value = reader.load()
    if value != MAGIC_NUMBER:
        if reader.kept:
            raise BrokenError("a pickle without the storages that it names")
        return TorchContent(value, reader.built)
    reader.load()  # the protocol
    system = reader.load()
    value = reader.load()  # the content
    keys = reader.load()
    if set(keys) != set(reader.kept):
        raise BrokenError("its storages are not those that its tensors lie in")
    for key in keys:
        of, content = reader.kept[key]
        count = int.from_bytes(file.read(8), sys.byteorder)
        if count != of.count:
            raise BrokenError(f"storage {key} has {count} elements, not {of.count}")
        _fill(content, file)
    if isinstance(system, dict) and system.get("little_endian", True) != (sys.byteorder == "little"):
        raise BrokenError("its numbers lie in the other byte order")
    return TorchContent(value, reader.built)


def _storage(size: int) -> torch.UntypedStorage:
    return torch.UntypedStorage(size)  # type: ignore[no-untyped-call]


def _fill(storage: torch.UntypedStorage, file: IO[bytes]) -> None:
    """Read a storage's bytes.

    Raises:
        BrokenError: There are too few.
    """
    place = memoryview(torch.empty(0, dtype=torch.uint8).set_(storage).numpy())  # type: ignore[arg-type]
    while place.nbytes:
        read = file.readinto(place[:_BLOCK])  # type: ignore[attr-defined]
        if not read:
            raise BrokenError("a storage ends early")
        place = place[read:]
