from __future__ import annotations

import csv
import io
import json

import numpy as np

from tlbench.tasks.classification.table import Table

NAMES = ["cat", "a, b", 'say "x"']
ROW = np.array([0.1, 0.7, 0.2], dtype=np.float32)


def test_csv_quotes_what_needs_it():
    table = Table("csv", NAMES)
    text = table.header() + table.row("dir, x/1.png", ROW) + table.row("ü\n.png", ROW[::-1].copy())
    rows = list(csv.DictReader(io.StringIO(text)))
    columns = ["path", "label", "probability", "probability/cat", "probability/a, b", 'probability/say "x"']
    assert list(rows[0]) == columns
    assert list(rows[0].values()) == ["dir, x/1.png", "a, b", "0.7", "0.1", "0.7", "0.2"]
    assert [row["path"] for row in rows] == ["dir, x/1.png", "ü\\n.png"]
    assert "\r" not in text


def test_json_lines():
    table = Table("jsonl", NAMES)
    assert table.header() == ""
    text = table.row("ü\n.png", ROW)
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert json.loads(text) == {
        "path": "ü\\n.png",
        "label": "a, b",
        "probability": 0.7,
        "probabilities": {"cat": 0.1, "a, b": 0.7, 'say "x"': 0.2},
    }


def test_seven_digits_are_kept():
    row = np.array([1.2345678e-5, 1 - 1.2345678e-5], dtype=np.float32)
    (first, second) = json.loads(Table("jsonl", ["a", "b"]).row("x", row))["probabilities"].values()
    assert np.allclose([first, second], row, rtol=1e-6, atol=0)
