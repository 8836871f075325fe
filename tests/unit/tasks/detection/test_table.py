from __future__ import annotations

import csv
import io
import json

from tlbench.annotations.instances.found import Detection
from tlbench.tasks.detection.table import DetectionsTable

FOUND = [
    Detection("a, b", 1, 0.8999999761581421, (0.0, 1.5, 1919.1234130859375, 1080.0)),
    Detection('say "x"', 0, 0.012345678, (2.0, 3.0, 4.0, 5.0)),
]


def test_csv_has_a_row_for_each_object_and_one_for_a_file_without():
    table = DetectionsTable("csv")
    text = table.header() + table.rows("dir, x/1.png", 1080, 1920, FOUND) + table.rows("ü\n.png", 10, 20, [])
    assert "\r" not in text
    assert list(csv.reader(io.StringIO(text))) == [
        ["file", "class", "confidence", "x1", "y1", "x2", "y2"],
        ["dir, x/1.png", "a, b", "0.9", "0.0", "1.5", "1919.123", "1080.0"],
        ["dir, x/1.png", 'say "x"', "0.01234568", "2.0", "3.0", "4.0", "5.0"],
        ["ü\\n.png", "", "", "", "", "", ""],
    ]


def test_json_has_a_line_for_each_file():
    table = DetectionsTable("jsonl")
    assert table.header() == ""
    first, second = (table.rows("ü\n.png", 1080, 1920, found) for found in (FOUND, []))
    assert first.endswith("\n")
    assert first.count("\n") == 1
    assert json.loads(first) == {
        "file": "ü\\n.png",
        "width": 1920,
        "height": 1080,
        "detections": [
            {"class": "a, b", "label": 1, "confidence": 0.9, "box": [0, 1.5, 1919.123, 1080]},
            {"class": 'say "x"', "label": 0, "confidence": 0.01234568, "box": [2, 3, 4, 5]},
        ],
    }
    assert json.loads(second)["detections"] == []
