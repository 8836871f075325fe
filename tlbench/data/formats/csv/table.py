"""The cells of a CSV file, whichever delimiter and Unicode encoding it was saved with."""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tlbench.config import LimitsConfig
from tlbench.errors import DataError
from tlbench.system.regular_file import open_regular
from tlbench.system.voice import Voice

_LONGEST_LINE = 1_000_000  # characters
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_TOLD = re.compile(r"\s*\"?sep=([,;|\t])\"?\s*", re.IGNORECASE)
"""What Excel takes, and some write, before the first line."""


@dataclass(frozen=True)
class Table:
    """A table's cells.

    Args:
        file: Where they are from.
        header: The cells of its first line.
        rows: Line number and cells of each other row that is not empty; they are as many as in the header.
        line: Number of the first line, which is 2 below a line `sep=;`.
    """

    file: Path
    header: tuple[str, ...]
    rows: list[tuple[int, list[str]]]
    line: int = 1

    def column(self, position: int) -> list[str]:
        """The cells of a column, without blanks at their ends."""
        return [cells[position].strip() for _, cells in self.rows]

    def without_header(self) -> Table:
        """The same where the first line is a row as well."""
        blank = tuple("" for _ in self.header)
        return Table(self.file, blank, [(self.line, list(self.header)), *self.rows], self.line)


def read_table(file: Path, limits: LimitsConfig, voice: Voice, recognised: Callable[[str], bool]) -> Table:
    """Read a CSV file in UTF-8, or in UTF-16 with its mark; delimited by `,`, or as its first line shows.

    Args:
        file: The CSV file.
        limits: Up to which size it is read.
        voice: Speaks to the user.
        recognised: Whether a cell of the first line is the name of a column that is looked for.

    Raises:
        DataError: No such file, none of text, too large, no rows, or rows with more or fewer cells than the first.
    """
    try:
        with open_regular(file) as opened:
            if os.fstat(opened.fileno()).st_size > limits.annotations.bytes:
                raise limits.annotations.refusal(file)
            head = opened.read(1000)
            opened.seek(0)
            wide = head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
            if not wide and _is_utf16(head):
                raise DataError(f"{file}: looks like UTF-16 without its mark at the start; save it as 'CSV UTF-8'")
            text = io.TextIOWrapper(opened, encoding="utf-16" if wide else "utf-8-sig", newline="")
            lines = _lines(file, text)
            first = next(lines, "")
            told = _TOLD.fullmatch(first)
            if told:
                first = next(lines, "")
            delimiter = told[1] if told else max(_DELIMITERS, key=lambda d: _fit(first, d, recognised))
            reader = csv.reader(chain([first], lines), strict=True, delimiter=delimiter, skipinitialspace=True)
            header = next(reader, [])
            rows = [(reader.line_num + bool(told), cells) for cells in reader if any(map(str.strip, cells))]
    except OSError as error:
        raise DataError(f"data.root={str(file)!r}: {error.strerror}; name a CSV file with path,label") from None
    except (UnicodeError, csv.Error) as error:
        raise DataError(
            f"{file}: not a CSV file in UTF-8 ({error}); wanted are lines path,label, saved as 'CSV UTF-8'"
        ) from None
    if wide or delimiter != ",":
        voice.say(f"{file}: read as {'UTF-16, ' if wide else ''}delimited by {_DELIMITERS[delimiter]}")
    rows = [(line, _whole(file, line, header, cells)) for line, cells in rows]
    return Table(file, tuple(header), rows, 2 if told else 1)


def _is_utf16(head: bytes) -> bool:
    """Whether every other byte of a text is zero, as in UTF-16 of Latin letters."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    return max(even, odd) > len(head) // 4 and min(even, odd) == 0


def _fit(line: str, delimiter: str, recognised: Callable[[str], bool]) -> tuple[int, int]:
    """How well a delimiter fits the first line: names of columns, then cells."""
    try:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return 0, 0
    return sum(map(recognised, cells)), len(cells)


def _whole(file: Path, line: int, header: list[str], cells: list[str]) -> list[str]:
    """The cells of a row, which must be as many as in the first line; empty ones beyond its end say nothing."""
    if len(cells) != len(header) and (len(cells) < len(header) or any(cells[len(header) :])):
        raise DataError(
            f"{file}: line {line}: {len(cells)} cells, where the first line has {len(header)}; put a text that holds "
            'the delimiter into quotes ("…"), or add what is missing'
        )
    return cells[: len(header)]


def _lines(file: Path, opened: io.TextIOWrapper) -> Iterator[str]:
    while line := opened.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            raise DataError(f"{file}: a line of more than {_LONGEST_LINE:,} characters; wanted are lines path,label")
        yield line
