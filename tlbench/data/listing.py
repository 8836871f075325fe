"""Which image files there are, with their labels: a folder per class, or a CSV file; nothing is decoded."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from tlbench.config import ImageLimit
from tlbench.data.decode import EXTENSIONS, read_image_file
from tlbench.errors import DataError

SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""Name of a split's folder, or in a CSV's column `split` → the split."""


@dataclass(frozen=True, eq=False)
class Listing:
    """Image files and their labels.

    Args:
        root: The folder that the names are relative to.
        names: N paths below it, `/` between their parts.
        labels: (N,) int64, positions in `class_names`.
        class_names: One name a class.
    """

    root: Path
    names: tuple[str, ...]
    labels: Tensor
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def take(self, index: Tensor) -> Listing:
        """The files at (M,) int64 positions, in that order."""
        return Listing(self.root, tuple(self.names[i] for i in index.tolist()), self.labels[index], self.class_names)


class Files(Protocol):
    """Image files below a folder, whatever their labels are."""

    @property
    def root(self) -> Path:
        """The folder that the names are relative to."""

    @property
    def names(self) -> tuple[str, ...]:
        """N paths below it, `/` between their parts."""

    def __len__(self) -> int:
        """N."""


def read_listed(listing: Files, position: int, limit: ImageLimit) -> bytes:
    """The bytes of a listed file.

    Raises:
        UnreadableError: As `read_image_file`.
    """
    return read_image_file(os.path.join(listing.root, listing.names[position]), limit)  # noqa: PTH118 - Paths are slow


def list_splits(root: Path) -> dict[str, Listing]:
    """List `root/{train,val,test}/<class>/…`, or `root/<class>/…` without a folder `train`.

    Returns:
        The splits that have a folder of their own (`train` always); all images as `train` where none has.

    Raises:
        DataError: No such folder, a split's folder without `train`, no class folders, a class without images, or
            splits with different classes.
    """
    folders = {name: SPLITS[name] for name in _folders(root) if name in SPLITS}
    if not folders:
        listing = list_classes(root)
        if len(listing.class_names) < 2:
            raise DataError(
                f"{root}: only the class {listing.class_names[0]!r} in it; wanted are two class folders or more, "
                "perhaps those of the folder above"
            )
        return {"train": listing}
    if "train" not in folders:
        raise DataError(
            f"{root}: holds {' and '.join(folders)} but no folder train; wanted are train/<class>/* and, if there "
            "are such, val/<class>/* and test/<class>/*, or <class>/* alone"
        )
    others = [name for name in _folders(root) if name not in folders]
    if others:
        raise DataError(
            f"{root}: holds {', '.join(folders)} and other folders ({', '.join(others[:4])}); give a folder that "
            "holds either splits or classes"
        )
    twice = [name for name, split in folders.items() if list(folders.values()).count(split) > 1]
    if twice:
        raise DataError(f"{root}: {' and '.join(twice)} are one split; join them in one folder")
    listings = {split: list_classes(root, name) for name, split in folders.items()}
    check_same_classes(root, listings)
    return listings


def check_same_classes(root: Path, listings: Mapping[str, Listing]) -> None:
    """Refuse splits whose classes differ from those of `train`.

    Raises:
        DataError: They do.
    """
    train = listings["train"]
    for split, listing in listings.items():
        differing = sorted(set(train.class_names) ^ set(listing.class_names))
        if differing:
            raise DataError(
                f"{root}: train and {split} must have the same class folders; only in one of them: "
                f"{', '.join(differing)}"
            )


def list_classes(root: Path, below: str = "") -> Listing:
    """List `root/below/<class>/…`, at any depth, in an order that does not depend on the file system.

    Classes are sorted by name, files naturally (`2.jpg` before `10.jpg`); hidden files and other kinds are ignored.

    Raises:
        DataError: No such folder, no class folders in it, or a class folder without images.
    """
    folder = root / below
    class_names = _folders(folder)
    if not class_names:
        raise DataError(f"{folder}: no class folders in it; wanted is one folder of images a class")
    prefix = f"{below}/" if below else ""
    files = [list_images(folder / name) for name in class_names]
    for name, found in zip(class_names, files, strict=True):
        if not found:
            raise DataError(
                f"{folder / name}: no images ({' '.join(EXTENSIONS)}) in this class folder; add some or remove the "
                "folder"
            )
    labels = torch.repeat_interleave(torch.arange(len(files)), torch.tensor([len(f) for f in files]))
    names = [f"{prefix}{name}/{file}" for name, found in zip(class_names, files, strict=True) for file in found]
    return Listing(root, tuple(names), labels, tuple(class_names))


def list_images(folder: Path) -> list[str]:
    """The image files below a folder, at any depth, as paths relative to it in natural order; hidden ones are ignored.

    Raises:
        DataError: It cannot be read.
    """
    found = []
    pending = [""]
    while pending:
        below = pending.pop()
        for entry in _entries(folder / below):
            name = f"{below}{entry.name}"
            if entry.is_dir():
                pending.append(name + "/")
            elif entry.name.lower().endswith(EXTENSIONS):
                found.append(name)
    return sorted(found, key=natural_order)


def list_csv(file: Path) -> dict[str, Listing]:
    """List a CSV file with the columns `path`, `label` and, if there are splits, `split` (train, val, test).

    Paths are relative to the file's folder, or absolute. Classes are sorted by name.

    Raises:
        DataError: No such file, a column or value is missing, a split's name is unknown, a path occurs twice or is no
            file; with the line.
    """
    rows = _rows(file)
    class_names = sorted({label for _, label, _ in rows})
    if len(class_names) < 2:
        raise DataError(f"{file}: column label: only {class_names[0]!r} in it; wanted are two classes or more")
    number = {name: i for i, name in enumerate(class_names)}
    listings = {}
    for split in ("train", "val", "test"):
        chosen = [(path, number[label]) for path, label, of in rows if of == split]
        if chosen:
            names, labels = zip(*chosen, strict=True)
            listings[split] = Listing(file.parent, names, torch.tensor(labels), tuple(class_names))
    if "train" not in listings:
        raise DataError(f"{file}: column split: no row is train; wanted are train and, if there are such, val and test")
    return listings


def _rows(file: Path) -> list[tuple[str, str, str]]:
    """Path, label and split of each row."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            reader = csv.DictReader(opened, strict=True)
            missing = [column for column in ("path", "label") if column not in (reader.fieldnames or [])]
            if missing:
                raise DataError(
                    f"{file}: no column {' and '.join(missing)} in its first line ({', '.join(reader.fieldnames or [])}"
                    "); wanted are path, label and, if there are splits, split"
                )
            rows = [_row(file, reader.line_num, row) for row in reader]
    except OSError as error:
        raise DataError(f"data.root={str(file)!r}: {error.strerror}; name a CSV file with path,label") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: not a CSV file in UTF-8 ({error}); wanted are lines path,label") from None
    if not rows:
        raise DataError(f"{file}: no rows below its first line; add lines path,label")
    seen: dict[str, int] = {}
    for number, (path, _, _) in enumerate(rows):
        if path in seen:
            raise DataError(f"{file}: {path} occurs twice (rows {seen[path] + 1} and {number + 1}); keep one of them")
        seen[path] = number
    return rows


def _row(file: Path, line: int, row: dict[str, Any]) -> tuple[str, str, str]:
    path, label = (row.get(column) or "" for column in ("path", "label"))
    if not path or not label:
        raise DataError(f"{file}: line {line}: no {'label' if path else 'path'}; each row needs both")
    split = row.get("split", "train")
    if split not in SPLITS:
        raise DataError(f"{file}: line {line}: split {split!r}; allowed: train, val, test")
    if not (file.parent / path).is_file():
        raise DataError(f"{file}: line {line}: {path}: no such file below {file.parent}; mend the path")
    return path, label, SPLITS[split]


def _folders(root: Path) -> list[str]:
    return sorted(entry.name for entry in _entries(root) if entry.is_dir())


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(
            f"{error.filename}: {error.strerror}; wanted is a folder with one folder of images a class"
        ) from None


def natural_order(name: str) -> tuple[Sequence[Any], str]:
    """A key to sort by: digits compare as numbers; `01.jpg` and `1.jpg` then by their characters."""
    parts: list[Any] = re.split(r"(\d+)", name)
    parts[1::2] = [int(digits) for digits in parts[1::2]]
    return parts, name
