"""What a configuration names that lies outside a run's folder: code by import path, and where the data lie."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tlbench.config import TrainConfig
from tlbench.system.names import without_nan

CODE_KEYS = ("model",)
"""Groups of the configuration with `import_path` and `arguments`."""


@dataclass(frozen=True)
class CodeName:
    """Code that a configuration names.

    Attributes:
        key: The group that names it, such as `model`.
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
    """The code that a configuration names; whoever adds an import path to the configuration adds it here."""
    found = []
    for key in CODE_KEYS:
        group = getattr(config, key)
        if group.import_path is not None:
            found.append(CodeName(key, group.import_path, group.model_dump(mode="json")["arguments"]))
    return found


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
