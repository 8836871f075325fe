"""What a configuration names that lies outside a run's folder: code by import path, and where the data lie."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from tlbench.config import TrainConfig
from tlbench.system.names import without_nan


@dataclass(frozen=True)
class CodeName:
    """Code that a configuration names.

    Attributes:
        key: The key that names it, such as `model` or `callbacks.own.mine`.
        import_path: `package.module:Name`.
        arguments: With which it is called.
    """

    key: str
    import_path: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """What is imported."""
        return self.import_path.partition(":")[0]


def code_names(config: TrainConfig) -> list[CodeName]:
    """The code that a configuration names: wherever it has an `import_path`, with its `arguments`."""
    return list(_named(config, ""))


def own_code(group: BaseModel | None, key: str) -> CodeName | None:
    """The code that one group names; None where it names none.

    Args:
        group: With `import_path` and `arguments`.
        key: Its dotted name.
    """
    path = getattr(group, "import_path", None)
    if group is None or path is None:
        return None
    return CodeName(key, path, group.model_dump(mode="json")["arguments"])


def own_codes(groups: Mapping[str, BaseModel], key: str) -> dict[str, CodeName]:
    """The same of each of several, by the user's names for them."""
    found = {name: own_code(group, f"{key}.{name}") for name, group in groups.items()}
    return {name: code for name, code in found.items() if code is not None}


def _named(node: Any, key: str) -> Iterator[CodeName]:
    if isinstance(node, BaseModel):
        found = own_code(node, key)
        if found is not None:
            yield found
        children: Mapping[str, Any] = {name: getattr(node, name) for name in type(node).model_fields}
    elif isinstance(node, Mapping):
        children = node
    else:
        return
    for name, child in children.items():
        yield from _named(child, f"{key}.{name}" if key else str(name))


def canonical(value: Any) -> str:
    """JSON that is the same for the same value, before a record was written and after it was read.

    Keys are sorted, numbers are as a record holds them (`1` is not `1.0`, NaN is null), all is ASCII.
    """
    stored = json.loads(json.dumps(value))  # keys become text, tuples lists
    return json.dumps(without_nan(stored), sort_keys=True, separators=(",", ":"), allow_nan=False)


def claim(names: Sequence[CodeName], root: str | None, files: Mapping[str, str]) -> bytes:
    """What a user vouches for, as bytes: which code is called how, where the data lie, and which files that loads.

    Args:
        names: The code that the configuration names.
        root: `data.root`.
        files: Module → SHA-256 of the file that it was loaded from.
    """
    content = {
        "what": "tlbench: code and places of a run, 1",
        "code": [[name.key, name.import_path, dict(name.arguments)] for name in names],
        "data.root": root,
        "files": dict(files),
    }
    return canonical(content).encode()
