"""Reads what W&B keeps offline: protocol buffers in a LevelDB log, in blocks of 32 kB."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path
from typing import Any

_BLOCK, _FILE_HEADER, _HEADER = 32768, 7, 7


def history(path: Path) -> dict[int, dict[str, Any]]:
    """W&B's step → what was logged at it."""
    steps: dict[int, dict[str, Any]] = {}
    for record in _records(path):
        if record.WhichOneof("record_type") == "history":
            row = {"/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in record.history.item}
            steps.setdefault(record.history.step.num, {}).update(row)
    return steps


def configuration(path: Path) -> dict[str, Any]:
    """The run's parameters."""
    found: dict[str, Any] = {}
    for record in _records(path):
        kind = record.WhichOneof("record_type")
        if kind in ("config", "run"):
            config = record.config if kind == "config" else record.run.config
            found.update({"/".join(u.nested_key) or u.key: json.loads(u.value_json) for u in config.update})
    return found


def exit_code(path: Path) -> int:
    """Which the run ended with."""
    (code,) = [r.exit.exit_code for r in _records(path) if r.WhichOneof("record_type") == "exit"]
    return int(code)


def run(path: Path) -> Any:
    """The run's names."""
    return next(r.run for r in _records(path) if r.WhichOneof("record_type") == "run")


def _records(path: Path, within_s: float = 60.0) -> list[Any]:
    """All records, once the last is there: W&B's own process may still be writing when `finish` has returned."""
    deadline = time.monotonic() + within_s
    while True:
        records = _written(path)
        if any(record.WhichOneof("record_type") == "exit" for record in records) or time.monotonic() > deadline:
            return records


def _written(path: Path) -> list[Any]:
    from wandb.proto import wandb_internal_pb2

    content, at, part, records = path.read_bytes(), _FILE_HEADER, b"", []
    while at + _HEADER <= len(content):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", content[at : at + _HEADER])
        part += content[at + _HEADER : at + _HEADER + length]
        at += _HEADER + length
        if kind in (1, 4):  # full, last
            records.append(wandb_internal_pb2.Record.FromString(part))
            part = b""
    return records
