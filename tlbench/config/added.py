"""Keys that came after the first records were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Added:
    """A key that the schema did not always have.

    Attributes:
        key: The dotted key. An upgrade adds it wherever its group is there (or can be made) and it is not.
        value: What reproduces what was done before there was the key.
        only: Key → values that it must have.
    """

    key: str
    value: Any
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
