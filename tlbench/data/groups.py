"""Which images belong together, as `data.group` says: those of a scene, a patient, a video."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tlbench.config import DataConfig
from tlbench.config.grouping import Grouping
from tlbench.data.audit import names_of
from tlbench.data.audit_texts import number
from tlbench.data.formats.csv.names import PATH, plain
from tlbench.data.formats.csv.paths import PathFinder, PathProblem
from tlbench.data.formats.csv.table import Table, read_table
from tlbench.data.label_names import some
from tlbench.data.listing import Listing
from tlbench.data.samples import Samples
from tlbench.errors import DataError
from tlbench.system.voice import SILENT


def group_names(found: Listing[Any] | Samples[Any], data: DataConfig) -> tuple[str, ...] | None:
    """The group of each of N images; None where `data.group` is null.

    Raises:
        DataError: The images have no names, or one of them has no group.
    """
    if data.group is None:
        return None
    names, grouping = found.names, Grouping.of(data.group)
    if names is None:
        raise DataError(f"data.group={data.group}: the images of {data.name} have no names; use null")
    if grouping.by == "folder":
        return tuple(_folder(name, grouping) for name in names)
    if grouping.by == "pattern":
        return _matched(names, grouping)
    root = None if data.root is None else Path(data.root).expanduser()
    listing = found if isinstance(found, Listing) else found.listing
    if listing is None and root is None:
        raise DataError(f"data.group={data.group}: the images of {data.name} are no files that a table names; use null")
    if grouping.file is None and (root is None or root.is_dir()):
        raise DataError(
            f"data.group={data.group}: data.root is no table; name the one that has the column, as in "
            f"column:{grouping.value}@FILE.csv"
        )
    folder = folder_of(found, data)
    assert folder is not None
    table = Path(grouping.file).expanduser() if grouping.file is not None else root
    assert table is not None
    if not table.is_file():
        raise DataError(f"data.group={data.group}: there is no file {table}; name a table with a column path")
    return _from_table(folder, table, names, data, grouping)


def of_test(test: Samples[Any], data: DataConfig, alike: Sequence[Sequence[int]]) -> tuple[str, ...] | None:
    """The group of each of the N test images; None where each stands alone.

    Args:
        test: The split.
        data: With `data.group` this says what belongs together, and nothing else does.
        alike: Positions of the images of each group of near-duplicates that the audit found.

    Returns:
        Names of groups; near-duplicates are called by the first of them, others by themselves.

    Raises:
        DataError: As `group_names`.
    """
    if data.group is not None or not alike:
        return group_names(test, data)
    names = list(names_of("test", test))
    for group in alike:
        for position in group:
            names[position] = names[group[0]]
    return tuple(names)


def folder_of(found: Listing[Any] | Samples[Any], data: DataConfig) -> Path | None:
    """The folder that the names of images are relative to; None of images that are no files of `data.root`."""
    listing = found if isinstance(found, Listing) else found.listing
    if listing is not None:
        return listing.root
    root = None if data.root is None else Path(data.root).expanduser()
    return root.parent if root is not None and root.is_file() else root


def shared_groups(splits: Mapping[str, Samples[Any]], data: DataConfig) -> dict[str, dict[str, Any]]:
    """What the groups of the splits are, as JSON types: how many each has, and which lie in two of them.

    Raises:
        DataError: As `group_names`.
    """
    of = {split: set(group_names(found, data) or ()) for split, found in splits.items()}
    pairs = [("train", "val"), ("train", "test"), ("val", "test")]
    shared = {f"{a} and {b}": sorted(of[a] & of[b]) for a, b in pairs if a in of and b in of}
    return {
        "counts": {split: len(groups) for split, groups in of.items()},
        "shared": {where: groups for where, groups in shared.items() if groups},
    }


def leaked(shared: Mapping[str, list[str]], data: DataConfig) -> list[str]:
    """Warnings of groups that lie in two splits, as the data come with these."""
    return [
        f"data.group={data.group}: {number(len(groups), 'group')} in {where} ({some(groups, 3)}): what is measured "
        "there is no measure for new groups; divide the images anew, or choose a coarser data.group"
        for where, groups in shared.items()
    ]


def group_numbers(names: Sequence[str]) -> Tensor:
    """(N,) int64: equal where names are, numbered in their order."""
    number = {name: i for i, name in enumerate(sorted(set(names)))}
    return torch.tensor([number[name] for name in names], dtype=torch.int64)


def _folder(name: str, grouping: Grouping) -> str:
    parts = name.split("/")[:-1]
    if grouping.levels is None:
        return "/".join(parts)
    if len(parts) < grouping.levels:
        raise DataError(
            f"data.group={grouping.text}: {name} lies {len(parts)} folders deep; use a smaller number, or pattern:REGEX"
        )
    return "/".join(parts[: grouping.levels])


def _matched(names: Sequence[str], grouping: Grouping) -> tuple[str, ...]:
    pattern = re.compile(grouping.value)
    matches = [pattern.search(name) for name in names]
    without = [name for name, match in zip(names, matches, strict=True) if match is None]
    if without:
        raise DataError(
            f"data.group={grouping.text}: {len(without)} of {len(names)} names do not match ({some(without, 3)}); "
            "change the pattern, which is searched for in the path below data.root, or use null"
        )
    return tuple("/".join(part or "" for part in match.groups()) or match[0] for match in matches if match)


def _from_table(root: Path, file: Path, names: Sequence[str], data: DataConfig, grouping: Grouping) -> tuple[str, ...]:
    wanted = grouping.value

    def known(cell: str) -> bool:
        return plain(cell) in PATH or cell.strip() == wanted

    table = read_table(file, data.limits, SILENT, known)
    header = [cell.strip() for cell in table.header]
    if header.count(wanted) != 1:
        raise DataError(
            f"data.group={grouping.text}: {file} has {header.count(wanted)} columns {wanted}; it has {some(header)}"
        )
    position = header.index(wanted)
    groups = {_place(file.parent, path): cells[position].strip() for path, cells in _paths(table)}
    found = [groups.get(_place(root, name), "") for name in names]
    if without := [name for name, group in zip(names, found, strict=True) if not group]:
        raise DataError(
            f"data.group={grouping.text}: {file} has no {wanted} of {len(without)} images ({some(without, 3)}); fill "
            "them in, a row each, or use null"
        )
    return tuple(found)


def _paths(table: Table) -> list[tuple[str, list[str]]]:
    """The file that each row names, and its cells; rows of files that are not there are of no account."""
    finder = PathFinder(table.file.parent)
    columns = [i for i, name in enumerate(table.header) if plain(name) in PATH]
    columns = [i for i in columns if plain(table.header[i]) == "path"] or columns
    if len(columns) != 1:
        raise DataError(
            f"{table.file}: {len(columns)} columns may be the paths ({some(list(table.header))}); call one path"
        )
    found = []
    for _, cells in table.rows:
        try:
            found.append((finder.find(cells[columns[0]]), cells))
        except PathProblem:
            continue
    return found


def _place(folder: Path, name: str) -> str:
    return os.path.normpath(os.path.join(folder.absolute(), name))  # noqa: PTH118 - Paths are slow
