r"""Texts and numbers in tables of predictions, CSV or JSON lines.

Names of files and classes stand in both as `tlbench.system.names.printable` has them: nearly always as they are, else
as in a Python string literal (`a\nb.jpg`; a byte that is no UTF-8: `caf\udce9.jpg`). In CSV a text that a spreadsheet
would take for a formula has its first character so too: `=1+1` is `\x3d1+1`. `tlbench.system.names.original` undoes
both.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Literal

Format = Literal["csv", "jsonl"]
"""Also the suffix of a file of that format."""

_DIGITS = 7  # significant ones, as float32 has


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
