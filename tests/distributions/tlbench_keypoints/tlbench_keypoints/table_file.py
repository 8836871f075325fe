"""Images that a CSV file lists with their key points; nothing is decoded."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Sequence
from pathlib import Path

import torch

from tlbench.data.formats.csv.paths import PathFinder, PathProblem
from tlbench.data.formats.csv.table import Table, read_table
from tlbench.data.image_sizes import image_sizes
from tlbench.data.inventory import all_files, take_inventory
from tlbench.data.listing import Listed, Listing
from tlbench.errors import DataError, short
from tlbench.system.voice import Voice
from tlbench_keypoints.config import PointDataConfig
from tlbench_keypoints.names import AXES, coordinates
from tlbench_keypoints.points import Points

_SPLITS = ("train", "val", "test")
_SLACK = 1.0
"""Pixels by which a point may lie outside of its image: rounding."""


def list_points(file: Path, data: PointDataConfig, voice: Voice) -> Listed[Points]:
    """List a CSV file with the columns `path`, `NAME_x` and `NAME_y` of each point, and perhaps `split`.

    Paths are relative to the file's folder, or absolute. Coordinates are pixels of the upright image, from the border
    of its first pixel; both empty: the point is not in the image.

    Args:
        file: The CSV file.
        data: The target's config; `limits` are used.
        voice: Speaks to the user.

    Raises:
        DataError: No such file, a column or value is missing or wrong; with the line.
    """
    table = read_table(file, data.limits, voice, lambda cell: cell in ("path", "split") or cell.endswith(("_x", "_y")))
    header = [cell.strip() for cell in table.header]
    points = _points(file, header)
    path, split = header.index("path"), header.index("split") if "split" in header else None
    if not table.rows:
        raise DataError(f"{file}: no rows below its first line; add lines path,NAME_x,NAME_y")
    finder = PathFinder(file.parent)
    names = _paths(table, path, finder)
    finder.tell(str(file), voice)
    sizes = image_sizes(file.parent, names, data.limits.image)
    positions = [header.index(name) for name in coordinates(points)]
    cells = [[row[column].strip() for column in positions] for _, row in table.rows]
    rows = [
        [_point(table, line, points[k], row[2 * k : 2 * k + 2]) for k in range(len(points))]
        for (line, _), row in zip(table.rows, cells, strict=True)
    ]
    _check_inside(table, points, rows, sizes.sizes.tolist(), sizes.unreadable)
    seen = torch.tensor([[point is not None for point in row] for row in rows])
    xy = torch.tensor([[point or (0.0, 0.0) for point in row] for row in rows], dtype=torch.float32)
    whole = Listing(
        file.parent, tuple(names), Points(xy, seen, coordinates(points), sizes.sizes, sizes.sizes.clamp(min=1))
    )
    splits = ["train"] * len(names) if split is None else _splits(table, split)
    parts = {}
    for part in _SPLITS:
        chosen = [i for i, name in enumerate(splits) if name == part and i not in sizes.unreadable]
        if chosen:
            parts[part] = whole.take(torch.tensor(chosen))
    if "train" not in parts:
        raise DataError(f"{file}: no row of an image that can be read is train; wanted are train and perhaps val, test")
    unreadable = {names[i]: reason for i, reason in sizes.unreadable.items()}
    below = [name for name in names if not os.path.isabs(name)]  # noqa: PTH117
    inventory = take_inventory(
        file.parent,
        all_files(file.parent),
        {"images": [name for name in below if name not in unreadable], "tables": [file.name]},
        dict.fromkeys(unreadable, "unreadable"),
    )
    return Listed(parts, inventory, named="the file's", unreadable=unreadable)


def _points(file: Path, header: Sequence[str]) -> list[str]:
    """The points that there are columns of."""
    if "path" not in header:
        raise DataError(f"{file}: no column path in its first line ({short(', '.join(header))}); name one so")
    twice = next((cell for cell in header if header.count(cell) > 1), None)
    if twice is not None:
        raise DataError(f"{file}: two columns are called {twice!r}; rename one")
    points = list(dict.fromkeys(cell[:-2] for cell in header if cell.endswith(("_x", "_y")) and len(cell) > 2))
    lacking = [name for name in coordinates(points) if name not in header]
    if lacking or not points:
        what = f"no column {lacking[0]}" if lacking else "no columns NAME_x and NAME_y"
        raise DataError(f"{file}: {what}; each point needs two, such as nose_x,nose_y")
    return points


def _paths(table: Table, column: int, finder: PathFinder) -> list[str]:
    names: dict[str, int] = {}
    for line, cells in table.rows:
        try:
            name = finder.find(cells[column].strip())
        except PathProblem as problem:
            where = f"{table.file}: line {line}: {short(cells[column])}"
            raise DataError(f"{where}: {problem}; mend the path") from None
        if name in names:
            raise DataError(f"{table.file}: {short(name)} occurs twice (lines {names[name]} and {line}); keep one")
        names[name] = line
    return list(names)


def _splits(table: Table, column: int) -> list[str]:
    for line, cells in table.rows:
        if cells[column].strip() not in _SPLITS:
            raise DataError(f"{table.file}: line {line}: split {cells[column]!r}; wanted are {', '.join(_SPLITS)}")
    return table.column(column)


def _point(table: Table, line: int, point: str, cells: Sequence[str]) -> tuple[float, float] | None:
    if not any(cells):
        return None
    for axis, cell in zip(AXES, cells, strict=True):
        try:
            finite = math.isfinite(float(cell))
        except ValueError:
            finite = False
        if not finite:
            found = f"{short(repr(cell))}, no number" if cell else "empty, and the other coordinate is not"
            raise DataError(
                f"{table.file}: line {line}: {point}_{axis} is {found}; give pixels, or leave both empty where the "
                "point is not in the image"
            )
    return float(cells[0]), float(cells[1])


def _check_inside(
    table: Table,
    points: Sequence[str],
    rows: Sequence[Sequence[tuple[float, float] | None]],
    sizes: Sequence[Sequence[int]],
    unreadable: Collection[int],
) -> None:
    for i, row in enumerate(rows):
        height, width = sizes[i]
        for name, point in zip(points, row, strict=True):
            if point is None or i in unreadable:
                continue
            if not (-_SLACK <= point[0] <= width + _SLACK and -_SLACK <= point[1] <= height + _SLACK):
                raise DataError(
                    f"{table.file}: line {table.rows[i][0]}: {name} at {point[0]:g}, {point[1]:g} lies outside of its "
                    f"image of {width} × {height} pixels (width × height); give pixels of the upright image, or leave "
                    "both empty where the point is not in it"
                )
