r"""Predictions as CSV or as JSON lines, written row by row.

Names of files and classes stand in both as `tlbench.system.names.printable` has them: nearly always as they are, else
as in a Python string literal (`a\nb.jpg`; a byte that is no UTF-8: `caf\udce9.jpg`). In CSV a text that a spreadsheet
would take for a formula has its first character so too: `=1+1` is `\x3d1+1`. `tlbench.system.names.original` undoes
both.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tlbench.system.names import printable

Format = Literal["csv", "jsonl"]
"""Also the suffix of a file of that format."""

_DIGITS = 7  # significant ones, as float32 has


class Table:
    """Turns predictions into text.

    A CSV row is path, label, probability, and a column `probability/<class>` for each class; a line of JSON holds
    `path`, `label`, `probability` and `probabilities` (class → probability).

    Args:
        kind: `csv` or `jsonl`.
        class_names: C names.
    """

    def __init__(self, kind: Format, class_names: Sequence[str]) -> None:
        self._kind = kind
        self._names = list(map(printable, class_names))

    def header(self) -> str:
        """The first line, with its end; nothing for JSON lines."""
        columns = ["path", "label", "probability", *(f"probability/{name}" for name in self._names)]
        return csv_line(columns) if self._kind == "csv" else ""

    def row(self, path: str, probabilities: NDArray[np.float32]) -> str:
        """A file's line, with its end.

        Args:
            path: The file.
            probabilities: (C,).
        """
        path, values = printable(path), [rounded(value) for value in probabilities]
        best = int(probabilities.argmax())
        if self._kind == "csv":
            return csv_line([path, self._names[best], values[best], *values])
        named = dict(zip(self._names, values, strict=True))
        line = {"path": path, "label": self._names[best], "probability": values[best], "probabilities": named}
        return json.dumps(line, ensure_ascii=False) + "\n"


def rounded(value: float) -> float:
    """A float32 to the digits that it has."""
    return float(f"{value:.{_DIGITS}g}")


def csv_line(cells: Sequence[str | float]) -> str:
    """A row, quoted where it must be, with its end; no text in it is a formula."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(_no_formula(c) if isinstance(c, str) else c for c in cells)
    return text.getvalue()


def _no_formula(cell: str) -> str:
    """Spreadsheets run what begins so; a plain number, as the name of a class, is harmless."""
    if not cell.startswith(("=", "+", "-", "@")) or re.fullmatch(r"[+-]?\d+(\.\d+)?", cell):
        return cell
    return f"\\x{ord(cell[0]):02x}{cell[1:]}"
