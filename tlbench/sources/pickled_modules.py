"""Networks that were pickled whole: their tensors and what they say of themselves. Nothing that they name is imported.

Of a module that `torch.save(model, FILE)` wrote, all that it remembers is plain: numbers, texts, tensors and further
modules. Here each class stands for itself by its name alone, so that neither its code nor that of the file is run,
and whoever wrote the file need not be installed.
"""

from __future__ import annotations

import contextlib
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar

import torch
from torch import Tensor

from tlbench.regular_file import open_regular

_MOST_MODULES = 100_000  # one module may be part of many; so may each of its own
_DEEPEST = 100


class NotReadableError(Exception):
    """Why a file's modules cannot be read, in a few words."""


class Inert:
    """Whatever a pickle names or makes of what it names; it does nothing, and holds what it was given.

    Attributes:
        name: What the pickle calls its class or function, such as `torch.nn.modules.conv.Conv2d`.
        state: Its attributes, by name.
    """

    name: ClassVar[str]
    state: dict[str, Any]

    def __new__(cls, *_arguments: Any, **_options: Any) -> Inert:
        """As any class; what it is given is forgotten."""
        made = super().__new__(cls)
        made.state = {}
        return made

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.state.update({key: value for key, value in part.items() if isinstance(key, str)})

    def __call__(self, *_arguments: Any, **_options: Any) -> Inert:
        """As a function or class that a call gave."""
        return self

    def __setitem__(self, _key: Any, _value: Any) -> None:
        """As of a dict."""

    def append(self, _value: Any) -> None:
        """As of a list."""

    def extend(self, _values: Any) -> None:
        """As of a list."""

    def add(self, _value: Any) -> None:
        """As of a set."""


def read_pickled(path: Path) -> Any:
    """What a file that `torch.save` wrote holds: plain Python objects, tensors, and `Inert` for anything else.

    Args:
        path: A zip archive, torch's format since 2020, for which `check_growth` found nothing.

    Raises:
        NotReadableError: It is in another byte order, or of another layout.
        Exception: Nearly anything, where the file is broken.
    """
    with _reader(path, tensors=True) as reader:
        return reader.load()


def names_in(path: Path) -> set[str]:
    """The functions and classes that a file names, as far as it can be read; no tensor is read.

    Args:
        path: As for `read_pickled`.
    """
    with contextlib.suppress(Exception), _reader(path, tensors=False) as reader:
        with contextlib.suppress(Exception):
            reader.load()
        return reader.named
    return set()


@contextmanager
def _reader(path: Path, *, tensors: bool) -> Iterator[_Unpickler]:
    with open_regular(path) as opened, zipfile.ZipFile(opened) as archive:
        members = archive.namelist()
        found = [name for name in members if name.rpartition("/")[2] == "data.pkl"]
        if len(found) != 1:
            raise NotReadableError("it is no archive as torch writes them")
        root = found[0].removesuffix("data.pkl")
        if f"{root}byteorder" in members and archive.read(f"{root}byteorder").strip() != b"little":
            raise NotReadableError("its numbers are in the byte order of another kind of machine")
        with archive.open(found[0]) as file:
            yield _Unpickler(file, (lambda key: archive.read(f"{root}data/{key}")) if tensors else None)


def is_module(found: Any) -> bool:
    """Whether it was a module of torch."""
    return isinstance(found, Inert) and isinstance(found.state.get("_modules"), Mapping)


def modules_of(module: Inert) -> Iterator[tuple[str, Inert]]:
    """The module and all in it with their names, itself first, under the name "".

    Raises:
        NotReadableError: They are nested beyond measure.
    """
    waiting, count = [("", module, 0)], 0
    while waiting:
        name, one, depth = waiting.pop()
        count += 1
        if count > _MOST_MODULES or depth > _DEEPEST:
            raise NotReadableError("its modules are nested so that they stand for far more than is in the file")
        yield name, one
        inner = [(f"{name}.{key}" if name else str(key), m) for key, m in one.state["_modules"].items() if is_module(m)]
        waiting += [(key, m, depth + 1) for key, m in reversed(inner)]


def tensors_of(module: Inert) -> dict[str, Tensor]:
    """A module's parameters and those of its buffers that are kept, by the names of its state dict.

    Raises:
        NotReadableError: As `modules_of`.
    """
    tensors: dict[str, Tensor] = {}
    for prefix, one in modules_of(module):
        unkept = one.state.get("_non_persistent_buffers_set")
        for kind in ("_parameters", "_buffers"):
            own = one.state.get(kind)
            for key, tensor in own.items() if isinstance(own, Mapping) else ():
                if isinstance(tensor, Tensor) and not (
                    kind == "_buffers" and isinstance(unkept, set) and key in unkept
                ):
                    tensors[f"{prefix}.{key}" if prefix else str(key)] = tensor
    return tensors


_DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_others: Any) -> Any:
    """`torch._utils._rebuild_tensor_v2`; of a storage that is not known nothing is made."""
    if not isinstance(storage, Tensor):
        return None
    return torch.as_strided(storage, tuple(size), tuple(stride), offset)  # it refuses what lies outside the storage


def _parameter(data: Any, *_others: Any) -> Any:
    return data


_PLAIN: Mapping[str, Callable[..., Any]] = {
    "collections.OrderedDict": OrderedDict,
    "torch.Size": tuple,
    "builtins.set": set,
    "__builtin__.set": set,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
}
"""What stands for what is more than its name; all else is `Inert`."""


class _Unpickler(pickle._Unpickler):  # that in C lets a memo's number decide its memory
    """Builds what a pickle describes, of `_PLAIN` and `Inert` alone.

    Args:
        file: The pickle.
        storage: Gives the bytes of a storage by its key; None: no tensor is made.

    Attributes:
        named: The functions and classes that it named so far.
    """

    def __init__(self, file: IO[bytes], storage: Callable[[str], bytes] | None) -> None:
        super().__init__(file, encoding="latin-1")
        self.named: set[str] = set()
        self._read = storage
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        """A stand-in of that name."""
        full = f"{module}.{name}"
        self.named.add(full)
        return _PLAIN.get(full) or type("Inert", (Inert,), {"name": full})

    def persistent_load(self, pid: Any) -> Any:
        """A storage, as a tensor of one dimension: ("storage", its type, key, location, number of elements, …)."""
        kind, key, count = pid[1], str(pid[2]), int(pid[4])
        dtype = _DTYPES.get(getattr(kind, "name", "").rpartition(".")[2])
        if dtype is None or self._read is None:
            return None
        if key not in self._storages:
            content = self._read(key) if count else b""
            if len(content) != count * dtype.itemsize:
                raise NotReadableError(f"its storage {key} has {len(content)} bytes, not {count * dtype.itemsize}")
            self._storages[key] = (
                torch.frombuffer(bytearray(content), dtype=dtype) if count else torch.empty(0).to(dtype)
            )
        return self._storages[key]
