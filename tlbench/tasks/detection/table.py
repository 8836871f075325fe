"""Detections as CSV or as JSON lines, written file by file."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tlbench.annotations.instances.found import Detection
from tlbench.system.names import printable
from tlbench.tools.table_text import Format, csv_line, rounded


class DetectionsTable:
    """Turns detections into text.

    CSV has a row for each detection: file, class, confidence, and its box x1, y1, x2, y2 in pixels of the original,
    upright image. A file in which nothing was found has one row, with nothing but `file` in it, so that it can be told
    from a file that was left out. A line of JSON holds a file: `file`, `width`, `height` (of the upright image, pixels)
    and `detections`, a list of objects with `class` (the name), `label` (its number in the run's class names),
    `confidence` and `box` (`[x1, y1, x2, y2]`), the surest first.

    Args:
        kind: `csv` or `jsonl`.
    """

    def __init__(self, kind: Format) -> None:
        self._kind = kind

    def header(self) -> str:
        """The first line, with its end; nothing for JSON lines."""
        return csv_line(["file", "class", "confidence", "x1", "y1", "x2", "y2"]) if self._kind == "csv" else ""

    def rows(self, file: str, height: int, width: int, detections: Sequence[Detection]) -> str:
        """A file's lines, with their ends.

        Args:
            file: The file.
            height: Of the upright image, pixels.
            width: Likewise.
            detections: What was found in it.
        """
        file = printable(file)
        if self._kind == "jsonl":
            found = [
                {
                    "class": printable(d.class_name),
                    "label": d.label,
                    "confidence": rounded(d.confidence),
                    "box": _box(d),
                }
                for d in detections
            ]
            line = {"file": file, "width": width, "height": height, "detections": found}
            return json.dumps(line, ensure_ascii=False) + "\n"
        if not detections:
            return csv_line([file, *[""] * 6])
        return "".join(csv_line([file, printable(d.class_name), rounded(d.confidence), *_box(d)]) for d in detections)


def _box(detection: Detection) -> list[float]:
    return [rounded(side) for side in detection.box]
