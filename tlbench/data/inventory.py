"""Every file below the root of a data set: read, or left out for a reason that is told."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlbench.system.folders import lies_hidden

HIDDEN = "hidden"

_EXAMPLES = 3
"""Names a reason in the record."""


@dataclass(frozen=True)
class Inventory:
    """What became of each file below a root; read and left out together are all of them, each once.

    Args:
        root: The folder that the names are relative to.
        read: What files are (`images`, `label files`, …) → their names, `/` between their parts.
        left_out: Reason, in a few words (`hidden`, `other ending (.txt)`, `no label`) → the names of the files.
    """

    root: Path
    read: Mapping[str, tuple[str, ...]]
    left_out: Mapping[str, tuple[str, ...]]

    def leaving_out(self, names: Iterable[str], reason: str) -> Inventory:
        """The same files, some of which turned out to be unusable when they were read."""
        moved = dict.fromkeys(names)
        if not moved:
            return self
        read = {kind: tuple(name for name in there if name not in moved) for kind, there in self.read.items()}
        return Inventory(self.root, read, {**self.left_out, reason: (*self.left_out.get(reason, ()), *moved)})

    def section(self) -> dict[str, Any]:
        """For the record: counts of both, and the first names of what was left out; JSON types."""
        return {
            "read": {kind: len(names) for kind, names in self.read.items()},
            "left_out": {
                reason: {"count": len(names), "examples": list(names[:_EXAMPLES])}
                for reason, names in self.left_out.items()
            },
        }


def take_inventory(
    root: Path, files: Iterable[str], read: Mapping[str, Iterable[str]], reasons: Mapping[str, str]
) -> Inventory:
    """Say what became of each file.

    Args:
        root: The folder that the names are relative to.
        files: All files below it, as `all_files` gives them.
        read: What files are → those that were read.
        reasons: File → why it was left out, where that is known.
    """
    kinds = {kind: tuple(dict.fromkeys(names)) for kind, names in read.items()}
    taken = {name for names in kinds.values() for name in names}
    left_out: dict[str, list[str]] = {}
    for name in files:
        if name not in taken:
            left_out.setdefault(reasons.get(name) or _reason(name), []).append(name)
    by_count = sorted(left_out.items(), key=lambda item: -len(item[1]))
    return Inventory(
        root,
        {kind: names for kind, names in kinds.items() if names},
        {reason: tuple(names) for reason, names in by_count},
    )


def all_files(root: Path) -> Iterator[str]:
    """Every file below a folder, the hidden ones too, as its path relative to it with `/`; links to folders count as
    files here where they are not followed, that is, where they lead to a folder above them.

    Folders that cannot be read are passed over: whoever needs their files says so.
    """
    pending: list[tuple[str, frozenset[str]]] = [("", frozenset(map(str, Path(os.path.realpath(root)).parents)))]
    while pending:
        below, above = pending.pop()
        place = os.path.join(root, below)  # noqa: PTH118 - 50,000 Paths are slow
        itself = os.path.realpath(place)
        try:
            with os.scandir(place) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            name = f"{below}{entry.name}"
            try:
                folder = entry.is_dir()
            except OSError:
                folder = False
            if folder and not (entry.is_symlink() and os.path.realpath(entry.path) in above | {itself}):
                pending.append((f"{name}/", above | {itself}))
            else:
                yield name


def leads_up(root: Path, name: str) -> bool:
    """Whether what lies at a path below a root is a link to one of the folders above it, as `all_files` sees it."""
    place = root / name
    above = {os.path.realpath(root / folder) for folder in Path(name).parents}
    return place.is_symlink() and os.path.realpath(place) in above | set(map(str, Path(os.path.realpath(root)).parents))


def _reason(name: str) -> str:
    if lies_hidden(name):
        return HIDDEN
    ending = os.path.splitext(name)[1]  # noqa: PTH122
    return f"not read ({ending.lower() or 'no ending'})"
