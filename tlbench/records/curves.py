"""`curves.csv`: a run's curves as a table, a row an epoch, written whole after each."""

from __future__ import annotations

import contextlib
import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from tlbench.errors import OutputError
from tlbench.system.atomic import write_atomic
from tlbench.system.regular_file import read_regular

CURVES_FILE = "curves.csv"
_FIRST = ("epoch", "step", "stage")
_GROUPS = ("train/", "val/", "lr/")


def write_curves(path: Path, rows: Sequence[Mapping[str, float | None]]) -> None:
    """Write the table atomically.

    Columns are `epoch`, `step`, `stage`, then those named `train/…`, `val/…`, `lr/…` and all others, each kind in the
    order in which they first appear. A cell is empty where an epoch has no value or one that is not finite; numbers
    are written so that reading gives them back exactly.

    Args:
        path: The file.
        rows: One per epoch, as `callbacks.curves.Curves` keeps them.

    Raises:
        OutputError: If the disk refuses; an earlier file is then still whole.
    """
    write_atomic(path, _table(rows))


def mend_curves(path: Path, rows: Sequence[Mapping[str, float | None]]) -> bool:
    """Bring the table of a complete run to what its record says, where it was edited or damaged.

    Returns:
        Whether it had to be mended, and could.
    """
    table = _table(rows)
    with contextlib.suppress(OSError, OutputError):
        if rows and (not path.exists() or read_regular(path) != table):
            write_atomic(path, table)
            return True
    return False


def columns(rows: Sequence[Mapping[str, float | None]]) -> list[str]:
    """The names of the columns, in order."""
    names = list(dict.fromkeys(name for row in rows for name in row))

    def place(name: str) -> tuple[int, int]:
        if name in _FIRST:
            return 0, _FIRST.index(name)
        kinds = [number for number, group in enumerate(_GROUPS, start=1) if name.startswith(group)]
        return (kinds[0] if kinds else len(_GROUPS) + 1), names.index(name)

    return sorted(names, key=place)


def _table(rows: Sequence[Mapping[str, float | None]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns(rows), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(name, value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode()


def _cell(name: str, value: float | None) -> float | str:
    if value is None or not math.isfinite(value):
        return ""
    return int(value) if name in _FIRST else value
