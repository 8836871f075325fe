"""Which image files there are, with their labels: a folder per class, or a CSV file; nothing is decoded."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from tlbench.config import STANDARD_LIMITS, ImageLimit, LimitsConfig
from tlbench.data.decode import EXTENSIONS, read_image_file
from tlbench.errors import DataError, short
from tlbench.folders import entries_of, is_folder, walk
from tlbench.regular_file import open_regular

_LONGEST_LINE = 1_000_000  # characters, of a CSV file

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


def list_splits(root: Path, limits: LimitsConfig = STANDARD_LIMITS) -> dict[str, Listing]:
    """List `root/{train,val,test}/<class>/…`, or `root/<class>/…` without a folder `train`.

    Returns:
        The splits that have a folder of their own (`train` always); all images as `train` where none has.

    Raises:
        DataError: No such folder, a split's folder without `train`, no class folders, a class without images, or
            splits with different classes.
    """
    folders = {name: SPLITS[name] for name in _folders(root) if name in SPLITS}
    if not folders:
        listing = list_classes(root, limits=limits)
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
    listings = {split: list_classes(root, name, limits) for name, split in folders.items()}
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


def list_classes(root: Path, below: str = "", limits: LimitsConfig = STANDARD_LIMITS) -> Listing:
    """List `root/below/<class>/…`, at any depth, in an order that does not depend on the file system.

    Classes are sorted by name, files naturally (`2.jpg` before `10.jpg`); hidden files and other kinds are ignored.

    Raises:
        DataError: No such folder, no class folders in it, or a class folder without images.
    """
    folder = root / below
    class_names = _folders(folder)
    if not class_names:
        raise DataError(f"{folder}: no class folders in it; wanted is one folder of images a class")
    limits.check_classes(folder, len(class_names))
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
        DataError: It cannot be read, or links lead in circles.
    """
    with _reading():
        found = [
            f"{below}{entry.name}"
            for below, files in walk(folder)
            for entry in files
            if entry.name.lower().endswith(EXTENSIONS)
        ]
    return sorted(found, key=natural_order)


def list_csv(file: Path, limits: LimitsConfig = STANDARD_LIMITS) -> dict[str, Listing]:
    """List a CSV file with the columns `path`, `label` and, if there are splits, `split` (train, val, test).

    Paths are relative to the file's folder, or absolute. Classes are sorted by name.

    Raises:
        DataError: No such file, a column or value is missing, a split's name is unknown, a path occurs twice or is no
            file; with the line.
    """
    rows = _rows(file, limits)
    class_names = sorted({label for _, label, _ in rows})
    limits.check_classes(f"{file}: column label", len(class_names))
    if len(class_names) < 2:
        raise DataError(
            f"{file}: column label: only {short(repr(class_names[0]))} in it; wanted are two classes or more"
        )
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


def _rows(file: Path, limits: LimitsConfig) -> list[tuple[str, str, str]]:
    """Path, label and split of each row."""
    rows = []
    try:
        with io.TextIOWrapper(open_regular(file), encoding="utf-8-sig", newline="") as opened:
            if os.fstat(opened.fileno()).st_size > limits.annotations.bytes:
                raise limits.annotations.refusal(file)
            reader = csv.reader(_lines(file, opened), strict=True)
            columns = {name: position for position, name in enumerate(next(reader, []))}
            missing = [column for column in ("path", "label") if column not in columns]
            if missing:
                raise DataError(
                    f"{file}: no column {' and '.join(missing)} in its first line ({short(', '.join(columns), 200)}); "
                    "wanted are path, label and, if there are splits, split"
                )
            rows = [_row(file, reader.line_num, columns, row) for row in reader if row]
    except OSError as error:
        raise DataError(f"data.root={str(file)!r}: {error.strerror}; name a CSV file with path,label") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: not a CSV file in UTF-8 ({error}); wanted are lines path,label") from None
    if not rows:
        raise DataError(f"{file}: no rows below its first line; add lines path,label")
    seen: dict[str, int] = {}
    for number, (path, _, _) in enumerate(rows):
        if path in seen:
            raise DataError(
                f"{file}: {short(path)} occurs twice (rows {seen[path] + 1} and {number + 1}); keep one of them"
            )
        seen[path] = number
    return rows


def _lines(file: Path, opened: io.TextIOWrapper) -> Iterator[str]:
    while line := opened.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            raise DataError(f"{file}: a line of more than {_LONGEST_LINE:,} characters; wanted are lines path,label")
        yield line


def _row(file: Path, line: int, columns: Mapping[str, int], row: Sequence[str]) -> tuple[str, str, str]:
    def value(column: str, otherwise: str = "") -> str:
        position = columns.get(column)
        return otherwise if position is None else row[position] if position < len(row) else ""

    path, label, split = value("path"), value("label"), value("split", "train")
    if not path or not label:
        raise DataError(f"{file}: line {line}: no {'label' if path else 'path'}; each row needs both")
    if split not in SPLITS:
        raise DataError(f"{file}: line {line}: split {short(repr(split))}; allowed: train, val, test")
    place = os.path.join(file.parent, path)  # noqa: PTH118 - a million Paths are slow
    if not os.path.isfile(place):  # noqa: PTH113 - Path.is_file raises for a name too long
        wrong = "not a regular file" if os.path.exists(place) else f"no such file below {file.parent}"  # noqa: PTH110
        raise DataError(f"{file}: line {line}: {short(path)}: {wrong}; mend the path")
    return path, label, SPLITS[split]


def _folders(root: Path) -> list[str]:
    with _reading():
        return sorted(entry.name for entry in entries_of(root) if is_folder(entry))


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{error.filename}: {error.strerror}; wanted is a folder with one folder of images a class"
        ) from None


def natural_order(name: str) -> tuple[Sequence[Any], str]:
    """A key to sort by: digits compare as numbers; `01.jpg` and `1.jpg` then by their characters."""
    parts: list[Any] = re.split(r"(\d+)", name)
    parts[1::2] = [int(digits) for digits in parts[1::2]]
    return parts, name
