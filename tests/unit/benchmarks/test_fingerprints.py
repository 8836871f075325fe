"""`benchmarks.fingerprints` finds what is read otherwise than a record says, and claims nothing of data not here."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from benchmarks import fingerprints
from benchmarks.fingerprints import PAGE, RESULTS, Seen, compare, main, table
from benchmarks.marked_table import cell, with_table
from tests.composed import config
from tests.records import record
from tlbench.records.record import DataRecord, write_record
from tlbench.system.cache_folder import CACHE_FOLDER

ROOT = Path(__file__).parents[3]
PRINTS = {"train": "a", "val": "b", "test": "c"}


def seen(study: str, data: str = "digits", split_seed: int = 0, **prints: str) -> Seen:
    drawn = config(f"data.name={data}", f"seeds.split={split_seed}", "data.root=elsewhere")
    found = DataRecord(name=data, class_names=["x", "y"], split_rule={}, fingerprints={**PRINTS, **prints})
    return Seen(study, drawn, found)


def test_equal_and_differing_studies_and_data_that_are_not_here() -> None:
    opened = []

    def opens(drawn):
        opened.append((drawn.data.name, drawn.data.root, drawn.seeds.split))
        return PRINTS

    runs = [
        *(seen("one") for _ in range(3)),
        *(seen("two", test="other") for _ in range(2)),
        seen("two", val="other"),
        seen("three", split_seed=1),
        seen("four", "image_folder"),
        seen("five", "cifar10", split_seed=2),
    ]
    rows = compare(runs, {"cifar10": "copies"}, opens)
    assert [(row.study, row.data, row.records, row.unexplained) for row in rows] == [
        ("one", "digits", 3, False),
        ("two", "digits", 3, True),
        ("three", "digits", 1, False),
        ("four", "image_folder", 1, False),
        ("five", "cifar10", 1, False),
    ]
    assert [row.result for row in rows] == [
        "equal",
        "differ in test, val: other data than the run's, or a defect",
        "equal",
        "cannot be had where this was written: no copy",
        "equal",
    ]
    assert opened == [("digits", None, 0), ("digits", None, 1), ("cifar10", "copies", 2)]
    assert table(rows)[0] == "5 of 9 records: every split's fingerprint is equal."


def test_a_split_that_is_not_read_any_more_differs() -> None:
    (row,) = compare([seen("one")], {}, lambda _: {"train": "a", "val": "b"})
    assert row.result.startswith("differ in test")


def test_a_change_that_is_known_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints, "_CHANGED", {"one": "crowds are ignored"})
    (row,) = compare([seen("one", train="other")], {}, lambda _: PRINTS)
    assert (row.result, row.unexplained) == ("differ in train: crowds are ignored", False)


@pytest.mark.promise("records read otherwise")
def test_a_committed_record_is_equal_and_one_of_other_pixels_is_not(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv(CACHE_FOLDER, "mine")
    place = tmp_path / "results" / "quickstart" / "seed_0"
    place.mkdir(parents=True)
    committed = ROOT / RESULTS / "quickstart" / "tin200" / "seed_0" / "record.json"
    (place / "record.json").write_bytes(committed.read_bytes())
    assert main([f"--results={tmp_path / 'results'}"]) == 0
    assert "| [quickstart](results/quickstart/) | digits | 1 | equal |" in capsys.readouterr().out
    text = committed.read_text()
    first = re.search(r'"test": "([0-9a-f]{64})"', text)
    assert first is not None
    (place / "record.json").write_text(text.replace(first[1], "0" * 64))
    assert main([f"--results={tmp_path / 'results'}"]) == 1
    assert "| digits | 1 | differ in test: other data than the run's, or a defect |" in capsys.readouterr().out
    assert os.environ[CACHE_FOLDER] == "mine"


def test_a_root_that_is_not_there_is_one_line(tmp_path, capsys) -> None:
    place = tmp_path / "study" / "seed_0"
    place.mkdir(parents=True)
    data = DataRecord(name="cifar10", class_names=["x"], split_rule={}, fingerprints=PRINTS)
    write_record(place, record("data=cifar10", data=data))
    assert main([f"--results={tmp_path}", f"--root=cifar10={tmp_path / 'none'}"]) == 2
    assert "no such folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--root=cifar10"])


def test_the_page_lists_every_committed_study() -> None:
    listed = re.findall(r"^\| \[(\w+)\]\(results/\1/\) \|", (ROOT / PAGE).read_text(), re.MULTILINE)
    assert listed == sorted(
        {path.relative_to(ROOT / RESULTS).parts[0] for path in (ROOT / RESULTS).rglob("record.json")}
    )


def test_a_table_is_written_between_its_own_marks() -> None:
    page = with_table("# Title\n", "program a", ["| a |"])
    page = with_table(page + "\nbetween\n", "program b", ["| b |"])
    again = with_table(page, "program a", [f"| {cell('new | <b>')} |"])
    assert again == page.replace("| a |", "| new \\| &lt;b> |")
