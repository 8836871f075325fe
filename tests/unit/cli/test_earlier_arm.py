"""A single run whose arm an earlier version named by a bare number."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.records import record
from tlbench.cli.command_line import CommandLine
from tlbench.cli.composed import compose
from tlbench.records.record import write_record

GIVEN = ("trainer=cpu", "source=random", "factors=[optimizer.lr]", "optimizer.lr=0.1", "study=mine")


@pytest.mark.promise("arms of before")
def test_a_run_is_found_under_its_arms_earlier_name_unless_its_folder_is_given(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = Path("outputs/mine/0.1/seed_0")
    folder.mkdir(parents=True)
    write_record(folder, record(*GIVEN, arm="0.1"))
    assert Path(compose(CommandLine.read(GIVEN)).composed.hydra.run.dir) == folder
    assert "outputs/mine/0.1: a run of lr-0.1, under the name that earlier versions gave it" in capsys.readouterr().out
    for given, expected in (
        ((*GIVEN, "hydra.run.dir=outputs/mine/lr-0.1/seed_0"), "outputs/mine/lr-0.1/seed_0"),
        ((*GIVEN, "optimizer.lr=0.2"), "outputs/mine/lr-0.2/seed_0"),
        (
            (*GIVEN, "factors=[optimizer.weight_decay]", "optimizer.weight_decay=0.1"),
            "outputs/mine/weight_decay-0.1/seed_0",
        ),
    ):
        assert compose(CommandLine.read(given)).composed.hydra.run.dir == expected
    assert capsys.readouterr().out == ""
