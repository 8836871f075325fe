"""The files below a folder as they are at a moment, and what was lost of them since."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_RENEWED = ("record.json", "config.yaml", "curves.csv", "last.ckpt", "previous.ckpt", "loggers.json")
"""What a run that is not complete may write anew in its folder."""

_LARGE = 1 << 28  # bytes

_GROWING = ("console.log", "train.log")


@dataclass(frozen=True)
class Snapshot:
    """What lies below a folder.

    Attributes:
        folder: The folder.
        entries: Relative path → SHA-256 of a file (of a complete record without its evaluations),
            `→ target` of a link, the type of anything else.
        complete: The folders below that hold the record of a complete run.
    """

    folder: Path
    entries: Mapping[str, str]
    complete: frozenset[str]


def snapshot(folder: Path) -> Snapshot:
    """What lies below a folder now."""
    entries, complete = {}, set()
    for root, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(root, name)
            relative = os.path.relpath(path, folder)
            entries[relative] = _entry(path)
            record = _complete_record(path) if name == "record.json" else None
            if record is not None:
                complete.add(os.path.relpath(root, folder))
                entries[relative] = hashlib.sha256(json.dumps(record).encode(errors="replace")).hexdigest()
    return Snapshot(folder, entries, frozenset(complete))


def lost(before: Snapshot) -> list[str]:
    """What is gone: neither where it was nor anywhere else below the folder.

    A run that is not complete may renew its own record and checkpoints; a log may grow.
    """
    now = snapshot(before.folder)
    kept = set(now.entries.values())
    return [
        f"{name} was lost"
        for name, entry in before.entries.items()
        if now.entries.get(name) != entry and entry not in kept and not _may_change(name, before)
    ]


def _may_change(name: str, before: Snapshot) -> bool:
    folder, base = os.path.split(name)
    return base in _GROWING or (base in _RENEWED and (folder or ".") not in before.complete)


def _entry(path: Path) -> str:
    try:
        status = path.lstat()
        mode = status.st_mode
        if stat.S_ISREG(mode) and status.st_size > _LARGE:
            return f"{status.st_size} bytes"
        if stat.S_ISREG(mode):
            return hashlib.sha256(path.read_bytes()).hexdigest()
        return f"→ {os.readlink(path)}" if stat.S_ISLNK(mode) else f"type {stat.S_IFMT(mode):o}"  # noqa: PTH115
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _complete_record(path: Path) -> dict[str, Any] | None:
    """A complete run's record, without the evaluations, which are added to it later."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode) or path.stat().st_size > _LARGE:
            return None
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.get("status") != "complete":
        return None
    content.pop("evaluations", None)
    return content
