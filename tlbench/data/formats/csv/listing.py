"""Images that a CSV file lists with their labels; nothing is decoded."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from tlbench.annotations.labels.labels import Labels
from tlbench.config import STANDARD_LIMITS, LimitsConfig
from tlbench.data.carve_options import wanted_classes
from tlbench.data.formats.csv.columns import Columns, find_columns
from tlbench.data.formats.csv.names import is_name
from tlbench.data.formats.csv.paths import PathFinder, PathProblem
from tlbench.data.formats.csv.table import read_table
from tlbench.data.image_kind import kind_of_file
from tlbench.data.inventory import Inventory, all_files, take_inventory
from tlbench.data.label_names import merged_labels, say_merged, warn_of_lookalikes
from tlbench.data.listing import Listed, Listing, check_same_classes
from tlbench.errors import DataError, short
from tlbench.system.folders import is_folder, lies_hidden
from tlbench.system.voice import PRINTING, Voice

_NOTHING = frozenset(("nan", "NaN", "NAN", "<NA>", "#N/A", "N/A", "n/a", "NA", "NULL", "null", "None", "NaT"))
"""What tables hold where a value is missing; what pandas reads as such, too."""


def list_csv(
    file: Path,
    limits: LimitsConfig = STANDARD_LIMITS,
    classes: Sequence[str] | None = None,
    voice: Voice = PRINTING,
) -> Listed[Labels]:
    """List a CSV file with the columns `path`, `label` and, if there are splits, `split` (train, val, test).

    Paths are relative to the file's folder, or absolute. Classes are sorted by name. Other names of columns, other
    forms of paths and labels that differ in blanks are read where one reading alone fits, which is said.

    Args:
        file: The CSV file.
        limits: Up to which size it is read, and how many classes there may be.
        classes: The classes to list; None: all.
        voice: Speaks to the user.

    Raises:
        DataError: No such file, a column or value is missing, a split's name is unknown, a path occurs twice or is no
            file; with the line.
    """
    table = read_table(file, limits, voice, is_name)
    finder = PathFinder(file.parent)
    columns = find_columns(table, finder, voice)
    if not columns.table.rows:
        raise DataError(f"{file}: no rows below its first line; add lines path,label")
    labels = _labels(file, columns, classes, voice)
    names = _paths(file, columns, labels, finder)
    finder.tell(str(file), voice)
    splits = columns.splits or ["train"] * len(names)
    listed = list(range(len(names)))
    if classes is not None:
        wanted = set(wanted_classes(sorted(set(labels)), classes))
        listed = [i for i in listed if labels[i] in wanted]
    class_names = sorted({labels[i] for i in listed})
    limits.check_classes(f"{file}: column label", len(class_names))
    if len(class_names) < 2:
        raise DataError(
            f"{file}: column label: only {short(repr(class_names[0]))} in it; wanted are two classes or more"
        )
    number = {name: i for i, name in enumerate(class_names)}
    parts = {}
    for split in ("train", "val", "test"):
        chosen = [i for i in listed if splits[i] == split]
        if chosen:
            numbers = torch.tensor([number[labels[i]] for i in chosen])
            parts[split] = Listing(file.parent, tuple(names[i] for i in chosen), Labels(numbers, tuple(class_names)))
    if "train" not in parts:
        raise DataError(f"{file}: column split: no row is train; wanted are train and, if there are such, val and test")
    check_same_classes(file, parts)
    warn_of_lookalikes(str(file), class_names, voice)
    chosen_names = {names[i] for i in listed}
    others = {name: "of a class that is not in data.classes" for name in names if name not in chosen_names}
    inventory = _inventory(file, [name for part in parts.values() for name in part.names], others)
    return Listed(parts, inventory, named="the file's")


# ---- labels


def _labels(file: Path, columns: Columns, classes: Sequence[str] | None, voice: Voice) -> list[str]:
    """The label of each row."""
    named = set(classes or ())
    written = columns.labels()
    path = columns.path
    for (line, cells), label in zip(columns.table.rows, written, strict=True):
        plain = label.strip()
        if not plain or not cells[path].strip():
            missing = "label" if cells[path].strip() else "path"
            raise DataError(f"{file}: line {line}: no {missing}; each row needs both")
        if plain in _NOTHING and plain not in named:
            raise DataError(
                f"{file}: line {line}: label {plain!r}, which stands for a missing value; give it a label or remove "
                "the row, or name it and the other classes in data.classes, if it is one"
            )
    merged = {label: name.strip() for label, name in merged_labels(Counter(written)).items()}
    say_merged(str(file), merged, voice)
    labels = [merged[label] for label in written]
    _check_single(file, columns, labels, named)
    return labels


def _check_single(file: Path, columns: Columns, labels: Sequence[str], named: set[str]) -> None:
    """Refuse cells that hold several labels."""
    distinct = dict.fromkeys(labels)
    for label in [label for label in distinct if label not in named]:
        several = any(separator in label for separator in "|;") or label.startswith("[")
        for separator in ",/+&":
            parts = [part.strip() for part in label.split(separator)]
            several |= len(parts) > 1 and distinct.keys() >= set(parts)
        if several:
            line = columns.table.rows[labels.index(label)][0]
            raise DataError(
                f"{file}: line {line}: label {short(repr(label))} looks like several; an image has one label here: "
                "choose one, or name it and the other classes in data.classes, if it is one class"
            )


# ---- paths


def _paths(file: Path, columns: Columns, labels: Sequence[str], finder: PathFinder) -> list[str]:
    """The path of each row."""
    names: list[str] = []
    seen: dict[str, int] = {}
    for number, (line, cells) in enumerate(columns.table.rows):
        cell = cells[columns.path]
        try:
            name = finder.find(cell)
        except PathProblem as problem:
            raise DataError(f"{file}: line {line}: {short(cell)}: {problem}; mend the path") from None
        place = os.path.normpath(os.path.join(file.parent, name))  # noqa: PTH118 - a million Paths are slow
        first = seen.setdefault(place, number)
        if first != number:
            if labels[first] != labels[number]:
                raise DataError(
                    f"{file}: {short(cell)} has several labels ({labels[first]!r} in row {first + 1}, "
                    f"{labels[number]!r} in row {number + 1}); an image has one label here: keep one of them"
                )
            raise DataError(f"{file}: {short(cell)} occurs twice (rows {first + 1} and {number + 1}); keep one of them")
        names.append(name)
    return names


# ---- inventory


def _inventory(file: Path, names: Sequence[str], others: Mapping[str, str]) -> Inventory:
    """Of all files below the file's own folder, and of those in the folders of images that lie elsewhere. Where that
    folder is one of which nobody knows what is in it (`_is_of_all_things`), of those below the deepest that holds all
    images, or in their folders where it is that itself. The file belongs to it in each case.
    """
    own = os.path.abspath(file.parent)  # noqa: PTH100 - links are not resolved
    places = {name: os.path.normpath(os.path.join(own, name)) for name in [*names, *others]}  # noqa: PTH118
    holding = sorted({os.path.dirname(place) for place in places.values()})  # noqa: PTH120
    deepest = os.path.commonpath(holding)
    root = os.path.commonpath([own, deepest])
    table = os.path.join(own, file.name)  # noqa: PTH118
    walked = own
    if _is_of_all_things(own):
        walked = "" if deepest == own or root != own else deepest
        root = walked or root
    found = [os.path.join(walked, name) for name in all_files(Path(walked))] if walked else []  # noqa: PTH118
    for folder in holding:
        if not walked or os.path.commonpath([walked, folder]) != walked:
            found += _files_in(folder)
    relative = {place: _below(root, place) for place in dict.fromkeys([*found, table])}
    reasons = {_below(root, places[name]): reason for name, reason in others.items()}
    read = [_below(root, places[name]) for name in names]
    listed = {*read, *reasons}
    for place, name in relative.items():
        if name not in listed and place != table and not lies_hidden(name):
            reasons[name] = kind_of_file(place).reason or "not named by the table"
    return take_inventory(Path(root), relative.values(), {"images": read, "tables": [relative[table]]}, reasons)


def _is_of_all_things(folder: str) -> bool:
    """Whether it is the working directory, somebody's home or a folder above homes: to walk it may take hours."""
    place = Path(os.path.realpath(folder))
    home = Path(os.path.realpath(os.path.expanduser("~")))  # noqa: PTH111 - Path.home raises where there is none
    return place in (Path.cwd(), home, *home.parents) or str(place.parent) in ("/home", "/Users")


def _files_in(folder: str) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.path for entry in entries if not is_folder(entry))


def _below(root: str, place: str) -> str:
    return os.path.relpath(place, root).replace(os.sep, "/")
