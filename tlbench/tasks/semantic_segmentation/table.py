"""The share of an image that each class has, as CSV or as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tlbench.system.names import printable
from tlbench.tasks.semantic_segmentation.predictor import ClassMap
from tlbench.tools.table_text import Format, csv_line, rounded


class SharesTable:
    """Turns class maps into text, a line a file.

    A CSV row is file, width, height, and a column `share/<class>` for each class; a line of JSON holds `file`, `width`,
    `height` and `shares` (class → share).

    Args:
        kind: `csv` or `jsonl`.
        class_names: C names.
    """

    def __init__(self, kind: Format, class_names: Sequence[str]) -> None:
        self._kind = kind
        self._names = list(map(printable, class_names))

    def header(self) -> str:
        """The first line, with its end; nothing for JSON lines."""
        columns = ["file", "width", "height", *(f"share/{name}" for name in self._names)]
        return csv_line(columns) if self._kind == "csv" else ""

    def row(self, file: str, found: ClassMap) -> str:
        """A file's line, with its end."""
        height, width = found.classes.shape
        file, shares = printable(file), [rounded(share) for share in found.shares.values()]
        if self._kind == "csv":
            return csv_line([file, width, height, *shares])
        line = {"file": file, "width": width, "height": height, "shares": dict(zip(self._names, shares, strict=True))}
        return json.dumps(line, ensure_ascii=False) + "\n"
