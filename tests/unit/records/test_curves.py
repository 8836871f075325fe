"""`curves.csv`: order of columns, exact numbers, whole or absent."""

from __future__ import annotations

import csv

import pytest

from tlbench.errors import OutputError
from tlbench.records.curves import columns, mend_curves, write_curves

ROWS = [
    {"epoch": 1, "step": 2, "train/loss": 0.1 + 0.2, "lr/head": 1e-3},
    {"epoch": 2, "step": 4, "stage": 2, "train/loss": 1 / 3, "val/oa": 5e-324, "lr/head": 0.0, "other": 7},
]


def test_columns_stand_in_a_fixed_order_whenever_they_first_appear():
    assert columns(ROWS) == ["epoch", "step", "stage", "train/loss", "val/oa", "lr/head", "other"]
    assert columns(ROWS[1:] + ROWS[:1]) == columns(ROWS)


def test_what_is_read_is_what_was_written(tmp_path):
    write_curves(tmp_path / "curves.csv", ROWS)
    with (tmp_path / "curves.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [{k: float(v) for k, v in row.items() if v} for row in read] == ROWS
    assert read[0]["val/oa"] == read[0]["other"] == ""


def test_what_is_not_finite_is_empty(tmp_path):
    write_curves(tmp_path / "c.csv", [{"epoch": 1, "val/a": float("nan"), "val/b": float("inf")}])
    assert (tmp_path / "c.csv").read_text() == "epoch,val/a,val/b\n1,,\n"


def test_a_name_with_a_comma_stays_one_column(tmp_path):
    write_curves(tmp_path / "c.csv", [{"val/recall/cat, black": 0.5}])
    assert (tmp_path / "c.csv").read_text() == '"val/recall/cat, black"\n0.5\n'


def test_a_disk_that_refuses_leaves_the_earlier_table(tmp_path, monkeypatch):
    write_curves(tmp_path / "c.csv", ROWS[:1])
    before = (tmp_path / "c.csv").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="the disk is full"):
        write_curves(tmp_path / "c.csv", ROWS)
    assert (tmp_path / "c.csv").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["c.csv"]


def test_a_table_that_was_edited_is_mended_from_what_the_record_says(tmp_path):
    path = tmp_path / "curves.csv"
    write_curves(path, [{"epoch": 1, "step": 2, "train/loss": 0.1 + 0.2, "val/oa": float("nan")}])
    whole = path.read_bytes()
    rows = [{"epoch": 1.0, "step": 2.0, "train/loss": 0.1 + 0.2, "val/oa": None}]  # as a record has them
    assert not mend_curves(path, rows)
    path.write_bytes(whole[:-3])
    assert mend_curves(path, rows)
    assert path.read_bytes() == whole
    path.unlink()
    assert mend_curves(path, rows)
    assert path.read_bytes() == whole
    assert not mend_curves(tmp_path / "none.csv", [])
    assert not (tmp_path / "none.csv").exists()
