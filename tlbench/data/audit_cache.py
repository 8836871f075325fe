"""Audits that were made before, of the same images."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tlbench.errors import OutputError
from tlbench.system.atomic import write_atomic
from tlbench.system.cache_folder import cache_folder
from tlbench.system.regular_file import read_regular

Found = TypeVar("Found", bound=BaseModel)


def cached(depends_on: Sequence[Any], kind: type[Found], compute: Callable[[], Found]) -> Found:
    """What was computed before for the same values, else what is computed now; JSON types."""
    key = hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()
    path = cache_folder() / "audits" / f"{key[:32]}.json"
    found = _read(path, kind)
    if found is None:
        found = compute()
        _write(path, found)
    return found


def _read(path: Path, kind: type[Found]) -> Found | None:
    try:
        return kind.model_validate_json(read_regular(path))
    except (OSError, ValidationError):
        return None


def _write(path: Path, found: BaseModel) -> None:
    with contextlib.suppress(OSError, OutputError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, found.model_dump_json().encode())
