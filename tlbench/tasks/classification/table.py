"""Classes and probabilities as CSV or as JSON lines, written row by row."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tlbench.system.names import printable
from tlbench.tools.table_text import Format, csv_line, rounded


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
