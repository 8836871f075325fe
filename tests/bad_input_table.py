"""Reads `docs/bad-input.md`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        says: What tlbench says, with `…` for what is left out.
        exit_code: The command's.
        test: The test that shows it, `file::function`.
    """

    says: str
    exit_code: int
    test: str

    @property
    def pattern(self) -> str:
        """The line as a regular expression; at a `…` that tlbench itself prints, it matches as well."""
        return ".*".join(re.escape(part) for part in self.says.split("…"))


def _rows() -> list[tuple[str, Row]]:
    rows = []
    for line in (ROOT / "docs" / "bad-input.md").read_text().splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in _CELL.split(line)[1:-1]]
        if len(cells) == 4 and cells[2].isdigit():
            name, says, code, test = cells
            rows.append((name, Row(says.strip("` "), int(code), test.strip("`"))))
    return rows


LIST = _rows()
"""All rows, in order."""
ROWS = dict(LIST)
"""What is wrong → the row."""
