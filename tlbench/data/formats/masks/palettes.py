"""What the colours and numbers of masks stand for: the conventions of published data sets, and files of the user's."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tlbench.annotations.maps.config import TABLES
from tlbench.annotations.maps.ignored import is_void
from tlbench.config import LimitsConfig
from tlbench.data.formats.yolo.texts import lines_of
from tlbench.data.label_names import typed
from tlbench.errors import DataError, short

PALETTE_FILES = ("label_colors.txt", "labelmap.txt", "class_dict.csv")
"""By CamVid, by CVAT and by Kaggle's copies."""

_ROW = re.compile(r"(\d+)[\s,]+(\d+)[\s,]+(\d+)[\s,]+(.+)")
_LABEL = re.compile(r"([^:]+):(\d+),\s*(\d+),\s*(\d+)(?::.*)?")
_WANTED = "wanted is a class a line: red green blue name, or name:red,green,blue, or a CSV file name,r,g,b"

Colour = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Palette:
    """What masks hold; None: pixels that are of no class.

    Args:
        where: What it is called, for messages.
        numbers: Of masks of numbers.
        colours: Of masks in colour, each packed as `code_of`.
        unclear: Colours of several classes → these.
        ids: Other numbers that masks of the data set may hold; None: there are no others.
    """

    where: str
    numbers: Mapping[int, str | None]
    colours: Mapping[int, str | None]
    unclear: Mapping[int, tuple[str, ...]]
    ids: Mapping[int, str | None] | None = None


def code_of(colour: Colour) -> int:
    """A colour as one number."""
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def colour_of(code: int) -> Colour:
    """The colour of such a number."""
    return code >> 16, code >> 8 & 255, code & 255


def named_palette(name: str) -> Palette:
    """One of `TABLES`."""
    numbers: dict[int, str | None] = {}
    ids: dict[int, str | None] = {}
    rows: list[tuple[Colour, str]] = []
    table = files("tlbench.data.formats.masks") / "tables" / f"{name}.txt"
    for line in table.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        number, red, green, blue, class_name = line.split(maxsplit=4)
        own, _, other = number.partition("/")
        kept = None if is_void(class_name) else class_name
        numbers[int(own)] = kept
        if other:
            ids[int(other)] = kept
        rows.append(((int(red), int(green), int(blue)), class_name))
    colours, unclear = _colours(rows)
    return Palette(name, numbers, colours, unclear, ids or None)


def read_palette(file: Path, limits: LimitsConfig) -> Palette:
    """A palette of the user's own; its classes are numbered in their order, and several colours may be one class.

    Raises:
        DataError: It cannot be read, or a line is no colour and name.
    """
    rows = list(_rows(file, limits))
    if not rows:
        raise DataError(f"{file}: no colours in it; {_WANTED}")
    names = tuple(dict.fromkeys(name for _, name in rows))
    limits.check_classes(file, len(names))
    colours, unclear = _colours(rows)
    if unclear:
        code, twice = next(iter(unclear.items()))
        raise DataError(f"{file}: {colour_of(code)} is the colour of {' and of '.join(map(repr, twice))}; correct one")
    return Palette(str(file), {i: None if is_void(n) else n for i, n in enumerate(names)}, colours, {})


def given_palette(palette: str, limits: LimitsConfig) -> Palette:
    """What `data.palette` names.

    Raises:
        DataError: No such table or file, or as `read_palette`.
    """
    if palette in TABLES:
        return named_palette(palette)
    file = Path(palette)
    if not file.is_file():
        raise DataError(f"data.palette={palette!r}: no such file, and none of the tables {', '.join(TABLES)}")
    return read_palette(file, limits)


def fitting(codes: Sequence[int]) -> list[str]:
    """The tables whose colours all of these are."""
    return [name for name in TABLES if set(codes) <= set(_all_colours(name))]


def _all_colours(name: str) -> set[int]:
    palette = named_palette(name)
    return {*palette.colours, *palette.unclear}


def _colours(rows: Sequence[tuple[Colour, str]]) -> tuple[dict[int, str | None], dict[int, tuple[str, ...]]]:
    """Colour → class, and those that two classes have; what is of no class gives way to one."""
    names: dict[int, list[str]] = {}
    for colour, name in rows:
        found = names.setdefault(code_of(colour), [])
        if name not in found:
            found.append(name)
    colours: dict[int, str | None] = {}
    unclear: dict[int, tuple[str, ...]] = {}
    for code, found in names.items():
        real = [name for name in found if not is_void(name)]
        if len(real) > 1:
            unclear[code] = tuple(real)
        else:
            colours[code] = real[0] if real else None
    return colours, unclear


def _rows(file: Path, limits: LimitsConfig) -> Iterator[tuple[Colour, str]]:
    lines = lines_of(file, limits, _WANTED)
    if file.suffix.lower() == ".csv":
        yield from _csv_rows(file, lines)
        return
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if found := _ROW.fullmatch(text):
            yield _colour(f"{file}:{number}", found.group(1, 2, 3)), typed(found[4])
        elif found := _LABEL.fullmatch(text):
            yield _colour(f"{file}:{number}", found.group(2, 3, 4)), typed(found[1])
        else:
            raise DataError(f"{file}:{number}: {short(repr(text))} is no colour and name; {_WANTED}")


def _csv_rows(file: Path, lines: Sequence[str]) -> Iterator[tuple[Colour, str]]:
    for number, cells in enumerate(csv.reader(lines), 1):
        name, *colour = [cell.strip() for cell in cells] or [""]
        if len(colour) == 3 and all(cell.isdecimal() for cell in colour) and name:
            yield _colour(f"{file}:{number}", colour), typed(name)
        elif any(cells) and number > 1:  # the first names the columns
            raise DataError(f"{file}:{number}: {short(repr(','.join(cells)))} is no name and colour; {_WANTED}")


def _colour(where: str, cells: Sequence[str]) -> Colour:
    red, green, blue = (int(cell) for cell in cells)
    if max(red, green, blue) > 255:
        raise DataError(f"{where}: {red} {green} {blue} is no colour; wanted are numbers from 0 to 255")
    return red, green, blue
