"""Going through a pickle without importing or calling anything that it names.

What it builds of plain Python (mappings, lists, numbers, texts) is built; every other object stands as an `Inert`: its
name, what it was called with and its state. Tensors are the business of who derives from `InertReader`.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, ClassVar

_PARTS = 5_000_000
"""So many instructions a pickle may have: some are one byte in the file and a hundred in memory."""

_MAPPINGS = ("collections.OrderedDict", "collections.defaultdict", "collections.Counter", "builtins.dict")
_NEW = ("copyreg._reconstructor", "copy_reg._reconstructor", "copyreg.__newobj__", "copyreg.__newobj_ex__")
_GETATTR = ("builtins.getattr", "__builtin__.getattr")

_SMALL = 1 << 20  # bytes: so much any file may claim
_FACTOR = 4  # of the file's size: tensors may share storages
_BEYOND = 1 << 62  # so much is too much for anything


def allowed_for(size: int) -> int:
    """How many bytes a file of so many bytes may take in memory; small ones may take more than they have."""
    return max(_FACTOR * size, _SMALL)


class ClaimError(Exception):
    """The file would take far more memory, or time, than its bytes do."""


@dataclass(frozen=True, slots=True)
class Name:
    """A function or class that a pickle names; it was not imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False, slots=True)
class Inert:
    """What a pickle would have built by calling something.

    Attributes:
        name: What it names, such as `argparse.Namespace`; of what `getattr` gives, the whole path.
        arguments: What it would have been called with.
        options: Likewise, by name.
        state: What it would have been given after that; of most objects, its attributes by name.
        items: What it would have been filled with, if it is a mapping.
        entries: Likewise, if it is a sequence or a set.
    """

    name: str
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)
    entries: list[Any] = field(default_factory=list)


class StoredTuple(tuple[Any, ...]):
    """A tuple of a pickle. It may hold another many times, and that a third: to hash it goes through all of them."""

    reader: InertReader
    weight: int

    def __hash__(self) -> int:
        self.reader.spend(self.weight)
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class _Counted(dict[int, Callable[[Any], None]]):
    """A pickle's instructions, which counts how often one is looked up."""

    count = 0

    def __getitem__(self, key: int) -> Callable[[Any], None]:
        self.count += 1
        if self.count > _PARTS:
            raise ClaimError(f"its pickle has more than {_PARTS:,} parts, which weights have not")
        return super().__getitem__(key)


class InertReader(pickle._Unpickler):  # that in C lets a memo's number decide its memory
    """Goes through a pickle; nothing that it names is imported, and nothing that is in it is called.

    Args:
        file: Where it is read from.
        size: Bytes of the file. They bound how much memory it may ask for, and how many entries of its tuples and of
            what its calls are given may be gone through one by one.
    """

    stack: list[Any]
    append: Callable[[Any], None]
    pop_mark: Callable[[], list[Any]]
    read: Callable[[int], bytes]
    dispatch: ClassVar[Any] = dict(pickle._Unpickler.dispatch)

    def __init__(self, file: IO[bytes], size: int) -> None:
        super().__init__(file, encoding="latin-1")
        self.dispatch = _Counted(type(self).dispatch)  # type: ignore[misc]  # one count a pickle
        self.size, self._steps = size, allowed_for(size)
        self.built: dict[str, int] = {}
        """What it would have called, by name, and how often."""

    def spend(self, steps: int) -> None:
        """Count steps.

        Raises:
            ClaimError: They are more than a file of this size needs.
        """
        self._steps -= steps
        if self._steps < 0:
            raise ClaimError("what it holds is nested so that it stands for far more than is in the file")

    def find_class(self, module: str, name: str) -> Name:
        """A name, as it stands in the pickle."""
        return Name(module, name)

    def call(self, name: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """What stands for the object that a call would have given."""
        if name in _MAPPINGS:
            return _mapping(arguments)
        if name in _GETATTR and len(arguments) > 1 and isinstance(arguments[1], str):
            owner = arguments[0]
            if isinstance(owner, Name | Inert):
                return Name(owner.name if isinstance(owner, Inert) else str(owner), arguments[1])
        if name in _NEW and arguments and isinstance(arguments[0], Name):
            name, arguments = str(arguments[0]), ()
        self.built[name] = self.built.get(name, 0) + 1
        return Inert(name, arguments, dict(options))

    def _called(self, function: Any, arguments: Iterable[Any], options: Any = None) -> None:
        if isinstance(function, Name):
            name = str(function)
        elif isinstance(function, Inert):
            name = f"{function.name}()"
        else:
            raise pickle.UnpicklingError("it calls what is no function")
        self.append(self.call(name, tuple(arguments), options if isinstance(options, dict) else {}))

    def _reduce(self) -> None:
        arguments = self.stack.pop()
        self._called(self.stack.pop(), arguments)

    def _new_with_options(self) -> None:
        options, arguments = self.stack.pop(), self.stack.pop()
        self._called(self.stack.pop(), arguments, options)

    def _object(self) -> None:
        function, *arguments = self.pop_mark()
        self._called(function, arguments)

    def _instantiate(self, function: Name, arguments: list[Any]) -> None:
        self._called(function, arguments)

    def _build(self) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Inert):  # what a mapping of state dicts is given besides is not needed
            self.stack[-1].state = state

    def _fill(self, values: Iterable[Any]) -> None:
        filled = self.stack[-1]
        if isinstance(filled, set):
            filled.update(values)
        elif isinstance(filled, list | Inert):
            (filled.entries if isinstance(filled, Inert) else filled).extend(values)
        else:
            raise pickle.UnpicklingError("it fills what is no sequence")

    def _set_items(self, parts: list[Any]) -> None:
        filled = self.stack[-1]
        if not isinstance(filled, dict | Inert):
            raise pickle.UnpicklingError("it fills what is no mapping")
        items = filled.items if isinstance(filled, Inert) else filled
        for key, value in zip(parts[::2], parts[1::2], strict=True):
            items[key] = value

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set_items([key, value])

    def _tuple(self, items: Iterable[Any]) -> None:
        made = StoredTuple(items)
        made.reader, made.weight = self, min(1 + sum(getattr(item, "weight", 1) for item in made), _BEYOND)
        self.append(made)

    def _tuple_of(self, count: int) -> None:
        items = self.stack[-count:]
        del self.stack[-count:]
        self._tuple(items)

    def _bytearray(self) -> None:
        size = int.from_bytes(self.read(8), "little")
        if size > self.size:  # its memory would be taken before its bytes are read
            raise ClaimError("it holds a bytearray that is longer than the file")
        self.append(self.read(size))

    def _refuse(self, why: str) -> None:
        raise ClaimError(why)

    dispatch[pickle.REDUCE[0]] = dispatch[pickle.NEWOBJ[0]] = _reduce
    dispatch[pickle.NEWOBJ_EX[0]] = _new_with_options
    dispatch[pickle.OBJ[0]] = _object
    dispatch[pickle.BUILD[0]] = _build
    dispatch[pickle.APPEND[0]] = lambda self: self._fill([self.stack.pop()])
    dispatch[pickle.APPENDS[0]] = dispatch[pickle.ADDITEMS[0]] = lambda self: self._fill(self.pop_mark())
    dispatch[pickle.SETITEM[0]] = _set_item
    dispatch[pickle.SETITEMS[0]] = lambda self: self._set_items(self.pop_mark())
    dispatch[pickle.TUPLE[0]] = lambda self: self._tuple(self.pop_mark())
    dispatch[pickle.TUPLE1[0]] = lambda self: self._tuple_of(1)
    dispatch[pickle.TUPLE2[0]] = lambda self: self._tuple_of(2)
    dispatch[pickle.TUPLE3[0]] = lambda self: self._tuple_of(3)
    for _opcode in (pickle.EXT1, pickle.EXT2, pickle.EXT4):  # by number, from a list that any library may extend
        dispatch[_opcode[0]] = lambda self: self._refuse("it names something by a number")
    dispatch[pickle.BYTEARRAY8[0]] = _bytearray


def _mapping(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """What a mapping is begun with: nothing, another mapping, or pairs (as Python 2 wrote them)."""
    for argument in arguments:
        if isinstance(argument, dict):
            return dict(argument)
        if isinstance(argument, list) and all(isinstance(p, list | tuple) and len(p) == 2 for p in argument):
            return {pair[0]: pair[1] for pair in argument}
    return {}
