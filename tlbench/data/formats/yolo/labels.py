"""The rows of a YOLO data set's label files, and what is wrong with them.

A row is `class cx cy w h`, the box's centre and size as fractions of the image's width and height, perhaps with key
points behind; or `class x1 y1 x2 y2 x3 y3 …`, the points of a polygon or of an oriented box, which becomes its bounding
box. Which of the two it is where a row is longer, a whole set decides: see `yolo_reading`. What is accepted is what
ultralytics accepts (https://docs.ultralytics.com/datasets/detect): coordinates up to 1 % outside of the image, a class
written as `0.0`, empty files.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

LOWEST, HIGHEST = -0.01, 1.01
"""Between which coordinates are taken as rounded rather than wrong."""

BOX = 5
"""Columns of a box: class, centre and size."""

TRIANGLE = 7
"""Columns of the smallest polygon."""

_SAMPLE, _OF_EACH = 2_000, 20


@dataclass(frozen=True)
class KeyPoints:
    """`kpt_shape` of a data.yaml.

    Args:
        count: Key points that each row has; 0: rows have none.
        numbers: 2 (x and y) or 3 (and whether it can be seen) for each.
    """

    count: int
    numbers: int

    @property
    def columns(self) -> int:
        """Of a row."""
        return BOX + self.count * self.numbers


@dataclass(eq=False)
class LabelRows:
    """N rows of label files, as they stand; what their numbers mean is not decided yet.

    Args:
        images: (N,) the image of each row.
        lines: (N,) its line, from 1.
        columns: (N,) how many numbers it has, 5 and more.
        classes: (N,) its first number.
        firsts: (N · 4) the four numbers behind that.
        hulls: (N · 4) smallest x and y, largest x and y of its points: of all pairs of numbers behind the class, or,
            where `kpt_shape` is known, of the key points that are labelled. Of a box alone: as its numbers.
        sixths: Whether the sixth numbers of rows that have six are whole, as a track's are.
        unique_sixths: Whether no sixth number occurs twice in a file, as no track's does.
        most_sixth: The largest sixth number.
        sample: Rows of more than six numbers, the first 2,000, and the first 20 of each length.
        duplicates: Image and line of rows that repeat an earlier one of their file.
        bad: Image, line, text and what is wrong with it, of each line that is no row of numbers.
        rests: The numbers behind the class of each row that has more than six, row by row; None: they are not kept.
    """

    images: array[int] = field(default_factory=lambda: array("q"))
    lines: array[int] = field(default_factory=lambda: array("q"))
    columns: array[int] = field(default_factory=lambda: array("q"))
    classes: array[int] = field(default_factory=lambda: array("q"))
    firsts: array[float] = field(default_factory=lambda: array("d"))
    hulls: array[float] = field(default_factory=lambda: array("d"))
    sixths: bool = True
    unique_sixths: bool = True
    most_sixth: float = 0.0
    sample: list[tuple[float, ...]] = field(default_factory=list)
    duplicates: list[tuple[int, int]] = field(default_factory=list)
    bad: list[tuple[int, int, str, str]] = field(default_factory=list)
    rests: array[float] | None = None
    _sampled: Counter[int] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.lines)

    def counts(self) -> Counter[int]:
        """Columns → rows that have so many."""
        return Counter(self.columns)

    def read(self, image: int, content: bytes, class_names: Sequence[str], points: KeyPoints | None) -> int:
        """Add the rows of an image's label file; a byte order mark, blank lines and any kind of line ends are fine.

        Args:
            image: Its number.
            content: The file's bytes, UTF-8.
            class_names: C names; classes in the file are 0 … C - 1.
            points: What `kpt_shape` says; None: nothing.

        Returns:
            How many rows were found, good or bad.

        Raises:
            UnicodeDecodeError: It is not text.
        """
        seen: set[tuple[float, ...]] = set()
        tracks: set[float] = set()
        found = 0
        for line, text in enumerate(content.decode("utf-8-sig").splitlines(), 1):
            cells = text.split()
            if not cells:
                continue
            found += 1
            try:
                values = tuple(map(float, cells))
            except ValueError:
                values = ()
            if not _sound(values, len(class_names)):
                self.bad.append((image, line, text, fault(cells, class_names, points)))
            elif values in seen:
                self.duplicates.append((image, line))
            else:
                seen.add(values)
                if len(values) == BOX + 1:
                    self.unique_sixths = self.unique_sixths and values[BOX] not in tracks
                    tracks.add(values[BOX])
                self._add(image, line, values, points)
        return found

    def _add(self, image: int, line: int, values: tuple[float, ...], points: KeyPoints | None) -> None:
        columns = len(values)
        self.images.append(image)
        self.lines.append(line)
        self.columns.append(columns)
        self.classes.append(int(values[0]))
        self.firsts.extend(values[1:BOX])
        if columns == BOX + 1:
            self.sixths = self.sixths and values[BOX].is_integer() and values[BOX] >= 0
            self.most_sixth = max(self.most_sixth, values[BOX])
        elif columns > BOX and (len(self.sample) < _SAMPLE or self._sampled[columns] < _OF_EACH):
            self.sample.append(values)
            self._sampled[columns] += 1
        if self.rests is not None and columns > BOX + 1:
            self.rests.extend(values[1:])
        if points and columns == points.columns:
            pairs = [(x, y) for x, y, seen in key_points(values, points.numbers) if seen]
            xs, ys = [x for x, _ in pairs] or [0.0], [y for _, y in pairs] or [0.0]
        else:
            stop = columns if columns > BOX + 1 else BOX
            xs, ys = values[1:stop:2], values[2:stop:2]  # type: ignore[assignment]
        self.hulls.extend((min(xs), min(ys), max(xs), max(ys)))


def key_points(values: Sequence[float], numbers: int) -> list[tuple[float, float, bool]]:
    """x, y and whether it is labelled, of each key point of a row."""
    rest = values[BOX:]
    if numbers == 3:
        return [
            (x, y, seen != 0 and (x, y) != (0, 0)) for x, y, seen in zip(rest[::3], rest[1::3], rest[2::3], strict=True)
        ]
    return [(x, y, (x, y) != (0, 0) and x >= 0 and y >= 0) for x, y in zip(rest[::2], rest[1::2], strict=True)]


def fault(
    cells: Sequence[str], class_names: Sequence[str], points: KeyPoints | None = None, boxes_first: bool = False
) -> str:
    """Why a row is refused.

    Args:
        cells: Its words.
        class_names: C names.
        points: What `kpt_shape` says; None: nothing.
        boxes_first: Whether a longer row is a box and key points rather than a polygon.
    """
    values = []
    for cell in cells:
        try:
            values.append(float(cell))
        except ValueError:
            return f"{cell!r} is not a number{_comma(cell, cells)}"
        if not math.isfinite(values[-1]):
            return f"{cell!r} is not a finite number"
    columns = len(values)
    boxes_first = boxes_first or bool(points and points.count)
    if points and points.count and columns not in (BOX, points.columns):
        return (
            f"{columns} columns, but kpt_shape: [{points.count}, {points.numbers}] asks for {points.columns} (class cx "
            f"cy w h and {points.count} × {points.numbers} numbers); correct kpt_shape or the row"
        )
    if columns == BOX + 1:
        return "6 columns, wanted are 5; perhaps the last is a confidence, as predictions have it"
    if not boxes_first and columns != BOX and (columns < TRIANGLE or columns % 2 == 0):
        return f"{columns} columns, wanted are 5 (class cx cy w h), or 7, 9, … (class and the points of a polygon)"
    if not values[0].is_integer():
        return f"class {cells[0]} is not a whole number"
    if not 0 <= values[0] < len(class_names):
        return f"class {cells[0]}, allowed are 0 to {len(class_names) - 1} ({_some(class_names)})"
    stop = BOX if boxes_first or columns == BOX else columns
    for cell, value in zip(cells[1:stop], values[1:stop], strict=True):
        if value > HIGHEST:
            return f"{cell} is above 1" + ("; perhaps pixels, wanted are fractions" if value > 2 else "")
        if value < LOWEST:
            return f"{cell} is negative"
    if values[3] < 0 or values[4] < 0:
        return f"a width or height is negative ({cells[3]}, {cells[4]})"
    return "a key point lies outside of the image"


def _sound(values: Sequence[float], classes: int) -> bool:
    """Whether it is a row of a known class and finite numbers, whatever the others mean."""
    if len(values) < BOX:
        return False
    # min and max may pass over a NaN; a sum does not
    return math.isfinite(sum(values)) and 0 <= values[0] < classes and values[0].is_integer()


def _comma(cell: str, cells: Sequence[str]) -> str:
    if "," in cell:
        return "; separate by spaces, not commas"
    dota = len(cells) in (9, 10) and cells.index(cell) == 8
    return "; as DOTA has it, x1 y1 … x4 y4 class; wanted is class x1 y1 … x4 y4 as fractions" if dota else ""


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
