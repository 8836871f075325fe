"""What a pickle of torch's holds beside plain Python: storages, and tensors that lie in them."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tlbench.sources.inert import ClaimError, Inert, InertReader, Name

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
"""With which torch's format before 2020 begins, as a pickle of its own."""

SHAPED = re.compile(r"^torch\._utils\._rebuild_\w*tensor\w*$")
"""What gives a tensor."""

_WRAPPERS = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")
_OF_A_TYPE = ("torch._tensor._rebuild_from_type_v2", "torch._tensor._rebuild_from_type", "torch._rebuild_from_type_v2")
_WIDTHS = {
    "Double": 8,
    "Long": 8,
    "Float": 4,
    "Int": 4,
    "ComplexFloat": 8,
    "ComplexDouble": 16,
    "Half": 2,
    "BFloat16": 2,
    "Short": 2,
}


@dataclass(frozen=True)
class StorageOf:
    """A storage as a pickle describes it.

    Attributes:
        kind: The type of its elements as torch's storages are named, such as `Float`; `Untyped`: of bytes.
        key: Its name in the file.
        count: How many elements it has.
        width: How many bytes an element has.
        view: The first element and the number of those that a view takes; None: all.
    """

    kind: str
    key: str | int
    count: int
    width: int
    view: tuple[int, int] | None = None


class TorchReader(InertReader):
    """Goes through a pickle of torch's; what becomes of storages and tensors is for those who derive from it."""

    @abstractmethod
    def storage(self, of: StorageOf) -> Any:
        """What stands for a storage."""

    @abstractmethod
    def tensor(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """What stands for a tensor that one of torch's functions would have given."""

    @abstractmethod
    def nested(self, content: bytes) -> Any:
        """What stands for a storage that is a file of torch's within the file."""

    def persistent_load(self, pid: Any) -> Any:
        """A storage: ("storage", its type, key, location, number of elements, view); or a class with its source."""
        if pid[0] == "module":
            return pid[1]
        kind, key, count = str(pid[1]).rpartition(".")[2].removesuffix("Storage"), pid[2], int(pid[4])
        if not isinstance(key, str | int) or count < 0:
            raise ClaimError("a storage in it has no name")
        view = pid[5] if len(pid) > 5 else None
        taken = (int(view[1]), int(view[2])) if view is not None else None
        return self.storage(StorageOf(kind, key, count, _WIDTHS.get(kind, 1), taken))

    def call(self, name: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """Tensors of torch's own functions; of all else, an inert object."""
        if name in _WRAPPERS and arguments:
            return arguments[0]
        if name in _OF_A_TYPE and len(arguments) > 2 and isinstance(arguments[0], Name):
            given = arguments[2]
            return self.call(str(arguments[0]), given if isinstance(given, tuple) else (), {})
        if SHAPED.match(name):
            return self.tensor(name, arguments)
        if name == "torch.storage._load_from_bytes":
            content = bytes_of(arguments[0]) if arguments else None
            if content is not None:
                return self.nested(content)
        if name == "torch.Size":
            return arguments[0] if arguments else ()
        return super().call(name, arguments, options)


def bytes_of(value: Any) -> bytes | None:
    """Bytes that a pickle holds, also as older protocols write them; None where they are something else."""
    if (
        isinstance(value, Inert)
        and value.name == "_codecs.encode"
        and value.arguments[1:] in (("latin1",), ("latin-1",))
    ):
        text = value.arguments[0]
        return text.encode("latin-1") if isinstance(text, str) else None
    return value if isinstance(value, bytes) else None
